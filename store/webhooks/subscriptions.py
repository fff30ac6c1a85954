"""Webhooks: who wants to be told of changes, where, and whether they still are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Engine,
    Row,
    delete,
    select,
    update,
)

from domain.base.values import Kind, Status
from store.auth.api_keys import key_of
from store.engine import reading, writing
from store.errors import StoreFault
from store.items.paging import plain
from store.schema.auth_tables import account
from store.schema.webhook_tables import QUEUED, DeliveryStatus, hook, hook_delivery

EVERY: Final = "*"


class UnknownHook(StoreFault):
    """There is no hook of this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Who wants to be told of changes, where, and of which."""

    id: str
    url: str
    secret: str
    kinds: tuple[Kind, ...]
    """None: all."""
    queues: tuple[str, ...]
    """`*` stands for all."""
    statuses: tuple[Status, ...]
    """Of the item after the change; none: all."""
    made_by: str
    made_at: datetime
    key: str | None = None
    """The id of the key that its maker came by; None: a person made it."""
    off_at: datetime | None = None
    off_because: str | None = None
    failing_since: datetime | None = None

    def wants(self, kind: str, queue: str, status: str) -> bool:
        """Whether a change of such an item is told."""
        return (
            (not self.kinds or kind in self.kinds)
            and (EVERY in self.queues or queue in self.queues)
            and (not self.statuses or status in self.statuses)
        )


def add(engine: Engine, new: Hook) -> None:
    """Keep a new hook; it is told what changes from now on."""
    row = {column.name: getattr(new, column.name) for column in hook.columns}
    row |= {name: [str(one) for one in row[name]] for name in ("kinds", "queues", "statuses")}
    with writing(engine) as connection:
        connection.execute(hook.insert(), row)


def hook_of(engine: Engine, id: str) -> Hook:  # noqa: A002 - the column's name
    """The hook of this id; raises UnknownHook."""
    with reading(engine) as connection:
        row = connection.execute(select(hook).where(hook.c.id == plain(id))).one_or_none()
    if row is None:
        raise UnknownHook(f"no hook {id[:40]}")
    return hook_from(row)


def hooks(engine: Engine, *, by: str | None = None) -> tuple[Hook, ...]:
    """Those that somebody made, oldest first; None: all."""
    wanted = select(hook).order_by(hook.c.made_at, hook.c.id)
    if by is not None:
        wanted = wanted.where(hook.c.made_by == plain(by))
    with reading(engine) as connection:
        return tuple(map(hook_from, connection.execute(wanted)))


def is_entitled(engine: Engine, told: Hook, at: datetime) -> bool:
    """Whether its maker may still come in: by the key that it was made with, or as a person."""
    if told.key is not None:
        found = key_of(engine, told.key)
        return found is not None and found.is_good(at)
    disabled = select(account.c.id).where(
        account.c.id == told.made_by, account.c.disabled_at.is_not(None)
    )
    with reading(engine) as connection:
        return connection.execute(disabled).first() is None


def remove(engine: Engine, id: str) -> None:  # noqa: A002 - as above
    """Take a hook away, with its log."""
    with writing(engine) as connection:
        connection.execute(delete(hook).where(hook.c.id == plain(id)))
        connection.execute(delete(hook_delivery).where(hook_delivery.c.hook == plain(id)))


def switch_off(engine: Engine, id: str, *, because: str, at: datetime) -> None:  # noqa: A002 - as above
    """Tell a hook nothing any more; what waited for it is given up."""
    with writing(engine) as connection:
        connection.execute(
            update(hook)
            .where(hook.c.id == id, hook.c.off_at.is_(None))
            .values(off_at=at, off_because=because)
        )
        connection.execute(
            update(hook_delivery)
            .where(hook_delivery.c.hook == id, QUEUED)
            .values(status=DeliveryStatus.GIVEN_UP.value)
        )


def hook_from(row: Row[Any]) -> Hook:
    """The hook of a row."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return Hook(
        **values
        | {
            "kinds": tuple(map(Kind, row.kinds)),
            "queues": tuple(row.queues),
            "statuses": tuple(map(Status, row.statuses)),
        }
    )
