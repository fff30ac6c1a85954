"""Performs the effects that an item carries, each key once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

from domain.model.effects import CallService, Effect, SendMail
from domain.model.items import AnyItem

Perform = Callable[[Effect], Awaitable[None]]


class Outbox:
    """Effects under way; the item keeps each until it is finished, so none is lost."""

    def __init__(self, perform: Perform) -> None:
        """Begin without effects; `perform` returns when an effect is done or given up."""
        self._perform = perform
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._finished: deque[str] = deque()
        self._not_repeatable: set[str] = set()

    def start(self, item: AnyItem) -> None:
        """Start the effects of the item that are not under way yet."""
        for effect in item.outbox:
            if effect.key not in self._under_way:
                self._under_way[effect.key] = asyncio.create_task(self._run(effect))
                if not isinstance(effect, SendMail | CallService):
                    self._not_repeatable.add(effect.key)

    async def _run(self, effect: Effect) -> None:
        await self._perform(effect)
        self._finished.append(effect.key)

    @property
    def has_finished(self) -> bool:
        """True if an effect is finished that the item still carries."""
        return bool(self._finished)

    @property
    def is_renewable(self) -> bool:
        """True if a new run could start all effects under way again without harm."""
        return not self._not_repeatable

    def remove_finished(self, item: AnyItem) -> AnyItem:
        """Return the item without its finished effects."""
        finished = set(self._finished)
        self._finished.clear()
        self._not_repeatable -= finished
        for key in finished:
            del self._under_way[key]
        return replace(
            item, outbox=tuple(effect for effect in item.outbox if effect.key not in finished)
        )
