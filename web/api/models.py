"""Response models of the API, except an item's state."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from domain.base.values import Kind, Status
from domain.model.timeline import TimelineEntry
from store.items.timeline_page import SentMail
from store.projection.item_summary import ItemSummary
from store.schema.webhook_tables import DeliveryStatus


class ResponseModel(BaseModel):
    """Base of the response models, which are made from the store's values."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


class ItemList(ResponseModel):
    """A page of a list."""

    items: tuple[ItemSummary, ...]
    cursor: str | None
    """Cursor of the next page; null: this is the last page."""


class TimelinePart(ResponseModel):
    """Entries of a timeline, oldest first, with the whole text of notes."""

    entries: tuple[TimelineEntry, ...]
    next: int | None
    """Value of `after` for the next request; null: there are no more."""


class AttachmentView(ResponseModel):
    """Attachment of a mail; a refused one has no content."""

    number: int
    name: str
    type: str
    size: int
    refused: str | None
    url: str | None


class ReceivedMailView(ResponseModel):
    """Incoming mail."""

    id: str
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    automatic: bool
    received_at: datetime
    attachments: tuple[AttachmentView, ...]


class MailList(ResponseModel):
    """Mails of an item, oldest first; at most 500 received and 500 sent."""

    received: tuple[ReceivedMailView, ...]
    sent: tuple[SentMail, ...]


class NoteView(ResponseModel):
    """Whole text of an item's entry."""

    serial: int
    kind: str
    text: str


class NoteList(ResponseModel):
    """Texts of an item, oldest first."""

    notes: tuple[NoteView, ...]
    next: int | None
    """Value of `after` for the next request; null: there are no more."""


class QueueView(ResponseModel):
    """Queue that the caller is a member of."""

    name: str
    title: str
    robots: tuple[Kind, ...]
    """Kinds of items that robots may take."""


class QueueList(ResponseModel):
    """Queues that the caller is a member of."""

    queues: tuple[QueueView, ...]


class QueueLoadView(ResponseModel):
    """Load of a queue."""

    queue: str
    waiting: int
    """Items without an assignee."""
    in_work: int
    """Items with an assignee."""
    oldest_at: datetime | None
    """Time at which the oldest waiting item was started."""
    overdue: int
    at_risk: int
    """Items that are not overdue, but within the margin of their due rules: amber (D3)."""


class WebhookView(ResponseModel):
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


class NewWebhookView(WebhookView):
    """New webhook with the secret that signs its deliveries; no other answer shows the secret."""

    secret: str


class WebhookList(ResponseModel):
    """Webhooks of the caller; for an operator, all."""

    hooks: tuple[WebhookView, ...]


class DeliveryView(ResponseModel):
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


class DeliveryLog(ResponseModel):
    """Page of a webhook's log, newest first."""

    deliveries: tuple[DeliveryView, ...]
    cursor: str | None
