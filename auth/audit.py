"""What callers do, noted with what became of it."""

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
from store.auth.audit import Deed, note
from store.errors import DatabaseBusy, StoreFault
from store.schema.auth_tables import Audited, Verdict

LOG: Final = logging.getLogger("casekeep.audit")
_TRIES: Final = 3
"""Of a database that another writer holds, a second each on SQLite."""


@dataclass(slots=True)
class Noted:
    """A deed that goes on; `item` is the reference of the item that it is done to."""

    item: str | None


@asynccontextmanager
async def audited(
    engine: Engine,
    caller: Caller,
    kind: Audited,
    what: str,
    *,
    item: str | None = None,
    about: str | None = None,
) -> AsyncIterator[Noted]:
    """Note what is done within as the caller's: done, refused with its rule, or forbidden.

    What ends in any other way failed: nobody answered, or there is no such item. The item may be
    named later, on what this gives.
    """
    verdict, reason, rule = Verdict.DONE, None, None
    noted = Noted(item)
    try:
        yield noted
    except Refused as refusal:
        verdict, reason, rule = Verdict.REFUSED, refusal.sentence, refusal.rule
        raise
    except Forbidden as problem:
        verdict, reason = Verdict.FORBIDDEN, str(problem)
        raise
    except (Exception, asyncio.CancelledError) as problem:
        # cancelled: the caller's patience ended before anybody answered
        verdict, reason = Verdict.FAILED, f"{type(problem).__name__}: {problem}"
        raise
    finally:
        deed = Deed(
            by=caller.actor,
            kind=kind,
            what=what,
            item=noted.item,
            about=about,
            outcome=verdict,
            reason=reason,
            rule=rule,
            address=caller.address or None,
        )
        await asyncio.to_thread(_kept, engine, deed)


def note_done(
    engine: Engine,
    caller: Caller,
    kind: Audited,
    what: str,
    *,
    item: str | None = None,
    about: str | None = None,
) -> None:
    """Note what a caller did; for routes that work in a thread themselves."""
    address = caller.address or None
    deed = Deed(by=caller.actor, kind=kind, what=what, item=item, about=about, address=address)
    _kept(engine, deed)


def _kept(engine: Engine, deed: Deed) -> None:
    try:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(DatabaseBusy):
                return note(engine, deed)
        note(engine, deed)
    except StoreFault:
        # the deed is done and cannot be taken back: an answer that it failed would be wrong
        LOG.exception("not in the audit, for the database does not take it: %s", deed)
