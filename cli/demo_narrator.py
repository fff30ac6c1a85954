"""Prints the demo and checks each step of it."""

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

from cli.item_view import render_line
from domain.model.states import State
from starter.client import CasekeepClient
from starter.item_reader import parse_state, watch_item


class DemoStepFailed(Exception):
    """A step of the demo had another result than expected."""

    def __init__(self, step: str, seen: object) -> None:
        """Name the step, and what was seen instead."""
        super().__init__(f"{step}; seen instead: {seen}")


@dataclass
class Narrator:
    """Prints what happens in the demo, gives commands, and checks their results."""

    console: Console
    desk: CasekeepClient
    pause: float = 0.0
    """Seconds after each line, for reading it."""
    timeout: float = 30.0
    """Seconds within which an expected state has to be seen."""
    checked_steps: list[str] = field(default_factory=list)
    _chapters: int = 0

    def chapter(self, title: str) -> None:
        """Print the title of a chapter."""
        self._chapters += 1
        self.console.print(Text(f"\n{self._chapters}  {title}", "bold"))

    async def say(self, *parts: str | Text | tuple[str, str]) -> None:
        """Print a line with the current time, and pause."""
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(style="dim", no_wrap=True)
        line.add_column()
        line.add_row(f"{_now():%H:%M:%S}", Text.assemble(*parts))
        self.console.print(Padding(line, (0, 0, 0, 3)))
        await asyncio.sleep(self.pause)

    async def show(self, output: RenderableType) -> None:
        """Print a card or a table that an actor sees, and pause."""
        self.console.print(Padding(output, (1, 0, 1, 3)))
        await asyncio.sleep(2 * self.pause)

    async def give_command(
        self,
        by: str,
        reference: str,
        command: str,
        holds: Callable[[State], bool],
        **fields: JsonValue,
    ) -> State:
        """Give a command and check the resulting state; raises DemoStepFailed."""
        answer = await self.desk.execute(reference, command, {"by": by, **fields})
        state = parse_state(answer)
        self.check(
            f"{by}: {command} {reference}", holds=holds(state), seen=render_line(state, _now())
        )
        return state

    async def wait_for(self, reference: str, step: str, holds: Callable[[State], bool]) -> State:
        """Wait until an item's state passes the test; raises DemoStepFailed."""
        seen: State | None = None
        try:
            async with (
                asyncio.timeout(self.timeout),
                aclosing(watch_item(self.desk, reference)) as states,
            ):
                async for seen in states:
                    if holds(seen):
                        self.checked_steps.append(step)
                        return seen
        except TimeoutError:
            pass
        raise DemoStepFailed(
            step, render_line(seen, _now()) if seen else f"no answer of {reference}"
        )

    def check(self, step: str, *, holds: bool, seen: object) -> None:
        """Record a step as checked if it holds; raises DemoStepFailed otherwise."""
        if not holds:
            raise DemoStepFailed(step, seen)
        self.checked_steps.append(step)


def _now() -> datetime:
    return datetime.now().astimezone()
