"""`up`, `demo`, `fsck`, `contract` and `catalog check`: the desk as a whole."""

import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json

Port = Annotated[
    int, typer.Option("--port", metavar="PORT", help="Where Temporal listens; 0 for a free one.")
]
UiPort = Annotated[
    int, typer.Option("--ui-port", metavar="PORT", help="Where its UI is; 0 for a free one.")
]


def up(port: Port = 7233, ui_port: UiPort = 8233, json: Json = False) -> None:
    """Run the desk here until Ctrl-C: Temporal, its UI, a worker."""
    from cli.up import serve

    asyncio.run(serve(port, ui_port, as_json=json))


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it running at the end, until Ctrl-C.")
    ] = False,
    json: Json = False,
) -> None:
    """Play a Case and a Ticket; their worker is killed half-way."""
    from cli.demo import tell

    raise typer.Exit(asyncio.run(tell(keep=keep, as_json=json)))


def fsck(json: Json = False) -> None:
    """Compare the store with the items, and mend it."""
    from cli import desk_report, terminal
    from reconciliation.fsck import Difference

    found: list[Difference] = []

    async def check() -> None:
        from cli.context import open_desk, open_store
        from reconciliation.fsck import Checker

        checker = Checker((await open_desk()).client, open_store(), f"fsck-{uuid.uuid4()}")
        async for difference in checker.all():
            found.append(difference)
            if not json:
                terminal.people().print(desk_report.difference(difference))

    asyncio.run(check())
    if json:
        terminal.machine({"differences": found})
    elif not found:
        terminal.aside().print("The store agrees with every open item.", style="green")


def contract(json: Json = True) -> None:
    """Print starts, commands and states as one JSON Schema."""
    from cli import terminal
    from starter.contract import contract_schema

    del json  # there is no other form
    terminal.machine(contract_schema())


def check_catalog(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="By default the one that CASEKEEP_CATALOG names."),
    ] = None,
    json: Json = False,
) -> None:
    """Read the catalog; say what it holds, or what is wrong where."""
    from catalog.loader import load
    from cli import desk_report, terminal
    from starter.settings import read_settings

    found = load(folder or read_settings().catalog)
    if json:
        terminal.machine(found)
    else:
        terminal.people().print(desk_report.catalog(found, datetime.now(UTC).date()))
