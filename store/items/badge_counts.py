"""Counts of a person's work and of queues, up to a maximum, for the badges of the navigation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, String, bindparam, func, literal, select, union_all

from store.engine import read_connection
from store.items.paging import storable_text
from store.items.queries import INBOX_PARTS, OWNED_PARTS
from store.schema.tables import TO_PICK_UP, item

MAX_COUNT: Final = 100
"""Largest count: a count costs no more than a page, even for a long list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeCounts:
    """Numbers of items in the inbox, in owned work and in queues; `MAX_COUNT` means "or more"."""

    inbox: int
    owned: int
    queues: Mapping[str, int]


def load_badge_counts(engine: Engine, person: str, queues: Sequence[str] = ()) -> BadgeCounts:
    """Return the number of the person's items, and of items that wait in each of these queues."""
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
    selects = [
        select(literal(name).label("name"), func.count().label("total")).select_from(
            select(item.c.reference).where(part).limit(MAX_COUNT).subquery()
        )
        for name, parts in lists.items()
        for part in parts
    ]
    parameters = {f"queue_{number}": storable_text(queue) for number, queue in enumerate(queues)}
    totals = dict.fromkeys(lists, 0)
    with read_connection(engine) as connection:
        for row in connection.execute(
            union_all(*selects), {"person": storable_text(person)} | parameters
        ):
            totals[row.name] = min(MAX_COUNT, totals[row.name] + row.total)
    return BadgeCounts(
        inbox=totals["inbox"],
        owned=totals["owned"],
        queues={queue: totals[f"queue {number}"] for number, queue in enumerate(queues)},
    )
