"""Options and arguments that several commands share."""

from typing import Annotated, Final

import typer

_JSON_KEY: Final = "casekeep.json"


def _remember_json(context: typer.Context, *, value: bool) -> bool:
    context.meta[_JSON_KEY] = value
    return value


def wants_json(context: typer.Context) -> bool:
    """Return whether `--json` was given; refusals are printed as JSON too."""
    return bool(context.meta.get(_JSON_KEY))


JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON document, for scripts.",
        callback=_remember_json,
        is_eager=True,
    ),
]
ActorOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="ACTOR",
        envvar="CASEKEEP_ACTOR",
        help="Act as: amy, robot:ocr-1, service:erp. Default: your user name.",
    ),
]
ReferenceArgument = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="The item's reference, such as T-7F3K9Q2D.")
]
QueuesOption = Annotated[
    list[str] | None,
    typer.Option("--queue", metavar="QUEUE", help="A queue they work in; `*` for all. Repeatable."),
]
