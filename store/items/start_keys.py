"""Starts that were asked for under an idempotency key: each makes one item."""

from datetime import UTC, datetime

from sqlalchemy import (
    Engine,
    select,
)

from store.engine import INSERTS, writing
from store.errors import StoreFault
from store.schema.webhook_tables import start_key


class OtherStart(StoreFault):
    """The idempotency key was used for another start."""


def remember_start(engine: Engine, digest: str, *, body: str, reference: str) -> str:
    """The reference that a start under this key has; raises OtherStart if its body was another."""
    insert = INSERTS[engine.dialect.name]
    row = {"digest": digest, "body": body, "reference": reference, "at": datetime.now(UTC)}
    with writing(engine) as connection:
        connection.execute(insert(start_key).on_conflict_do_nothing(), row)
        found = connection.execute(select(start_key).where(start_key.c.digest == digest)).one()
    if found.body != body:
        raise OtherStart("Idempotency-Key was used for another start: send another key")
    known: str = found.reference
    return known
