"""The command `casekeep`: its subcommands, refusals as sentences, and exit codes."""

import os
import sys
from typing import Annotated, Any, Final

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
from cli.exit_codes import REFUSED, WRONG_USE
from cli.options import wants_json

_FIRST_COMMANDS: Final = ("up", "demo", "new", "do", "show", "timeline")
_OWN_PACKAGES: Final = frozenset(
    {
        *("auth", "catalog", "cli", "devstack", "domain", "drawing", "mail", "mailroom"),
        *("reconciliation", "robots", "simulation", "starter", "store", "web"),
    }
)
_USAGE_ERRORS: Final = ("InvalidArgument", "WrongEnvironment", "InvalidCursor")
"""Names of exception classes that end with WRONG_USE; importing them would slow `--help` down."""


class CommandGroup(TyperGroup):
    """Command group that turns Casekeep's own exceptions into one sentence and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - as below
        """Return the command names in the order of the help, what a newcomer needs first."""
        names: list[str] = super().list_commands(ctx)
        first = [name for name in _FIRST_COMMANDS if name in names]
        return first + [name for name in names if name not in first]

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own click is not typed for outsiders
        """Run a command; print the sentence of an exception that Casekeep or Temporal raises."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = _error_sentence(error)
            if sentence is None:
                raise
            typer.echo(sentence, err=True)
            if type(error).__name__ in _USAGE_ERRORS:
                raise typer.Exit(WRONG_USE) from None
            if wants_json(ctx):
                _print_refusal(error)
            raise typer.Exit(REFUSED) from None


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tickets, Cases and Actions kept as durable Temporal workflows.",
    epilog="Connects to the server of TEMPORAL_ADDRESS or Temporal's own configuration. "
    "Exit codes: 0 done, 1 refused, 2 wrong use.",
)
new_app = typer.Typer(no_args_is_help=True, help="Start a Ticket or a Case.")
mail_app = typer.Typer(no_args_is_help=True, help="Show, retry and import received mails.")
catalog_app = typer.Typer(no_args_is_help=True, help="Check, apply and draw the catalog.")
account_app = typer.Typer(no_args_is_help=True, help="Manage accounts of people.")
key_app = typer.Typer(no_args_is_help=True, help="Manage API keys of robots and services.")

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
app.add_typer(new_app, name="new", rich_help_panel="One item")
app.add_typer(mail_app, name="mail", rich_help_panel="Checks")
app.add_typer(catalog_app, name="catalog", rich_help_panel="Checks")
app.add_typer(account_app, name="account", rich_help_panel="Accounts and keys")
app.add_typer(key_app, name="key", rich_help_panel="Accounts and keys")
account_app.command("add")(commands_accounts.add)
account_app.command("list")(commands_accounts.list_accounts)
account_app.command("set")(commands_accounts.change)
account_app.command("password")(commands_accounts.password)
account_app.command("link")(commands_accounts.link)
account_app.command("disable")(commands_accounts.disable)
key_app.command("add")(commands_api_keys.add_key)
key_app.command("list")(commands_api_keys.list_keys)
key_app.command("revoke")(commands_api_keys.revoke_key)
mail_app.command("show")(commands_mail.show)
mail_app.command("dead")(commands_mail.dead)
mail_app.command("replay")(commands_mail.replay)
new_app.command("ticket")(commands_items.new_ticket)
new_app.command("case")(commands_items.new_case)
catalog_app.command("check")(commands_desk.check_catalog)
catalog_app.command("apply")(commands_catalog.apply)
catalog_app.command("draw")(commands_catalog.draw)
catalog_app.command("schema")(commands_catalog.schema)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from starter.version import casekeep_version

        typer.echo(f"casekeep {casekeep_version()}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    del version  # its callback has printed it


def _error_sentence(error: Exception) -> str | None:
    """Return the sentence to print; None if the error needs its traceback."""
    module = type(error).__module__
    if module.partition(".")[0] in _OWN_PACKAGES:
        rule = getattr(error, "rule", None)
        return f"{error} (rule {rule})" if rule else str(error)
    if module.startswith("temporalio") and type(error).__name__ == "RPCError":
        return f"Temporal answered: {error}; is it the server that TEMPORAL_ADDRESS should name?"
    return None


def _print_refusal(error: Exception) -> None:
    """Print the refusal as JSON."""
    from cli.terminal import print_json

    details = {"rule": getattr(error, "rule", None), "fields": getattr(error, "fields", ())}
    type_ = getattr(error, "type", type(error).__name__)
    print_json({"refused": {"type": type_, "sentence": str(error), **details}})


def main() -> None:
    """Run the command line; exit with its code."""
    try:
        app(prog_name="casekeep")
    except SystemExit as end:
        if "temporalio.bridge" not in sys.modules:
            raise
        # the client's Rust threads sometimes abort a process that exits (sdk-python issue 300)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else REFUSED)
