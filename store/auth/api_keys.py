"""Keys that robots and services come in by."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Engine, select, update

from store.engine import reading, writing
from store.errors import StoreFault
from store.items.paging import plain
from store.schema.auth_tables import key

USED_WITHIN: Final = timedelta(minutes=5)
"""How coarsely it is known when a key was used last: a request writes no more often."""


class UnknownKey(StoreFault):
    """There is no key of this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key, without what would let anybody in."""

    id: str
    digest: str
    actor: str
    scopes: frozenset[str]
    queues: frozenset[str]
    made_by: str
    made_at: datetime
    ends_at: datetime | None
    revoked_at: datetime | None = None
    used_at: datetime | None = None

    def is_good(self, at: datetime) -> bool:
        """Whether it lets in."""
        return self.revoked_at is None and (self.ends_at is None or at < self.ends_at)


def add(engine: Engine, new: Key) -> None:
    """Keep a new key."""
    row = {column.name: getattr(new, column.name) for column in key.columns}
    row |= {"scopes": sorted(new.scopes), "queues": sorted(new.queues)}
    with writing(engine) as connection:
        connection.execute(key.insert(), row)


def key_of(engine: Engine, id: str) -> Key | None:  # noqa: A002 - the column's name
    """The key of this id, good or not."""
    found = _found(engine, key.c.id == plain(id))
    return found[0] if found else None


def keys(engine: Engine) -> list[Key]:
    """All of them, by actor, oldest first."""
    return _found(engine, None)


def revoke(engine: Engine, id: str) -> Key:  # noqa: A002 - as above
    """Have a key let nobody in any more; raises UnknownKey. Twice changes nothing."""
    with writing(engine) as connection:
        connection.execute(
            update(key)
            .where(key.c.id == plain(id), key.c.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
        )
    found = key_of(engine, id)
    if found is None:
        raise UnknownKey(f"key {id}: there is none; `casekeep key list` shows them")
    return found


def note_use(engine: Engine, used: Key, at: datetime) -> None:
    """Note that a key was used, if that is not known closely enough."""
    if used.used_at is None or used.used_at <= at - USED_WITHIN:
        with writing(engine) as connection:
            connection.execute(update(key).where(key.c.id == used.id).values(used_at=at))


def _found(engine: Engine, where: ColumnElement[bool] | None) -> list[Key]:
    wanted = select(key).order_by(key.c.actor, key.c.made_at, key.c.id)
    with reading(engine) as connection:
        rows = connection.execute(wanted if where is None else wanted.where(where)).all()
    return [
        Key(
            **dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
            | {"scopes": frozenset(row.scopes), "queues": frozenset(row.queues)}
        )
        for row in rows
    ]
