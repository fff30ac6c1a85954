"""Mails that came in: accepted once, given to their items, or kept as dead letters (M3, M6, M7)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from store.engine import INSERTS, reading, writing
from store.mail.outbound_mail import MailKey, mails_with
from store.schema.tables import (
    ArrivalState,
    attachment,
    entry,
    item,
    mail_attachment,
    mail_in,
    mail_out,
)

ANSWERS_WITHIN: Final = timedelta(hours=1)
"""In which the automatic answers to one correspondent are counted (M4)."""
_PAGE: Final = 500
_ACCEPTING: Final = 0xCA5E
"""PostgreSQL's advisory lock that those who accept mails share, and who looks for them waits for.

SQLite has one writer at a time anyway.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAttachment:
    """An attachment as the store keeps it; one that is refused has no content there."""

    name: str
    type: str
    size: int
    digest: str | None = None
    content: bytes = b""
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A mail as it came in to one desk."""

    digest: str
    message_id: str
    desk: str
    addresses: tuple[str, ...]
    envelope_sender: str | None
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    subject: str
    excerpt: str
    text: str
    html: str | None
    automatic: str | None
    bounced: tuple[str, ...] | None
    reference: str | None
    named: str | None
    received_at: datetime
    answered: bool = False
    state: ArrivalState = ArrivalState.ACCEPTED
    reason: str | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A mail to be accepted: what is known of it, as it was received, and what hangs on it."""

    arrival: Arrival
    raw: bytes
    attachments: tuple[KeptAttachment, ...] = ()
    is_dated: bool = False
    """Whether it was received elsewhere, at the time that it has; else it is as it is kept here."""


def digest_of(text: str) -> str:
    """What a Message-ID, or that and a desk, is known by."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def accept(engine: Engine, coming: Sequence[Coming], *, budget: int) -> list[Arrival]:
    """Keep these mails, in one transaction; those of them that were not there before.

    `budget`: automatic answers that one correspondent gets within the hour (M4).
    """
    accepted = []
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock_shared({_ACCEPTING})"))
        now = datetime.now(UTC)
        insert = INSERTS[connection.dialect.name]
        mails = insert(mail_in).on_conflict_do_nothing().returning(mail_in.c.digest)
        for one in coming:
            arrival = one.arrival if one.is_dated else replace(one.arrival, received_at=now)
            arrival = _answered_within(connection, arrival, budget)
            row = {field.name: getattr(arrival, field.name) for field in fields(arrival)}
            row |= {
                "state": arrival.state.value,
                "raw": one.raw,
                "message_digest": digest_of(arrival.message_id),
                "handled_at": None,
            }
            if connection.execute(mails, row).first() is None:  # PostgreSQL counts no rows here
                continue
            accepted.append(arrival)
            for number, part in enumerate(one.attachments):
                if part.digest is not None:
                    content = {"digest": part.digest, "size": part.size, "content": part.content}
                    connection.execute(insert(attachment).on_conflict_do_nothing(), content)
                connection.execute(
                    insert(mail_attachment),
                    {
                        "mail": arrival.digest,
                        "number": number,
                        "name": part.name,
                        "type": part.type,
                        "size": part.size,
                        "attachment": part.digest,
                        "refused": part.refused,
                    },
                )
    return accepted


def _answered_within(connection: Connection, arrival: Arrival, budget: int) -> Arrival:
    """M4: the mail, to be answered only while its sender has not had too many answers."""
    if not arrival.answered:
        return arrival
    so_far = connection.scalar(
        select(func.count()).where(
            mail_in.c.sender == arrival.sender,
            mail_in.c.received_at > arrival.received_at - ANSWERS_WITHIN,
            mail_in.c.answered,
        )
    )
    if (so_far or 0) < budget:
        return arrival
    return replace(arrival, answered=False)


def threads(engine: Engine, ids: Sequence[str], *, desk: str) -> str | None:
    """The item of the first of these message ids that we sent or got (M1).

    Where the conversation is one of several desks, each with an item of its own, it is this desk's.
    """
    if not ids:
        return None
    wanted = [digest_of(one) for one in ids]
    sent = {digest_of(one[1:-1]): key for one, key in mails_with(engine, _bracketed(ids)).items()}
    with reading(engine) as connection:
        got = connection.execute(
            select(mail_in.c.message_digest, mail_in.c.reference, mail_in.c.desk)
            .where(
                mail_in.c.message_digest.in_(wanted),
                mail_in.c.reference.is_not(None),
                mail_in.c.state != ArrivalState.DEAD.value,
            )
            .order_by(mail_in.c.received_at, mail_in.c.digest)
        ).all()
        ours = {key.reference for key in sent.values()}
        desks = connection.execute(
            select(mail_in.c.reference, mail_in.c.desk)
            .where(
                mail_in.c.reference.in_(ours),
                mail_in.c.automatic.is_(None),
                mail_in.c.state != ArrivalState.DEAD.value,
            )
            .distinct()
        ).all()
    here = {row.message_digest: row.reference for row in got if row.desk == desk}
    anywhere = {row.message_digest: row.reference for row in reversed(got)}
    known = anywhere | here | {one: key.reference for one, key in sent.items()}
    by_mail = {row.reference for row in desks}
    mine = (ours - by_mail) | {row.reference for row in desks if row.desk == desk}
    near = mine | set(here.values())
    found = [known[one] for one in wanted if one in known]
    return next((one for one in found if one in near), found[0] if found else None)


def _bracketed(ids: Sequence[str]) -> list[str]:
    """The ids as our own mails are known by."""
    return [f"<{one}>" for one in ids]


def sent_by_us(engine: Engine, ids: Sequence[str]) -> list[MailKey]:
    """M5: those of these message ids that are of mails of ours."""
    return list(mails_with(engine, _bracketed(ids)).values())


def parties(engine: Engine, reference: str) -> frozenset[str] | None:
    """The addresses of who takes part in an item; None if there is no such item (M1)."""
    with reading(engine) as connection:
        state = connection.scalar(select(item.c.state).where(item.c.reference == reference))
        if state is None:
            return None
        sent = connection.execute(
            select(mail_out.c.to, mail_out.c.cc).where(mail_out.c.reference == reference)
        ).all()
        senders = connection.scalars(
            select(mail_in.c.sender).where(
                mail_in.c.reference == reference,
                mail_in.c.state != ArrivalState.DEAD.value,
                mail_in.c.automatic.is_(None),
            )
        ).all()
    contacts = [(state.get(name) or {}).get("email") for name in ("primary_contact", "requester")]
    written_to = [address for row in sent for address in (*row.to, *row.cc)]
    return frozenset(one.lower() for one in (*contacts, *written_to, *senders) if one)


def is_under_way(engine: Engine, reference: str, *, until: datetime) -> bool:
    """M3: whether a mail for this item was accepted by then, and not given to it yet.

    Looks after those that are being accepted: what is accepted later is received later, too.
    """
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ACCEPTING})"))
        found = connection.scalar(
            select(
                exists().where(
                    mail_in.c.reference == reference,
                    mail_in.c.state == ArrivalState.ACCEPTED.value,
                    mail_in.c.automatic.is_(None),
                    mail_in.c.received_at <= until,
                )
            )
        )
    return bool(found)


def has_effect(engine: Engine, reference: str, digest: str) -> bool:
    """Whether the item took this mail: an entry of its timeline says so."""
    with reading(engine) as connection:
        found = connection.scalar(
            select(exists().where(entry.c.reference == reference, entry.c.mail == digest))
        )
    return bool(found)


def is_there_already(engine: Engine, arrival: Arrival) -> bool:
    """Whether the same mail came to the same item by another desk, so that this one adds nothing.

    Of two that are under way, the one with the smaller digest is given to the item.
    """
    before_this = or_(
        mail_in.c.state == ArrivalState.HANDLED.value,
        and_(mail_in.c.state == ArrivalState.ACCEPTED.value, mail_in.c.digest < arrival.digest),
    )
    with reading(engine) as connection:
        found = connection.scalar(
            select(
                exists().where(
                    mail_in.c.message_digest == digest_of(arrival.message_id),
                    mail_in.c.reference == arrival.reference,
                    mail_in.c.digest != arrival.digest,
                    before_this,
                )
            )
        )
    return bool(found)


def waiting(engine: Engine, *, besides: Collection[str] = ()) -> list[Arrival]:
    """The mails that were accepted and not given to their items yet, oldest first."""
    return _found(engine, mail_in.c.state == ArrivalState.ACCEPTED.value, besides)


def dead(engine: Engine) -> list[Arrival]:
    """M7: the dead letters, oldest first."""
    return _found(engine, mail_in.c.state == ArrivalState.DEAD.value, ())


def arrivals_of(engine: Engine, reference: str) -> list[Arrival]:
    """The mails that came in for an item, oldest first."""
    return _found(engine, mail_in.c.reference == reference, ())


def arrival(engine: Engine, digest: str) -> Arrival | None:
    """A mail by its name in the store, or the beginning of it, if one mail alone has that."""
    begins = mail_in.c.digest.startswith(digest, autoescape=True)
    found = _found(engine, begins, ()) if digest else []
    return found[0] if len(found) == 1 else None


def raw_of(engine: Engine, digest: str) -> bytes | None:
    """M6: a mail as it was received."""
    with reading(engine) as connection:
        raw: bytes | None = connection.scalar(
            select(mail_in.c.raw).where(mail_in.c.digest == digest)
        )
    return raw


def attachments_of(engine: Engine, digest: str) -> list[KeptAttachment]:
    """M6: what hangs on a mail, without its content."""
    with reading(engine) as connection:
        found = connection.execute(
            select(mail_attachment)
            .where(mail_attachment.c.mail == digest)
            .order_by(mail_attachment.c.number)
        ).all()
    return [
        KeptAttachment(
            name=row.name, type=row.type, size=row.size, digest=row.attachment, refused=row.refused
        )
        for row in found
    ]


def content_of(engine: Engine, digest: str) -> bytes | None:
    """M6: an attachment's content; None if it is not kept apart."""
    with reading(engine) as connection:
        content: bytes | None = connection.scalar(
            select(attachment.c.content).where(attachment.c.digest == digest)
        )
    return content


def counted(engine: Engine) -> Mapping[ArrivalState, int]:
    """How many mails there are of each state."""
    with reading(engine) as connection:
        found = connection.execute(
            select(mail_in.c.state, func.count()).group_by(mail_in.c.state)
        ).all()
    counts = {ArrivalState(state): number for state, number in found}
    return {state: counts.get(state, 0) for state in ArrivalState}


def retarget(
    engine: Engine, digest: str, reference: str | None, *, named: str | None = None
) -> None:
    """Note which item a mail is for after all, before it is given to it.

    `named`: the one that it was for, where it starts another that follows it.
    """
    _change(engine, {digest: {"reference": reference} | ({"named": named} if named else {})})


def settle(engine: Engine, ends: Mapping[str, str | None]) -> None:
    """Note of mails that they were given to their items, or why they are dead letters."""
    at = datetime.now(UTC)
    _change(
        engine,
        {
            digest: {
                "state": (ArrivalState.HANDLED if reason is None else ArrivalState.DEAD).value,
                "reason": reason,
                "handled_at": at,
            }
            for digest, reason in ends.items()
        },
    )


def try_again(engine: Engine, digest: str) -> None:
    """M7: have a dead letter handled as if it had just been accepted."""
    dead_one = {"state": ArrivalState.ACCEPTED.value, "reason": None, "tries": 0}
    _change(engine, {digest: dead_one})


def _change(engine: Engine, changes: Mapping[str, Mapping[str, Any]]) -> None:
    with writing(engine) as connection:
        for digest, values in sorted(changes.items()):
            connection.execute(update(mail_in).where(mail_in.c.digest == digest).values(**values))


def _found(engine: Engine, where: ColumnElement[bool], besides: Collection[str]) -> list[Arrival]:
    names = [field.name for field in fields(Arrival)]
    wanted = select(*(mail_in.c[name] for name in names)).where(where)
    if besides:
        wanted = wanted.where(mail_in.c.digest.not_in(besides))
    with reading(engine) as connection:
        found = connection.execute(
            wanted.order_by(mail_in.c.received_at, mail_in.c.digest).limit(_PAGE)
        ).all()
    return [_arrival(row) for row in found]


def _arrival(row: Any) -> Arrival:  # noqa: ANN401 - SQLAlchemy has no type for a row by names
    values = {field.name: getattr(row, field.name) for field in fields(Arrival)}
    bounced = None if row.bounced is None else tuple(row.bounced)
    values |= {
        "addresses": tuple(row.addresses),
        "recipients": tuple(row.recipients),
        "bounced": bounced,
        "state": ArrivalState(row.state),
    }
    return Arrival(**values)
