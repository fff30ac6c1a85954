"""Search attributes that operators filter by in Temporal's UI (contract, reading)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from temporalio.common import SearchAttributeKey, SearchAttributeUpdate, TypedSearchAttributes

from domain.model.due_dates import due_at, is_clock_stopped
from domain.model.items import AnyItem, Case

STATUS: Final = SearchAttributeKey.for_keyword("ItemStatus")
QUEUE: Final = SearchAttributeKey.for_keyword("ItemQueue")
ASSIGNEE: Final = SearchAttributeKey.for_keyword("ItemAssignee")
OWNER: Final = SearchAttributeKey.for_keyword("ItemOwner")
WAIT: Final = SearchAttributeKey.for_keyword("ItemWait")
CATEGORY: Final = SearchAttributeKey.for_keyword("ItemCategory")
RESOLUTION: Final = SearchAttributeKey.for_keyword("ItemResolution")
DUE: Final = SearchAttributeKey.for_datetime("ItemDue")
WAKES_AT: Final = SearchAttributeKey.for_datetime("ItemWakesAt")
ATTENTION: Final = SearchAttributeKey.for_bool("NeedsAttention")
NEW_INFORMATION: Final = SearchAttributeKey.for_bool("NewInformation")

KEYWORDS: Final[tuple[SearchAttributeKey[str], ...]] = (
    STATUS,
    QUEUE,
    ASSIGNEE,
    OWNER,
    WAIT,
    CATEGORY,
    RESOLUTION,
)
DATES: Final[tuple[SearchAttributeKey[datetime], ...]] = (DUE, WAKES_AT)
FLAGS: Final[tuple[SearchAttributeKey[bool], ...]] = (ATTENTION, NEW_INFORMATION)
ALL: Final[tuple[SearchAttributeKey[Any], ...]] = (*KEYWORDS, *DATES, *FLAGS)


class SearchAttributeUpdates:
    """Search attributes as the server has them; only changed values are sent."""

    def __init__(self, known: TypedSearchAttributes) -> None:
        """Begin with the values that the run was started with."""
        self._known: dict[str, Any] = {key.name: known.get(key) for key in ALL}

    def updates_for(self, item: AnyItem) -> Sequence[SearchAttributeUpdate[Any]]:
        """Return the updates that bring the server up to date with the item."""
        wanted = _values(item)
        updates = [
            key.value_unset() if wanted[key.name] is None else key.value_set(wanted[key.name])
            for key in ALL
            if wanted[key.name] != self._known[key.name]
        ]
        self._known = wanted
        return updates


def _values(item: AnyItem) -> dict[str, Any]:
    wait, end = item.wait, item.resolution
    resolution = None if end is None else end.method or end.outcome
    return {
        STATUS.name: str(item.status),
        QUEUE.name: item.queue,
        ASSIGNEE.name: item.assignee,
        OWNER.name: item.owner,
        WAIT.name: None if wait is None else str(wait.type),
        CATEGORY.name: item.category,
        RESOLUTION.name: None if resolution is None else str(resolution),
        DUE.name: None if is_clock_stopped(item) else due_at(item),
        WAKES_AT.name: None if wait is None else wait.wakes_at,
        ATTENTION.name: isinstance(item, Case) and bool(item.attention),
        NEW_INFORMATION.name: item.new_information,
    }
