"""People of the desk, and the addresses that it writes from (M5)."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from domain.base.base_model import StrictModel
from domain.base.values import Address, Name, Title
from mail.address_book import AddressBook, Language, SenderIdentity, StaffContact


class Colleague(StrictModel):
    """Person who works at the desk, by the name of their account."""

    email: Address
    name: Title = ""
    language: Annotated[Language, Field(strict=False)] | None = None
    """Language of mails to this person alone; by default the desk's."""


class Sender(StrictModel):
    """Address that the desk writes from; the first one is the default."""

    name: Title = ""
    language: Annotated[Language, Field(strict=False)] = Language.EN
    categories: Annotated[tuple[Name, ...], Field(strict=False, max_length=200)] = ()
    queues: Annotated[tuple[Name, ...], Field(strict=False, max_length=200)] = ()


def build_address_book(
    senders: Mapping[str, Sender], colleagues: Mapping[str, Colleague]
) -> AddressBook:
    """Return senders and people as the address book for outgoing mail."""
    identities = tuple(
        SenderIdentity(
            address=address,
            name=sender.name,
            language=sender.language,
            categories=frozenset(sender.categories),
            queues=frozenset(sender.queues),
        )
        for address, sender in senders.items()
    )
    people = {
        account: StaffContact(email=person.email, name=person.name, language=person.language)
        for account, person in colleagues.items()
    }
    return AddressBook(senders=identities, people=people)
