"""Who the desk is to those it writes to: its letterheads, and the addresses of its people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """What mails are written in."""

    EN = "en"
    FR = "fr"


def language_named(name: str) -> Language | None:
    """A language as mails and people name it (`fr`, `fr-CA`); None if we do not write it."""
    short = name.partition("-")[0].lower()
    return next((language for language in Language if language == short), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the desk: where mails reach them, and in which language."""

    email: str
    name: str = ""
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """An address that the desk writes from."""

    address: str
    name: str = ""
    language: Language = Language.EN
    categories: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()


NO_LETTERHEAD: Final = Letterhead(address="casekeep@localhost", name="Casekeep")
"""What a desk writes from that has said nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Letterheads, the first one for all that no other is for; people by account."""

    letterheads: tuple[Letterhead, ...] = ()
    people: Mapping[str, Person] = field(default_factory=dict)

    def letterhead_for(self, *, category: str | None, queue: str | None) -> Letterhead:
        """By the item's category, else by its queue, else the desk's first."""
        for head in self.letterheads:
            if category in head.categories:
                return head
        for head in self.letterheads:
            if queue in head.queues:
                return head
        return self.letterheads[0] if self.letterheads else NO_LETTERHEAD
