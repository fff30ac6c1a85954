"""How much there is of somebody's work, up to a number that people still read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, String, bindparam, func, literal, select, union_all

from store.engine import reading
from store.items.paging import plain
from store.items.queries import INBOX_PARTS, OWNED_PARTS
from store.schema.tables import TO_PICK_UP, item

MOST: Final = 100
"""What is counted at most: so a count costs no more than a page, however long the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of the inbox, owned work and queues; `MOST` where there are as many, or more."""

    inbox: int
    owned: int
    queues: Mapping[str, int]


def counts(engine: Engine, person: str, queues: Sequence[str] = ()) -> Counts:
    """How many items are the person's, and how many wait in each of these queues."""
    lists = {
        "inbox": INBOX_PARTS,
        "owned": OWNED_PARTS,
        **{
            f"queue {number}": (
                TO_PICK_UP & (item.c.queue == bindparam(f"queue_{number}", type_=String())),
            )
            for number in range(len(queues))
        },
    }
    found = [
        select(literal(name).label("name"), func.count().label("total")).select_from(
            select(item.c.reference).where(part).limit(MOST).subquery()
        )
        for name, parts in lists.items()
        for part in parts
    ]
    compared = {f"queue_{number}": plain(queue) for number, queue in enumerate(queues)}
    totals = dict.fromkeys(lists, 0)
    with reading(engine) as connection:
        for row in connection.execute(union_all(*found), {"person": plain(person)} | compared):
            totals[row.name] = min(MOST, totals[row.name] + row.total)
    return Counts(
        inbox=totals["inbox"],
        owned=totals["owned"],
        queues={queue: totals[f"queue {number}"] for number, queue in enumerate(queues)},
    )
