"""Relay of webhooks: queues deliveries after each commit and wakes the workflows that send them."""

import asyncio
import contextlib
import logging
from contextlib import aclosing
from typing import Final

from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from store.errors import StoreError
from store.projection.watcher import watch_commits
from store.webhooks.deliveries import fan_out, webhooks_with_queued_deliveries
from workflows.webhook import TASK_QUEUE_SUFFIX, WebhookWorkflow, workflow_id_of

LOG: Final = logging.getLogger("casekeep.webhooks")
SWEEP_INTERVAL: Final = 60.0
"""Seconds between wakes of every webhook that has queued deliveries: a relay may have died between
queueing a delivery and waking its webhook."""
_RETRY_DELAY: Final = 2.0


async def relay_webhooks(client: Client, task_queue: str, engine: Engine) -> None:
    """Relay queued changes now, and after each commit; runs until cancelled.

    Several relays may run side by side: each change is queued by one of them, which wakes its
    webhooks.
    """
    committed = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_set_after_commits(engine, committed))
        tasks.create_task(_relay(client, task_queue, engine, committed))


async def _set_after_commits(engine: Engine, committed: asyncio.Event) -> None:
    async with aclosing(watch_commits(engine)) as watch:
        async for _ in watch:
            committed.set()


async def _relay(client: Client, task_queue: str, engine: Engine, committed: asyncio.Event) -> None:
    clock = asyncio.get_running_loop().time
    sweep_at = clock()
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(committed.wait(), sweep_at - clock())
        committed.clear()
        try:
            webhooks = await asyncio.to_thread(fan_out, engine)
            if clock() >= sweep_at:
                webhooks = await asyncio.to_thread(webhooks_with_queued_deliveries, engine)
                sweep_at = clock() + SWEEP_INTERVAL
            for webhook_id in webhooks:
                await wake_webhook(client, task_queue, webhook_id)
        except (RPCError, StoreError) as error:
            LOG.warning("cannot relay webhooks: %s; retry in %g s", error, _RETRY_DELAY)
            sweep_at = clock() + _RETRY_DELAY


async def wake_webhook(client: Client, task_queue: str, webhook_id: str) -> None:
    """Start the webhook's workflow, or signal the running one, to send its queued deliveries."""
    await client.start_workflow(
        WebhookWorkflow.run,
        webhook_id,
        id=workflow_id_of(webhook_id),
        task_queue=task_queue + TASK_QUEUE_SUFFIX,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="wake",
        static_summary=f"Webhook {webhook_id}",
    )
