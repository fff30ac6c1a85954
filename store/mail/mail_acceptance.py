"""Acceptance of mails in: a mail that is stored here cannot be lost any more (M3, M4)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, exists, func, select, text

from store.engine import INSERTS, write_connection
from store.mail.inbound_mail import InboundMail, mail_digest
from store.schema.tables import (
    InboundMailState,
    MailAttachmentRow,
    attachment,
    mail_attachment,
    mail_in,
)

ANSWER_WINDOW: Final = timedelta(hours=1)
"""Window in which the automatic answers to one sender are counted (M4)."""
_ADVISORY_LOCK: Final = 0xCA5E
"""PostgreSQL's lock that `accept_mails` shares and `is_mail_under_way` waits for.

SQLite needs none: it has one writer at a time.
"""


def accept_mails(engine: Engine, mails: Sequence[InboundMail], *, budget: int) -> list[InboundMail]:
    """Store mails in one transaction, and return those that were not stored before.

    They come back without source, HTML part and attachments. `budget`: automatic answers that one
    sender gets within the hour (M4).
    """
    accepted = []
    # statements, not rows: a flush for each mail and attachment takes three times as long
    with write_connection(engine) as connection:
        _lock(connection, "pg_advisory_xact_lock_shared")
        insert = INSERTS[connection.dialect.name]
        insert_mail = insert(mail_in).on_conflict_do_nothing().returning(mail_in.c.digest)
        insert_content = insert(attachment).on_conflict_do_nothing()
        now = datetime.now(UTC)
        for mail in mails:
            dated = mail if mail.is_dated else replace(mail, received_at=now)
            answered = dated.answered and _answers(connection, dated) < budget
            new = replace(dated, answered=answered, is_dated=False)
            # RETURNING tells a new row: PostgreSQL counts no rows here
            if connection.execute(insert_mail, _mail_row(new)).first() is None:
                continue
            accepted.append(replace(new, raw=b"", html=None, attachments=(), contents={}))
            if mail.contents:
                connection.execute(insert_content, _content_rows(mail))
            if mail.attachments:
                rows = [_attachment_row(each) for each in mail.attachments]
                connection.execute(mail_attachment.insert(), rows)
    return accepted


def is_mail_under_way(engine: Engine, reference: str, *, until: datetime) -> bool:
    """Return True if a mail for this item was accepted by then and is not delivered yet (M3).

    Waits for transactions that are accepting mails, so a mail that is committed later also has a
    later `received_at`.
    """
    waiting = exists().where(
        mail_in.c.reference == reference,
        mail_in.c.state == InboundMailState.ACCEPTED,
        mail_in.c.automatic.is_(None),
        mail_in.c.received_at <= until,
    )
    with write_connection(engine) as connection:
        _lock(connection, "pg_advisory_xact_lock")
        return bool(connection.scalar(select(waiting)))


def _lock(connection: Connection, function: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT {function}({_ADVISORY_LOCK})"))


def _answers(connection: Connection, mail: InboundMail) -> int:
    """Count the answers that its sender has got within the hour before it."""
    so_far = connection.scalar(
        select(func.count()).where(
            mail_in.c.sender == mail.sender,
            mail_in.c.received_at > mail.received_at - ANSWER_WINDOW,
            mail_in.c.answered,
        )
    )
    return so_far or 0


def _content_rows(mail: InboundMail) -> list[dict[str, Any]]:
    return [
        {"digest": digest, "size": len(content), "content": content}
        for digest, content in mail.contents.items()
    ]


def _attachment_row(row: MailAttachmentRow) -> dict[str, Any]:
    return {
        "mail": row.mail,
        "number": row.number,
        "name": row.name,
        "type": row.type,
        "size": row.size,
        "attachment": row.digest,
        "refused": row.refused,
    }


def _mail_row(mail: InboundMail) -> dict[str, Any]:
    return {
        "digest": mail.digest,
        "message_id": mail.message_id,
        "message_digest": mail_digest(mail.message_id),
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
