"""Mails out, as whoever sends them needs them, and what became of each."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, Row, and_, select, update

from domain.base.values import Kind
from domain.model.items import Mail
from store.engine import reading, writing
from store.errors import UnknownMail
from store.schema.tables import MailStatus, item, mail_out


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOut:
    """A mail that an item caused, and how far it has come."""

    reference: str
    run: str
    kind: Kind
    category: str | None
    queue: str
    mail: Mail
    status: MailStatus
    queued_at: datetime
    message_id: str | None = None
    tries: int = 0
    tried_at: datetime | None = None
    """When it was tried first."""
    last_error: str | None = None
    settled: Mapping[str, str] | None = None
    """Address to what became of it there: empty if it was taken, else why it was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a mail; QUEUED if it is to be tried again."""

    status: MailStatus
    settled: Mapping[str, str]
    problem: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailKey:
    """Which mail of which item it is."""

    reference: str
    run: str
    key: str


def mail_named(engine: Engine, key: str, *, run: str) -> MailOut:
    """The mail of this key.

    Raises:
        UnknownMail: this run of the item published no mail of this key.
    """
    with reading(engine) as connection:
        row = connection.execute(_WITH_ITEM.where(_is(key, run))).one_or_none()
    if row is None:
        raise UnknownMail(
            f"mail {key} of run {run} is not in the store: it is published with the change that "
            "causes it, so publish that change first"
        )
    return _mail(row)


def keep_mail(engine: Engine, key: str, *, run: str) -> MailOut:
    """Mark a queued mail as kept, not sent, and answer it; one that left the queue stays as it is.

    Raises:
        UnknownMail: this run of the item published no mail of this key.
    """
    _note(engine, key, run, status=MailStatus.KEPT.value)
    return mail_named(engine, key, run=run)


def try_mail(engine: Engine, key: str, *, run: str, message_id: str, at: datetime) -> datetime:
    """Note that a queued mail is about to be sent once more; answers when that was first."""
    with writing(engine) as connection:
        connection.execute(
            update(mail_out)
            .where(_is(key, run))
            .values(message_id=message_id, tries=mail_out.c.tries + 1)
        )
        connection.execute(
            update(mail_out).where(_is(key, run), mail_out.c.tried_at.is_(None)).values(tried_at=at)
        )
        first: datetime = connection.execute(
            select(mail_out.c.tried_at).where(_is(key, run))
        ).scalar_one()
    return first


def note_mail(engine: Engine, key: str, *, run: str, fate: Fate) -> None:
    """Note what became of a queued mail."""
    _note(
        engine,
        key,
        run,
        status=fate.status.value,
        settled=dict(fate.settled),
        last_error=fate.problem,
        sent_at=fate.sent_at,
    )


def return_mail(engine: Engine, key: str, *, run: str, problem: str) -> None:
    """Note that a mail which was sent has come back (M5)."""
    with writing(engine) as connection:
        connection.execute(
            update(mail_out)
            .where(_is(key, run))
            .values(status=MailStatus.FAILED.value, last_error=problem)
        )


def mails_with(engine: Engine, message_ids: Iterable[str]) -> dict[str, MailKey]:
    """M1: which mails of ours have these Message-IDs; ones that are not ours are left out."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(
                mail_out.c.message_id, mail_out.c.reference, mail_out.c.run, mail_out.c.key
            ).where(mail_out.c.message_id.in_(list(message_ids)))
        ).all()
    return {
        row.message_id: MailKey(reference=row.reference, run=row.run, key=row.key) for row in rows
    }


def last_sent_to(engine: Engine, reference: str, addresses: Collection[str]) -> str | None:
    """M5: the Message-ID of the last mail of an item that went to one of these addresses."""
    wanted = {address.lower() for address in addresses}
    with reading(engine) as connection:
        rows = connection.execute(
            select(mail_out.c.message_id, mail_out.c.settled)
            .where(mail_out.c.reference == reference, mail_out.c.status == MailStatus.SENT.value)
            .order_by(mail_out.c.sent_at.desc())
        )
        for row in rows:
            if any(to.lower() in wanted and not why for to, why in row.settled.items()):
                message_id: str | None = row.message_id
                return message_id
    return None


def message_ids(engine: Engine, keys: Iterable[str], *, run: str) -> dict[str, str]:
    """The Message-IDs of those mails of a run that were tried, by key."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(mail_out.c.key, mail_out.c.message_id).where(
                mail_out.c.run == run,
                mail_out.c.key.in_(list(keys)),
                mail_out.c.message_id.is_not(None),
            )
        ).all()
    return {row.key: row.message_id for row in rows}


_WITH_ITEM = select(mail_out, item.c.kind, item.c.category, item.c.queue).select_from(
    mail_out.outerjoin(
        item, and_(item.c.reference == mail_out.c.reference, item.c.run == mail_out.c.run)
    )
)


def _is(key: str, run: str) -> ColumnElement[bool]:
    return (mail_out.c.run == run) & (mail_out.c.key == key)


def _note(engine: Engine, key: str, run: str, **columns: object) -> None:
    with writing(engine) as connection:
        connection.execute(
            update(mail_out)
            .where(_is(key, run), mail_out.c.status == MailStatus.QUEUED.value)
            .values(**columns)
        )


def _mail(row: Row[tuple[object, ...]]) -> MailOut:
    return MailOut(
        reference=row.reference,
        run=row.run,
        kind=Kind(row.kind or Kind.TICKET),
        category=row.category,
        queue=row.queue or "",
        mail=Mail(
            key=row.key,
            to=tuple(row.to),
            cc=tuple(row.cc),
            accounts=tuple(row.accounts),
            subject=row.subject,
            body=row.body,
            resolution=row.resolution,
            template=row.template,
            language=row.language,
            about=row.about,
            thread=tuple(row.thread),
        ),
        status=MailStatus(row.status),
        queued_at=row.queued_at,
        message_id=row.message_id,
        tries=row.tries,
        tried_at=row.tried_at,
        last_error=row.last_error,
        settled=row.settled,
    )
