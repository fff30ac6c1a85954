"""Pagination of item lists, by cursors that name the last line of a page."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import (
    ColumnElement,
    Engine,
    Integer,
    Select,
    bindparam,
    literal,
    select,
    tuple_,
    union_all,
)

from store.engine import read_connection
from store.errors import InvalidCursor
from store.projection.item_summary import COLUMNS, ItemSummary
from store.schema.tables import ORDER, item

PAGE_SIZE: Final = 50
"""Lines of a page, unless asked otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Page of a list; `cursor` asks for the next page, None: there is none."""

    items: tuple[ItemSummary, ...]
    cursor: str | None


class Cursor(BaseModel):
    """Position of the last line of a page, and the `now` of the list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: int
    due_order: AwareDatetime
    started_at: AwareDatetime
    reference: str
    now: AwareDatetime | None

    def __str__(self) -> str:
        """Return the cursor as text."""
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor of a text; raises InvalidCursor if no page returned it."""
        padded = text + "=" * (-len(text) % 4)
        try:
            return cls.model_validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
        except ValueError:
            raise _invalid(text) from None


def _invalid(cursor: object) -> InvalidCursor:
    return InvalidCursor(f"cursor {str(cursor)[:40]!r} is no page's: start again without one")


def storable_text(text: str) -> str:
    """Replace the characters that databases refuse: NUL (PostgreSQL) and surrogates (both)."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


ListPart = tuple[ColumnElement[bool], ...]
"""Conditions that exclude each other; an index serves each of them in the order `ORDER`."""


class PagedList:
    """List of items: its parts one after the other, each in `ORDER`.

    The cost of a page depends on its length, not on that of the list. Statements are made once, so
    the values in conditions are parameters (`bindparam`).
    """

    def __init__(self, *parts: ListPart) -> None:
        self._first = _select_page(parts, first_part=0, has_cursor=False)
        self._following = [
            _select_page(parts, first_part=n, has_cursor=True) for n in range(len(parts))
        ]

    def page(
        self, engine: Engine, *, limit: int, after: Cursor | None = None, **parameters: object
    ) -> Page:
        """Return the page after a cursor; raises InvalidCursor if the cursor is of another list."""
        statement = self._first
        if after is not None:
            if after.part not in range(len(self._following)):
                raise _invalid(after)
            statement = self._following[after.part]
            parameters |= {
                "after_due_order": after.due_order,
                "after_started_at": after.started_at,
                "after_reference": storable_text(after.reference),
            }
        with read_connection(engine) as connection:
            rows = connection.execute(statement, parameters | {"limit": limit + 1}).all()
        summaries = tuple(ItemSummary.from_row(row, 2) for row in rows[:limit])
        if len(rows) <= limit:
            return Page(items=summaries, cursor=None)
        last = rows[limit - 1]
        now = parameters.get("now")
        cursor = Cursor(
            part=last.part,
            due_order=last.due_order,
            started_at=last.started_at,
            reference=last.reference,
            now=now if isinstance(now, datetime) else None,
        )
        return Page(items=summaries, cursor=str(cursor))


def _select_page(
    parts: tuple[ListPart, ...], *, first_part: int, has_cursor: bool
) -> Select[*tuple[Any, ...]]:
    limit = bindparam("limit", type_=Integer())
    position = (bindparam(f"after_{column.name}", type_=column.type) for column in ORDER)
    is_after_cursor = tuple_(*ORDER) > tuple_(*position)
    selects = []
    for number, part in enumerate(parts[first_part:], start=first_part):
        for condition in part:
            chosen = select(literal(number).label("part"), item.c.due_order, *COLUMNS)
            chosen = chosen.where(condition).order_by(*ORDER).limit(limit)
            if has_cursor and number == first_part:
                chosen = chosen.where(is_after_cursor)
            selects.append(select(chosen.subquery()))
    united = union_all(*selects).subquery()
    order = (united.c.part, united.c.due_order, united.c.started_at, united.c.reference)
    return select(united).order_by(*order).limit(limit)
