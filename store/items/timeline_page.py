"""Timeline of an item's page, newest entry first, with the mails in and out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, Row
from sqlmodel import col, select

from domain.model.items import Entry
from store.engine import read_connection, read_session
from store.items.paging import storable_text
from store.items.queries import entry_from_row, select_entries
from store.mail.attachments import attachments_by_mail
from store.mail.inbound_mail import WITHOUT_LARGE_COLUMNS, InboundMail, mail_from_row
from store.schema.tables import EntryRow, MailInRow, MailOutRow, MailStatus, entry

NEWEST_ENTRIES: Final = 50
"""Entries of a page, by default."""
_MAX_ENTRIES: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestEntries:
    """Page of entries, newest first, notes at full length; `before` asks for earlier ones."""

    entries: tuple[Entry, ...]
    before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    """Mail out, and its delivery status."""

    key: str
    revision: int
    """Revision of the change that caused it."""
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    body: str
    template: str
    resolution: bool
    status: MailStatus
    queued_at: datetime
    sent_at: datetime | None
    problem: str | None


def read_newest_entries(
    engine: Engine,
    reference: str,
    *,
    before: int | None = None,
    down_to: int | None = None,
    limit: int = NEWEST_ENTRIES,
) -> NewestEntries:
    """Return entries of the item's present run before the serial `before`, newest first.

    `down_to`: return every entry down to this serial (used to redraw a page that shows them).
    """
    if down_to is not None:
        limit = _MAX_ENTRIES
    wanted = select_entries(reference)
    if before is not None:
        wanted = wanted.where(entry.c.serial < before)
    if down_to is not None:
        wanted = wanted.where(entry.c.serial >= down_to)
    with read_connection(engine) as connection:
        rows = connection.execute(wanted.order_by(entry.c.serial.desc()).limit(limit + 1)).all()
    return NewestEntries(
        entries=tuple(entry_from_row(row._mapping) for row in rows[:limit]),  # noqa: SLF001 - public name
        before=_following(rows, limit, down_to),
    )


def _following(rows: Sequence[Row[Any]], limit: int, down_to: int | None) -> int | None:
    if len(rows) > limit:
        last: int = rows[limit - 1].serial
        return last
    # an item's serials begin with 1
    return down_to if down_to is not None and down_to > 1 else None


def load_received_mails(engine: Engine, digests: Collection[str]) -> Mapping[str, InboundMail]:
    """Return mails in by digest, with their attachments loaded."""
    if not digests:
        return {}
    with read_session(engine) as session:
        rows = session.exec(
            select(MailInRow)
            .where(col(MailInRow.digest).in_(list(digests)))
            .options(*WITHOUT_LARGE_COLUMNS)
        ).all()
        attachments = attachments_by_mail(session, digests)
    return {row.digest: mail_from_row(row, attachments.get(row.digest, ())) for row in rows}


def load_sent_mails(
    engine: Engine, reference: str, *, run: str, from_serial: int = 0
) -> tuple[SentMail, ...]:
    """Return the mails out of a run, of publications from a serial on; oldest first."""
    wanted = (
        select(MailOutRow)
        .where(
            MailOutRow.reference == storable_text(reference),
            MailOutRow.run == run,
            MailOutRow.serial >= from_serial,
        )
        .order_by(col(MailOutRow.serial), MailOutRow.key)
        .limit(_MAX_ENTRIES)
    )
    with read_session(engine) as session:
        rows = session.exec(wanted).all()
    return tuple(
        SentMail(
            key=row.key,
            revision=int(row.key.rsplit(":", 2)[-2]),
            to=tuple(row.to) or tuple(row.accounts),
            cc=tuple(row.cc),
            subject=row.subject,
            body=row.body,
            template=row.template,
            resolution=row.resolution,
            status=row.status,
            queued_at=row.queued_at,
            sent_at=row.sent_at,
            problem=row.last_error,
        )
        for row in rows
    )


def is_mail_of_item(engine: Engine, reference: str, mail: str) -> bool:
    """Return True if the mail of this digest is for the item, or is in its timeline."""
    with read_session(engine) as session:
        addressed = session.exec(
            select(MailInRow.reference).where(MailInRow.digest == mail)
        ).one_or_none()
        if addressed == reference:
            return True
        entries = select(EntryRow.serial).where(
            EntryRow.reference == storable_text(reference), EntryRow.mail == mail
        )
        return session.exec(entries.limit(1)).first() is not None
