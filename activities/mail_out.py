"""Mails on their way out: for now kept in the store, and not yet sent."""

from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

from store.faults import UnknownMail


class Keeps(Protocol):
    """What holds the mails that changes caused."""

    def __call__(self, key: str, *, run: str) -> object:
        """Mark a queued mail of this run as kept; raises UnknownMail if there is none."""


class MailOut:
    """Takes each queued mail in hand, once for its key."""

    def __init__(self, keep: Keeps) -> None:
        """Take mails from where changes put them."""
        self._keep = keep

    @activity.defn(name="send_mail")
    def send(self, run: str, key: str) -> None:
        """Take the mail of this item and effect key in hand; again changes nothing (M5)."""
        try:
            self._keep(key, run=run)
        except UnknownMail as error:
            raise ApplicationError(str(error), type="UnknownMail", non_retryable=True) from error
