"""Idempotency keys of starts: each key starts one item."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from store.engine import INSERTS, write_session
from store.errors import StoreError
from store.schema.webhook_tables import StartKeyRow, start_key


class StartKeyReused(StoreError):
    """The idempotency key was used for another start."""


def remember_start(engine: Engine, digest: str, *, body: str, reference: str) -> str:
    """Return the reference of this key's start; the first call sets it.

    Raises:
        OtherStart: the key was used with another body.
    """
    insert = INSERTS[engine.dialect.name](start_key).values(
        digest=digest, body=body, reference=reference, at=datetime.now(UTC)
    )
    with write_session(engine) as session:
        session.exec(insert.on_conflict_do_nothing())
        stored = session.get_one(StartKeyRow, digest)
    if stored.body != body:
        raise StartKeyReused("Idempotency-Key was used for another start: send another key")
    return stored.reference
