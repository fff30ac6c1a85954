"""Item list of the API: items that pass a filter and are visible to the caller, newest first."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Engine, and_, bindparam, select, true, tuple_, union

from domain.base.values import Kind, Status
from store.engine import read_connection
from store.errors import InvalidCursor
from store.items.paging import PAGE_SIZE, Page, storable_text
from store.items.search import search
from store.projection.item_summary import COLUMNS, ItemSummary
from store.schema.tables import HEADING, OPEN, item, note

MAX_SEARCH_RESULTS: Final = 200
"""Best matches of a text search that the other filters apply to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFilter:
    """Filter of items: each field lists alternatives; an empty one allows all."""

    kinds: tuple[Kind, ...] = ()
    statuses: tuple[Status, ...] = ()
    queues: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    words: str = ""
    """Text to search for in references, titles, descriptions and notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """Items that an actor may see: those of these queues, and open ones they hold or own."""

    actor: str
    queues: frozenset[str] | None = field(default_factory=frozenset)
    """None: all queues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNote:
    """Note of an item at full length, with the serial of its entry."""

    serial: int
    kind: str
    text: str


class _Position(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    started_at: AwareDatetime
    reference: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "_Position":
        try:
            padded = text + "=" * (-len(text) % 4)
            return cls.model_validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
        except ValueError:
            raise InvalidCursor(
                f"cursor {text[:40]!r} is no page's: start again without one"
            ) from None


_POSITION: Final = (item.c.started_at, item.c.reference)
_COLUMN: Final = {
    "kinds": item.c.kind,
    "statuses": item.c.status,
    "queues": item.c.queue,
    "assignees": item.c.assignee,
    "owners": item.c.owner,
    "categories": item.c.category,
}


def find_items(
    engine: Engine,
    wanted: ItemFilter,
    visibility: Visibility,
    *,
    limit: int = PAGE_SIZE,
    cursor: str | None = None,
) -> Page:
    """Return a page of the items that pass the filter and are visible; raises InvalidCursor."""
    conditions = list(_conditions(wanted))
    if wanted.words.strip():
        results = search(engine, wanted.words, limit=MAX_SEARCH_RESULTS)
        conditions.append(item.c.reference.in_([each.item.reference for each in results]))
    if cursor is not None:
        position = _Position.parse(cursor)
        conditions.append(tuple_(*_POSITION) < tuple_(*_bound(position)))
    order = [column.desc() for column in _POSITION]
    # one select for each reason why an item is visible: each follows the order of an index
    parts = [
        select(
            select(*COLUMNS)
            .where(visible, *conditions)
            .order_by(*order)
            .limit(limit + 1)
            .subquery()
        )
        for visible in _visible(visibility, wanted)
    ]
    united = union(*parts).subquery()
    chosen = (
        select(united)
        .order_by(united.c.started_at.desc(), united.c.reference.desc())
        .limit(limit + 1)
    )
    with read_connection(engine) as connection:
        rows = connection.execute(chosen).all()
    summaries = tuple(ItemSummary.from_row(row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(items=summaries, cursor=None)
    last = summaries[-1]
    following = _Position(started_at=last.started_at, reference=last.reference)
    return Page(items=summaries, cursor=str(following))


def list_notes(
    engine: Engine, reference: str, *, after: int = 0, limit: int = PAGE_SIZE
) -> tuple[tuple[StoredNote, ...], int | None]:
    """Return notes of the item's present run after a serial, oldest first.

    The second value is the serial to continue after; None: there are no more.
    """
    run = select(item.c.run).where(item.c.reference == storable_text(reference)).scalar_subquery()
    wanted = select(note.c.serial, note.c.kind, note.c.text).where(
        note.c.reference == storable_text(reference),
        note.c.run == run,
        note.c.kind != HEADING,
        note.c.serial > after,
    )
    with read_connection(engine) as connection:
        rows = connection.execute(wanted.order_by(note.c.serial).limit(limit + 1)).all()
    notes = tuple(
        StoredNote(serial=row.serial, kind=row.kind, text=row.text) for row in rows[:limit]
    )
    return notes, notes[-1].serial if len(rows) > limit else None


def _conditions(wanted: ItemFilter) -> Iterator[ColumnElement[bool]]:
    for each in fields(wanted):
        chosen: Any = getattr(wanted, each.name)
        if each.name in _COLUMN and chosen:
            yield _COLUMN[each.name].in_([storable_text(str(value)) for value in chosen])


def _visible(visibility: Visibility, wanted: ItemFilter) -> Iterator[ColumnElement[bool]]:
    if visibility.queues is None:
        yield true()
        return
    queues = visibility.queues & set(wanted.queues) if wanted.queues else visibility.queues
    for queue in sorted(queues):
        yield item.c.queue == storable_text(queue)
    yield and_(OPEN, item.c.assignee == storable_text(visibility.actor))
    yield and_(OPEN, item.c.owner == storable_text(visibility.actor))


def _bound(position: _Position) -> Iterator[ColumnElement[Any]]:
    for column in _POSITION:
        yield bindparam(None, getattr(position, column.name), type_=column.type)
