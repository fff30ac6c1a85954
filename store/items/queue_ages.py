"""How long items wait in queues, and who has how many of them: for those who lead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, case, func, select

from store.engine import reading
from store.items.paging import plain
from store.items.queue_load import AT_RISK
from store.schema.tables import OPEN, TO_PICK_UP, item

STEPS: Final = (
    timedelta(hours=4),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
    timedelta(days=30),
)
"""Ages are counted up to each of these, and beyond the last."""
MOST_PEOPLE: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """Whoever has items of some queues, and how those stand."""

    actor: str
    total: int
    overdue: int
    at_risk: int


def ages(engine: Engine, queues: Sequence[str], now: datetime) -> tuple[int, ...]:
    """How many of the items that nobody has are as old as each of `STEPS`, or older than all."""
    if not queues:
        return (0,) * (len(STEPS) + 1)
    step = case(
        *((item.c.started_at > now - age, number) for number, age in enumerate(STEPS)),
        else_=len(STEPS),
    ).label("step")
    theirs = item.c.queue.in_([plain(queue) for queue in queues])
    counted = select(step, func.count().label("total")).where(TO_PICK_UP, theirs).group_by(step)
    with reading(engine) as connection:
        found = {row.step: row.total for row in connection.execute(counted)}
    return tuple(found.get(number, 0) for number in range(len(STEPS) + 1))


def hands(engine: Engine, queues: Sequence[str], now: datetime) -> tuple[Hands, ...]:
    """Who has open items of these queues, those with the most first."""
    if not queues:
        return ()
    theirs = item.c.queue.in_([plain(queue) for queue in queues])
    total = func.count().label("total")
    counted = (
        select(
            item.c.assignee,
            total,
            func.count().filter(item.c.due_order <= now).label("overdue"),
            func.count().filter(AT_RISK).label("at_risk"),
        )
        .where(OPEN, item.c.assignee.is_not(None), theirs)
        .group_by(item.c.assignee)
        .order_by(total.desc(), item.c.assignee)
        .limit(MOST_PEOPLE)
    )
    with reading(engine) as connection:
        return tuple(
            Hands(actor=row.assignee, total=row.total, overdue=row.overdue, at_risk=row.at_risk)
            for row in connection.execute(counted, {"now": now})
        )
