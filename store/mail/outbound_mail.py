"""Mails out: queued by items, read by the activity that sends them, and their delivery status."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session, and_, col, select

from domain.base.values import Kind
from domain.model.items import Mail
from store.engine import read_session, write_session
from store.errors import UnknownOutboundMail
from store.schema.tables import ItemRow, MailOutRow, MailStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMail:
    """Row of a mail out together with its item."""

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
    """Time of the first try."""
    last_error: str | None = None
    settled: Mapping[str, str] | None = None
    """Result by address: empty if the mail was taken there, else the reason of the refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOutcome:
    """Result of a try to send a mail; QUEUED if it is to be tried again."""

    status: MailStatus
    settled: Mapping[str, str]
    problem: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailKey:
    """Identity of a mail out: item, run of the item, and key of the mail."""

    reference: str
    run: str
    key: str


def get_outbound_mail(engine: Engine, key: str, *, run: str) -> OutboundMail:
    """Return the mail with this key.

    Raises:
        UnknownOutboundMail: this run of the item published no mail of this key.
    """
    its_item = and_(
        col(ItemRow.reference) == col(MailOutRow.reference), col(ItemRow.run) == col(MailOutRow.run)
    )
    wanted = (
        select(MailOutRow, ItemRow.kind, ItemRow.category, ItemRow.queue)
        .join(ItemRow, its_item, isouter=True)
        .where(MailOutRow.run == run, MailOutRow.key == key)
    )
    with read_session(engine) as session:
        found = session.exec(wanted).one_or_none()
    if found is None:
        raise _unknown(key, run)
    row, kind, category, queue = found
    return OutboundMail(
        reference=row.reference,
        run=row.run,
        kind=Kind(kind or Kind.TICKET),
        category=category,
        queue=queue or "",
        mail=_mail(row),
        status=row.status,
        queued_at=row.queued_at,
        message_id=row.message_id,
        tries=row.tries,
        tried_at=row.tried_at,
        last_error=row.last_error,
        settled=row.settled,
    )


def mark_mail_kept(engine: Engine, key: str, *, run: str) -> OutboundMail:
    """Mark a queued mail as kept, not sent, and return it; one that left the queue is unchanged.

    Raises:
        UnknownOutboundMail: this run of the item published no mail of this key.
    """
    with write_session(engine) as session:
        row = _locked(session, key, run)
        if row is not None and row.status is MailStatus.QUEUED:
            row.status = MailStatus.KEPT
    return get_outbound_mail(engine, key, run=run)


def record_attempt(
    engine: Engine, key: str, *, run: str, message_id: str, at: datetime
) -> datetime:
    """Note that a mail is about to be sent, and return the time of its first try.

    Raises:
        UnknownOutboundMail: this run of the item published no mail of this key.
    """
    with write_session(engine) as session:
        row = _locked(session, key, run)
        if row is None:
            raise _unknown(key, run)
        row.message_id = message_id
        row.tries += 1
        first = row.tried_at or at
        row.tried_at = first
    return first


def record_outcome(engine: Engine, key: str, *, run: str, outcome: MailOutcome) -> None:
    """Note the outcome of a try, unless the mail left the queue before."""
    with write_session(engine) as session:
        row = _locked(session, key, run)
        if row is not None and row.status is MailStatus.QUEUED:
            row.status = outcome.status
            row.settled = dict(outcome.settled)
            row.last_error = outcome.problem
            row.sent_at = outcome.sent_at


def record_bounce(engine: Engine, key: str, *, run: str, problem: str) -> None:
    """Note that a mail which was sent has bounced (M5)."""
    with write_session(engine) as session:
        row = _locked(session, key, run)
        if row is not None:
            row.status = MailStatus.FAILED
            row.last_error = problem


def find_mails_by_message_id(engine: Engine, message_ids: Iterable[str]) -> dict[str, MailKey]:
    """Return the mails out that have these Message-IDs, by Message-ID (M1)."""
    wanted = select(
        MailOutRow.message_id, MailOutRow.reference, MailOutRow.run, MailOutRow.key
    ).where(col(MailOutRow.message_id).in_(list(message_ids)))
    with read_session(engine) as session:
        return {
            message_id: MailKey(reference=reference, run=run, key=key)
            for message_id, reference, run, key in session.exec(wanted)
            if message_id is not None
        }


def last_message_id_sent_to(
    engine: Engine, reference: str, addresses: Collection[str]
) -> str | None:
    """Return the Message-ID of the last mail of an item that one of these addresses got (M5)."""
    wanted = {address.lower() for address in addresses}
    sent = (
        select(MailOutRow.message_id, MailOutRow.settled)
        .where(MailOutRow.reference == reference, MailOutRow.status == MailStatus.SENT)
        .order_by(col(MailOutRow.sent_at).desc())
    )
    with read_session(engine) as session:
        for message_id, settled in session.exec(sent):
            if any(to.lower() in wanted and not refusal for to, refusal in (settled or {}).items()):
                return message_id
    return None


def load_message_ids(engine: Engine, keys: Iterable[str], *, run: str) -> dict[str, str]:
    """Return the Message-IDs of those mails of a run that were tried, by key."""
    wanted = select(MailOutRow.key, MailOutRow.message_id).where(
        MailOutRow.run == run, col(MailOutRow.key).in_(list(keys))
    )
    with read_session(engine) as session:
        return {key: found for key, found in session.exec(wanted) if found is not None}


def _locked(session: Session, key: str, run: str) -> MailOutRow | None:
    return session.get(MailOutRow, (run, key), with_for_update=True)


def _unknown(key: str, run: str) -> UnknownOutboundMail:
    return UnknownOutboundMail(
        f"mail {key} of run {run} is not in the store: it is published with the change that "
        "causes it, so publish that change first"
    )


def _mail(row: MailOutRow) -> Mail:
    return Mail(
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
    )
