"""Pages of long lists, and the cursors that name the end of a page."""

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

from store.engine import reading
from store.errors import InvalidCursor
from store.projection.item_summary import COLUMNS, ItemSummary
from store.schema.tables import ORDER, item

PAGE: Final = 50
"""Lines of a page, unless asked otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some lines of a list; `cursor` asks for the following ones, None if there are none."""

    items: tuple[ItemSummary, ...]
    cursor: str | None


class Cursor(BaseModel):
    """The last line of a page: its part of the list, its place there, and the list's `now`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: int
    due_order: AwareDatetime
    started_at: AwareDatetime
    reference: str
    now: AwareDatetime | None

    def __str__(self) -> str:
        """The cursor as its page gives it."""
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read a cursor that a page gave; raise InvalidCursor for any other text."""
        padded = text + "=" * (-len(text) % 4)
        try:
            return cls.model_validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
        except ValueError:
            raise _invalid(text) from None


def _invalid(cursor: object) -> InvalidCursor:
    return InvalidCursor(f"cursor {str(cursor)[:40]!r} is no page's: start again without one")


def plain(text: str) -> str:
    """A text as a database can have it: PostgreSQL refuses NUL, and neither takes surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


Part = tuple[ColumnElement[bool], ...]
"""Conditions that no item meets two of, each served in the order of `ORDER` by an index."""


class PagedList:
    """A list of items: its parts one after the other, each in `ORDER`.

    A page costs as much as it is long, however long the list. Its statements are made once; what
    conditions compare with are parameters: a `bindparam` each.
    """

    def __init__(self, *parts: Part) -> None:
        self._first = _page_of(parts, begun=0, goes_on=False)
        self._following = [_page_of(parts, begun=n, goes_on=True) for n in range(len(parts))]

    def page(
        self, engine: Engine, *, limit: int, after: Cursor | None = None, **compared: object
    ) -> Page:
        """A page; raises InvalidCursor if the cursor is none of this list's."""
        statement = self._first
        if after is not None:
            if after.part not in range(len(self._following)):
                raise _invalid(after)
            statement = self._following[after.part]
            compared |= {
                "after_due_order": after.due_order,
                "after_started_at": after.started_at,
                "after_reference": plain(after.reference),
            }
        with reading(engine) as connection:
            rows = connection.execute(statement, compared | {"limit": limit + 1}).all()
        lines = tuple(ItemSummary.from_row(row, 2) for row in rows[:limit])
        if len(rows) <= limit:
            return Page(items=lines, cursor=None)
        last = rows[limit - 1]
        now = compared.get("now")
        cursor = Cursor(
            part=last.part,
            due_order=last.due_order,
            started_at=last.started_at,
            reference=last.reference,
            now=now if isinstance(now, datetime) else None,
        )
        return Page(items=lines, cursor=str(cursor))


def _page_of(parts: tuple[Part, ...], *, begun: int, goes_on: bool) -> Select[*tuple[Any, ...]]:
    limit = bindparam("limit", type_=Integer())
    place = (bindparam(f"after_{column.name}", type_=column.type) for column in ORDER)
    beyond = tuple_(*ORDER) > tuple_(*place)
    selects = []
    for number, part in enumerate(parts[begun:], start=begun):
        for condition in part:
            chosen = select(literal(number).label("part"), item.c.due_order, *COLUMNS)
            chosen = chosen.where(condition).order_by(*ORDER).limit(limit)
            if goes_on and number == begun:
                chosen = chosen.where(beyond)
            selects.append(select(chosen.subquery()))
    whole = union_all(*selects).subquery()
    order = (whole.c.part, whole.c.due_order, whole.c.started_at, whole.c.reference)
    return select(whole).order_by(*order).limit(limit)
