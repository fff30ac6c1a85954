"""What people ask: whose work it is, what waits in a queue, what happened to an item."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, Select, String, and_, bindparam, func, or_, select

from domain.base.values import Status
from domain.model.items import Entry
from store.engine import reading
from store.items.paging import PAGE, Cursor, Page, PagedList, plain
from store.projection.item_summary import COLUMNS, ItemSummary
from store.projection.rows import Kept, kept_of
from store.schema.column_types import Utc
from store.schema.tables import OPEN, RAISED, TO_PICK_UP, entry, item, note

TIMELINE_PAGE: Final = 200
"""Entries of a timeline, unless asked otherwise."""
_CHUNK: Final = 500
_KEPT = (item.c.kind, item.c.run, item.c.serial, item.c.written_at, item.c.state)


_PERSON = bindparam("person", type_=String())
_NOT_THEIRS = or_(item.c.assignee.is_(None), item.c.assignee != _PERSON)
INBOX_PARTS: Final = (
    and_(OPEN, item.c.assignee == _PERSON),
    and_(RAISED, item.c.owner == _PERSON, _NOT_THEIRS),
)
"""Somebody's inbox, in parts that no item is in both of; compared with `person`."""
OWNED_PARTS: Final = (and_(OPEN, item.c.owner == _PERSON, _NOT_THEIRS),)
"""Somebody's owned work; compared with `person`."""
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
"""Q1: a queue's parts, the first one first; compared with `queue` and `now`."""
_QUEUE: Final = PagedList(*((part,) for part in QUEUE_PARTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Some entries, oldest first, notes at full length; `next` asks for the following ones."""

    entries: tuple[Entry, ...]
    next: int | None


def inbox(engine: Engine, person: str, *, limit: int = PAGE, cursor: str | None = None) -> Page:
    """Items assigned to the person, and owned ones with new information; soonest due first.

    Raises:
        InvalidCursor: no page of this list gave the cursor.
    """
    return _INBOX.page(engine, limit=limit, after=_place(cursor), person=plain(person))


def owned(engine: Engine, person: str, *, limit: int = PAGE, cursor: str | None = None) -> Page:
    """Items the person owns that are not assigned to them now; soonest due first.

    Raises:
        InvalidCursor: no page of this list gave the cursor.
    """
    return _OWNED.page(engine, limit=limit, after=_place(cursor), person=plain(person))


def queue(
    engine: Engine, name: str, *, now: datetime, limit: int = PAGE, cursor: str | None = None
) -> Page:
    """Q1: what nobody holds: overdue first, then robot-rejected, then soonest due, then oldest.

    What is overdue is decided by the `now` of the first page, which the cursor carries.

    Raises:
        InvalidCursor: no page of this list gave the cursor.
    """
    after = _place(cursor)
    if after is not None and after.now is not None:
        now = after.now
    return _QUEUE.page(engine, limit=limit, after=after, queue=plain(name), now=now)


def item_of(engine: Engine, reference: str) -> Kept | None:
    """The item as the store has it; None if it never heard of it."""
    with reading(engine) as connection:
        row = connection.execute(
            select(*_KEPT).where(item.c.reference == plain(reference))
        ).one_or_none()
    return row and kept_of(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it


def lines_of(engine: Engine, references: Collection[str]) -> dict[str, ItemSummary]:
    """These items as lines of a list, by reference; those that the store never heard of are not."""
    chosen = select(*COLUMNS).where(item.c.reference.in_([plain(one) for one in references]))
    with reading(engine) as connection:
        return {row.reference: ItemSummary.from_row(row) for row in connection.execute(chosen)}


def actions_of(engine: Engine, case: str) -> tuple[ItemSummary, ...]:
    """The Actions of the Case's present run, every copy, in order of start."""
    run = select(item.c.run).where(item.c.reference == plain(case)).scalar_subquery()
    theirs = select(*COLUMNS).where(
        item.c.case_reference == plain(case), item.c.case_run == func.coalesce(run, item.c.case_run)
    )
    with reading(engine) as connection:
        rows = connection.execute(theirs.order_by(item.c.started_at, item.c.reference)).all()
    return tuple(ItemSummary.from_row(row) for row in rows)


def entries_of(reference: str) -> Select[*tuple[Any, ...]]:
    """The entries of the item's present run, each with its note at full length (`entry_of`)."""
    run = select(item.c.run).where(item.c.reference == plain(reference)).scalar_subquery()
    of_entry = and_(
        note.c.reference == entry.c.reference,
        note.c.run == entry.c.run,
        note.c.serial == entry.c.serial,
    )
    told = select(entry, note.c.text).outerjoin(note, of_entry)
    return told.where(entry.c.reference == plain(reference), entry.c.run == run)


def timeline(
    engine: Engine,
    reference: str,
    *,
    from_revision: int = 0,
    after: int = 0,
    limit: int = TIMELINE_PAGE,
) -> Timeline:
    """Entries of the item's present run from a revision on, after the serial that `next` named."""
    told = entries_of(reference).where(
        entry.c.revision >= from_revision,
        # a serial is never smaller than its revision: so the key finds where to begin
        entry.c.serial >= from_revision,
        entry.c.serial > after,
    )
    with reading(engine) as connection:
        rows = connection.execute(told.order_by(entry.c.serial).limit(limit + 1)).all()
    return Timeline(
        entries=tuple(entry_of(row._mapping) for row in rows[:limit]),  # noqa: SLF001 - as above
        next=rows[limit - 1].serial if len(rows) > limit else None,
    )


def open_rows(engine: Engine) -> Iterator[Kept]:
    """Every item that is not closed, by reference; read in pieces, so no transaction stays open."""
    last = ""
    while True:
        with reading(engine) as connection:
            rows = connection.execute(
                select(item.c.reference, *_KEPT)
                .where(OPEN, item.c.reference > last)
                .order_by(item.c.reference)
                .limit(_CHUNK)
            ).all()
        for row in rows:
            yield kept_of(dict(row._mapping))  # noqa: SLF001 - as above
        if len(rows) < _CHUNK:
            return
        last = rows[-1].reference


def entry_serials(engine: Engine, reference: str, run: str) -> tuple[int, ...]:
    """The serials of the run's entries that the store has, in order."""
    with reading(engine) as connection:
        found = connection.scalars(
            select(entry.c.serial)
            .where(entry.c.reference == reference, entry.c.run == run)
            .order_by(entry.c.serial)
        )
        return tuple(found)


def _place(cursor: str | None) -> Cursor | None:
    return None if cursor is None else Cursor.parse(cursor)


def entry_of(row: Any) -> Entry:  # noqa: ANN401 - SQLAlchemy has no type for a row by names
    """A line of a timeline from a row that has `entry`, and the text of its note."""
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
