"""`account …`: who may come in, and by what."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auth.roles import Role
from cli.options import As, Json, Queues

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from store.auth.accounts import Account

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name, such as amy.")]
FromStandardInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


class NoPassword(Exception):
    """There is nobody to ask for a password, and it was not given on standard input."""


def add(
    name: Name,
    *,
    role: Annotated[Role, typer.Option("--role", help="What they may do.")] = Role.AGENT,
    queues: Queues = None,
    shown: Annotated[str, typer.Option("--name", help="What people read.")] = "",
    email: Annotated[
        str | None, typer.Option("--email", help="By which an OpenID provider knows them.")
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
    by: As = None,
    json: Json = False,
) -> None:
    """Make an account; without a password they sign in by a link or a provider."""
    from auth import accounts
    from cli.context import made_store, user

    is_asked = sys.stdin.isatty() if password is None else password
    given = _password(name, is_stdin=password_stdin) if is_asked or password_stdin else None
    made = accounts.make(
        made_store(),
        name,
        role=role,
        by=by or user(),
        shown=shown,
        queues=queues or (),
        language=language,
        zone=zone,
        email=email,
        password=given,
    )
    _tell(made, f"{name} is {role} here.", json=json)


def show_all(json: Json = False) -> None:
    """List the accounts."""
    from cli import terminal
    from cli.context import made_store
    from store.auth import accounts

    found = accounts.accounts(made_store())
    if json:
        terminal.machine({"accounts": [_account(one) for one in found]})
        return
    rows = [
        (
            one.id,
            one.role,
            ", ".join(sorted(one.queues)) or "none",
            ", ".join(_ways(one)) or "a link",
            "" if one.is_open else "disabled",
        )
        for one in found
    ]
    lines = terminal.Lines(("account", "role", "queues", "signs in by", ""), rows)
    terminal.people().print(lines if rows else "No accounts yet: `casekeep account add NAME`.")


def change(
    name: Name,
    *,
    role: Annotated[Role | None, typer.Option("--role")] = None,
    queues: Queues = None,
    no_queues: Annotated[bool, typer.Option("--no-queues", help="Of no queue any more.")] = False,
    shown: Annotated[str | None, typer.Option("--name", help="What people read.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="Empty: none any more.")] = None,
    language: Annotated[str | None, typer.Option("--language", metavar="en|fr")] = None,
    zone: Annotated[str | None, typer.Option("--zone", metavar="ZONE")] = None,
    by: As = None,
    json: Json = False,
) -> None:
    """Change what is given of an account; queues given replace those it had."""
    from auth import accounts
    from cli.context import made_store, user

    changed = accounts.change(
        made_store(),
        name,
        by=by or user(),
        role=role,
        shown=shown,
        queues=() if no_queues else queues or None,
        language=language,
        zone=zone,
        email=email,
    )
    _tell(changed, f"{name} is changed.", json=json)


def password(
    name: Name, password_stdin: FromStandardInput = False, by: As = None, json: Json = False
) -> None:
    """Give an account another password; whoever is signed in by it is signed out."""
    from auth import accounts
    from cli.context import made_store, user

    store = made_store()
    accounts.set_password(store, name, _password(name, is_stdin=password_stdin), by=by or user())
    _tell(_there(store, name), f"{name} has a new password.", json=json)


def link(name: Name, by: As = None, json: Json = False) -> None:
    """Print a link that signs in once, within 15 minutes."""
    from auth import accounts
    from cli import terminal
    from cli.context import made_store, user
    from starter.settings import read_settings

    path = accounts.make_link(made_store(), name, by=by or user())
    url = f"{_base(read_settings().http_listen)}{path}"
    if json:
        terminal.machine({"account": name, "url": url})
    else:
        typer.echo(url)


def disable(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False,
    by: As = None,
    json: Json = False,
) -> None:
    """Let nobody in by an account any more, and sign them out at once."""
    from auth import accounts
    from cli.context import made_store, user

    store = made_store()
    accounts.disable(store, name, by=by or user(), disabled=not undo)
    told = f"{name} may sign in again." if undo else f"{name} is disabled, and signed out."
    _tell(_there(store, name), told, json=json)


def _password(name: str, *, is_stdin: bool) -> str:
    if is_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise NoPassword(f"no password for {name}: nobody is there to ask; give --password-stdin")
    given: str = typer.prompt(
        f"New password of {name}", hide_input=True, confirmation_prompt=True, err=True
    )
    return given


def _base(listen: str) -> str:
    host, _, port = listen.rpartition(":")
    shown = {"0.0.0.0": "localhost", "[::]": "localhost"}.get(host, host)  # noqa: S104 - compared
    return f"http://{shown}:{port}"


def _there(store: "Engine", name: str) -> "Account":
    from store.auth.accounts import UnknownAccount, account_of

    found = account_of(store, name)
    if found is None:
        raise UnknownAccount(f"account {name}: there is none")
    return found


def _ways(one: "Account") -> list[str]:
    return [
        way
        for way, has in (("a password", one.password), ("a provider", one.subject or one.email))
        if has
    ]


def _account(one: "Account") -> dict[str, Any]:
    return {
        "account": one.id,
        "name": one.name,
        "role": one.role,
        "queues": sorted(one.queues),
        "language": one.language,
        "zone": one.zone,
        "email": one.email,
        "subject": one.subject,
        "has_password": one.password is not None,
        "made_at": one.made_at,
        "disabled_at": one.disabled_at,
    }


def _tell(one: "Account", sentence: str, *, json: bool) -> None:
    from cli import terminal

    if json:
        terminal.machine(_account(one))
    else:
        terminal.people().print(sentence)
