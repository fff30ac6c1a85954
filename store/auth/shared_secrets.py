"""What only this desk knows, and every process of it alike (M4)."""

import secrets
from typing import Final

from sqlalchemy import Engine, select

from store.engine import INSERTS, writing
from store.schema.tables import secret

MAIL: Final = "mail"
"""What our Message-IDs are signed with."""


def secret_named(engine: Engine, name: str) -> bytes:
    """The desk's secret of this name; the first to ask makes it."""
    insert = INSERTS[engine.dialect.name](secret)
    made = insert.values(name=name, value=secrets.token_hex(32)).on_conflict_do_nothing()
    with writing(engine) as connection:
        connection.execute(made)
        value: str = connection.execute(
            select(secret.c.value).where(secret.c.name == name)
        ).scalar_one()
    return bytes.fromhex(value)
