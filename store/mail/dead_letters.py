"""Dead letters: mails in that no item takes, each with the reason (M7)."""

from sqlalchemy import Engine
from sqlmodel import col

from store.mail.inbound_mail import InboundMail, change, mails_where
from store.schema.tables import InboundMailState, MailInRow


def dead_letters(engine: Engine) -> list[InboundMail]:
    """Return the dead letters, oldest first, at most 500."""
    return mails_where(engine, col(MailInRow.state) == InboundMailState.DEAD)


def retry(engine: Engine, digest: str) -> None:
    """Set a dead letter to ACCEPTED, so that the mailroom delivers it as a new mail."""
    change(engine, {digest: {"state": InboundMailState.ACCEPTED, "reason": None}})
