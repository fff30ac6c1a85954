"""Numbers of waiting, assigned and late items by queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, String, bindparam, func, literal, select, union_all

from store.engine import read_connection
from store.items.paging import storable_text
from store.schema.column_types import Utc
from store.schema.tables import OPEN, TO_PICK_UP, item

_NOW: Final = bindparam("now", type_=Utc())
AT_RISK: Final = (item.c.at_risk_at <= _NOW) & (item.c.due_order > _NOW)
"""Condition that an item is at risk: its due time is amber (D3). Parameter `now`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueWorkload:
    """Numbers of a queue's items."""

    queue: str
    waiting: int
    """Unassigned items that can be picked up."""
    in_work: int
    """Assigned open items."""
    oldest_at: datetime | None
    """Start of the oldest waiting item."""
    overdue: int
    """Overdue items among those that wait or are in work."""
    at_risk: int
    """Amber items among those that wait or are in work (D3)."""


def count_by_queue(
    engine: Engine, queues: Sequence[str], now: datetime
) -> tuple[QueueWorkload, ...]:
    """Return the numbers of these queues, in the same order.

    One statement, on partial indexes of waiting and of open items by queue: closed items cost
    nothing.
    """
    if not queues:
        return ()
    held = OPEN & item.c.assignee.is_not(None)
    parts = []
    for number in range(len(queues)):
        of_queue = item.c.queue == bindparam(f"queue_{number}", type_=String())
        for part, condition in (("waiting", TO_PICK_UP), ("in_work", held)):
            parts.append(
                select(
                    literal(number).label("queue"),
                    literal(part).label("part"),
                    func.count().label("total"),
                    func.min(item.c.started_at).label("oldest_at"),
                    func.count().filter(item.c.due_order <= _NOW).label("overdue"),
                    func.count().filter(AT_RISK).label("at_risk"),
                ).where(of_queue, condition)
            )
    parameters: dict[str, object] = {
        f"queue_{number}": storable_text(queue) for number, queue in enumerate(queues)
    }
    with read_connection(engine) as connection:
        rows = connection.execute(union_all(*parts), parameters | {"now": now}).all()
    by_part = {(row.queue, row.part): row for row in rows}
    return tuple(
        QueueWorkload(
            queue=queue,
            waiting=by_part[number, "waiting"].total,
            in_work=by_part[number, "in_work"].total,
            oldest_at=by_part[number, "waiting"].oldest_at,
            overdue=sum(by_part[number, part].overdue for part in ("waiting", "in_work")),
            at_risk=sum(by_part[number, part].at_risk for part in ("waiting", "in_work")),
        )
        for number, queue in enumerate(queues)
    )
