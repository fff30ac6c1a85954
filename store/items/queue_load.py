"""How queues stand, for those who lead them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, String, bindparam, func, literal, select, union_all

from store.engine import reading
from store.items.paging import plain
from store.schema.column_types import Utc
from store.schema.tables import OPEN, TO_PICK_UP, item

_NOW: Final = bindparam("now", type_=Utc())
AT_RISK: Final = (item.c.at_risk_at <= _NOW) & (item.c.due_order > _NOW)
"""D3: what is amber."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How a queue stands."""

    queue: str
    waiting: int
    """Items that nobody has and that wait to be picked up."""
    in_work: int
    """Items that somebody has."""
    oldest_at: datetime | None
    """When the oldest of those that wait was started."""
    overdue: int
    """Of those that wait or are in work."""
    at_risk: int
    """Of those: amber (D3)."""


def loads(engine: Engine, queues: Sequence[str], now: datetime) -> tuple[Load, ...]:
    """How each of these queues stands, in the order given; one statement.

    What waits is read from the index of what is to be picked up, what is in work from that of open
    items by queue: a queue costs as much as it has open items that are not waiting for anything.
    """
    if not queues:
        return ()
    held = OPEN & item.c.assignee.is_not(None)
    parts = []
    for number in range(len(queues)):
        theirs = item.c.queue == bindparam(f"queue_{number}", type_=String())
        for kind, which in (("waiting", TO_PICK_UP), ("in_work", held)):
            parts.append(
                select(
                    literal(number).label("queue"),
                    literal(kind).label("part"),
                    func.count().label("total"),
                    func.min(item.c.started_at).label("oldest_at"),
                    func.count().filter(item.c.due_order <= _NOW).label("overdue"),
                    func.count().filter(AT_RISK).label("at_risk"),
                ).where(theirs, which)
            )
    compared: dict[str, object] = {
        f"queue_{number}": plain(queue) for number, queue in enumerate(queues)
    }
    with reading(engine) as connection:
        rows = connection.execute(union_all(*parts), compared | {"now": now}).all()
    found = {(row.queue, row.part): row for row in rows}
    return tuple(
        Load(
            queue=queue,
            waiting=found[number, "waiting"].total,
            in_work=found[number, "in_work"].total,
            oldest_at=found[number, "waiting"].oldest_at,
            overdue=sum(found[number, part].overdue for part in ("waiting", "in_work")),
            at_risk=sum(found[number, part].at_risk for part in ("waiting", "in_work")),
        )
        for number, queue in enumerate(queues)
    )
