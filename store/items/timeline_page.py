"""What an item's page reads: its timeline from the newest entry back, and its mails both ways."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, Row, select

from domain.model.items import Entry
from store.engine import reading
from store.items.paging import plain
from store.items.queries import entries_of, entry_of
from store.mail.inbound_mail import KeptAttachment
from store.schema.tables import MailStatus, entry, mail_attachment, mail_in, mail_out

NEWEST: Final = 50
"""Entries of a page, unless asked otherwise."""
_MOST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """Some entries, newest first, notes at full length; `before` asks for the ones before them."""

    entries: tuple[Entry, ...]
    before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A mail that came in, as people read it."""

    digest: str
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    automatic: bool
    received_at: datetime
    attachments: tuple[KeptAttachment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A mail out, and what became of it."""

    key: str
    revision: int
    """Of the change that caused it."""
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


def newest(
    engine: Engine,
    reference: str,
    *,
    before: int | None = None,
    down_to: int | None = None,
    limit: int = NEWEST,
) -> Newest:
    """Entries of the item's present run before the serial that `before` named, newest first.

    `down_to`: as many as there are down to this serial, for who has shown those already.
    """
    if down_to is not None:
        limit = _MOST
    told = entries_of(reference)
    if before is not None:
        told = told.where(entry.c.serial < before)
    if down_to is not None:
        told = told.where(entry.c.serial >= down_to)
    with reading(engine) as connection:
        rows = connection.execute(told.order_by(entry.c.serial.desc()).limit(limit + 1)).all()
    return Newest(
        entries=tuple(entry_of(row._mapping) for row in rows[:limit]),  # noqa: SLF001 - public name
        before=_following(rows, limit, down_to),
    )


def _following(rows: Sequence[Row[Any]], limit: int, down_to: int | None) -> int | None:
    if len(rows) > limit:
        last: int = rows[limit - 1].serial
        return last
    # an item's serials begin with 1
    return down_to if down_to is not None and down_to > 1 else None


def received(engine: Engine, digests: Collection[str]) -> Mapping[str, Received]:
    """The mails of these names in the store, by name, with what hangs on them but its content."""
    if not digests:
        return {}
    columns = [column for column in mail_in.c if column.name not in {"raw", "html"}]
    wanted = list(digests)
    with reading(engine) as connection:
        rows = connection.execute(select(*columns).where(mail_in.c.digest.in_(wanted))).all()
        hanging = connection.execute(
            select(mail_attachment)
            .where(mail_attachment.c.mail.in_(wanted))
            .order_by(mail_attachment.c.mail, mail_attachment.c.number)
        ).all()
    attachments: defaultdict[str, list[KeptAttachment]] = defaultdict(list)
    for row in hanging:
        attachments[row.mail].append(
            KeptAttachment(
                name=row.name,
                type=row.type,
                size=row.size,
                digest=row.attachment,
                refused=row.refused,
            )
        )
    return {
        row.digest: Received(
            digest=row.digest,
            sender=row.sender,
            sender_name=row.sender_name,
            recipients=tuple(row.recipients),
            subject=row.subject,
            text=row.text or row.excerpt,
            automatic=row.automatic is not None,
            received_at=row.received_at,
            attachments=tuple(attachments[row.digest]),
        )
        for row in rows
    }


def sent(engine: Engine, reference: str, *, run: str, from_serial: int = 0) -> tuple[Sent, ...]:
    """The mails out of a run of the item, of publications from a serial on; oldest first."""
    theirs = (
        select(mail_out)
        .where(
            mail_out.c.reference == plain(reference),
            mail_out.c.run == run,
            mail_out.c.serial >= from_serial,
        )
        .order_by(mail_out.c.serial, mail_out.c.key)
        .limit(_MOST)
    )
    with reading(engine) as connection:
        rows = connection.execute(theirs).all()
    return tuple(
        Sent(
            key=row.key,
            revision=int(row.key.rsplit(":", 2)[-2]),
            to=tuple(row.to) or tuple(row.accounts),
            cc=tuple(row.cc),
            subject=row.subject,
            body=row.body,
            template=row.template,
            resolution=row.resolution,
            status=MailStatus(row.status),
            queued_at=row.queued_at,
            sent_at=row.sent_at,
            problem=row.last_error,
        )
        for row in rows
    )


def belongs(engine: Engine, reference: str, mail: str) -> bool:
    """Whether the mail of this name came in for the item, or stands in its timeline."""
    with reading(engine) as connection:
        addressed = connection.scalar(select(mail_in.c.reference).where(mail_in.c.digest == mail))
        if addressed == reference:
            return True
        told = select(entry.c.serial).where(
            entry.c.reference == plain(reference), entry.c.mail == mail
        )
        return connection.execute(told.limit(1)).first() is not None
