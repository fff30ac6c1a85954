"""Tables of the API: starts by idempotency keys, webhooks, their changes and deliveries."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Identity, Index, Integer, Text
from sqlalchemy import literal_column as literal
from sqlmodel import Field, SQLModel

from store.schema.column_types import Utc
from store.schema.tables import table_of

ALL_QUEUES: Final = "*"


class StartKeyRow(SQLModel, table=True):
    """Start under an idempotency key: its item, and the digest of its body."""

    __tablename__ = "start_key"

    digest: str = Field(primary_key=True)
    """Digest of the caller's actor and the key."""
    body: str
    """Digest of the start."""
    reference: str
    at: datetime = Field(sa_type=Utc, index=True)


class WebhookRow(SQLModel, table=True):
    """Webhook subscription: URL, signing secret, and filters for the changes that are delivered."""

    __tablename__ = "hook"

    id: str = Field(primary_key=True)
    url: str
    secret: str
    """In clear, since an HMAC takes the secret itself: `whsec_` and the key in base64."""
    kinds: list[str] = Field(sa_type=JSON)
    """Kinds of items; empty: all."""
    queues: list[str] = Field(sa_type=JSON)
    """`*` stands for all."""
    statuses: list[str] = Field(sa_type=JSON)
    """Statuses of the item after the change; empty: all."""
    made_by: str = Field(index=True)
    key: str | None = None
    """Id of the API key that created it; None: a person created it."""
    made_at: datetime = Field(sa_type=Utc)
    off_at: datetime | None = Field(default=None, sa_type=Utc)
    """Time at which it was switched off."""
    off_because: str | None = None
    failing_since: datetime | None = Field(default=None, sa_type=Utc)
    """Time of the first failure since the last accepted delivery."""

    def accepts(self, kind: str, queue: str, status: str) -> bool:
        """Return True if a change of such an item passes the filters."""
        return (
            (not self.kinds or kind in self.kinds)
            and (ALL_QUEUES in self.queues or queue in self.queues)
            and (not self.statuses or status in self.statuses)
        )


class WebhookChangeRow(SQLModel, table=True):
    """Entry that was written and has not been fanned out to webhooks yet.

    A trigger on `entry` writes the row in the transaction of the entry, while there are webhooks.
    """

    __tablename__ = "hook_change"
    # else SQLite reuses the ids of deleted rows, and changes lose their order
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
    """Status of a delivery."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class WebhookDeliveryRow(SQLModel, table=True):
    """Delivery of one change to one webhook."""

    __tablename__ = "hook_delivery"

    id: str = Field(primary_key=True)
    """Digest of webhook and entry: receivers recognise a repeated delivery by it."""
    hook: str
    """Id of the webhook."""
    number: int = Field(sa_type=BigInteger)
    """Position in the order of the changes."""
    reference: str
    serial: int
    payload: dict[str, Any] = Field(sa_type=JSON)
    status: str
    queued_at: datetime = Field(sa_type=Utc)
    tries: int = 0
    tried_at: datetime | None = Field(default=None, sa_type=Utc)
    """Time of the first attempt."""
    delivered_at: datetime | None = Field(default=None, sa_type=Utc)
    answered: int | None = None
    """HTTP status of the last answer."""
    last_error: str | None = Field(default=None, sa_type=Text)


start_key: Final = table_of(StartKeyRow)
webhook: Final = table_of(WebhookRow)
webhook_change: Final = table_of(WebhookChangeRow)
webhook_delivery: Final = table_of(WebhookDeliveryRow)

QUEUED: Final = webhook_delivery.c.status == literal("'queued'")
Index("hook_delivery_log", webhook_delivery.c.hook, webhook_delivery.c.number)
Index(
    "hook_delivery_queued",
    webhook_delivery.c.hook,
    webhook_delivery.c.number,
    sqlite_where=QUEUED,
    postgresql_where=QUEUED,
)
