"""`account …`: accounts of people, their roles, queues and sign-in."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auth.roles import Role
from cli.options import ActorOption, JsonOption, QueuesOption

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from store.auth.accounts import Account

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The account's name, such as amy.")
]
FromStandardInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


class PasswordMissing(Exception):
    """No password was given on standard input, and there is no terminal to ask on."""


def add(
    name: NameArgument,
    *,
    role: Annotated[Role, typer.Option("--role", help="Their permissions.")] = Role.AGENT,
    queues: QueuesOption = None,
    shown: Annotated[str, typer.Option("--name", help="The name that people see.")] = "",
    email: Annotated[
        str | None, typer.Option("--email", help="Their address at the OpenID provider.")
    ] = None,
    language: Annotated[str, typer.Option("--language", metavar="en|fr")] = "en",
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="Europe/Paris")] = "UTC",
    password: Annotated[
        bool | None,
        typer.Option(
            "--password/--no-password", help="Ask for a password; by default, on a terminal."
        ),
    ] = None,
    password_stdin: FromStandardInput = False,
    by: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Create an account; without a password it signs in by a link or an OpenID provider."""
    from auth import accounts
    from cli.context import open_upgraded_store, user_name

    is_asked = sys.stdin.isatty() if password is None else password
    new_password = (
        _read_password(name, from_stdin=password_stdin) if is_asked or password_stdin else None
    )
    account = accounts.make(
        open_upgraded_store(),
        name,
        role=role,
        by=by or user_name(),
        shown=shown,
        queues=queues or (),
        language=language,
        zone=zone,
        email=email,
        password=new_password,
    )
    _print_account(account, f"{name} is {role} here.", json=json)


def list_accounts(json: JsonOption = False) -> None:
    """List the accounts."""
    from cli import terminal
    from cli.context import open_upgraded_store
    from store.auth import accounts

    everyone = accounts.list_accounts(open_upgraded_store())
    if json:
        terminal.print_json({"accounts": [_account_json(account) for account in everyone]})
        return
    rows = [
        (
            account.id,
            account.role,
            ", ".join(sorted(account.queues)) or "none",
            ", ".join(_sign_in_methods(account)) or "a link",
            "" if account.is_open else "disabled",
        )
        for account in everyone
    ]
    table = terminal.FoldingTable(("account", "role", "queues", "signs in by", ""), rows)
    terminal.stdout_console().print(
        table if rows else "No accounts yet: `casekeep account add NAME`."
    )


def change(
    name: NameArgument,
    *,
    role: Annotated[Role | None, typer.Option("--role")] = None,
    queues: QueuesOption = None,
    no_queues: Annotated[bool, typer.Option("--no-queues", help="Remove all queues.")] = False,
    shown: Annotated[str | None, typer.Option("--name", help="The name that people see.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="Empty removes it.")] = None,
    language: Annotated[str | None, typer.Option("--language", metavar="en|fr")] = None,
    zone: Annotated[str | None, typer.Option("--zone", metavar="ZONE")] = None,
    by: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Change an account; options left out change nothing, and --queue replaces all queues."""
    from auth import accounts
    from cli.context import open_upgraded_store, user_name

    account = accounts.change(
        open_upgraded_store(),
        name,
        by=by or user_name(),
        role=role,
        shown=shown,
        queues=() if no_queues else queues or None,
        language=language,
        zone=zone,
        email=email,
    )
    _print_account(account, f"{name} is changed.", json=json)


def password(
    name: NameArgument,
    password_stdin: FromStandardInput = False,
    by: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Set an account's password, and end its sessions."""
    from auth import accounts
    from cli.context import open_upgraded_store, user_name

    store = open_upgraded_store()
    accounts.set_password(
        store, name, _read_password(name, from_stdin=password_stdin), by=by or user_name()
    )
    _print_account(_existing_account(store, name), f"{name} has a new password.", json=json)


def link(name: NameArgument, by: ActorOption = None, json: JsonOption = False) -> None:
    """Print a link that signs in once, within 15 minutes."""
    from auth import accounts
    from cli import terminal
    from cli.context import open_upgraded_store, user_name
    from starter.settings import read_settings

    path = accounts.make_link(open_upgraded_store(), name, by=by or user_name())
    url = f"{_base_url(read_settings().http_listen)}{path}"
    if json:
        terminal.print_json({"account": name, "url": url})
    else:
        typer.echo(url)


def disable(
    name: NameArgument,
    undo: Annotated[bool, typer.Option("--undo", help="Enable it again.")] = False,
    by: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Disable an account, and end its sessions at once."""
    from auth import accounts
    from cli.context import open_upgraded_store, user_name

    store = open_upgraded_store()
    accounts.disable(store, name, by=by or user_name(), disabled=not undo)
    sentence = f"{name} may sign in again." if undo else f"{name} is disabled, and signed out."
    _print_account(_existing_account(store, name), sentence, json=json)


def _read_password(name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise PasswordMissing(
            f"no password for {name}: there is no terminal to ask on; use --password-stdin"
        )
    password: str = typer.prompt(
        f"New password of {name}", hide_input=True, confirmation_prompt=True, err=True
    )
    return password


def _base_url(listen: str) -> str:
    host, _, port = listen.rpartition(":")
    shown = {"0.0.0.0": "localhost", "[::]": "localhost"}.get(host, host)  # noqa: S104 - compared
    return f"http://{shown}:{port}"


def _existing_account(store: "Engine", name: str) -> "Account":
    from store.auth.accounts import UnknownAccount, find_account

    account = find_account(store, name)
    if account is None:
        raise UnknownAccount(f"account {name}: there is none")
    return account


def _sign_in_methods(account: "Account") -> list[str]:
    methods = (("a password", account.password), ("a provider", account.subject or account.email))
    return [method for method, is_set in methods if is_set]


def _account_json(account: "Account") -> dict[str, Any]:
    return {
        "account": account.id,
        "name": account.name,
        "role": account.role,
        "queues": sorted(account.queues),
        "language": account.language,
        "zone": account.zone,
        "email": account.email,
        "subject": account.subject,
        "has_password": account.password is not None,
        "made_at": account.made_at,
        "disabled_at": account.disabled_at,
    }


def _print_account(account: "Account", sentence: str, *, json: bool) -> None:
    from cli import terminal

    if json:
        terminal.print_json(_account_json(account))
    else:
        terminal.stdout_console().print(sentence)
