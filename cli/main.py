"""The `casekeep` command: its parts, and what it says when something is refused."""

import os
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from cli import (
    commands_accounts,
    commands_api_keys,
    commands_catalog,
    commands_desk,
    commands_items,
    commands_lists,
    commands_mail,
    commands_robots,
    commands_simulation,
)
from cli.options import wants_json

REFUSED: Final = 1
WRONG_USE: Final = 2
_ORDER: Final = ("up", "demo", "new", "do", "show", "timeline")
_OURS: Final = frozenset(
    {
        *("auth", "catalog", "cli", "devstack", "domain", "drawing", "mail", "mailroom"),
        *("reconciliation", "robots", "simulation", "starter", "store", "web"),
    }
)
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
mail = typer.Typer(no_args_is_help=True, help="Mails that came in.")
catalog = typer.Typer(no_args_is_help=True, help="What the desk defined beforehand.")
account = typer.Typer(no_args_is_help=True, help="People, and what they may do.")
key = typer.Typer(no_args_is_help=True, help="Keys that robots and services come in by.")

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
            ("next", commands_robots.next_item),
            ("search", commands_lists.search),
        ),
    ),
    ("Robots", (("robot", commands_robots.robot),)),
    (
        "Checks",
        (
            ("contract", commands_desk.contract),
            ("fsck", commands_desk.fsck),
            ("simulate", commands_simulation.simulate),
        ),
    ),
):
    for _name, _command in _commands:
        app.command(_name, rich_help_panel=_panel)(_command)
app.add_typer(new, name="new", rich_help_panel="One item")
app.add_typer(mail, name="mail", rich_help_panel="Checks")
app.add_typer(catalog, name="catalog", rich_help_panel="Checks")
app.add_typer(account, name="account", rich_help_panel="Who may do what")
app.add_typer(key, name="key", rich_help_panel="Who may do what")
account.command("add")(commands_accounts.add)
account.command("list")(commands_accounts.show_all)
account.command("set")(commands_accounts.change)
account.command("password")(commands_accounts.password)
account.command("link")(commands_accounts.link)
account.command("disable")(commands_accounts.disable)
key.command("add")(commands_api_keys.add_key)
key.command("list")(commands_api_keys.list_keys)
key.command("revoke")(commands_api_keys.revoke_key)
mail.command("show")(commands_mail.show)
mail.command("dead")(commands_mail.dead)
mail.command("replay")(commands_mail.replay)
new.command("ticket")(commands_items.new_ticket)
new.command("case")(commands_items.new_case)
catalog.command("check")(commands_desk.check_catalog)
catalog.command("apply")(commands_catalog.apply)
catalog.command("draw")(commands_catalog.draw)
catalog.command("schema")(commands_catalog.schema)


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
    from cli.terminal import machine

    details = {"rule": getattr(error, "rule", None), "fields": getattr(error, "fields", ())}
    type_ = getattr(error, "type", type(error).__name__)
    machine({"refused": {"type": type_, "sentence": str(error), **details}})


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
