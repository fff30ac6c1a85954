"""Who did what: noted as it happens, and read in pages, newest first."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine, select

from store.engine import reading, writing
from store.errors import InvalidCursor
from store.items.paging import plain
from store.schema.auth_tables import Audited, Verdict, audit

PAGE: Final = 50
_LONGEST: Final = 1_000
_CURSOR: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_TEXTS: Final = ("by", "what", "item", "about", "reason", "rule", "address")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that somebody did, or tried to."""

    by: str
    """Who did it, as the doors know them."""
    kind: Audited
    what: str
    """A command's name; `add`, `disable` of an account or key; how somebody signed in."""
    item: str | None = None
    """Its reference."""
    about: str | None = None
    """The account, key or mail that it was done to."""
    outcome: Verdict = Verdict.DONE
    reason: str | None = None
    """The sentence of a refusal."""
    rule: str | None = None
    address: str | None = None
    """Where the request came from."""
    id: int = 0
    at: datetime | None = None
    """Both are the store's, once it is noted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deeds:
    """Some of the audit, newest first; `cursor` asks for the following ones, None: no more."""

    deeds: tuple[Deed, ...]
    cursor: str | None


def note(engine: Engine, deed: Deed) -> None:
    """Note who did what, and what became of it."""
    told = {name: getattr(deed, name) for name in _TEXTS}
    row: dict[str, Any] = {
        name: None if text is None else plain(text)[:_LONGEST] for name, text in told.items()
    }
    row |= {"kind": deed.kind.value, "outcome": deed.outcome.value, "at": datetime.now(UTC)}
    with writing(engine) as connection:
        connection.execute(audit.insert(), row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which part of the audit: what somebody did, what was done to an item, or of a kind."""

    by: str | None = None
    item: str | None = None
    kind: Audited | None = None


def deeds(engine: Engine, wanted: Wanted, *, limit: int = PAGE, cursor: str | None = None) -> Deeds:
    """A page of what was done, newest first; raises InvalidCursor."""
    chosen = select(audit).order_by(audit.c.id.desc()).limit(limit + 1)
    kind = None if wanted.kind is None else wanted.kind.value
    for column, value in (("by", wanted.by), ("item", wanted.item), ("kind", kind)):
        if value is not None:
            chosen = chosen.where(audit.c[column] == plain(value))
    if cursor is not None:
        if not _CURSOR.fullmatch(cursor):
            raise InvalidCursor(f"cursor {cursor[:40]!r} is no page's: start again without one")
        chosen = chosen.where(audit.c.id < int(cursor))
    with reading(engine) as connection:
        rows = connection.execute(chosen).all()
    found = tuple(
        Deed(
            **dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
            | {"kind": Audited(row.kind), "outcome": Verdict(row.outcome)}
        )
        for row in rows[:limit]
    )
    return Deeds(deeds=found, cursor=str(found[-1].id) if len(rows) > limit else None)
