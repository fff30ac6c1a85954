"""The tables: items as they are now, what happened to them, their texts, links and mails out."""

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
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlmodel import Field, SQLModel

from store.columns import Utc

HEADING: Final = "heading"
"""Kind of the note, serial 0, that holds an item's reference, title and description to search."""


class MailStatus(StrEnum):
    """How far a mail out has come."""

    QUEUED = "queued"
    KEPT = "kept"
    SENT = "sent"
    FAILED = "failed"


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
    attention: bool
    due_at: datetime | None = Field(sa_type=Utc)
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
    status: str
    queued_at: datetime = Field(sa_type=Utc)


class WriterRow(SQLModel, table=True):
    """A process that wrote rows; those until `settled_until` were compared with their workflows."""

    __tablename__ = "writer"

    writer: str = Field(primary_key=True)
    settled_until: datetime | None = Field(default=None, sa_type=Utc)


metadata = SQLModel.metadata


def _table(model: type[SQLModel]) -> Table:
    return metadata.tables[str(model.__tablename__)]


item = _table(ItemRow)
entry = _table(EntryRow)
note = _table(NoteRow)
link = _table(LinkRow)
mail_out = _table(MailRow)
writer = _table(WriterRow)

# Literals, not parameters: neither database matches a partial index against a parameter.
OPEN = item.c.status != literal_column("'CLOSED'")
TO_PICK_UP = (item.c.status == literal_column("'TO_DO'")) & item.c.assignee.is_(None)
RAISED = item.c.new_information.is_(True) & OPEN
ORDER = (item.c.due_order, item.c.started_at, item.c.reference)
"""Soonest due, then oldest."""

for _name, _columns, _where in (
    ("item_open", (item.c.reference,), OPEN),
    ("item_assigned", (item.c.assignee, *ORDER), OPEN),
    ("item_owned", (item.c.owner, *ORDER), OPEN),
    ("item_raised", (item.c.owner, *ORDER), RAISED),
    ("item_to_pick_up", (item.c.queue, item.c.robot_rejected, *ORDER), TO_PICK_UP),
    ("item_of_case", (item.c.case_reference, *ORDER[1:]), item.c.case_reference.is_not(None)),
    ("item_written", (item.c.writer, item.c.written_at), None),
):
    Index(_name, *_columns, sqlite_where=_where, postgresql_where=_where)
