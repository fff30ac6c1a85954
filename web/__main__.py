"""Web server process, until SIGTERM (`python -m web`)."""

import asyncio
import logging
import sys
from socket import socket
from typing import Final

import uvicorn
from sqlalchemy import Engine
from temporalio.client import Client

from auth.authenticator import Authenticator
from catalog.loader import load_catalog
from starter.client import CasekeepClient
from starter.connection import connect
from starter.process import retry_until_available, run_process
from starter.settings import Settings
from store.engine import open_engine
from store.schema.versions import upgrade_schema
from web.app import create_app
from web.change_feed import Broadcaster
from web.context import AppContext

LOG: Final = logging.getLogger("casekeep.web")
DRAIN_TIMEOUT: Final = 3
"""Seconds that a stop waits for open connections; pages keep their event stream open."""


class AnnouncedServer(uvicorn.Server):
    """Server that logs its address once it listens."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start to listen, then log the address."""
        await super().startup(sockets)
        LOG.info("serving pages at http://%s:%d", self.config.host, self.config.port)


async def work(settings: Settings) -> None:
    """Wait for Temporal and the database, then serve until stopped."""
    catalog = load_catalog(settings.catalog)
    engine = open_engine(settings.database_url, durable=True)
    client = await retry_until_available(LOG, lambda: _connected(engine))
    context = AppContext(
        client=CasekeepClient(client, settings.task_queue),
        engine=engine,
        catalog=catalog,
        settings=settings,
        caller_lookup=Authenticator(engine),
        broadcaster=Broadcaster(engine),
    )
    host, _, port = settings.http_listen.rpartition(":")
    config = uvicorn.Config(
        create_app(context),
        host=host,
        port=int(port),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_TIMEOUT,
    )
    await AnnouncedServer(config).serve()


async def _connected(engine: Engine) -> Client:
    await asyncio.to_thread(upgrade_schema, engine)
    return await connect()


def main() -> int:
    """Serve with the environment's settings; return the exit code."""
    return run_process(LOG, work, port="CASEKEEP_HTTP_LISTEN")


if __name__ == "__main__":
    sys.exit(main())
