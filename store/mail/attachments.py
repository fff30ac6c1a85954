"""Attachments of mails in, with their contents stored once (M6)."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from store.engine import read_session
from store.schema.tables import AttachmentRow, MailAttachmentRow


def list_attachments(engine: Engine, mail: str) -> list[MailAttachmentRow]:
    """Return the attachments of a mail, in their order, without contents."""
    with read_session(engine) as session:
        return attachments_by_mail(session, [mail]).get(mail, [])


def attachments_by_mail(
    session: Session, mails: Collection[str]
) -> Mapping[str, list[MailAttachmentRow]]:
    """Return the attachments of mails by the mail's digest, without contents."""
    wanted = (
        select(MailAttachmentRow)
        .where(col(MailAttachmentRow.mail).in_(list(mails)))
        .order_by(MailAttachmentRow.mail, col(MailAttachmentRow.number))
    )
    found: defaultdict[str, list[MailAttachmentRow]] = defaultdict(list)
    for row in session.exec(wanted):
        found[row.mail].append(row)
    return found


def load_content(engine: Engine, digest: str) -> bytes | None:
    """Return the content of this digest; None if it is not stored apart from its mail."""
    with read_session(engine) as session:
        found = session.get(AttachmentRow, digest)
    return None if found is None else found.content
