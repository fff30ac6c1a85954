"""Process of the mailroom: accepts and delivers mails until SIGTERM (`python -m mailroom`)."""

import asyncio
import logging
import signal
import sys
from typing import Final

from sqlalchemy import Engine

from catalog.loader import load_catalog
from catalog.mailboxes import Mailboxes
from mailroom.acceptance import AcceptanceQueue
from mailroom.delivery import Deliverer
from mailroom.imap_poller import poll_imap
from mailroom.routing import create_router
from mailroom.smtp_server import serve_smtp
from starter.client import CasekeepClient
from starter.connection import connect
from starter.process import retry_until_available, run_process
from starter.settings import Settings
from store.engine import open_engine
from store.schema.versions import upgrade_schema

LOG: Final = logging.getLogger("casekeep.mailroom")


async def work(settings: Settings) -> None:
    """Accept mails once the database answers; deliver them once Temporal answers, too."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    mailboxes = load_catalog(settings.catalog).mailboxes
    engine = open_engine(settings.database_url, durable=True)
    serving = asyncio.create_task(_serve(settings, engine, mailboxes))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    engine.dispose()


async def _serve(settings: Settings, engine: Engine, mailboxes: Mailboxes) -> None:
    await retry_until_available(LOG, lambda: asyncio.to_thread(upgrade_schema, engine))
    router = await asyncio.to_thread(create_router, engine, mailboxes)
    acceptance = AcceptanceQueue(engine, router, budget=settings.mail_answers)
    async with (
        serve_smtp(acceptance, settings.mail_listen) as port,
        poll_imap(acceptance, settings.imap_url, mailboxes=tuple(router.mailboxes)),
    ):
        LOG.info("accepting mails at port %d", port)
        desk = CasekeepClient(await retry_until_available(LOG, connect), settings.task_queue)
        deliverer = Deliverer(desk, engine, router)
        acceptance.on_accepted = deliverer.start_delivery
        await deliverer.serve()


def main() -> int:
    """Run a mailroom with the settings of the environment; return the exit code."""
    return run_process(LOG, work, port="CASEKEEP_MAIL_LISTEN")


if __name__ == "__main__":
    sys.exit(main())
