"""The tables: items as they are now, what happened to them, their texts, links, mails, claims."""

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

from store.schema.column_types import Utc

HEADING: Final = "heading"
"""Kind of the note, serial 0, that holds an item's reference, title and description to search."""


class MailStatus(StrEnum):
    """How far a mail out has come."""

    QUEUED = "queued"
    KEPT = "kept"
    SENT = "sent"
    FAILED = "failed"
    """Refused for good, or come back."""
    GIVEN_UP = "given_up"
    """Not taken within the time a mail is tried."""


class ItemRow(SQLModel, table=True):
    """An item as its newest publication told it; `state` is all of it, the rest is for lists."""

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
    """The Case of an Action, and which run of it."""
    case_run: str | None
    new_information: bool
    robot_rejected: bool
    for_robots: bool
    """Q2: whether a robot may be offered it, once nobody has it and its queue allows its kind."""
    attention: bool
    due_at: datetime | None = Field(sa_type=Utc)
    at_risk_at: datetime | None = Field(default=None, sa_type=Utc)
    """D3: from when on it is amber."""
    due_order: datetime = Field(sa_type=Utc)
    """`due_at`, or the end of time: what lists are ordered and paged by."""
    due_text: str | None
    wakes_at: datetime | None = Field(sa_type=Utc)
    closes_at: datetime | None = Field(sa_type=Utc)
    started_at: datetime = Field(sa_type=Utc)
    changed_at: datetime = Field(sa_type=Utc)
    closed_at: datetime | None = Field(sa_type=Utc)
    state: dict[str, Any] = Field(sa_type=JSON)
    """The state of the contract, whole."""
    writer: str
    """Which process wrote the row, and when."""
    written_at: datetime = Field(sa_type=Utc)


class EntryRow(SQLModel, table=True):
    """C16: one line of a timeline; its note at full length is the `NoteRow` of the same serial."""

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
    """The mail that came in and led to it: the `digest` of its row of `mail_in`."""


class NoteRow(SQLModel, table=True):
    """A text at full length. Its `id` is what SQLite's full-text index knows it by."""

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
    """A link of an item to another one or to a document."""

    __tablename__ = "link"
    __table_args__ = (Index("link_target", "target"), {"sqlite_with_rowid": False})

    reference: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    target: str = Field(primary_key=True)


class MailRow(SQLModel, table=True):
    """M5: a mail out, queued with the change that caused it; a restarted reference counts anew."""

    __tablename__ = "mail_out"
    __table_args__ = (Index("mail_out_item", "reference", "run", "serial"),)

    run: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    reference: str
    serial: int
    """That of the publication which brought it."""
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
    status: str
    queued_at: datetime = Field(sa_type=Utc)
    message_id: str | None = Field(default=None, index=True)
    """From the first time it was tried."""
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    tried_at: datetime | None = Field(default=None, sa_type=Utc)
    """When it was tried first."""
    sent_at: datetime | None = Field(default=None, sa_type=Utc)
    last_error: str | None = None
    settled: dict[str, str] | None = Field(default=None, sa_type=JSON)
    """Address to what became of it there: empty if it was taken, else why it was refused."""


class ArrivalState(StrEnum):
    """How far a mail in has come."""

    ACCEPTED = "accepted"
    HANDLED = "handled"
    DEAD = "dead"


class MailInRow(SQLModel, table=True):
    """M3: a mail as it came in to one desk; the same mail to another one is another row."""

    __tablename__ = "mail_in"

    digest: str = Field(primary_key=True)
    """Of Message-ID and desk: by it the item knows the mail, and it is accepted once."""
    message_id: str
    message_digest: str
    desk: str
    """The address it came to, without its plus part."""
    addresses: list[str] = Field(sa_type=JSON)
    """All that it came to at this desk, as they were given."""
    envelope_sender: str | None
    """Empty: a bounce says so; None: not known."""
    sender: str
    """The address that it is from, in lower case; may be empty, as the name may be."""
    sender_name: str
    recipients: list[str] = Field(sa_type=JSON)
    """Whom To and Cc name."""
    subject: str
    excerpt: str = Field(sa_type=Text)
    """What its sender wrote, without what it quotes: what the item carries."""
    raw: bytes = Field(sa_type=LargeBinary)
    """M6: as it was received."""
    text: str = Field(sa_type=Text)
    html: str | None = Field(sa_type=Text)
    automatic: str | None
    """M4: what showed that nobody wrote it."""
    bounced: list[str] | None = Field(sa_type=JSON(none_as_null=True))
    """M5: ids of the mails that a bounce brings back; None: it is no bounce."""
    answered: bool
    """Whether its sender is told that it arrived; such answers are counted (M4)."""
    reference: str | None
    """The item it is for, or that it starts."""
    named: str | None
    """M1: what it named without being a party to it."""
    state: str
    reason: str | None = Field(sa_type=Text)
    """Why it is dead."""
    tries: int
    received_at: datetime = Field(sa_type=Utc)
    handled_at: datetime | None = Field(sa_type=Utc)


class AttachmentRow(SQLModel, table=True):
    """The content of attachments, each once however many mails bring it."""

    __tablename__ = "attachment"

    digest: str = Field(primary_key=True)
    size: int
    content: bytes = Field(sa_type=LargeBinary)


class MailAttachmentRow(SQLModel, table=True):
    """An attachment of a mail in; `refused` says why its content is not kept apart."""

    __tablename__ = "mail_attachment"

    mail: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    name: str
    type: str
    size: int
    attachment: str | None
    refused: str | None


class ClaimRow(SQLModel, table=True):
    """Q1: this version of the item's row is being started for somebody; until then, by no other."""

    __tablename__ = "claim"

    reference: str = Field(primary_key=True)
    run: str
    serial: int
    by: str
    until: datetime = Field(sa_type=Utc, index=True)


class SecretRow(SQLModel, table=True):
    """What only this desk knows, made by whoever asks for it first."""

    __tablename__ = "secret"

    name: str = Field(primary_key=True)
    value: str


class WriterRow(SQLModel, table=True):
    """A process that wrote rows; those until `settled_until` were compared with their workflows."""

    __tablename__ = "writer"

    writer: str = Field(primary_key=True)
    settled_until: datetime | None = Field(default=None, sa_type=Utc)


metadata = SQLModel.metadata


def table_of(model: type[SQLModel]) -> Table:
    """The table of a row's class."""
    return metadata.tables[str(model.__tablename__)]


item = table_of(ItemRow)
entry = table_of(EntryRow)
note = table_of(NoteRow)
link = table_of(LinkRow)
mail_out = table_of(MailRow)
mail_in = table_of(MailInRow)
attachment = table_of(AttachmentRow)
mail_attachment = table_of(MailAttachmentRow)
claim = table_of(ClaimRow)
secret = table_of(SecretRow)
writer = table_of(WriterRow)

HOW_FAR = frozenset(
    {
        *("status", "queued_at", "message_id", "tries", "tried_at", "sent_at", "last_error"),
        "settled",
    }
)
"""Columns of a mail out that tell what became of it; publishing it again changes none."""

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
