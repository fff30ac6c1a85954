"""Mails out, as whoever sends them needs them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select, update

from domain.items import Mail
from store.engine import writing
from store.faults import UnknownMail
from store.tables import MailStatus, mail_out


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOut:
    """A mail that an item caused, and how far it has come."""

    reference: str
    run: str
    mail: Mail
    status: MailStatus
    queued_at: datetime


def keep_mail(engine: Engine, key: str, *, run: str) -> MailOut:
    """Mark a queued mail as kept, not sent, and answer it; one that left the queue stays as it is.

    Raises:
        UnknownMail: this run of the item published no mail of this key.
    """
    found = (mail_out.c.run == run) & (mail_out.c.key == key)
    with writing(engine) as connection:
        connection.execute(
            update(mail_out)
            .where(found, mail_out.c.status == MailStatus.QUEUED.value)
            .values(status=MailStatus.KEPT.value)
        )
        row = connection.execute(select(mail_out).where(found)).one_or_none()
    if row is None:
        raise UnknownMail(
            f"mail {key} of run {run} is not in the store: it is published with the change that "
            "causes it, so publish that change first"
        )
    return MailOut(
        reference=row.reference,
        run=row.run,
        mail=Mail(
            key=row.key,
            to=tuple(row.to),
            cc=tuple(row.cc),
            accounts=tuple(row.accounts),
            subject=row.subject,
            body=row.body,
            resolution=row.resolution,
        ),
        status=MailStatus(row.status),
        queued_at=row.queued_at,
    )
