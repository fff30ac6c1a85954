"""API keys of robots and services."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine
from sqlmodel import col, select, update

from store.engine import read_session, write_session
from store.errors import StoreFault
from store.items.paging import plain
from store.schema.auth_tables import KeyRow

USED_WITHIN: Final = timedelta(minutes=5)
"""Precision of a key's last use: a request writes it no more often."""


class UnknownKey(StoreFault):
    """There is no key of this id."""


def add(engine: Engine, key: KeyRow) -> None:
    """Add a new key."""
    with write_session(engine) as session:
        session.add(key)


def key_of(engine: Engine, key_id: str) -> KeyRow | None:
    """Return the key of this id, good or not."""
    with read_session(engine) as session:
        return session.get(KeyRow, plain(key_id))


def keys(engine: Engine) -> list[KeyRow]:
    """Return all keys, by actor, oldest first."""
    with read_session(engine) as session:
        wanted = select(KeyRow).order_by(KeyRow.actor, col(KeyRow.made_at), KeyRow.id)
        return list(session.exec(wanted))


def revoke(engine: Engine, key_id: str) -> KeyRow:
    """Revoke a key; again changes nothing. Raises UnknownKey."""
    with write_session(engine) as session:
        key = session.get(KeyRow, plain(key_id), with_for_update=True)
        if key is None:
            raise UnknownKey(f"key {key_id}: there is none; `casekeep key list` shows them")
        if key.revoked_at is None:
            key.revoked_at = datetime.now(UTC)
    return key


def note_use(engine: Engine, key: KeyRow, at: datetime) -> None:
    """Note that a key was used, unless a use shortly before is noted."""
    if key.used_at is None or key.used_at <= at - USED_WITHIN:
        with write_session(engine) as session:
            session.exec(update(KeyRow).where(col(KeyRow.id) == key.id).values(used_at=at))
