"""Options that several commands of the shell share."""

from typing import Annotated, Final

import typer

_JSON: Final = "casekeep.json"


def _remember(context: typer.Context, *, value: bool) -> bool:
    context.meta[_JSON] = value
    return value


def wants_json(context: typer.Context) -> bool:
    """Whether the command was asked for machine output; refusals are printed so, too."""
    return bool(context.meta.get(_JSON))


Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document, for scripts.", callback=_remember, is_eager=True
    ),
]
As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="ACTOR",
        envvar="CASEKEEP_ACTOR",
        help="Who does it: amy, robot:ocr-1, service:erp. By default your user name.",
    ),
]
Reference = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="The item's reference, such as T-7F3K9Q2D.")
]
Queues = Annotated[
    list[str] | None,
    typer.Option("--queue", metavar="QUEUE", help="Whose work is theirs; `*` for all. Repeat it."),
]
