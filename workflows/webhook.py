"""The workflow that tells a webhook what changed: there while there is something to tell."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.webhooks import HookDeliveries

QUEUE_SUFFIX: Final = "-hooks"
"""Hooks have a task queue of their own: a receiver that is slow holds up no item."""
_AGAIN: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=10),
)
"""Without end: after a day the activity itself gives up, visibly."""
_ATTEMPT_WITHIN: Final = timedelta(hours=1)
_SILENT_WITHIN: Final = timedelta(seconds=60)


def id_of(hook: str) -> str:
    """The workflow's id; no item's reference has a colon."""
    return f"hook:{hook}"


@workflow.defn(name="Hook")
class HookWorkflow:
    """Tells a hook what is queued for it in the store, again whenever it is woken, then ends.

    It carries nothing: what is to be told is in the store, so that no death of any process loses
    it. A wake that comes while it ends starts it again: the server rejects an end that has not
    seen every signal.
    """

    def __init__(self) -> None:
        self._is_woken = True

    @workflow.run
    async def run(self, hook: str) -> None:
        """Tell, until nothing is left."""
        while self._is_woken:
            self._is_woken = False
            await workflow.execute_activity_method(
                HookDeliveries.tell,
                hook,
                start_to_close_timeout=_ATTEMPT_WITHIN,
                heartbeat_timeout=_SILENT_WITHIN,
                retry_policy=_AGAIN,
            )
            if self._is_woken and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(hook)

    @workflow.signal
    def wake(self) -> None:
        """Something new is queued."""
        self._is_woken = True
