"""The `casekeep` command: its parts, and what it says when something is refused."""

import os
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from starter.shell import commands_desk, commands_items, commands_lists
from starter.shell.options import wants_json

REFUSED: Final = 1
WRONG_USE: Final = 2
_ORDER: Final = ("up", "demo", "new", "do", "show", "timeline")
_OURS: Final = ("domain", "starter", "store")
_WRONG_USE: Final = ("WrongWords", "WrongEnvironment", "InvalidCursor")


class Shell(TyperGroup):
    """Turns what our own parts raise into one sentence and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - as below
        """The commands as the help lists them: what starts things first."""
        names: list[str] = super().list_commands(ctx)
        return [*(name for name in _ORDER if name in names), *(n for n in names if n not in _ORDER)]

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own click is not typed for outsiders
        """Run a command; every exception that we define ends it with its sentence."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = _sentence_of(error)
            if sentence is None:
                raise
            typer.echo(sentence, err=True)
            if type(error).__name__ in _WRONG_USE:
                raise typer.Exit(WRONG_USE) from None
            if wants_json(ctx):
                _tell(error)
            raise typer.Exit(REFUSED) from None


app = typer.Typer(
    cls=Shell,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tickets, Cases and Actions kept as durable Temporal workflows.",
    epilog="Connects as TEMPORAL_ADDRESS and Temporal's own configuration say. "
    "Exit codes: 0 done, 1 refused, 2 wrong use.",
)
new = typer.Typer(no_args_is_help=True, help="Start a Ticket or a Case.")
catalog = typer.Typer(no_args_is_help=True, help="What the desk defined beforehand.")

for _panel, _commands in (
    ("The desk", (("up", commands_desk.up), ("demo", commands_desk.demo))),
    (
        "One item",
        (
            ("do", commands_items.do),
            ("show", commands_items.show),
            ("timeline", commands_items.timeline),
        ),
    ),
    (
        "Lists",
        (
            ("inbox", commands_lists.inbox),
            ("owned", commands_lists.owned),
            ("queue", commands_lists.queue),
            ("search", commands_lists.search),
        ),
    ),
    ("Checks", (("contract", commands_desk.contract), ("fsck", commands_desk.fsck))),
):
    for _name, _command in _commands:
        app.command(_name, rich_help_panel=_panel)(_command)
app.add_typer(new, name="new", rich_help_panel="One item")
app.add_typer(catalog, name="catalog", rich_help_panel="Checks")
new.command("ticket")(commands_items.new_ticket)
new.command("case")(commands_items.new_case)
catalog.command("check")(commands_desk.check_catalog)


@catalog.callback()
def _catalog() -> None:
    """Keep `check` a sub-command while it is the only one."""


def _sentence_of(error: Exception) -> str | None:
    """What to tell people; None for what only a traceback can explain."""
    module = type(error).__module__
    if module.partition(".")[0] in _OURS:
        rule = getattr(error, "rule", None)
        return f"{error} (rule {rule})" if rule else str(error)
    if module.startswith("temporalio") and type(error).__name__ == "RPCError":
        return f"Temporal answered: {error}; is it the server that TEMPORAL_ADDRESS should name?"
    return None


def _tell(error: Exception) -> None:
    """The refusal for scripts."""
    from starter.shell.printing import machine

    details = {"rule": getattr(error, "rule", None), "fields": getattr(error, "fields", ())}
    machine({"refused": {"type": type(error).__name__, "sentence": str(error), **details}})


def main() -> None:
    """Run the command that the words ask for."""
    try:
        app(prog_name="casekeep")
    except SystemExit as end:
        if "temporalio.bridge" not in sys.modules:
            raise
        # a client's Rust threads now and then abort a program that ends (sdk-python issue 300)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else REFUSED)
