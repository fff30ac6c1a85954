"""Where the shell prints, and its plain tables: for people, beside them, and for scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

_ANY: Final = TypeAdapter[Any](Any)


def people() -> Console:
    """Where people read; colours only on a terminal."""
    return Console(highlight=False, markup=False, emoji=False)


def aside() -> Console:
    """Where people read what is no result: reasons, progress, ways out."""
    return Console(highlight=False, markup=False, emoji=False, stderr=True)


def machine(value: object) -> None:
    """One JSON document on standard output."""
    print(_ANY.dump_json(value, by_alias=True, indent=2).decode())  # noqa: T201


@dataclass(frozen=True)
class Lines:
    """A table whose columns fold, none ever cut: the flexible one gives way first."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str | Text]]
    flexible: int = 2

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Give every other column what it needs, up to an equal share of the width."""
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        share = options.max_width // len(self.heads) - 2
        for number, head in enumerate(self.heads):
            lines = [line for row in self.rows for line in str(row[number]).splitlines()]
            needed = max(map(cell_len, [head, *lines]))
            floor = 0 if number == self.flexible else max(1, min(needed, share))
            table.add_column(head, overflow="fold", min_width=floor)
        for row in self.rows:
            table.add_row(*row)
        yield table


def pairs(lines: Mapping[str, RenderableType | None]) -> RenderableType:
    """Names and what belongs to them; those without are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in lines.items():
        if value:
            table.add_row(name, value)
    return table
