"""`up`, `demo`, `fsck`, `contract` and `catalog check`."""

import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption

Port = Annotated[
    int, typer.Option("--port", metavar="PORT", help="Temporal's port; 0 for a free one.")
]
UiPort = Annotated[
    int, typer.Option("--ui-port", metavar="PORT", help="The UI's port; 0 for a free one.")
]


def up(port: Port = 7233, ui_port: UiPort = 8233, json: JsonOption = False) -> None:
    """Run everything here until Ctrl-C: Temporal, its UI, worker, mailroom and pages."""
    from cli.up import run_stack

    asyncio.run(run_stack(port, ui_port, as_json=json))


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it running at the end, until Ctrl-C.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Play a Case and a Ticket; their worker is killed half-way."""
    from cli.demo import run_demo

    raise typer.Exit(asyncio.run(run_demo(keep=keep, as_json=json)))


def fsck(json: JsonOption = False) -> None:
    """Compare the store with the items, and repair it."""
    from cli import desk_report, terminal
    from reconciliation.fsck import Difference

    differences: list[Difference] = []

    async def check() -> None:
        from cli.context import open_client, open_store
        from reconciliation.fsck import Checker

        checker = Checker((await open_client()).client, open_store(), f"fsck-{uuid.uuid4()}")
        async for difference in checker.all():
            differences.append(difference)
            if not json:
                terminal.stdout_console().print(desk_report.render_difference(difference))

    asyncio.run(check())
    if json:
        terminal.print_json({"differences": differences})
    elif not differences:
        terminal.stderr_console().print("The store agrees with every open item.", style="green")


def contract(json: JsonOption = True) -> None:
    """Print the JSON Schema of starts, commands and states."""
    from cli import terminal
    from starter.contract import contract_schema

    del json  # the output is always JSON
    terminal.print_json(contract_schema())


def check_catalog(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Default: the folder that CASEKEEP_CATALOG names."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check the catalog: print its content, or its problems with their lines."""
    from catalog.loader import load_catalog
    from cli import desk_report, terminal
    from starter.settings import read_settings

    catalog = load_catalog(folder or read_settings().catalog)
    if json:
        terminal.print_json(catalog)
    else:
        report = desk_report.render_catalog(catalog, datetime.now(UTC).date())
        terminal.stdout_console().print(report)
