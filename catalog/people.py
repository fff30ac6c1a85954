"""People of the desk, and the addresses it writes from (M5)."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from domain.base.base_model import Defined
from domain.base.values import Address, Name, Title
from mail.address_book import Directory, Language, Letterhead, Person


class Colleague(Defined):
    """Somebody who works here, under the name of their account."""

    email: Address
    name: Title = ""
    language: Annotated[Language, Field(strict=False)] | None = None
    """Of mails to them alone; by default the desk's."""


class Sender(Defined):
    """An address that mails come from; the first one for all that no other is for."""

    name: Title = ""
    language: Annotated[Language, Field(strict=False)] = Language.EN
    categories: Annotated[tuple[Name, ...], Field(strict=False, max_length=200)] = ()
    queues: Annotated[tuple[Name, ...], Field(strict=False, max_length=200)] = ()


def directory_of(senders: Mapping[str, Sender], colleagues: Mapping[str, Colleague]) -> Directory:
    """Both as whoever sends mails needs them."""
    heads = tuple(
        Letterhead(
            address=address,
            name=sender.name,
            language=sender.language,
            categories=frozenset(sender.categories),
            queues=frozenset(sender.queues),
        )
        for address, sender in senders.items()
    )
    people = {
        account: Person(email=one.email, name=one.name, language=one.language)
        for account, one in colleagues.items()
    }
    return Directory(letterheads=heads, people=people)
