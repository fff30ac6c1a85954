"""Keys of robots and services: `ck_<8 public characters>_<random>`."""

import hmac
import re
import secrets
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Engine

from auth.callers import Caller, Scope
from domain.base.values import SYSTEM, Actor, Name, is_person
from store.auth import api_keys
from store.auth.api_keys import Key
from store.auth.audit import Deed, note
from store.auth.sessions import digest_of
from store.schema.auth_tables import Audited

_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_PUBLIC: Final = 8
_FORM: Final = re.compile(r"ck_([a-z0-9]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
_ACTOR: Final = TypeAdapter[str](Actor)
_QUEUES: Final = TypeAdapter[frozenset[str]](frozenset[Name])


class WrongKey(Exception):
    """A key was asked for that could not be one."""


def make(
    engine: Engine,
    actor: str,
    *,
    scopes: Collection[Scope],
    queues: Collection[str],
    by: str,
    lasts: timedelta | None,
) -> tuple[str, Key]:
    """Make a key; it is told here, and never again. Raises WrongKey."""
    if is_person(actor) or actor == SYSTEM:
        raise WrongKey(
            f"key for {actor}: keys are for robots and services: robot:NAME, service:NAME"
        )
    if not scopes:
        raise WrongKey(f"key for {actor}: names no scope: give at least one of {', '.join(Scope)}")
    if lasts is not None and lasts <= timedelta(0):
        raise WrongKey(f"key for {actor}: would be over already: give a time ahead")
    try:
        _ACTOR.validate_python(actor)
        _QUEUES.validate_python(frozenset(queues))
    except ValueError as problem:
        raise WrongKey(f"key for {actor}: {problem}") from None
    public = "".join(secrets.choice(_LETTERS) for _ in range(_PUBLIC))
    whole = f"ck_{public}_{secrets.token_urlsafe(32)}"
    now = datetime.now(UTC)
    new = Key(
        id=public,
        digest=digest_of(whole),
        actor=actor,
        scopes=frozenset(scope.value for scope in scopes),
        queues=frozenset(queues),
        made_by=by,
        made_at=now,
        ends_at=None if lasts is None else now + lasts,
    )
    api_keys.add(engine, new)
    told = f"for {', '.join(sorted(new.scopes))}"
    _note(engine, "add", by=by, about=f"{actor} {public}", reason=told)
    return whole, new


def revoke(engine: Engine, given: str, *, by: str) -> Key:
    """Have a key let nobody in any more, by its public part or whole; raises UnknownKey."""
    form = _FORM.fullmatch(given)
    gone = api_keys.revoke(engine, form[1] if form else given)
    _note(engine, "revoke", by=by, about=f"{gone.actor} {gone.id}")
    return gone


def _note(engine: Engine, what: str, *, by: str, about: str, reason: str | None = None) -> None:
    deed = Deed(by=by, kind=Audited.KEY, what=what, about=about, reason=reason)
    note(engine, deed)


def caller(engine: Engine, given: str) -> Caller | None:
    """Whose key it is; None if it is none, or revoked or expired."""
    form = _FORM.fullmatch(given)
    found = api_keys.key_of(engine, form[1]) if form else None
    now = datetime.now(UTC)
    if (
        found is None
        or not hmac.compare_digest(found.digest, digest_of(given))
        or not found.is_good(now)
    ):
        return None
    api_keys.note_use(engine, found, now)
    return Caller(
        actor=found.actor,
        scopes=frozenset(Scope(scope) for scope in found.scopes),
        queues=found.queues,
        credential=f"key {found.id}",
    )
