"""`catalog apply`, `catalog draw` and `catalog schema`: what a desk defined beforehand, in use."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Json

if TYPE_CHECKING:
    from starter.schedules import PlannedChange

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="FOLDER", help="By default the one that CASEKEEP_CATALOG names."),
]


def apply(
    folder: Folder = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be changed.")
    ] = False,
    json: Json = False,
) -> None:
    """Make Temporal's Schedules agree with the catalog's."""
    from catalog.loader import load
    from cli import desk_report, terminal
    from cli.context import open_desk
    from starter.schedules import ScheduleSync
    from starter.settings import read_settings

    wanted = load(folder or read_settings().catalog).schedules

    async def agree() -> "list[PlannedChange]":
        desk = await open_desk()
        scheduler = ScheduleSync(desk.client, desk.task_queue)
        return await (scheduler.plan(wanted) if dry_run else scheduler.apply(wanted))

    done = asyncio.run(agree())
    if json:
        terminal.machine({"schedules": done})
    else:
        terminal.people().print(desk_report.schedules(done, dry_run=dry_run))


class Format(StrEnum):
    """How a drawing is written."""

    MERMAID = "mermaid"
    SVG = "svg"
    PNG = "png"


def draw(
    definition: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A name in the catalog, or a file.")
    ],
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="By default as FILE is named, else mermaid."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Where to; by default standard output."),
    ] = None,
    json: Json = False,
) -> None:
    """Draw a case definition: its steps and Actions."""
    from catalog.files import CatalogInvalid
    from catalog.loader import terms_named
    from cli import terminal
    from drawing import canvas, case_definition
    from starter.settings import read_settings

    found = terms_named(definition, read_settings().catalog).definition
    if found is None:
        raise CatalogInvalid(f"{definition}: is no case definition")
    by_name = {".svg": Format.SVG, ".png": Format.PNG}.get(output.suffix) if output else None
    form = format_ or by_name or Format.MERMAID
    if form is Format.MERMAID:
        drawn = case_definition.to_mermaid(found).encode()
    else:
        svg = case_definition.to_svg(found)
        drawn = canvas.render_png(svg) if form is Format.PNG else svg.encode()
    if output is not None:
        output.write_bytes(drawn)
    elif form is Format.PNG:
        raise canvas.UnsupportedImageFormat("a PNG is no text: name a file with --output")
    if json:
        text = None if form is Format.PNG else drawn.decode()
        terminal.machine({"format": form, "output": output, "drawing": text})
    elif output is None:
        typer.echo(drawn.decode(), nl=False)


def schema(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Such as case or calendars; left out, all of them."),
    ] = None,
    json: Json = True,
) -> None:
    """Print the JSON Schema of a catalog's file, for editors."""
    from catalog import editor_schemas
    from cli import terminal

    del json  # there is no other form
    if name is None:
        terminal.machine({one: editor_schemas.document(one) for one in editor_schemas.NAMES})
    else:
        terminal.machine(editor_schemas.document(name))
