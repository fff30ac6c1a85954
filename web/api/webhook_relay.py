"""Has hooks told: queues what changed for them, and wakes the workflow of each that waits."""

import asyncio
import contextlib
import logging
from typing import Final

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from store.errors import StoreFault
from store.webhooks.deliveries import fan_out
from web.change_feed import Hub
from web.context import House
from workflows.webhook import QUEUE_SUFFIX, HookWorkflow, id_of

LOG: Final = logging.getLogger("casekeep.hooks")
LOOK_EVERY: Final = 60.0
"""Seconds after which it looks without having heard: another process may have died between queueing
what changed and waking whom it is for."""


async def wake_hooks(house: House) -> None:
    """Look now, and whenever something changed; until cancelled."""
    changed = asyncio.Event()
    changed.set()
    hearing = asyncio.create_task(_hear(house.hub, changed))
    try:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), LOOK_EVERY)
            changed.clear()
            try:
                for hook in await asyncio.to_thread(fan_out, house.engine):
                    await wake(house.desk.client, house.desk.task_queue, hook)
            except (RPCError, StoreFault) as problem:
                LOG.warning("hooks are not woken: %s; they are with the next change", problem)
    finally:
        hearing.cancel()


async def wake(client: Client, task_queue: str, hook: str) -> None:
    """Have the hook's workflow tell what is queued for it."""
    await client.start_workflow(
        HookWorkflow.run,
        hook,
        id=id_of(hook),
        task_queue=task_queue + QUEUE_SUFFIX,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="wake",
        static_summary=f"Webhook {hook}",
    )


async def _hear(hub: Hub, changed: asyncio.Event) -> None:
    async with hub.listening(lambda _changed: True) as ear:
        while True:
            await ear.hear()
            changed.set()
