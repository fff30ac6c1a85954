"""Queries of items: inbox, owned work, queues, timelines, and single items."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, Select, String, and_, bindparam, func, or_, select

from domain.base.values import Status
from domain.model.items import Entry
from store.engine import read_connection
from store.items.paging import PAGE_SIZE, Cursor, Page, PagedList, storable_text
from store.projection.item_summary import COLUMNS, ItemSummary
from store.projection.rows import StoredItem, stored_item_of
from store.schema.column_types import Utc
from store.schema.tables import OPEN, RAISED, TO_PICK_UP, entry, item, note

TIMELINE_PAGE_SIZE: Final = 200
"""Entries of a page of a timeline, by default."""
_CHUNK: Final = 500
_STORED = (item.c.kind, item.c.run, item.c.serial, item.c.written_at, item.c.state)


_PERSON = bindparam("person", type_=String())
_NOT_THEIRS = or_(item.c.assignee.is_(None), item.c.assignee != _PERSON)
INBOX_PARTS: Final = (
    and_(OPEN, item.c.assignee == _PERSON),
    and_(RAISED, item.c.owner == _PERSON, _NOT_THEIRS),
)
"""Parts of a person's inbox, which exclude each other; parameter `person`."""
OWNED_PARTS: Final = (and_(OPEN, item.c.owner == _PERSON, _NOT_THEIRS),)
"""Part of a person's owned work; parameter `person`."""
_INBOX: Final = PagedList(INBOX_PARTS)
_OWNED: Final = PagedList(OWNED_PARTS)
_NOW = bindparam("now", type_=Utc())
QUEUE_PARTS: Final = tuple(
    and_(
        TO_PICK_UP,
        item.c.queue == bindparam("queue", type_=String()),
        item.c.robot_rejected.is_(rejected),
        due,
    )
    for due in (item.c.due_order <= _NOW, item.c.due_order > _NOW)
    for rejected in (True, False)
)
"""Parts of a queue in the order of pick-up; parameters `queue` and `now` (Q1)."""
_QUEUE: Final = PagedList(*((part,) for part in QUEUE_PARTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTimeline:
    """Page of entries, oldest first, with notes at full length; `next` asks for the next page."""

    entries: tuple[Entry, ...]
    next: int | None


def list_inbox(
    engine: Engine, person: str, *, limit: int = PAGE_SIZE, cursor: str | None = None
) -> Page:
    """Return items assigned to the person, and owned ones with new information; soonest due first.

    Raises:
        InvalidCursor: no page of this list returned the cursor.
    """
    return _INBOX.page(
        engine, limit=limit, after=_parse_cursor(cursor), person=storable_text(person)
    )


def list_owned(
    engine: Engine, person: str, *, limit: int = PAGE_SIZE, cursor: str | None = None
) -> Page:
    """Return items that the person owns and that are not assigned to them; soonest due first.

    Raises:
        InvalidCursor: no page of this list returned the cursor.
    """
    return _OWNED.page(
        engine, limit=limit, after=_parse_cursor(cursor), person=storable_text(person)
    )


def list_waiting(
    engine: Engine, name: str, *, now: datetime, limit: int = PAGE_SIZE, cursor: str | None = None
) -> Page:
    """Return the unassigned items of a queue, in the order in which they are picked up (Q1).

    That is: overdue first, then robot-rejected, then soonest due, then oldest. The `now` of the
    first page decides which are overdue; the cursor carries it.

    Raises:
        InvalidCursor: no page of this list returned the cursor.
    """
    after = _parse_cursor(cursor)
    if after is not None and after.now is not None:
        now = after.now
    return _QUEUE.page(engine, limit=limit, after=after, queue=storable_text(name), now=now)


def find_item(engine: Engine, reference: str) -> StoredItem | None:
    """Return the item as stored; None if the store does not have it."""
    with read_connection(engine) as connection:
        row = connection.execute(
            select(*_STORED).where(item.c.reference == storable_text(reference))
        ).one_or_none()
    return row and stored_item_of(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it


def find_summaries(engine: Engine, references: Collection[str]) -> dict[str, ItemSummary]:
    """Return the summaries of items by reference; unknown references are left out."""
    chosen = select(*COLUMNS).where(
        item.c.reference.in_([storable_text(each) for each in references])
    )
    with read_connection(engine) as connection:
        return {row.reference: ItemSummary.from_row(row) for row in connection.execute(chosen)}


def list_actions(engine: Engine, case: str) -> tuple[ItemSummary, ...]:
    """Return the Actions of the Case's present run, all copies, in order of start."""
    run = select(item.c.run).where(item.c.reference == storable_text(case)).scalar_subquery()
    theirs = select(*COLUMNS).where(
        item.c.case_reference == storable_text(case),
        item.c.case_run == func.coalesce(run, item.c.case_run),
    )
    with read_connection(engine) as connection:
        rows = connection.execute(theirs.order_by(item.c.started_at, item.c.reference)).all()
    return tuple(ItemSummary.from_row(row) for row in rows)


def select_entries(reference: str) -> Select[*tuple[Any, ...]]:
    """Return the select of an item's entries in its present run, with notes (`entry_from_row`)."""
    run = select(item.c.run).where(item.c.reference == storable_text(reference)).scalar_subquery()
    of_entry = and_(
        note.c.reference == entry.c.reference,
        note.c.run == entry.c.run,
        note.c.serial == entry.c.serial,
    )
    entries = select(entry, note.c.text).outerjoin(note, of_entry)
    return entries.where(entry.c.reference == storable_text(reference), entry.c.run == run)


def load_entries(
    engine: Engine,
    reference: str,
    *,
    from_revision: int = 0,
    after: int = 0,
    limit: int = TIMELINE_PAGE_SIZE,
) -> StoredTimeline:
    """Return entries of the item's present run from a revision on, and after a serial."""
    wanted = select_entries(reference).where(
        entry.c.revision >= from_revision,
        # a serial is never smaller than its revision, so the primary key finds the first entry
        entry.c.serial >= from_revision,
        entry.c.serial > after,
    )
    with read_connection(engine) as connection:
        rows = connection.execute(wanted.order_by(entry.c.serial).limit(limit + 1)).all()
    return StoredTimeline(
        entries=tuple(entry_from_row(row._mapping) for row in rows[:limit]),  # noqa: SLF001 - as above
        next=rows[limit - 1].serial if len(rows) > limit else None,
    )


def iterate_open_items(engine: Engine) -> Iterator[StoredItem]:
    """Yield every item that is not closed, by reference, in several reads (no long transaction)."""
    last = ""
    while True:
        with read_connection(engine) as connection:
            rows = connection.execute(
                select(item.c.reference, *_STORED)
                .where(OPEN, item.c.reference > last)
                .order_by(item.c.reference)
                .limit(_CHUNK)
            ).all()
        for row in rows:
            yield stored_item_of(dict(row._mapping))  # noqa: SLF001 - as above
        if len(rows) < _CHUNK:
            return
        last = rows[-1].reference


def list_entry_serials(engine: Engine, reference: str, run: str) -> tuple[int, ...]:
    """Return the serials of a run's stored entries, in order."""
    with read_connection(engine) as connection:
        serials = connection.scalars(
            select(entry.c.serial)
            .where(entry.c.reference == reference, entry.c.run == run)
            .order_by(entry.c.serial)
        )
        return tuple(serials)


def _parse_cursor(cursor: str | None) -> Cursor | None:
    return None if cursor is None else Cursor.parse(cursor)


def entry_from_row(row: Any) -> Entry:  # noqa: ANN401 - SQLAlchemy has no type for a row by names
    """Return the entry of a row that `select_entries` has selected."""
    return Entry(
        serial=row["serial"],
        revision=row["revision"],
        at=row["at"],
        by=row["by"],
        command=row["command"],
        before=row["before"] and Status(row["before"]),
        after=Status(row["after"]),
        reason=row["reason"],
        note=row["text"] if row["text"] is not None else row["note"],
        resolution=row["resolution"],
        rule=row["rule"],
        refused=row["refused"],
        mail=row["mail"],
    )
