"""The tables of the API: starts by idempotency keys, webhooks, changes to tell, deliveries."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Identity, Index, Integer, Text
from sqlalchemy import literal_column as literal
from sqlmodel import Field, SQLModel

from store.schema.column_types import Utc
from store.schema.tables import table_of


class StartKeyRow(SQLModel, table=True):
    """A start that was asked for under an idempotency key: which item, and by what body."""

    __tablename__ = "start_key"

    digest: str = Field(primary_key=True)
    """Of the caller's actor and the key."""
    body: str
    """The digest of the start."""
    reference: str
    at: datetime = Field(sa_type=Utc, index=True)


class HookRow(SQLModel, table=True):
    """Who wants to be told of changes, where, and of which."""

    __tablename__ = "hook"

    id: str = Field(primary_key=True)
    url: str
    secret: str
    """What deliveries are signed with: a signature takes the secret itself, not its digest."""
    kinds: list[str] = Field(sa_type=JSON)
    queues: list[str] = Field(sa_type=JSON)
    """`*` stands for all."""
    statuses: list[str] = Field(sa_type=JSON)
    made_by: str = Field(index=True)
    key: str | None = None
    """The id of the key that its maker came by; without one, a person made it."""
    made_at: datetime = Field(sa_type=Utc)
    off_at: datetime | None = Field(default=None, sa_type=Utc)
    """Since when it is switched off."""
    off_because: str | None = None
    failing_since: datetime | None = Field(default=None, sa_type=Utc)
    """The first failure since the last delivery that was taken."""


class ChangeRow(SQLModel, table=True):
    """An entry that was written and not looked at yet for whoever wants to be told.

    A trigger on `entry` writes it, in the transaction of the entry itself, while there are hooks.
    """

    __tablename__ = "hook_change"
    # else SQLite gives the ids of rows that were taken off out again, and changes lose their order
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True
        ),
    )
    reference: str
    run: str
    serial: int


class DeliveryStatus(StrEnum):
    """How far a delivery has come."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class DeliveryRow(SQLModel, table=True):
    """One change to tell one hook."""

    __tablename__ = "hook_delivery"

    id: str = Field(primary_key=True)
    """Of hook and entry: by it the receiver knows what it was told already."""
    hook: str
    number: int = Field(sa_type=BigInteger)
    """In the order of the changes."""
    reference: str
    serial: int
    payload: dict[str, Any] = Field(sa_type=JSON)
    status: str
    queued_at: datetime = Field(sa_type=Utc)
    tries: int = 0
    tried_at: datetime | None = Field(default=None, sa_type=Utc)
    delivered_at: datetime | None = Field(default=None, sa_type=Utc)
    answered: int | None = None
    """The status of the last answer."""
    last_error: str | None = Field(default=None, sa_type=Text)


start_key: Final = table_of(StartKeyRow)
hook: Final = table_of(HookRow)
hook_change: Final = table_of(ChangeRow)
hook_delivery: Final = table_of(DeliveryRow)

QUEUED: Final = hook_delivery.c.status == literal("'queued'")
Index("hook_delivery_log", hook_delivery.c.hook, hook_delivery.c.number)
Index(
    "hook_delivery_queued",
    hook_delivery.c.hook,
    hook_delivery.c.number,
    sqlite_where=QUEUED,
    postgresql_where=QUEUED,
)
