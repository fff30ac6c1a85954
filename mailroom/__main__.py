"""The mailroom as a process: takes mails in until SIGTERM (`python -m mailroom`)."""

import asyncio
import logging
import signal
import sys
from typing import Final

from sqlalchemy import Engine

from catalog.loader import load_catalog
from catalog.mailboxes import Mailboxes
from mailroom.acceptance import Reception
from mailroom.delivery import Deliverer
from mailroom.imap_poller import polling
from mailroom.routing import reader_of
from mailroom.smtp_server import listening
from starter.client import Desk
from starter.connection import connect
from starter.process import patiently, run
from starter.settings import Settings
from store.engine import engine_of
from store.schema.versions import upgrade

LOG: Final = logging.getLogger("casekeep.mailroom")


async def work(settings: Settings) -> None:
    """Take mails in as soon as the database is there; deliver as soon as Temporal is, too."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    mailboxes = load_catalog(settings.catalog).mailboxes
    engine = engine_of(settings.database_url, lasting=True)
    serving = asyncio.create_task(_serve(settings, engine, mailboxes))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    engine.dispose()


async def _serve(settings: Settings, engine: Engine, mailboxes: Mailboxes) -> None:
    await patiently(LOG, lambda: asyncio.to_thread(upgrade, engine))
    reader = await asyncio.to_thread(reader_of, engine, mailboxes)
    reception = Reception(engine, reader, budget=settings.mail_answers)
    async with (
        listening(reception, settings.mail_listen) as port,
        polling(reception, settings.imap_url, mailboxes=tuple(reader.mailboxes)),
    ):
        LOG.info("taking mails at port %d", port)
        desk = Desk(await patiently(LOG, connect), settings.task_queue)
        deliverer = Deliverer(desk, engine, reader)
        reception.hand_over = deliverer.put
        await deliverer.serve()


def main() -> int:
    """Run a mailroom with what the environment says; the exit code."""
    return run(LOG, work, port="CASEKEEP_MAIL_LISTEN")


if __name__ == "__main__":
    sys.exit(main())
