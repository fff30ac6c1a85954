"""Consoles for standard output and error, JSON output, and plain tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

_ANY_TYPE: Final = TypeAdapter[Any](Any)


def stdout_console() -> Console:
    """Return a console for results; colours only on a terminal."""
    return Console(highlight=False, markup=False, emoji=False)


def stderr_console() -> Console:
    """Return a console for progress, reasons and hints, beside the results."""
    return Console(highlight=False, markup=False, emoji=False, stderr=True)


def print_json(value: object) -> None:
    """Print one JSON document to standard output."""
    print(_ANY_TYPE.dump_json(value, by_alias=True, indent=2).decode())  # noqa: T201


@dataclass(frozen=True)
class FoldingTable:
    """Table whose cells wrap and are never cut; the flexible column shrinks first."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str | Text]]
    flexible: int = 2
    """Index of the flexible column."""

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Give each other column the width it needs, up to an equal share of the whole."""
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        share = options.max_width // len(self.headers) - 2
        for index, header in enumerate(self.headers):
            lines = [line for row in self.rows for line in str(row[index]).splitlines()]
            needed = max(map(cell_len, [header, *lines]))
            min_width = 0 if index == self.flexible else max(1, min(needed, share))
            table.add_column(header, overflow="fold", min_width=min_width)
        for row in self.rows:
            table.add_row(*row)
        yield table


def field_grid(fields: Mapping[str, RenderableType | None]) -> RenderableType:
    """Return a grid of field names and values; empty values are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value:
            table.add_row(name, value)
    return table
