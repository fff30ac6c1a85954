"""Frame of the worker, mailroom and web processes: start, retries and exit codes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from temporalio.service import RPCError

from catalog.files import CatalogInvalid
from starter.connection import InvalidConnectionConfig, TemporalUnreachable
from starter.settings import Settings, WrongEnvironment, read_settings
from starter.version import casekeep_version
from store.errors import DatabaseBusy, DatabaseUnreachable, StoreFault

T = TypeVar("T")
WRONG: Final = 2
"""Exit code for an environment that has to be corrected first."""
_AGAIN: Final = 2.0
"""Seconds before a retry of a server or store that does not answer."""
_NOISY: Final = ("alembic", "mail.log")


async def patiently(log: logging.Logger, attempt: Callable[[], Awaitable[T]]) -> T:
    """Retry the attempt until Temporal and the database answer; return its result."""
    while True:
        try:
            return await attempt()
        except (TemporalUnreachable, RPCError, DatabaseUnreachable, DatabaseBusy) as problem:
            log.warning("%s; trying again", problem)
            await asyncio.sleep(_AGAIN)


async def unbroken(log: logging.Logger, work: Callable[[], Awaitable[None]]) -> None:
    """Run work that has no end until it is cancelled; log its errors and restart it."""
    while True:
        try:
            await work()
        except Exception:  # any error: pages without a change feed are worse
            log.exception("unexpected error; restarting")
        await asyncio.sleep(_AGAIN)


def run(log: logging.Logger, work: Callable[[Settings], Awaitable[None]], *, port: str = "") -> int:
    """Run the work with the settings of the environment; return the exit code.

    `port` is the setting that names the address to listen at, for the error if that is taken.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s [%(process)d] %(message)s")
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    log.info("casekeep %s started", casekeep_version())

    async def working() -> None:
        await work(read_settings())

    try:
        asyncio.run(working())
    except (WrongEnvironment, InvalidConnectionConfig, CatalogInvalid, StoreFault) as problem:
        log.error("%s", problem)  # noqa: TRY400 - a sentence for the operator, no stack
        return WRONG
    except OSError as problem:
        if not port:
            raise
        log.error("%s: %s", port, problem)  # noqa: TRY400 - as above
        return WRONG
    return 0
