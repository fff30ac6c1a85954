"""Mails on their way out: for now kept in the store, and not yet sent."""

from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError


class Keeps(Protocol):
    """What holds the mails that changes caused."""

    def keep_mail(self, key: str) -> None:
        """Mark a queued mail as kept; raises LookupError if there is none of this key."""


class MailOut:
    """Takes each queued mail in hand, once for its key."""

    def __init__(self, outgoing: Keeps) -> None:
        """Take mails from where changes put them."""
        self._outgoing = outgoing

    @activity.defn(name="send_mail")
    def send(self, key: str) -> None:
        """Take the mail of this effect key in hand; doing it again changes nothing (M5)."""
        try:
            self._outgoing.keep_mail(key)
        except LookupError as error:
            raise ApplicationError(str(error), type="UnknownMail", non_retryable=True) from error
