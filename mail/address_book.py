"""The addresses that the desk writes from, and the mail addresses of its people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """Language of a mail that the desk writes."""

    EN = "en"
    FR = "fr"


def parse_language(tag: str) -> Language | None:
    """Return the language of a tag such as `fr` or `fr-CA`; None if the desk does not write it."""
    primary = tag.partition("-")[0].lower()
    return next((language for language in Language if language == primary), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffContact:
    """Mail address and language of a person who works at the desk."""

    email: str
    name: str = ""
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderIdentity:
    """Address that the desk writes from, and the items it is for."""

    address: str
    name: str = ""
    language: Language = Language.EN
    categories: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()


DEFAULT_SENDER: Final = SenderIdentity(address="casekeep@localhost", name="Casekeep")
"""Sender of a desk whose catalog names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBook:
    """Senders, the first of which is the default; staff by account."""

    senders: tuple[SenderIdentity, ...] = ()
    people: Mapping[str, StaffContact] = field(default_factory=dict)

    def sender_for(self, *, category: str | None, queue: str | None) -> SenderIdentity:
        """Return the sender of the item's category, else of its queue, else the default one."""
        for sender in self.senders:
            if category in sender.categories:
                return sender
        for sender in self.senders:
            if queue in sender.queues:
                return sender
        return self.senders[0] if self.senders else DEFAULT_SENDER
