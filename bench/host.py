"""Worker process of a benchmark: `python -m bench.host bare|ticket`."""

import asyncio
import signal
import sys

from temporalio.worker import Worker

from bench.bare import BareWorkflow
from bench.lives import BARE, TICKET
from starter.connection import connect
from starter.settings import Settings
from store.engine import open_engine
from store.schema.versions import upgrade_schema
from worker import running_worker
from workflows.worker_config import SANDBOX

MAX_CACHED_WORKFLOWS = 3000


async def host(which: str) -> None:
    """Poll until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await connect()
    if which == "bare":
        async with Worker(
            client,
            task_queue=BARE.queue,
            workflows=[BareWorkflow],
            workflow_runner=SANDBOX,
            max_cached_workflows=MAX_CACHED_WORKFLOWS,
        ):
            await _poll_until(stop)
        return
    settings = Settings(task_queue=TICKET.queue)
    engine = open_engine(settings.database_url)
    upgrade_schema(engine)
    async with running_worker(client, engine, settings, max_cached_workflows=MAX_CACHED_WORKFLOWS):
        await _poll_until(stop)


async def _poll_until(stop: asyncio.Event) -> None:
    sys.stdout.write("polling\n")
    sys.stdout.flush()
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(host(sys.argv[1]))
