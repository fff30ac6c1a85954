"""What worker, mailroom and pages share as programs: how they begin, wait and fail."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from temporalio.service import RPCError

from catalog.files import CatalogInvalid
from starter.connection import ConnectionWrong, TemporalUnreachable
from starter.settings import Settings, WrongEnvironment, read_settings
from store.errors import DatabaseBusy, DatabaseUnreachable, StoreFault

T = TypeVar("T")
WRONG: Final = 2
"""The exit code where the environment has to be mended first."""
_AGAIN: Final = 2.0
"""Seconds before a server or store that does not answer is asked again."""
_NOISY: Final = ("alembic", "mail.log")


async def patiently(log: logging.Logger, attempt: Callable[[], Awaitable[T]]) -> T:
    """What the attempt gives once Temporal and the database answer; it is made until they do."""
    while True:
        try:
            return await attempt()
        except (TemporalUnreachable, RPCError, DatabaseUnreachable, DatabaseBusy) as problem:
            log.warning("%s; trying again", problem)
            await asyncio.sleep(_AGAIN)


async def unbroken(log: logging.Logger, work: Callable[[], Awaitable[None]]) -> None:
    """Do what has no end, until cancelled: where it breaks it is told, and begun anew."""
    while True:
        try:
            await work()
        except Exception:  # whatever it was: pages that no longer hear of anything are worse
            log.exception("broke unexpectedly, and is begun anew")
        await asyncio.sleep(_AGAIN)


def run(log: logging.Logger, work: Callable[[Settings], Awaitable[None]], *, port: str = "") -> int:
    """Do the work with what the environment says; the exit code.

    `port`: the setting that names where it listens, told where it cannot.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s [%(process)d] %(message)s")
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)

    async def working() -> None:
        await work(read_settings())

    try:
        asyncio.run(working())
    except (WrongEnvironment, ConnectionWrong, CatalogInvalid, StoreFault) as problem:
        log.error("%s", problem)  # noqa: TRY400 - a sentence for the operator, no stack
        return WRONG
    except OSError as problem:
        if not port:
            raise
        log.error("%s: %s", port, problem)  # noqa: TRY400 - as above
        return WRONG
    return 0
