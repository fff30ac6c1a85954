"""The pages and the API as a process, until SIGTERM (`python -m web`)."""

import asyncio
import logging
import sys
from socket import socket
from typing import Final

import uvicorn
from sqlalchemy import Engine
from temporalio.client import Client

from auth.authenticator import Authenticator
from catalog.loader import load
from starter.client import Desk
from starter.connection import connect
from starter.process import patiently, run
from starter.settings import Settings
from store.engine import engine_of
from store.schema.versions import upgrade
from web.app import application
from web.change_feed import Hub
from web.context import House

LOG: Final = logging.getLogger("casekeep.web")
DRAIN_WITHIN: Final = 3
"""Seconds that open pages, which listen for as long as they are open, may keep it from ending."""


class Announced(uvicorn.Server):
    """A server that says where it serves, once it does."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        LOG.info("serving pages at http://%s:%d", self.config.host, self.config.port)


async def work(settings: Settings) -> None:
    """Serve as soon as Temporal and the database are there."""
    catalog = load(settings.catalog)
    engine = engine_of(settings.database_url, lasting=True)
    client = await patiently(LOG, lambda: _connected(engine))
    house = House(
        desk=Desk(client, settings.task_queue),
        engine=engine,
        catalog=catalog,
        settings=settings,
        doors=Authenticator(engine),
        hub=Hub(engine),
    )
    host, _, port = settings.http_listen.rpartition(":")
    config = uvicorn.Config(
        application(house),
        host=host,
        port=int(port),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_WITHIN,
    )
    await Announced(config).serve()


async def _connected(engine: Engine) -> Client:
    await asyncio.to_thread(upgrade, engine)
    return await connect()


def main() -> int:
    """Serve what the environment says; the exit code."""
    return run(LOG, work, port="CASEKEEP_HTTP_LISTEN")


if __name__ == "__main__":
    sys.exit(main())
