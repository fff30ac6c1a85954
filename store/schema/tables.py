"""Tables of items, timelines, notes, links, mails in and out, claims and secrets."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlmodel import Field, SQLModel

from store.schema.column_types import EnumText, Utc

HEADING: Final = "heading"
"""Kind of note 0, the text of an item's reference, title and description to search in."""


class MailStatus(StrEnum):
    """Delivery status of a mail out."""

    QUEUED = "queued"
    KEPT = "kept"
    SENT = "sent"
    FAILED = "failed"
    """Refused for good, or bounced."""
    GIVEN_UP = "given_up"
    """Not taken within the time that a mail is tried."""


class ItemRow(SQLModel, table=True):
    """Newest publication of an item: `state` holds all of it, the other columns serve lists."""

    __tablename__ = "item"

    reference: str = Field(primary_key=True)
    run: str
    serial: int
    revision: int
    kind: str
    title: str
    status: str
    category: str | None
    queue: str
    assignee: str | None
    owner: str | None
    wait: str | None
    """Type of the present wait."""
    resolution: str | None
    """Method or outcome."""
    case_reference: str | None
    """Case of an Action, and the run of that Case."""
    case_run: str | None
    new_information: bool
    robot_rejected: bool
    for_robots: bool
    """Robots may be offered the item, if it is unassigned and its queue allows its kind (Q2)."""
    attention: bool
    due_at: datetime | None = Field(sa_type=Utc)
    at_risk_at: datetime | None = Field(default=None, sa_type=Utc)
    """Instant at which its due time turns amber (D3)."""
    due_order: datetime = Field(sa_type=Utc)
    """`due_at`, or the end of time: lists are ordered and paged by it."""
    due_text: str | None
    wakes_at: datetime | None = Field(sa_type=Utc)
    closes_at: datetime | None = Field(sa_type=Utc)
    started_at: datetime = Field(sa_type=Utc)
    changed_at: datetime = Field(sa_type=Utc)
    closed_at: datetime | None = Field(sa_type=Utc)
    state: dict[str, Any] = Field(sa_type=JSON)
    """Whole state, as in the contract."""
    writer: str
    """Process that wrote the row."""
    written_at: datetime = Field(sa_type=Utc)


class EntryRow(SQLModel, table=True):
    """Entry of a timeline; the `NoteRow` of the same serial has its note at full length (C16)."""

    __tablename__ = "entry"
    __table_args__ = ({"sqlite_with_rowid": False},)

    reference: str = Field(primary_key=True)
    run: str = Field(primary_key=True)
    serial: int = Field(primary_key=True)
    revision: int
    at: datetime = Field(sa_type=Utc)
    by: str
    command: str
    before: str | None
    after: str
    reason: str | None
    note: str | None
    resolution: bool
    rule: str | None
    refused: bool
    mail: str | None
    """Digest of the mail in that caused it."""


class NoteRow(SQLModel, table=True):
    """Text at full length. SQLite's full-text index refers to its `id`."""

    __tablename__ = "note"
    __table_args__ = (UniqueConstraint("reference", "run", "serial", name="note_serial"),)

    id: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True
        ),
    )
    reference: str
    run: str
    serial: int
    kind: str
    text: str = Field(sa_type=Text)


class LinkRow(SQLModel, table=True):
    """Link of an item to another item or to a document."""

    __tablename__ = "link"
    __table_args__ = (Index("link_target", "target"), {"sqlite_with_rowid": False})

    reference: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    target: str = Field(primary_key=True)


class MailOutRow(SQLModel, table=True):
    """Mail out, queued with the change that caused it; keys are unique within a run (M5)."""

    __tablename__ = "mail_out"
    __table_args__ = (Index("mail_out_item", "reference", "run", "serial"),)

    run: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    reference: str
    serial: int
    """Serial of the publication that queued it."""
    to: list[str] = Field(sa_type=JSON)
    cc: list[str] = Field(sa_type=JSON)
    accounts: list[str] = Field(sa_type=JSON)
    subject: str
    body: str = Field(sa_type=Text)
    resolution: bool
    template: str
    language: str
    about: str
    thread: list[str] = Field(sa_type=JSON)
    status: MailStatus = Field(sa_type=EnumText(MailStatus))
    queued_at: datetime = Field(sa_type=Utc)
    message_id: str | None = Field(default=None, index=True)
    """Set by the first try."""
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    tried_at: datetime | None = Field(default=None, sa_type=Utc)
    """Time of the first try."""
    sent_at: datetime | None = Field(default=None, sa_type=Utc)
    last_error: str | None = None
    settled: dict[str, str] | None = Field(default=None, sa_type=JSON)
    """Result by address: empty if the mail was taken there, else the reason of the refusal."""


class InboundMailState(StrEnum):
    """Stage of a mail in."""

    ACCEPTED = "accepted"
    """Stored, and not given to its item yet."""
    HANDLED = "handled"
    """Given to its item, or to one that it started."""
    DEAD = "dead"
    """Dead letter: no item takes it, for the `reason` of its row."""


class MailInRow(SQLModel, table=True):
    """Mail that came in for one mailbox; the same mail to another mailbox is another row (M3)."""

    __tablename__ = "mail_in"

    digest: str = Field(primary_key=True)
    message_id: str
    message_digest: str
    """Digest of the Message-ID, which may be too long for an index."""
    desk: str
    addresses: list[str] = Field(sa_type=JSON)
    envelope_sender: str | None
    sender: str
    sender_name: str
    recipients: list[str] = Field(sa_type=JSON)
    subject: str
    excerpt: str = Field(sa_type=Text)
    raw: bytes = Field(sa_type=LargeBinary)
    text: str = Field(sa_type=Text)
    html: str | None = Field(sa_type=Text)
    automatic: str | None
    bounced: list[str] | None = Field(sa_type=JSON(none_as_null=True))
    answered: bool
    reference: str | None
    named: str | None
    state: InboundMailState = Field(sa_type=EnumText(InboundMailState))
    reason: str | None = Field(sa_type=Text)
    tries: int
    received_at: datetime = Field(sa_type=Utc)
    handled_at: datetime | None = Field(sa_type=Utc)
    """Time at which it was handled or became a dead letter."""


class AttachmentRow(SQLModel, table=True):
    """Content of an attachment, stored once for all mails that have it."""

    __tablename__ = "attachment"

    digest: str = Field(primary_key=True)
    size: int
    content: bytes = Field(sa_type=LargeBinary)


class MailAttachmentRow(SQLModel, table=True):
    """Attachment of a mail in."""

    __tablename__ = "mail_attachment"

    mail: str = Field(primary_key=True)
    """Digest of the mail."""
    number: int = Field(primary_key=True)
    """Position in the mail, from 0."""
    name: str
    type: str
    size: int
    """Bytes of its content."""
    digest: str | None = Field(default=None, sa_column_kwargs={"name": "attachment"})
    """Digest of its content; None: its content is not stored apart from the mail's source."""
    refused: str | None = None
    """Reason why its content is not stored apart; None: it is stored."""


class ClaimRow(SQLModel, table=True):
    """Claim on one version of an item's row, while it is started for `by` (Q1)."""

    __tablename__ = "claim"

    reference: str = Field(primary_key=True)
    run: str
    serial: int
    by: str
    until: datetime = Field(sa_type=Utc, index=True)


class SecretRow(SQLModel, table=True):
    """Secret that all processes of an installation share; the first to ask makes it."""

    __tablename__ = "secret"

    name: str = Field(primary_key=True)
    value: str


class WriterRow(SQLModel, table=True):
    """Process that wrote rows; rows until `settled_until` were compared with their workflows."""

    __tablename__ = "writer"

    writer: str = Field(primary_key=True)
    settled_until: datetime | None = Field(default=None, sa_type=Utc)


metadata = SQLModel.metadata


def table_of(model: type[SQLModel]) -> Table:
    """Return the table of a row's class."""
    return metadata.tables[str(model.__tablename__)]


item = table_of(ItemRow)
entry = table_of(EntryRow)
note = table_of(NoteRow)
link = table_of(LinkRow)
mail_out = table_of(MailOutRow)
mail_in = table_of(MailInRow)
attachment = table_of(AttachmentRow)
mail_attachment = table_of(MailAttachmentRow)
claim = table_of(ClaimRow)
secret = table_of(SecretRow)
writer = table_of(WriterRow)

DELIVERY_COLUMNS = frozenset(
    {
        *("status", "queued_at", "message_id", "tries", "tried_at", "sent_at", "last_error"),
        "settled",
    }
)
"""Columns of a mail out that record its delivery; publishing it again changes none of them."""

# Literals, not parameters: neither database matches a partial index against a parameter.
OPEN = item.c.status != literal_column("'CLOSED'")
TO_PICK_UP = (item.c.status == literal_column("'TO_DO'")) & item.c.assignee.is_(None)
FOR_ROBOTS = TO_PICK_UP & item.c.for_robots.is_(True)
RAISED = item.c.new_information.is_(True) & OPEN
NOT_HANDLED = mail_in.c.state != literal_column("'handled'")
ORDER = (item.c.due_order, item.c.started_at, item.c.reference)
"""Soonest due, then oldest."""

for _name, _columns, _where in (
    ("item_open", (item.c.reference,), OPEN),
    ("item_assigned", (item.c.assignee, *ORDER), OPEN),
    ("item_owned", (item.c.owner, *ORDER), OPEN),
    ("item_raised", (item.c.owner, *ORDER), RAISED),
    ("item_to_pick_up", (item.c.queue, item.c.robot_rejected, *ORDER), TO_PICK_UP),
    ("item_for_robots", (item.c.queue, *ORDER), FOR_ROBOTS),
    ("item_of_case", (item.c.case_reference, *ORDER[1:]), item.c.case_reference.is_not(None)),
    ("item_written", (item.c.writer, item.c.written_at), None),
    ("item_begun", (item.c.started_at, item.c.reference), None),
    ("item_begun_in", (item.c.queue, item.c.started_at, item.c.reference), None),
    ("mail_in_message", (mail_in.c.message_digest,), None),
    ("mail_in_item", (mail_in.c.reference,), None),
    ("mail_in_sender", (mail_in.c.sender, mail_in.c.received_at), None),
    ("mail_in_open", (mail_in.c.state, mail_in.c.received_at, mail_in.c.digest), NOT_HANDLED),
):
    Index(_name, *_columns, sqlite_where=_where, postgresql_where=_where)
