"""The composition root: builds the rooms and polls until SIGTERM."""

import asyncio
import functools
import logging
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.catalog import CatalogTerms
from activities.mail_out import MailOut
from starter.catalog import CatalogInvalid, load
from starter.connection import TemporalUnreachable, connect, register_attributes
from starter.fsck import Checker, Difference
from starter.settings import Settings
from store.engine import engine_of
from store.faults import DatabaseUnreachable, StoreFault
from store.mails import keep_mail
from store.schema import upgrade
from store.writer import GroupWriter
from workflows.guarding import OnePayload
from workflows.hosting import WORKFLOWS, publishing

LOG: Final = logging.getLogger("casekeep.worker")
DRAIN_WITHIN: Final = timedelta(seconds=10)
"""How long running activities may go on after SIGTERM."""
MAILS_AT_ONCE: Final = 8
CACHED_ITEMS: Final = 2000
"""Items kept in memory, at about 100 KB each; others are replayed when something happens."""
_AGAIN: Final = 2.0
"""Seconds before a server or store that does not answer is asked again."""


class Recheck:
    """Compares the rows that may be ahead of history, as they are named."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._loop = asyncio.get_running_loop()
        self._named: asyncio.Queue[str] = asyncio.Queue()

    def name(self, reference: str) -> None:
        """Have this item's row compared; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._named.put_nowait, reference)

    async def serve(self) -> None:
        """First the newest rows of the workers before this one, then whatever is named."""
        await self._patiently(self._checker.newest)
        while True:
            reference = await self._named.get()
            await self._patiently(functools.partial(self._checker.check, reference))

    async def _patiently(self, compare: Callable[[], Awaitable[list[Difference]]]) -> None:
        while True:
            try:
                for difference in await compare():
                    LOG.info("%s: %s: %s", difference.reference, difference.found, difference.done)
            except (RPCError, StoreFault) as problem:
                LOG.warning("cannot compare rows yet: %s", problem)
                await asyncio.sleep(_AGAIN)
            else:
                return


@asynccontextmanager
async def working(
    client: Client, engine: Engine, settings: Settings, *, max_cached_workflows: int = CACHED_ITEMS
) -> AsyncIterator[Worker]:
    """A worker that polls while the context lasts; the schema and the attributes are there."""
    catalog = load(settings.catalog)
    writer = f"{uuid.uuid4()}"
    recheck = Recheck(Checker(client, engine, writer))
    with (
        GroupWriter(engine, writer) as sink,
        ThreadPoolExecutor(MAILS_AT_ONCE, thread_name_prefix="mail-out") as threads,
    ):
        worker = Worker(
            client,
            task_queue=settings.task_queue,
            workflows=WORKFLOWS,
            activities=[
                CatalogTerms(catalog.categories, catalog.definitions).terms,
                MailOut(functools.partial(keep_mail, engine)).send,
            ],
            activity_executor=threads,
            interceptors=[OnePayload()],
            workflow_runner=publishing(sink, recheck.name),
            graceful_shutdown_timeout=DRAIN_WITHIN,
            max_cached_workflows=max_cached_workflows,
        )
        async with worker:
            checking = asyncio.create_task(recheck.serve())
            try:
                yield worker
            finally:
                checking.cancel()


async def work(settings: Settings) -> None:
    """Wait for the server and the database, then poll until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    engine = engine_of(settings.database_url)
    preparing = asyncio.create_task(_prepared(engine))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({preparing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not preparing.done():
        preparing.cancel()
        return
    client = await preparing
    async with working(client, engine, settings):
        LOG.info("polling %s, namespace %s", settings.task_queue, client.namespace)
        await stopping
        LOG.info("draining")


async def _prepared(engine: Engine) -> Client:
    """A client, once server, search attributes and schema are there."""
    while True:
        try:
            client = await connect()
            await register_attributes(client)
            await asyncio.to_thread(upgrade, engine)
        except (TemporalUnreachable, RPCError, DatabaseUnreachable) as problem:
            LOG.warning("%s; trying again", problem)
            await asyncio.sleep(_AGAIN)
        else:
            return client


def main() -> int:
    """Run a worker with what the environment says; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s [%(process)d] %(message)s")
    try:
        asyncio.run(work(Settings()))
    except (CatalogInvalid, StoreFault) as problem:
        LOG.error("%s", problem)  # noqa: TRY400 - a sentence for the operator, no stack
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
