"""`key …`: API keys of robots and services."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from auth.roles import Scope
from cli.options import ActorOption, JsonOption, QueuesOption

if TYPE_CHECKING:
    from store.schema.auth_tables import ApiKeyRow

_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})([hdwy])")
_UNITS: Final = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}
_NEVER: Final = "never"


def add_key(
    actor: Annotated[
        str, typer.Argument(metavar="ACTOR", help="The robot or service: robot:ocr-1, service:erp.")
    ],
    *,
    scopes: Annotated[list[Scope], typer.Option("--scope", help="A permission. Repeatable.")],
    queues: QueuesOption = None,
    lasts: Annotated[
        str, typer.Option("--lasts", metavar="SPAN", help="Such as 12h, 90d, 1y; or never.")
    ] = "90d",
    by: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Create a key for a robot or service; it is printed only once."""
    from auth import api_keys
    from cli import terminal
    from cli.context import open_upgraded_store, user_name

    key, stored = api_keys.make(
        open_upgraded_store(),
        actor,
        scopes=scopes,
        queues=queues or (),
        by=by or user_name(),
        lasts=_parse_duration(lasts),
    )
    if json:
        terminal.print_json({"key": key} | _key_json(stored))
        return
    typer.echo(key)
    until = f"{stored.ends_at:%Y-%m-%d %H:%M} UTC" if stored.ends_at else "it is revoked"
    terminal.stderr_console().print(f"Save it now: only its digest is stored. Valid until {until}.")


def list_keys(json: JsonOption = False) -> None:
    """List the keys with their actors, scopes, queues and ends."""
    from cli import terminal
    from cli.context import open_upgraded_store
    from store.auth import api_keys

    keys, now = api_keys.list_keys(open_upgraded_store()), datetime.now(UTC)
    if json:
        terminal.print_json({"keys": [_key_json(key) for key in keys]})
        return
    rows = [
        (
            key.id,
            key.actor,
            ", ".join(sorted(key.scopes)),
            ", ".join(sorted(key.queues)) or "none",
            _validity_text(key, now),
            "never" if key.used_at is None else f"{key.used_at:%Y-%m-%d %H:%M}",
        )
        for key in keys
    ]
    table = terminal.FoldingTable(
        ("key", "actor", "scopes", "queues", "valid until", "last used"), rows
    )
    terminal.stdout_console().print(table if rows else "No keys yet: `casekeep key add ACTOR`.")


def revoke_key(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Its 8 public characters, or the whole key.")
    ],
    by: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Revoke a key at once."""
    from auth import api_keys
    from cli import terminal
    from cli.context import open_upgraded_store, user_name

    revoked = api_keys.revoke(open_upgraded_store(), key, by=by or user_name())
    if json:
        terminal.print_json(_key_json(revoked))
    else:
        terminal.stdout_console().print(f"The key {revoked.id} of {revoked.actor} is revoked.")


def _parse_duration(text: str) -> timedelta | None:
    if text == _NEVER:
        return None
    match = _DURATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter("write 12h, 90d, 4w, 1y or never", param_hint="--lasts")
    return int(match[1]) * _UNITS[match[2]]


def _key_json(key: "ApiKeyRow") -> dict[str, Any]:
    return {
        "id": key.id,
        "actor": key.actor,
        "scopes": sorted(key.scopes),
        "queues": sorted(key.queues),
        "made_by": key.made_by,
        "made_at": key.made_at,
        "ends_at": key.ends_at,
        "revoked_at": key.revoked_at,
        "used_at": key.used_at,
    }


def _validity_text(key: "ApiKeyRow", now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.ends_at is None:
        return "revoked by hand"
    return f"{key.ends_at:%Y-%m-%d %H:%M}" if key.is_valid(now) else "over"
