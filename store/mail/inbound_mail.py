"""Mails in, and the stages of their way to an item (M3, M6)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Engine, func
from sqlalchemy.orm import defer
from sqlmodel import and_, col, exists, or_, select, update

from store.engine import read_connection, read_session, write_connection
from store.schema.tables import EntryRow, InboundMailState, MailAttachmentRow, MailInRow, mail_in

_MAX_MAILS: Final = 500
WITHOUT_LARGE_COLUMNS: Final = (
    defer(col(MailInRow.raw), raiseload=True),  # type: ignore[arg-type]  # SQLModel's attribute is one
    defer(col(MailInRow.html), raiseload=True),  # type: ignore[arg-type]  # as above
)
"""Options of a select: neither source nor HTML part, which may have megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMail:
    """Mail that came in for one mailbox.

    Life cycle: ACCEPTED once `accept_mails` has stored it, then HANDLED once an item has it, or
    DEAD if no item takes it; a mail may also be DEAD from the beginning. `retry_dead_letter` turns
    DEAD into ACCEPTED again. A HANDLED mail changes no more.
    """

    digest: str
    """Identity: digest of Message-ID and mailbox. The item knows the mail by it."""
    message_id: str
    """Without angle brackets; made from the content if the mail has none."""
    desk: str
    """Mailbox: the address that the mail came to, without its plus part."""
    addresses: tuple[str, ...]
    """All addresses of that mailbox that the mail came to, with their plus parts."""
    envelope_sender: str | None
    """Return path; empty: the mail is a bounce; None: unknown."""
    sender: str
    """Address of the author in lower case; may be empty, as may be the name."""
    sender_name: str
    recipients: tuple[str, ...]
    """Addresses and names in To and Cc."""
    subject: str
    excerpt: str
    """Text without quotes, cut to the length that an item carries."""
    text: str
    """Whole text; empty if the mail has none."""
    automatic: str | None
    """Reason why the mail counts as written by a program; None: a person wrote it (M4)."""
    bounced: tuple[str, ...] | None
    """Message-IDs of our mails that this bounce returns; None: the mail is no bounce (M5)."""
    reference: str | None
    """Item that the mail belongs to or starts."""
    named: str | None
    """Item that the mail named although its sender takes no part in it (M1)."""
    received_at: datetime
    """Time of acceptance, or what another mailbox says (see `is_dated`)."""
    answered: bool = False
    """The sender gets an acknowledgement; the budget of answers counts these mails (M4)."""
    state: InboundMailState = InboundMailState.ACCEPTED
    reason: str | None = None
    """Reason why the mail is DEAD."""
    is_dated: bool = False
    """True before acceptance if `received_at` comes from another mailbox (IMAP).

    Otherwise `accept_mails` sets `received_at` to the time of its transaction.
    """
    raw: bytes = field(default=b"", repr=False)
    """Source as received. For `accept_mails` only: `load_source` loads it (M6)."""
    html: str | None = field(default=None, repr=False)
    """HTML part. For `accept_mails` only."""
    attachments: tuple[MailAttachmentRow, ...] = ()
    """For `accept_mails`, and where a function says that it loads them; else `list_attachments`."""
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Contents of attachments by digest. For `accept_mails` only: `load_content` loads one (M6)."""

    @property
    def body(self) -> str:
        """Whole text, or the excerpt of a mail that has HTML alone."""
        return self.text or self.excerpt


def mail_digest(text: str) -> str:
    """Return the digest of a Message-ID, or of one and a mailbox."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def list_undelivered(engine: Engine, *, except_digests: Collection[str] = ()) -> list[InboundMail]:
    """Return ACCEPTED mails except those of these digests, oldest first, at most 500."""
    return select_mails(
        engine,
        col(MailInRow.state) == InboundMailState.ACCEPTED,
        *([col(MailInRow.digest).not_in(except_digests)] if except_digests else []),
    )


def list_mails_of_item(engine: Engine, reference: str) -> list[InboundMail]:
    """Return the mails of an item, oldest first, at most 500."""
    return select_mails(engine, col(MailInRow.reference) == reference)


def find_mail(engine: Engine, digest: str) -> InboundMail | None:
    """Return the mail of this digest, or the only mail whose digest begins so."""
    begins = col(MailInRow.digest).startswith(digest, autoescape=True)
    found = select_mails(engine, begins) if digest else []
    return found[0] if len(found) == 1 else None


def select_mails(engine: Engine, *conditions: Any) -> list[InboundMail]:  # noqa: ANN401 - SQL
    """Return the mails that meet SQL conditions on `MailInRow`, oldest first, at most 500."""
    wanted = select(MailInRow).where(*conditions).options(*WITHOUT_LARGE_COLUMNS).limit(_MAX_MAILS)
    with read_session(engine) as session:
        rows = session.exec(wanted.order_by(col(MailInRow.received_at), MailInRow.digest)).all()
    return [mail_from_row(row) for row in rows]


def load_source(engine: Engine, digest: str) -> bytes | None:
    """Return a mail as it was received (M6)."""
    with read_session(engine) as session:
        return session.exec(select(MailInRow.raw).where(MailInRow.digest == digest)).one_or_none()


def count_by_state(engine: Engine) -> Mapping[InboundMailState, int]:
    """Return the number of mails in each state."""
    with read_session(engine) as session:
        found = session.exec(
            select(MailInRow.state, func.count()).group_by(col(MailInRow.state))
        ).all()
    by_state = dict(found)
    return {state: by_state.get(state, 0) for state in InboundMailState}


def has_effect(engine: Engine, reference: str, digest: str) -> bool:
    """Return True if an entry of the item's timeline says that it took this mail."""
    taken = exists().where(col(EntryRow.reference) == reference, col(EntryRow.mail) == digest)
    with read_connection(engine) as connection:
        return bool(connection.scalar(select(taken)))


def is_duplicate(engine: Engine, mail: InboundMail) -> bool:
    """Return True if the same mail came to the same item by another mailbox.

    Of two that are both ACCEPTED, the one with the greater digest is the duplicate.
    """
    before_this = or_(
        col(MailInRow.state) == InboundMailState.HANDLED,
        and_(
            col(MailInRow.state) == InboundMailState.ACCEPTED, col(MailInRow.digest) < mail.digest
        ),
    )
    other = exists().where(
        col(MailInRow.message_digest) == mail_digest(mail.message_id),
        col(MailInRow.reference) == mail.reference,
        col(MailInRow.digest) != mail.digest,
        before_this,
    )
    with read_connection(engine) as connection:
        return bool(connection.scalar(select(other)))


def retarget(
    engine: Engine, digest: str, reference: str | None, *, named: str | None = None
) -> None:
    """Change the item that an ACCEPTED mail is for.

    `named`: the former item, if the mail starts another one that follows it.
    """
    values = {"reference": reference} | ({"named": named} if named else {})
    change_mails(engine, {digest: values})


def settle_mails(engine: Engine, ends: Mapping[str, str | None]) -> None:
    """Set mails to HANDLED, or to DEAD if there is a reason; `ends`: reasons by digest."""
    at = datetime.now(UTC)
    change_mails(
        engine,
        {
            digest: {
                "state": InboundMailState.HANDLED if reason is None else InboundMailState.DEAD,
                "reason": reason,
                "handled_at": at,
            }
            for digest, reason in ends.items()
        },
    )


def change_mails(engine: Engine, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Change columns of mails, by digest; locks rows in the order of their digests."""
    with write_connection(engine) as connection:
        for digest, values in sorted(changes.items()):
            connection.execute(update(mail_in).where(mail_in.c.digest == digest), values)


def mail_from_row(row: MailInRow, attachments: Sequence[MailAttachmentRow] = ()) -> InboundMail:
    """Return the mail of a row that was selected with `WITHOUT_LARGE_COLUMNS`."""
    return InboundMail(
        digest=row.digest,
        message_id=row.message_id,
        desk=row.desk,
        addresses=tuple(row.addresses),
        envelope_sender=row.envelope_sender,
        sender=row.sender,
        sender_name=row.sender_name,
        recipients=tuple(row.recipients),
        subject=row.subject,
        excerpt=row.excerpt,
        text=row.text,
        automatic=row.automatic,
        bounced=None if row.bounced is None else tuple(row.bounced),
        reference=row.reference,
        named=row.named,
        received_at=row.received_at,
        answered=row.answered,
        state=row.state,
        reason=row.reason,
        attachments=tuple(attachments),
    )
