"""Broadcasts store changes to open pages: one watcher per process, any number of subscribers."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from store.projection.watcher import ChangedItem, watch_items

_MAX_REMEMBERED: Final = 10_000
"""Items whose last row is remembered, to notify also the lists that an item has left."""
_MAX_QUEUED: Final = 1_000
"""Changes that wait for one page; a page that falls behind is asked to reload instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """Change of one item; `before` is its previous row, None if that is not remembered."""

    now: ChangedItem
    before: ChangedItem | None

    @property
    def rows(self) -> tuple[ChangedItem, ...]:
        """The item's present row, and its previous one."""
        return (self.now,) if self.before is None else (self.now, self.before)


class Subscription:
    """Queue of the changes that concern one open page."""

    def __init__(self, is_wanted: Callable[[ChangedItem], bool]) -> None:
        self._is_wanted = is_wanted
        self._queue: asyncio.Queue[ItemChange | None] = asyncio.Queue(_MAX_QUEUED)
        self._is_behind = False

    def matches(self, change: ItemChange) -> bool:
        """Return True if the change concerns the page."""
        return any(map(self._is_wanted, change.rows))

    def publish(self, change: ItemChange | None) -> None:
        """Queue a change that concerns the page; None asks the page to reload."""
        if change is not None and not self.matches(change):
            return
        try:
            self._queue.put_nowait(change)
        except asyncio.QueueFull:
            self._is_behind = True

    async def next_change(self) -> ItemChange | None:
        """Wait for the next change; None: changes were missed, the page must reload."""
        if self._is_behind:
            self._is_behind = False
            while not self._queue.empty():
                self._queue.get_nowait()
            return None
        return await self._queue.get()


class Broadcaster:
    """Publishes the changes that the database's watcher sees to every subscription."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._subscriptions: set[Subscription] = set()
        self._last_rows: OrderedDict[str, ChangedItem] = OrderedDict()

    @asynccontextmanager
    async def subscribe(
        self, is_wanted: Callable[[ChangedItem], bool]
    ) -> AsyncIterator[Subscription]:
        """Subscribe to changes; `is_wanted` decides by an item's row."""
        subscription = Subscription(is_wanted)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def changes_since(self, moment: datetime) -> Iterator[ItemChange]:
        """Yield the remembered changes that were written since then, newest first."""
        for row in reversed(self._last_rows.values()):
            if row.written_at < moment:
                return
            yield ItemChange(now=row, before=None)

    async def run(self) -> None:
        """Watch the database and publish its changes, until cancelled."""
        # a page that subscribed before the watcher started may have missed changes
        self._publish(None)
        async for rows in watch_items(self._engine):
            if rows is None:
                self._publish(None)
                continue
            for row in rows:
                self._publish(ItemChange(now=row, before=self._replace_last_row(row)))

    def _publish(self, change: ItemChange | None) -> None:
        for subscription in tuple(self._subscriptions):
            subscription.publish(change)

    def _replace_last_row(self, row: ChangedItem) -> ChangedItem | None:
        before = self._last_rows.pop(row.reference, None)
        self._last_rows[row.reference] = row
        if len(self._last_rows) > _MAX_REMEMBERED:
            self._last_rows.popitem(last=False)
        return before
