"""What the layout shows around every page: whose work there is, and what was looked at lately."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth.callers import EVERY_QUEUE, Caller, Role
from auth.permissions import is_theirs
from domain.rules.submitting import DEFAULT_QUEUE
from store.items.badge_counts import MOST, counts
from store.items.queries import lines_of
from store.projection.item_summary import ItemSummary
from web.context import House

VIEWED_COOKIE: Final = "casekeep_viewed"
_VIEWED: Final = 8
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLink:
    """A queue of the reader's, and how much waits in it."""

    name: str
    count: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The navigation; counts are texts, as far as they are counted."""

    inbox: str
    owned: str
    queues: Sequence[QueueLink]
    viewed: Sequence[ItemSummary]


def frame_of(house: House, caller: Caller, viewed: str = "") -> Frame:
    """The layout's own part of a page for this caller; asks the store."""
    queues = queues_of(house, caller)
    found = counts(house.engine, caller.actor, queues)
    return Frame(
        inbox=_shown(found.inbox),
        owned=_shown(found.owned),
        queues=tuple(QueueLink(name=one, count=_shown(found.queues[one])) for one in queues),
        viewed=lately(house, caller, viewed),
    )


def queues_of(house: House, caller: Caller) -> tuple[str, ...]:
    """The queues whose work is the caller's, as the catalog orders them."""
    known = (*house.catalog.queues, DEFAULT_QUEUE)
    if caller.role is Role.OPERATOR or EVERY_QUEUE in caller.queues:
        return tuple(dict.fromkeys(known))
    listed = [queue for queue in known if queue in caller.queues]
    return tuple(dict.fromkeys((*listed, *sorted(caller.queues))))


def lately(house: House, caller: Caller, viewed: str) -> tuple[ItemSummary, ...]:
    """What was looked at lately, the last first, as far as it is for this caller's eyes."""
    references = [one for one in viewed.split(".") if _REFERENCE.fullmatch(one)][:_VIEWED]
    if not references:
        return ()
    lines = lines_of(house.engine, references)
    return tuple(lines[one] for one in references if one in lines and is_theirs(caller, lines[one]))


def viewed_and(reference: str, viewed: str) -> str:
    """The cookie once this item was looked at, too."""
    others = [one for one in viewed.split(".") if one != reference and _REFERENCE.fullmatch(one)]
    return ".".join([reference, *others][: _VIEWED + 1])


def _shown(count: int) -> str:
    return f"{MOST - 1}+" if count >= MOST else str(count)
