"""Acceptance of mails in: a mail that is stored here cannot be lost any more (M3, M4)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, func, text
from sqlmodel import Session, col, exists, select

from store.engine import INSERTS, write_session
from store.mail.inbound_mail import InboundMail, digest_of
from store.schema.tables import InboundMailState, MailInRow, attachment, mail_in

ANSWERS_WITHIN: Final = timedelta(hours=1)
"""Window in which the automatic answers to one sender are counted (M4)."""
_ADVISORY_LOCK: Final = 0xCA5E
"""PostgreSQL's lock that `accept` shares and `is_under_way` waits for.

SQLite needs none: it has one writer at a time.
"""


def accept(engine: Engine, mails: Sequence[InboundMail], *, budget: int) -> list[InboundMail]:
    """Store mails in one transaction, and return those that were not stored before.

    They come back without source, HTML part and attachments. `budget`: automatic answers that one
    sender gets within the hour (M4).
    """
    accepted = []
    with write_session(engine) as session:
        _lock(session, "pg_advisory_xact_lock_shared")
        now = datetime.now(UTC)
        for mail in mails:
            dated = mail if mail.is_dated else replace(mail, received_at=now)
            answered = dated.answered and _answers(session, dated) < budget
            new = replace(dated, answered=answered, is_dated=False)
            if _insert(session, new):
                accepted.append(replace(new, raw=b"", html=None, attachments=(), contents={}))
    return accepted


def is_under_way(engine: Engine, reference: str, *, until: datetime) -> bool:
    """Return true if a mail for this item was accepted by then and is not delivered yet (M3).

    Waits for transactions that are accepting mails, so a mail that is committed later also has a
    later `received_at`.
    """
    waiting = exists().where(
        col(MailInRow.reference) == reference,
        col(MailInRow.state) == InboundMailState.ACCEPTED,
        col(MailInRow.automatic).is_(None),
        col(MailInRow.received_at) <= until,
    )
    with write_session(engine) as session:
        _lock(session, "pg_advisory_xact_lock")
        return bool(session.scalar(select(waiting)))


def _lock(session: Session, function: str) -> None:
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT {function}({_ADVISORY_LOCK})"))


def _answers(session: Session, mail: InboundMail) -> int:
    """Count the answers that its sender has got within the hour before it."""
    return session.exec(
        select(func.count())
        .select_from(MailInRow)
        .where(
            MailInRow.sender == mail.sender,
            col(MailInRow.received_at) > mail.received_at - ANSWERS_WITHIN,
            col(MailInRow.answered),
        )
    ).one()


def _insert(session: Session, mail: InboundMail) -> bool:
    """Insert a mail with its attachments; return false if it is stored already."""
    insert = INSERTS[session.connection().dialect.name]
    row = insert(mail_in).values(_values(mail)).on_conflict_do_nothing()
    # RETURNING tells a new row: PostgreSQL counts no rows here
    if session.exec(row.returning(mail_in.c.digest)).first() is None:
        return False
    for digest, content in mail.contents.items():
        values = {"digest": digest, "size": len(content), "content": content}
        session.exec(insert(attachment).values(values).on_conflict_do_nothing())
    session.add_all(mail.attachments)
    return True


def _values(mail: InboundMail) -> dict[str, Any]:
    return {
        "digest": mail.digest,
        "message_id": mail.message_id,
        "message_digest": digest_of(mail.message_id),
        "desk": mail.desk,
        "addresses": mail.addresses,
        "envelope_sender": mail.envelope_sender,
        "sender": mail.sender,
        "sender_name": mail.sender_name,
        "recipients": mail.recipients,
        "subject": mail.subject,
        "excerpt": mail.excerpt,
        "raw": mail.raw,
        "text": mail.text,
        "html": mail.html,
        "automatic": mail.automatic,
        "bounced": mail.bounced,
        "answered": mail.answered,
        "reference": mail.reference,
        "named": mail.named,
        "state": mail.state,
        "reason": mail.reason,
        "tries": 0,
        "received_at": mail.received_at,
        "handled_at": None,
    }
