"""A worker process of the bench: `python -m bench.host bare|ticket`."""

import asyncio
import signal
import sys

from temporalio.worker import Worker

from bench.bare import Bare
from bench.lives import BARE, TICKET
from starter.connection import connect
from starter.settings import Settings
from store.engine import engine_of
from store.schema.versions import upgrade
from worker import working
from workflows.runtime.worker_config import SANDBOX

CACHED = 3000


async def host(which: str) -> None:
    """Poll until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await connect()
    if which == "bare":
        async with Worker(
            client,
            task_queue=BARE.queue,
            workflows=[Bare],
            workflow_runner=SANDBOX,
            max_cached_workflows=CACHED,
        ):
            await _polling(stop)
        return
    settings = Settings(task_queue=TICKET.queue)
    engine = engine_of(settings.database_url)
    upgrade(engine)
    async with working(client, engine, settings, max_cached_workflows=CACHED):
        await _polling(stop)


async def _polling(stop: asyncio.Event) -> None:
    sys.stdout.write("polling\n")
    sys.stdout.flush()
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(host(sys.argv[1]))
