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
from store.errors import DatabaseBusy, DatabaseUnreachable, StoreError

T = TypeVar("T")
EXIT_MISCONFIGURED: Final = 2
"""Exit code for invalid configuration: a restart does not help."""
_RETRY_DELAY: Final = 2.0
"""Seconds between attempts to reach Temporal or the database."""
_NOISY_LOGGERS: Final = ("alembic", "mail.log")


async def retry_until_available(log: logging.Logger, attempt: Callable[[], Awaitable[T]]) -> T:
    """Retry the attempt until Temporal and the database answer; return its result."""
    while True:
        try:
            return await attempt()
        except (TemporalUnreachable, RPCError, DatabaseUnreachable, DatabaseBusy) as problem:
            log.warning("%s; retry in %g s", problem, _RETRY_DELAY)
            await asyncio.sleep(_RETRY_DELAY)


async def run_forever(log: logging.Logger, work: Callable[[], Awaitable[None]]) -> None:
    """Run endless work until it is cancelled; log its errors and restart it."""
    while True:
        try:
            await work()
        except Exception:  # any error: pages without a change feed are worse
            log.exception("unexpected error; restart in %g s", _RETRY_DELAY)
        await asyncio.sleep(_RETRY_DELAY)


def run_process(
    log: logging.Logger, work: Callable[[Settings], Awaitable[None]], *, port: str = ""
) -> int:
    """Run a process with the settings of the environment; return its exit code.

    `port` is the setting of the address to listen at, named in the error if it is in use.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s [%(process)d] %(message)s")
    for noisy in _NOISY_LOGGERS:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    log.info("casekeep %s started", casekeep_version())

    async def run_work() -> None:
        await work(read_settings())

    try:
        asyncio.run(run_work())
    except (WrongEnvironment, InvalidConnectionConfig, CatalogInvalid, StoreError) as problem:
        log.error("%s", problem)  # noqa: TRY400 - a sentence for the operator, no stack
        return EXIT_MISCONFIGURED
    except OSError as problem:
        if not port:
            raise
        log.error("%s: %s", port, problem)  # noqa: TRY400 - as above
        return EXIT_MISCONFIGURED
    return 0
