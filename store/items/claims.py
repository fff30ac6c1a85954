"""Claims on items of a queue: callers that ask at once are offered different items (Q1, Q2)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Insert,
    Select,
    String,
    bindparam,
    delete,
    exists,
    or_,
    select,
)

from domain.base.values import Kind
from store.engine import INSERTS, write_connection
from store.items.paging import storable_text
from store.items.queries import QUEUE_PARTS
from store.schema.column_types import Utc
from store.schema.tables import FOR_ROBOTS, ORDER, claim, item

CLAIM_DURATION: Final = timedelta(seconds=10)
"""Time that a claim lasts if its process dies before the item is started."""
_MAX_SWEPT: Final = 100
"""Expired claims that one call deletes."""
_Selected = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Claimed item: no other caller is offered it while the claim lasts. It is not started yet."""

    reference: str
    kind: Kind
    revision: int


@dataclass(frozen=True, slots=True)
class _Statements:
    """Statements of a dialect; `for_*` select the first free row of each part of a queue."""

    for_people: Sequence[_Selected]
    for_robots: Sequence[_Selected]
    claim: Insert
    sweep: Delete


def claim_next(
    engine: Engine,
    queue: str,
    *,
    by: str,
    robots: Collection[Kind] | None = None,
    duration: timedelta = CLAIM_DURATION,
) -> Claimed | None:
    """Claim the next item of the queue; None if no item is free.

    `robots`: kinds of items that a robot takes, of those that the queue has for robots; None: a
    person asks, who is offered every kind. A claim is for one version of the item's row, so it ends
    with the item's next change. The item itself decides who gets it: start it with
    `expected_revision`.

    Raises:
        DatabaseBusy: another writer held the database for too long.
    """
    statements = _statements_for(engine.dialect.name)
    selects = statements.for_people if robots is None else statements.for_robots
    now = datetime.now(UTC)
    parameters = {"queue": storable_text(queue), "now": now}
    kinds = {} if robots is None else {"kinds": [kind.value for kind in robots]}
    with write_connection(engine) as connection:
        # first rows that nobody has locked, then those that somebody has, once they are unlocked
        for waits in (False, True):
            while (row := _first(connection, selects, parameters | kinds, waits=waits)) is not None:
                values = {"reference": row.reference, "run": row.run, "serial": row.serial}
                values |= {"by": storable_text(by), "until": now + duration}
                if connection.execute(statements.claim, values | {"now": now}).first() is not None:
                    connection.execute(statements.sweep, {"now": now})
                    return Claimed(
                        reference=row.reference, kind=Kind(row.kind), revision=row.revision
                    )
    return None


def _first(
    connection: Connection, selects: Sequence[_Selected], parameters: dict[str, Any], *, waits: bool
) -> Any:  # noqa: ANN401 - SQLAlchemy has no type for a row by names
    for each in selects:
        locking = each.with_for_update(of=item, skip_locked=not waits)
        row = connection.execute(locking, parameters).first()
        if row is not None:
            return row
    return None


@cache
def _statements_for(dialect: str) -> _Statements:
    now = bindparam("now", type_=Utc())
    of_queue = item.c.queue == bindparam("queue", type_=String())
    kinds = item.c.kind.in_(bindparam("kinds", expanding=True, type_=String()))
    claims = INSERTS[dialect](claim)
    values = {name: bindparam(name, type_=column.type) for name, column in claim.c.items()}
    expired = select(claim.c.reference).where(claim.c.until <= now).limit(_MAX_SWEPT)
    return _Statements(
        for_people=[_free(part) for part in QUEUE_PARTS],
        # one part is enough: rejected items are left out, and the order begins with overdue ones
        for_robots=[_free(FOR_ROBOTS & of_queue & kinds)],
        claim=claims.values(values)
        .on_conflict_do_update(
            index_elements=[claim.c.reference],
            set_={name: claims.excluded[name] for name in values},
            where=or_(
                claim.c.until <= now,
                claim.c.run != claims.excluded.run,
                claim.c.serial != claims.excluded.serial,
            ),
        )
        .returning(claim.c.reference),
        # skips locked rows: sweeps that wait for each other would deadlock
        sweep=delete(claim).where(claim.c.reference.in_(expired.with_for_update(skip_locked=True))),
    )


def _free(condition: ColumnElement[bool]) -> _Selected:
    claimed = exists(
        select(claim.c.reference).where(
            claim.c.reference == item.c.reference,
            claim.c.run == item.c.run,
            claim.c.serial == item.c.serial,
            claim.c.until > bindparam("now", type_=Utc()),
        )
    )
    columns = (item.c.reference, item.c.run, item.c.serial, item.c.revision, item.c.kind)
    return select(*columns).where(condition, ~claimed).order_by(*ORDER).limit(1)
