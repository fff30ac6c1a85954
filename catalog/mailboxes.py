"""Mailboxes of the desk: what a mail to each address starts (M2)."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from domain.base.base_model import Defined
from domain.base.values import Name, is_address

_PLUS: Final = re.compile(r"\+[^@]*@")


class Mailbox(Defined):
    """A mailbox: a mail to it that belongs to no open item starts a Ticket, or a Case."""

    ticket: Name | None = None
    """The category of the Ticket."""
    case: Name | None = None
    """The definition of the Case."""
    queue: Name | None = None
    acknowledge: bool = False
    """Whether who writes is told that it arrived, within the budget of such answers (M4)."""
    parent_first: bool = False
    """A5: whether mail to a closed Action goes to its open Case instead of starting an item."""
    language: Literal["en", "fr"] | None = None
    """Of what is answered by ourselves; else that of the desk."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
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
"""A mailbox's name: the address without a plus part."""
Mailboxes = Mapping[str, Mailbox]
