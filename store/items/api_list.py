"""The list that programs ask for: items by what they are, newest first, of whoever may see them."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Engine, and_, bindparam, select, true, tuple_, union

from domain.base.values import Kind, Status
from store.engine import reading
from store.errors import InvalidCursor
from store.items.paging import PAGE, Page, plain
from store.items.search import search
from store.projection.item_summary import COLUMNS, ItemSummary
from store.schema.tables import HEADING, OPEN, item, note

MOST_FOUND: Final = 200
"""Best matches of a text that are filtered further; what is beyond is told to be narrowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is wanted; of each, any of several."""

    kinds: tuple[Kind, ...] = ()
    statuses: tuple[Status, ...] = ()
    queues: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    words: str = ""
    """In references, titles, descriptions and notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What somebody may see: items of these queues (None: all), and open ones that are theirs."""

    actor: str
    queues: frozenset[str] | None = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenNote:
    """A text of an item, at full length, and the entry that it belongs to."""

    serial: int
    kind: str
    text: str


class _Place(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    started_at: AwareDatetime
    reference: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "_Place":
        try:
            padded = text + "=" * (-len(text) % 4)
            return cls.model_validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
        except ValueError:
            told = f"cursor {text[:40]!r} is no page's: start again without one"
            raise InvalidCursor(told) from None


_PLACE: Final = (item.c.started_at, item.c.reference)
_COLUMN: Final = {
    "kinds": item.c.kind,
    "statuses": item.c.status,
    "queues": item.c.queue,
    "assignees": item.c.assignee,
    "owners": item.c.owner,
    "categories": item.c.category,
}


def items(
    engine: Engine, wanted: Filter, sight: Sight, *, limit: int = PAGE, cursor: str | None = None
) -> Page:
    """A page of the items that are wanted and may be seen, newest first; raises InvalidCursor.

    Each way to see an item is a part of its own, in the order of an index.
    """
    conditions = list(_conditions(wanted))
    if wanted.words.strip():
        found = search(engine, wanted.words, limit=MOST_FOUND)
        conditions.append(item.c.reference.in_([one.item.reference for one in found]))
    if cursor is not None:
        place = _Place.parse(cursor)
        conditions.append(tuple_(*_PLACE) < tuple_(*_bound(place)))
    order = [column.desc() for column in _PLACE]
    parts = [
        select(
            select(*COLUMNS)
            .where(visible, *conditions)
            .order_by(*order)
            .limit(limit + 1)
            .subquery()
        )
        for visible in _visible(sight, wanted)
    ]
    whole = union(*parts).subquery()
    chosen = (
        select(whole).order_by(whole.c.started_at.desc(), whole.c.reference.desc()).limit(limit + 1)
    )
    with reading(engine) as connection:
        rows = connection.execute(chosen).all()
    lines = tuple(ItemSummary.from_row(row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(items=lines, cursor=None)
    last = lines[-1]
    following = _Place(started_at=last.started_at, reference=last.reference)
    return Page(items=lines, cursor=str(following))


def notes_of(
    engine: Engine, reference: str, *, after: int = 0, limit: int = PAGE
) -> tuple[tuple[WrittenNote, ...], int | None]:
    """Texts of the item's present run after a serial, oldest first; and what to ask for next."""
    run = select(item.c.run).where(item.c.reference == plain(reference)).scalar_subquery()
    theirs = select(note.c.serial, note.c.kind, note.c.text).where(
        note.c.reference == plain(reference),
        note.c.run == run,
        note.c.kind != HEADING,
        note.c.serial > after,
    )
    with reading(engine) as connection:
        rows = connection.execute(theirs.order_by(note.c.serial).limit(limit + 1)).all()
    notes = tuple(
        WrittenNote(serial=row.serial, kind=row.kind, text=row.text) for row in rows[:limit]
    )
    return notes, notes[-1].serial if len(rows) > limit else None


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    for each in fields(wanted):
        chosen: Any = getattr(wanted, each.name)
        if each.name in _COLUMN and chosen:
            yield _COLUMN[each.name].in_([plain(str(one)) for one in chosen])


def _visible(sight: Sight, wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if sight.queues is None:
        yield true()
        return
    queues = sight.queues & set(wanted.queues) if wanted.queues else sight.queues
    for queue in sorted(queues):
        yield item.c.queue == plain(queue)
    yield and_(OPEN, item.c.assignee == plain(sight.actor))
    yield and_(OPEN, item.c.owner == plain(sight.actor))


def _bound(place: _Place) -> Iterator[ColumnElement[Any]]:
    for column in _PLACE:
        yield bindparam(None, getattr(place, column.name), type_=column.type)
