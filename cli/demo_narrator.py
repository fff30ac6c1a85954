"""How the demo is told: what somebody does, what is seen of it, and whether it is as told."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.item_view import line
from domain.model.states import State
from starter.client import Desk
from starter.item_reader import parse_state, watch_item


class NotAsTold(Exception):
    """A step of the story did not happen as it is told."""

    def __init__(self, step: str, seen: object) -> None:
        """Name the step, and what was seen instead."""
        super().__init__(f"{step}; seen instead: {seen}")


@dataclass
class Narrator:
    """Tells and checks.

    A line is given `beat` seconds to be read; what is told has to be seen `within` seconds.
    """

    console: Console
    desk: Desk
    beat: float = 0.0
    within: float = 30.0
    checked: list[str] = field(default_factory=list)
    _chapters: int = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapters += 1
        self.console.print(Text(f"\n{self._chapters}  {title}", "bold"))

    async def says(self, *parts: str | Text | tuple[str, str]) -> None:
        """Tell one thing that happened, with the time it happened."""
        told = Table.grid(padding=(0, 2, 0, 0))
        told.add_column(style="dim", no_wrap=True)
        told.add_column()
        told.add_row(f"{_now():%H:%M:%S}", Text.assemble(*parts))
        self.console.print(Padding(told, (0, 0, 0, 3)))
        await asyncio.sleep(self.beat)

    async def shows(self, what: RenderableType) -> None:
        """Show what one of the actors sees."""
        self.console.print(Padding(what, (1, 0, 1, 3)))
        await asyncio.sleep(2 * self.beat)

    async def does(
        self,
        by: str,
        reference: str,
        command: str,
        holds: Callable[[State], bool],
        **fields: JsonValue,
    ) -> State:
        """Have somebody give a command; raises NotAsTold if its answer is another than told."""
        answer = await self.desk.do(reference, command, {"by": by, **fields})
        state = parse_state(answer)
        self.check(f"{by}: {command} {reference}", holds=holds(state), seen=line(state, _now()))
        return state

    async def sees(self, reference: str, step: str, holds: Callable[[State], bool]) -> State:
        """Wait until what is told of an item holds; raises NotAsTold."""
        seen: State | None = None
        try:
            async with (
                asyncio.timeout(self.within),
                aclosing(watch_item(self.desk, reference)) as states,
            ):
                async for seen in states:
                    if holds(seen):
                        self.checked.append(step)
                        return seen
        except TimeoutError:
            pass
        raise NotAsTold(step, line(seen, _now()) if seen else f"no answer of {reference}")

    def check(self, step: str, *, holds: bool, seen: object) -> None:
        """Hold a step against what was seen; raises NotAsTold."""
        if not holds:
            raise NotAsTold(step, seen)
        self.checked.append(step)


def _now() -> datetime:
    return datetime.now().astimezone()
