"""Secrets that all processes of an installation share (M4)."""

import secrets
from typing import Final

from sqlalchemy import Engine

from store.engine import INSERTS, write_session
from store.schema.tables import SecretRow, secret

MESSAGE_ID_KEY: Final = "mail"
"""Name of the secret that signs Message-IDs."""


def get_secret(engine: Engine, name: str) -> bytes:
    """Return the secret of this name; the first call makes it."""
    insert = INSERTS[engine.dialect.name](secret)
    made = insert.values(name=name, value=secrets.token_hex(32)).on_conflict_do_nothing()
    with write_session(engine) as session:
        session.exec(made)
        return bytes.fromhex(session.get_one(SecretRow, name).value)
