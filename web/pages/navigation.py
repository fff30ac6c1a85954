"""Navigation of every page: the reader's lists and queues, and recently viewed items."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth.callers import EVERY_QUEUE, Caller, Role
from auth.permissions import is_theirs
from domain.rules.submitting import DEFAULT_QUEUE
from store.items.badge_counts import MAX_COUNT, load_badge_counts
from store.items.queries import find_summaries
from store.projection.item_summary import ItemSummary
from web.context import AppContext

VIEWED_COOKIE: Final = "casekeep_viewed"
_MAX_VIEWED: Final = 8
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLink:
    """Queue of the reader, with the number of its waiting items."""

    name: str
    count: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Navigation:
    """Contents of the navigation; counts are texts, with `+` above the limit."""

    inbox: str
    owned: str
    queues: Sequence[QueueLink]
    viewed: Sequence[ItemSummary]


def load_navigation(context: AppContext, caller: Caller, viewed: str = "") -> Navigation:
    """Load the caller's navigation from the store; `viewed` is the cookie of viewed items."""
    queues = visible_queues(context, caller)
    badges = load_badge_counts(context.engine, caller.actor, queues)
    return Navigation(
        inbox=_count_text(badges.inbox),
        owned=_count_text(badges.owned),
        queues=tuple(
            QueueLink(name=queue, count=_count_text(badges.queues[queue])) for queue in queues
        ),
        viewed=recently_viewed(context, caller, viewed),
    )


def visible_queues(context: AppContext, caller: Caller) -> tuple[str, ...]:
    """Return the caller's queues in the catalog's order."""
    known = (*context.catalog.queues, DEFAULT_QUEUE)
    if caller.role is Role.OPERATOR or EVERY_QUEUE in caller.queues:
        return tuple(dict.fromkeys(known))
    listed = [queue for queue in known if queue in caller.queues]
    return tuple(dict.fromkeys((*listed, *sorted(caller.queues))))


def recently_viewed(context: AppContext, caller: Caller, viewed: str) -> tuple[ItemSummary, ...]:
    """Return the viewed items that the caller may read, newest first."""
    references = [part for part in viewed.split(".") if _REFERENCE.fullmatch(part)][:_MAX_VIEWED]
    if not references:
        return ()
    rows = find_summaries(context.engine, references)
    found = (rows[reference] for reference in references if reference in rows)
    return tuple(row for row in found if is_theirs(caller, row))


def add_viewed(reference: str, viewed: str) -> str:
    """Return the cookie of viewed items with this item first."""
    others = [
        part for part in viewed.split(".") if part != reference and _REFERENCE.fullmatch(part)
    ]
    return ".".join([reference, *others][: _MAX_VIEWED + 1])


def _count_text(count: int) -> str:
    return f"{MAX_COUNT - 1}+" if count >= MAX_COUNT else str(count)
