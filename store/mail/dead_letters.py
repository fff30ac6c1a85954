"""Dead letters: mails in that no item takes, each with the reason (M7)."""

from sqlalchemy import Engine
from sqlmodel import col

from store.mail.inbound_mail import InboundMail, change_mails, select_mails
from store.schema.tables import InboundMailState, MailInRow


def list_dead_letters(engine: Engine) -> list[InboundMail]:
    """Return the dead letters, oldest first, at most 500."""
    return select_mails(engine, col(MailInRow.state) == InboundMailState.DEAD)


def retry_dead_letter(engine: Engine, digest: str) -> None:
    """Set a dead letter to ACCEPTED, so that the mailroom delivers it as a new mail."""
    change_mails(engine, {digest: {"state": InboundMailState.ACCEPTED, "reason": None}})
