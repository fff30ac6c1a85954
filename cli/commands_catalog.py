"""`catalog apply`, `catalog draw` and `catalog schema`."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import JsonOption

if TYPE_CHECKING:
    from starter.schedules import PlannedChange

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="FOLDER", help="Default: the folder that CASEKEEP_CATALOG names."),
]


def apply(
    folder: Folder = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would change.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make Temporal's Schedules agree with the catalog's."""
    from catalog.loader import load_catalog
    from cli import desk_report, terminal
    from cli.context import open_client
    from starter.schedules import ScheduleSync
    from starter.settings import read_settings

    schedules = load_catalog(folder or read_settings().catalog).schedules

    async def change_schedules() -> "list[PlannedChange]":
        client = await open_client()
        scheduler = ScheduleSync(client.client, client.task_queue)
        return await (scheduler.plan(schedules) if dry_run else scheduler.apply(schedules))

    changes = asyncio.run(change_schedules())
    if json:
        terminal.print_json({"schedules": changes})
    else:
        report = desk_report.render_schedule_changes(changes, dry_run=dry_run)
        terminal.stdout_console().print(report)


class Format(StrEnum):
    """File format of a drawing."""

    MERMAID = "mermaid"
    SVG = "svg"
    PNG = "png"


def draw(
    definition: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A name in the catalog, or a file.")
    ],
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="Default: the suffix of FILE, or mermaid."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="The file to write; default: standard output."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Draw a case definition: its steps and Actions."""
    from catalog.files import CatalogInvalid
    from catalog.loader import load_terms
    from cli import terminal
    from drawing import canvas, case_definition
    from starter.settings import read_settings

    case = load_terms(definition, read_settings().catalog).definition
    if case is None:
        raise CatalogInvalid(f"{definition}: is no case definition")
    by_suffix = {".svg": Format.SVG, ".png": Format.PNG}.get(output.suffix) if output else None
    image_format = format_ or by_suffix or Format.MERMAID
    if image_format is Format.MERMAID:
        drawing = case_definition.draw_mermaid(case).encode()
    else:
        svg = case_definition.draw_svg(case)
        drawing = canvas.svg_to_png(svg) if image_format is Format.PNG else svg.encode()
    if output is not None:
        output.write_bytes(drawing)
    elif image_format is Format.PNG:
        raise canvas.UnknownImageFormat("a PNG is no text: name a file with --output")
    if json:
        text = None if image_format is Format.PNG else drawing.decode()
        terminal.print_json({"format": image_format, "output": output, "drawing": text})
    elif output is None:
        typer.echo(drawing.decode(), nl=False)


def schema(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Such as case or calendars; default: all."),
    ] = None,
    json: JsonOption = True,
) -> None:
    """Print the JSON Schema of a catalog file, for editors."""
    from catalog import editor_schemas
    from cli import terminal

    del json  # the output is always JSON
    if name is None:
        schemas = {file: editor_schemas.editor_schema(file) for file in editor_schemas.SCHEMA_NAMES}
        terminal.print_json(schemas)
    else:
        terminal.print_json(editor_schemas.editor_schema(name))
