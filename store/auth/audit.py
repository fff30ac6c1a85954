"""The audit log: an entry for each act, read in pages, newest first."""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine
from sqlmodel import col, select

from store.engine import read_session, write_connection
from store.errors import InvalidCursor
from store.items.paging import storable_text
from store.schema.auth_tables import AuditKind, AuditRow, audit

PAGE_SIZE: Final = 50
_MAX_LENGTH: Final = 1_000
_CURSOR: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_TEXTS: Final = ("by", "what", "item", "about", "reason", "rule", "address")
_COLUMNS: Final = (*_TEXTS, "at", "kind", "outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Filter of audit entries, by actor, item and kind."""

    by: str | None = None
    item: str | None = None
    kind: AuditKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Page of entries, newest first; `cursor` asks for the next page, None: there is none."""

    entries: tuple[AuditRow, ...]
    cursor: str | None


def add_entry(engine: Engine, entry: AuditRow) -> None:
    """Add an entry; long texts are cut."""
    values = {name: getattr(entry, name) for name in _COLUMNS}
    for name in _TEXTS:
        if values[name] is not None:
            values[name] = storable_text(values[name])[:_MAX_LENGTH]
    # each command pays for this: a flush of the session takes three times as long as the statement
    with write_connection(engine) as connection:
        connection.execute(audit.insert(), values)


def read_audit_page(
    engine: Engine, part: AuditFilter, *, limit: int = PAGE_SIZE, cursor: str | None = None
) -> AuditPage:
    """Return a page of entries, newest first; raises InvalidCursor."""
    chosen = select(AuditRow).order_by(col(AuditRow.id).desc()).limit(limit + 1)
    if part.by is not None:
        chosen = chosen.where(AuditRow.by == storable_text(part.by))
    if part.item is not None:
        chosen = chosen.where(AuditRow.item == storable_text(part.item))
    if part.kind is not None:
        chosen = chosen.where(AuditRow.kind == part.kind)
    if cursor is not None:
        if not _CURSOR.fullmatch(cursor):
            raise InvalidCursor(f"cursor {cursor[:40]!r} is no page's: start again without one")
        chosen = chosen.where(col(AuditRow.id) < int(cursor))
    with read_session(engine) as session:
        rows = session.exec(chosen).all()
    entries = tuple(rows[:limit])
    return AuditPage(entries=entries, cursor=str(entries[-1].id) if len(rows) > limit else None)
