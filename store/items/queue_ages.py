"""Numbers for the lead's page: waiting items by age, and open items by person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, case, func, select

from store.engine import read_connection
from store.items.paging import storable_text
from store.items.queue_load import AT_RISK
from store.schema.tables import OPEN, TO_PICK_UP, item

AGE_STEPS: Final = (
    timedelta(hours=4),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
    timedelta(days=30),
)
"""Upper limits of the age groups; a last group has the older items."""
MAX_PEOPLE: Final = 40
"""People listed, those with the most items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonWorkload:
    """Numbers of open items that are assigned to a person."""

    actor: str
    total: int
    overdue: int
    at_risk: int


def count_by_age(engine: Engine, queues: Sequence[str], now: datetime) -> tuple[int, ...]:
    """Return the number of waiting items by age: one for each of `AGE_STEPS`, and one for older."""
    if not queues:
        return (0,) * (len(AGE_STEPS) + 1)
    step = case(
        *((item.c.started_at > now - age, number) for number, age in enumerate(AGE_STEPS)),
        else_=len(AGE_STEPS),
    ).label("step")
    in_queues = item.c.queue.in_([storable_text(queue) for queue in queues])
    counted = select(step, func.count().label("total")).where(TO_PICK_UP, in_queues).group_by(step)
    with read_connection(engine) as connection:
        totals = {row.step: row.total for row in connection.execute(counted)}
    return tuple(totals.get(number, 0) for number in range(len(AGE_STEPS) + 1))


def count_by_person(
    engine: Engine, queues: Sequence[str], now: datetime
) -> tuple[PersonWorkload, ...]:
    """Return the people who have open items of these queues, those with the most first."""
    if not queues:
        return ()
    in_queues = item.c.queue.in_([storable_text(queue) for queue in queues])
    total = func.count().label("total")
    counted = (
        select(
            item.c.assignee,
            total,
            func.count().filter(item.c.due_order <= now).label("overdue"),
            func.count().filter(AT_RISK).label("at_risk"),
        )
        .where(OPEN, item.c.assignee.is_not(None), in_queues)
        .group_by(item.c.assignee)
        .order_by(total.desc(), item.c.assignee)
        .limit(MAX_PEOPLE)
    )
    with read_connection(engine) as connection:
        return tuple(
            PersonWorkload(
                actor=row.assignee, total=row.total, overdue=row.overdue, at_risk=row.at_risk
            )
            for row in connection.execute(counted, {"now": now})
        )
