"""Performs the effects that an item carries, each once for its key."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

from domain.model.effects import CallService, Effect, SendMail
from domain.model.items import AnyItem

Perform = Callable[[Effect], Awaitable[None]]


class Outbox:
    """The effects under way; an item keeps each until it is done, so that none is lost."""

    def __init__(self, perform: Perform) -> None:
        """Have effects done by `perform`, which returns when one is done or given up."""
        self._perform = perform
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._done: deque[str] = deque()
        self._brief: set[str] = set()

    def begin(self, item: AnyItem) -> None:
        """Begin what the item carries and is not yet under way."""
        for effect in item.outbox:
            if effect.key not in self._under_way:
                self._under_way[effect.key] = asyncio.create_task(self._do(effect))
                if not isinstance(effect, SendMail | CallService):
                    self._brief.add(effect.key)

    async def _do(self, effect: Effect) -> None:
        await self._perform(effect)
        self._done.append(effect.key)

    @property
    def has_done(self) -> bool:
        """Whether something was done that the item still carries."""
        return bool(self._done)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way that a new run could not simply begin again."""
        return not self._brief

    def without_done(self, item: AnyItem) -> AnyItem:
        """The item without the effects that are done."""
        done = set(self._done)
        self._done.clear()
        self._brief -= done
        for key in done:
            del self._under_way[key]
        return replace(
            item, outbox=tuple(effect for effect in item.outbox if effect.key not in done)
        )
