"""Workflow of a webhook: runs while deliveries are queued for it."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.webhooks import WebhookSender

TASK_QUEUE_SUFFIX: Final = "-hooks"
"""Webhooks have their own task queue, so that a slow receiver delays no item."""
_RETRY_POLICY: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=10),
)
"""Unlimited attempts: after a day the activity itself gives deliveries up, and records it."""
_ATTEMPT_TIMEOUT: Final = timedelta(hours=1)
_HEARTBEAT_TIMEOUT: Final = timedelta(seconds=60)


def workflow_id_of(webhook_id: str) -> str:
    """Return the id of a webhook's workflow; no item's reference has a colon."""
    return f"hook:{webhook_id}"


@workflow.defn(name="Hook")
class WebhookWorkflow:
    """Sender of a webhook's queued deliveries: starts when woken, ends when nothing is queued.

    It has no state: deliveries are rows in the store, so no crash loses one. The server rejects an
    end that has not seen every signal, so a wake that arrives meanwhile runs the loop again.
    """

    def __init__(self) -> None:
        self._is_woken = True

    @workflow.run
    async def run(self, webhook_id: str) -> None:
        """Send until nothing is queued."""
        while self._is_woken:
            self._is_woken = False
            await workflow.execute_activity_method(
                WebhookSender.send_queued,
                webhook_id,
                start_to_close_timeout=_ATTEMPT_TIMEOUT,
                heartbeat_timeout=_HEARTBEAT_TIMEOUT,
                retry_policy=_RETRY_POLICY,
            )
            if self._is_woken and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(webhook_id)

    @workflow.signal
    def wake(self) -> None:
        """Note that deliveries were queued."""
        self._is_woken = True
