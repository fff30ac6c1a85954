"""API keys of robots and services: `ck_<8 public characters>_<random>`."""

import re
import secrets
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Engine

from auth.callers import Scope
from domain.base.values import SYSTEM, Actor, Name, is_person
from store.auth import api_keys
from store.auth.audit import add_entry
from store.auth.sessions import digest_of
from store.schema.auth_tables import ApiKeyRow, AuditKind, AuditRow

_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_PUBLIC_LENGTH: Final = 8
_FORM: Final = re.compile(r"ck_([a-z0-9]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
_ACTOR: Final = TypeAdapter[str](Actor)
_QUEUES: Final = TypeAdapter[frozenset[str]](frozenset[Name])


class InvalidKey(Exception):
    """A key cannot be made as requested."""


def make(
    engine: Engine,
    actor: str,
    *,
    scopes: Collection[Scope],
    queues: Collection[str],
    by: str,
    lasts: timedelta | None,
) -> tuple[str, ApiKeyRow]:
    """Make a key; only the returned text has it, the store has its digest. Raises InvalidKey."""
    if is_person(actor) or actor == SYSTEM:
        raise InvalidKey(
            f"key for {actor}: keys are for robots and services: robot:NAME, service:NAME"
        )
    if not scopes:
        raise InvalidKey(
            f"key for {actor}: names no scope: give at least one of {', '.join(Scope)}"
        )
    if lasts is not None and lasts <= timedelta(0):
        raise InvalidKey(f"key for {actor}: would be over already: give a time ahead")
    try:
        _ACTOR.validate_python(actor)
        _QUEUES.validate_python(frozenset(queues))
    except ValueError as error:
        raise InvalidKey(f"key for {actor}: {error}") from None
    public = "".join(secrets.choice(_LETTERS) for _ in range(_PUBLIC_LENGTH))
    text = f"ck_{public}_{secrets.token_urlsafe(32)}"
    now = datetime.now(UTC)
    key = ApiKeyRow(
        id=public,
        digest=digest_of(text),
        actor=actor,
        scopes=sorted({scope.value for scope in scopes}),
        queues=sorted(set(queues)),
        made_by=by,
        made_at=now,
        ends_at=None if lasts is None else now + lasts,
    )
    api_keys.add_key(engine, key)
    reason = f"for {', '.join(key.scopes)}"
    _note(engine, "add", by=by, about=f"{actor} {public}", reason=reason)
    return text, key


def revoke(engine: Engine, key: str, *, by: str) -> ApiKeyRow:
    """Revoke a key, named by its public part or in full; raises UnknownApiKey."""
    revoked = api_keys.revoke_key(engine, public_part(key) or key)
    _note(engine, "revoke", by=by, about=f"{revoked.actor} {revoked.id}")
    return revoked


def public_part(key: str) -> str | None:
    """Return the public part of a full key; None for any other text."""
    match = _FORM.fullmatch(key)
    return match[1] if match else None


def _note(engine: Engine, what: str, *, by: str, about: str, reason: str | None = None) -> None:
    add_entry(engine, AuditRow(by=by, kind=AuditKind.KEY, what=what, about=about, reason=reason))
