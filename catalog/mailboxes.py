"""Mailboxes of the desk, each with the kind of item that a mail to it starts (M2)."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from domain.base.base_model import StrictModel
from domain.base.values import Name, is_address

_PLUS: Final = re.compile(r"\+[^@]*@")


class Mailbox(StrictModel):
    """Mailbox: a mail to it that belongs to no open item starts a Ticket or a Case."""

    ticket: Name | None = None
    """Category of the Ticket."""
    case: Name | None = None
    """Definition of the Case."""
    queue: Name | None = None
    acknowledge: bool = False
    """True if senders receive an acknowledgement, within the budget of automatic answers (M4)."""
    parent_first: bool = False
    """True if mail to a closed Action goes to its open Case instead of starting an item (A5)."""
    language: Literal["en", "fr"] | None = None
    """Language of automatic answers; by default the desk's."""

    @model_validator(mode="after")
    def _check_ticket_or_case(self) -> Self:
        if (self.ticket is None) == (self.case is None):
            msg = "ticket: give either ticket (a category) or case (a definition)"
            raise ValueError(msg)
        return self


def _address(value: str) -> str:
    if not is_address(value) or value != value.lower():
        msg = "is no mail address in lower case, such as support@desk.example"
        raise ValueError(msg)
    if _PLUS.search(value):
        msg = "has a plus part, which names items; leave it out"
        raise ValueError(msg)
    return value


MailAddress = Annotated[str, Field(max_length=100), AfterValidator(_address)]
"""Address of a mailbox, without a plus part."""
Mailboxes = Mapping[str, Mailbox]
