"""API keys of robots and services."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine
from sqlmodel import col, select, update

from store.engine import read_session, write_session
from store.errors import StoreError
from store.items.paging import storable_text
from store.schema.auth_tables import ApiKeyRow

LAST_USE_PRECISION: Final = timedelta(minutes=5)
"""Precision of a key's last use: requests write it no more often."""


class UnknownApiKey(StoreError):
    """No API key has this id."""


def add_key(engine: Engine, key: ApiKeyRow) -> None:
    """Add a new key."""
    with write_session(engine) as session:
        session.add(key)


def find_key(engine: Engine, key_id: str) -> ApiKeyRow | None:
    """Return the key of this id, valid or not."""
    with read_session(engine) as session:
        return session.get(ApiKeyRow, storable_text(key_id))


def list_keys(engine: Engine) -> list[ApiKeyRow]:
    """Return all keys, by actor, oldest first."""
    with read_session(engine) as session:
        wanted = select(ApiKeyRow).order_by(ApiKeyRow.actor, col(ApiKeyRow.made_at), ApiKeyRow.id)
        return list(session.exec(wanted))


def revoke_key(engine: Engine, key_id: str) -> ApiKeyRow:
    """Revoke a key; a second call changes nothing. Raises UnknownApiKey."""
    with write_session(engine) as session:
        key = session.get(ApiKeyRow, storable_text(key_id), with_for_update=True)
        if key is None:
            raise UnknownApiKey(f"key {key_id}: there is none; `casekeep key list` shows them")
        if key.revoked_at is None:
            key.revoked_at = datetime.now(UTC)
    return key


def record_use(engine: Engine, key: ApiKeyRow, at: datetime) -> None:
    """Record that a key was used, unless a recent use is recorded."""
    if key.used_at is None or key.used_at <= at - LAST_USE_PRECISION:
        with write_session(engine) as session:
            session.exec(update(ApiKeyRow).where(col(ApiKeyRow.id) == key.id).values(used_at=at))
