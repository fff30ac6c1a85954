"""What the API answers besides an item's state."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from domain.base.values import Kind, Status
from domain.model.timeline import TimelineEntry
from store.items.timeline_page import Sent
from store.projection.item_summary import ItemSummary
from store.schema.webhook_tables import DeliveryStatus


class Answered(BaseModel):
    """The base of them: made of the store's own values, never changed."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


class Lines(Answered):
    """A page of a list."""

    items: tuple[ItemSummary, ...]
    cursor: str | None
    """Asks for the following page; null: this is the last."""


class Told(Answered):
    """Some of a timeline, oldest first, notes at full length."""

    entries: tuple[TimelineEntry, ...]
    next: int | None
    """For `after`; null: there are no more."""


class Hanging(Answered):
    """An attachment; one that was refused has no content."""

    number: int
    name: str
    type: str
    size: int
    refused: str | None
    url: str | None


class MailIn(Answered):
    """A mail that came in."""

    id: str
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    automatic: bool
    received_at: datetime
    attachments: tuple[Hanging, ...]


class Mails(Answered):
    """An item's mails, oldest first; of each way at most 500."""

    received: tuple[MailIn, ...]
    sent: tuple[Sent, ...]


class OneNote(Answered):
    """A text of an item at full length."""

    serial: int
    kind: str
    text: str


class Notes(Answered):
    """Some of an item's texts, oldest first."""

    notes: tuple[OneNote, ...]
    next: int | None
    """For `after`; null: there are no more."""


class QueueSeen(Answered):
    """A queue that the caller is a member of."""

    name: str
    title: str
    robots: tuple[Kind, ...]
    """The kinds of item that robots are offered."""


class Queues(Answered):
    """The queues that the caller is a member of."""

    queues: tuple[QueueSeen, ...]


class QueueLoad(Answered):
    """How a queue stands."""

    queue: str
    waiting: int
    """Items that nobody has."""
    in_work: int
    """Items that somebody has."""
    oldest_at: datetime | None
    """When the oldest of those that wait was started."""
    overdue: int
    at_risk: int
    """Amber: not overdue, and within the margin of its due rule (D3)."""


class HookMade(Answered):
    """Webhook without its secret."""

    id: str
    url: str
    kinds: tuple[Kind, ...]
    queues: tuple[str, ...]
    statuses: tuple[Status, ...]
    made_by: str
    made_at: datetime
    off_at: datetime | None
    """Time at which it was switched off."""
    off_because: str | None
    failing_since: datetime | None


class NewHook(HookMade):
    """New webhook with the secret that signs its deliveries; no other answer shows the secret."""

    secret: str


class Hooks(Answered):
    """Webhooks of the caller; for an operator, all."""

    hooks: tuple[HookMade, ...]


class OneDelivery(Answered):
    """Delivery of one change to a webhook."""

    id: str
    reference: str
    serial: int = Field(description="Serial of the timeline's entry.")
    status: DeliveryStatus
    queued_at: datetime
    tries: int
    tried_at: datetime | None
    """Time of the first attempt."""
    delivered_at: datetime | None
    answered: int | None
    """HTTP status of the receiver's last answer."""
    last_error: str | None


class DeliveryLog(Answered):
    """Page of a webhook's log, newest first."""

    deliveries: tuple[OneDelivery, ...]
    cursor: str | None
