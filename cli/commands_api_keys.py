"""`key …`: what robots and services come in by."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from auth.roles import Scope
from cli.options import As, Json, Queues

if TYPE_CHECKING:
    from store.schema.auth_tables import KeyRow

_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([hdwy])")
_UNITS: Final = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}
_NEVER: Final = "never"


def add_key(
    actor: Annotated[
        str, typer.Argument(metavar="ACTOR", help="Who comes in by it: robot:ocr-1, service:erp.")
    ],
    *,
    scopes: Annotated[list[Scope], typer.Option("--scope", help="What it is for. Repeat it.")],
    queues: Queues = None,
    lasts: Annotated[
        str, typer.Option("--lasts", metavar="SPAN", help="Such as 12h, 90d, 1y; or never.")
    ] = "90d",
    by: As = None,
    json: Json = False,
) -> None:
    """Make a key for a robot or service; it is printed once, and never again."""
    from auth import api_keys
    from cli import terminal
    from cli.context import made_store, user

    whole, made = api_keys.make(
        made_store(), actor, scopes=scopes, queues=queues or (), by=by or user(), lasts=_span(lasts)
    )
    if json:
        terminal.machine({"key": whole} | _key(made))
        return
    typer.echo(whole)
    until = f"{made.ends_at:%Y-%m-%d %H:%M} UTC" if made.ends_at else "it is revoked"
    terminal.aside().print(f"Keep it now: only its digest is kept here. Good until {until}.")


def list_keys(json: Json = False) -> None:
    """List the keys: whose they are, what for, and until when."""
    from cli import terminal
    from cli.context import made_store
    from store.auth import api_keys

    found, now = api_keys.keys(made_store()), datetime.now(UTC)
    if json:
        terminal.machine({"keys": [_key(one) for one in found]})
        return
    rows = [
        (
            one.id,
            one.actor,
            ", ".join(sorted(one.scopes)),
            ", ".join(sorted(one.queues)) or "none",
            _standing(one, now),
            "never" if one.used_at is None else f"{one.used_at:%Y-%m-%d %H:%M}",
        )
        for one in found
    ]
    lines = terminal.Lines(("key", "actor", "scopes", "queues", "good until", "last used"), rows)
    terminal.people().print(lines if rows else "No keys yet: `casekeep key add ACTOR`.")


def revoke_key(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Its 8 public characters, or the whole key.")
    ],
    by: As = None,
    json: Json = False,
) -> None:
    """Have a key let nobody in any more, at once."""
    from auth import api_keys
    from cli import terminal
    from cli.context import made_store, user

    gone = api_keys.revoke(made_store(), key, by=by or user())
    if json:
        terminal.machine(_key(gone))
    else:
        terminal.people().print(f"The key {gone.id} of {gone.actor} lets nobody in any more.")


def _span(text: str) -> timedelta | None:
    if text == _NEVER:
        return None
    match = _SPAN.fullmatch(text)
    if match is None:
        raise typer.BadParameter("give such as 12h, 90d, 4w, 1y, or never", param_hint="--lasts")
    return int(match[1]) * _UNITS[match[2]]


def _key(one: "KeyRow") -> dict[str, Any]:
    return {
        "id": one.id,
        "actor": one.actor,
        "scopes": sorted(one.scopes),
        "queues": sorted(one.queues),
        "made_by": one.made_by,
        "made_at": one.made_at,
        "ends_at": one.ends_at,
        "revoked_at": one.revoked_at,
        "used_at": one.used_at,
    }


def _standing(one: "KeyRow", now: datetime) -> str:
    if one.revoked_at is not None:
        return "revoked"
    if one.ends_at is None:
        return "revoked by hand"
    return f"{one.ends_at:%Y-%m-%d %H:%M}" if one.is_good(now) else "over"
