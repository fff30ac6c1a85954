"""What changes, told to open pages as it happens: one watch for a process, any number of ears."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from store.projection.watcher import Changed, watching

_KNOWN: Final = 10_000
"""Items whose last place is remembered, so that lists which they left hear of it, too."""
_HEARD: Final = 1_000
"""Changes that wait for one page; one that falls behind is told to load anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One change of one item; `before` is where it was, as far as that is remembered."""

    now: Changed
    before: Changed | None

    @property
    def places(self) -> tuple[Changed, ...]:
        """Where it is, and where it was."""
        return (self.now,) if self.before is None else (self.now, self.before)


class Ear:
    """What one open page hears."""

    def __init__(self, wanted: Callable[[Changed], bool]) -> None:
        self._wanted = wanted
        self._waiting: asyncio.Queue[News | None] = asyncio.Queue(_HEARD)
        self._is_behind = False

    def wants(self, news: News) -> bool:
        """Whether the change is of the page's concern."""
        return any(map(self._wanted, news.places))

    def tell(self, news: News | None) -> None:
        """Have the page hear of it, if it is of its concern; None: of anything."""
        if news is not None and not self.wants(news):
            return
        try:
            self._waiting.put_nowait(news)
        except asyncio.QueueFull:
            self._is_behind = True

    async def hear(self) -> News | None:
        """The next change; None: too much happened, or something was missed: load anew."""
        if self._is_behind:
            self._is_behind = False
            while not self._waiting.empty():
                self._waiting.get_nowait()
            return None
        return await self._waiting.get()


class Hub:
    """Tells every ear what the database's watch sees."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ears: set[Ear] = set()
        self._known: OrderedDict[str, Changed] = OrderedDict()

    @asynccontextmanager
    async def listening(self, wanted: Callable[[Changed], bool]) -> AsyncIterator[Ear]:
        """An ear for the changes that are wanted, told whether they are by where an item is."""
        ear = Ear(wanted)
        self._ears.add(ear)
        try:
            yield ear
        finally:
            self._ears.discard(ear)

    def since(self, moment: datetime) -> Iterator[News]:
        """What is remembered of what was written from then on, the newest first."""
        for changed in reversed(self._known.values()):
            if changed.written_at < moment:
                return
            yield News(now=changed, before=None)

    async def serve(self) -> None:
        """Watch, until cancelled; whoever listens already may have missed something."""
        self._tell(None)
        async for changes in watching(self._engine):
            if changes is None:
                self._tell(None)
                continue
            for changed in changes:
                self._tell(News(now=changed, before=self._replaced(changed)))

    def _tell(self, news: News | None) -> None:
        for ear in tuple(self._ears):
            ear.tell(news)

    def _replaced(self, changed: Changed) -> Changed | None:
        before = self._known.pop(changed.reference, None)
        self._known[changed.reference] = changed
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return before
