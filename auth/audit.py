"""Audit of the deeds of callers, with their outcomes."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from auth.callers import Caller
from auth.permissions import Forbidden
from domain.base.refusals import Refused
from store.auth.audit import add_entry
from store.errors import DatabaseBusy, StoreError
from store.schema.auth_tables import AuditKind, AuditOutcome, AuditRow

LOG: Final = logging.getLogger("casekeep.audit")
_MAX_ATTEMPTS: Final = 3
"""Attempts to write while the database is busy; each waits a second on SQLite."""


@dataclass(slots=True)
class AuditEntry:
    """Entry of an action in progress; `item` is the reference of the item, once it is known."""

    item: str | None


@asynccontextmanager
async def audited(
    engine: Engine,
    caller: Caller,
    kind: AuditKind,
    what: str,
    *,
    item: str | None = None,
    about: str | None = None,
) -> AsyncIterator[AuditEntry]:
    """Write the body's outcome to the audit: done, refused with its rule, forbidden or failed.

    A body that learns the item's reference later sets it on the entry.
    """
    verdict, reason, rule = AuditOutcome.DONE, None, None
    entry = AuditEntry(item)
    try:
        yield entry
    except Refused as refusal:
        verdict, reason = AuditOutcome.REFUSED, refusal.sentence
        rule = refusal.rule and str(refusal.rule)
        raise
    except Forbidden as error:
        verdict, reason = AuditOutcome.FORBIDDEN, str(error)
        raise
    except (Exception, asyncio.CancelledError) as error:
        # cancelled: the caller's timeout ended before an answer came
        verdict, reason = AuditOutcome.FAILED, f"{type(error).__name__}: {error}"
        raise
    finally:
        row = AuditRow(
            by=caller.actor,
            kind=kind,
            what=what,
            item=entry.item,
            about=about,
            outcome=verdict,
            reason=reason,
            rule=rule,
            address=caller.address or None,
        )
        await asyncio.to_thread(_write, engine, row)


def note_done(
    engine: Engine,
    caller: Caller,
    kind: AuditKind,
    what: str,
    *,
    item: str | None = None,
    about: str | None = None,
) -> None:
    """Write a deed of a caller to the audit; for routes that run in a thread themselves."""
    address = caller.address or None
    row = AuditRow(by=caller.actor, kind=kind, what=what, item=item, about=about, address=address)
    _write(engine, row)


def _write(engine: Engine, row: AuditRow) -> None:
    try:
        for _ in range(_MAX_ATTEMPTS - 1):
            with contextlib.suppress(DatabaseBusy):
                return add_entry(engine, row)
        add_entry(engine, row)
    except StoreError:
        # the deed is done and cannot be taken back: an answer that it failed would be wrong
        LOG.exception("audit write failed, database error: %s", row)
