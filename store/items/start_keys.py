"""Idempotency keys of starts: each key starts one item."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from store.engine import INSERTS, write_session
from store.errors import StoreFault
from store.schema.webhook_tables import StartKeyRow, start_key


class OtherStart(StoreFault):
    """The idempotency key was used for another start."""


def remember_start(engine: Engine, digest: str, *, body: str, reference: str) -> str:
    """Return the reference of this key's start; the first call sets it.

    Raises:
        OtherStart: the key was used with another body.
    """
    first = INSERTS[engine.dialect.name](start_key).values(
        digest=digest, body=body, reference=reference, at=datetime.now(UTC)
    )
    with write_session(engine) as session:
        session.exec(first.on_conflict_do_nothing())
        known = session.get_one(StartKeyRow, digest)
    if known.body != body:
        raise OtherStart("Idempotency-Key was used for another start: send another key")
    return known.reference
