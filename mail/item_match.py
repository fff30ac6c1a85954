"""Which item a mail belongs to, by what it carries and who it is from (M1)."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.base.values import ACTION_PATTERN, REFERENCE, REFERENCE_PATTERN
from mail.parser import Received

_BRACKETED: Final = re.compile(rf"\[({REFERENCE}(?:-A[0-9]+)?)\]", re.ASCII)
_SUBJECT_LIMIT: Final = 500


class Way(StrEnum):
    """By what a mail was found to belong to an item."""

    THREAD = "thread"
    ADDRESS = "address"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """The item that a mail is for; without one it starts a new item, linked to what it named."""

    reference: str | None = None
    way: Way | None = None
    named: str | None = None
    """What it named without being a party to it."""


Threads = Callable[[Sequence[str]], str | None]
"""The item of the newest of these message ids that we sent or got; None if we know none."""
Parties = Callable[[str], frozenset[str] | None]
"""The addresses that are parties to an item, in lower case; None if there is no such item."""


def split_address(address: str) -> tuple[str, str | None]:
    """An address without its plus part, in lower case, and the reference in it, if it is one."""
    local, at, domain = address.rpartition("@")
    base, plus, detail = local.partition("+")
    if not at or not plus:
        return address.lower(), None
    detail = detail.replace("=", ":")  # as the item's own address is written (identifying)
    reference = detail if _is_reference(detail) else None
    return f"{base}@{domain}".lower(), reference


def _is_reference(text: str) -> bool:
    return bool(REFERENCE_PATTERN.fullmatch(text) or ACTION_PATTERN.fullmatch(text))


def belonging(
    received: Received, *, addresses: Sequence[str], threads: Threads, parties: Parties
) -> Belonging:
    """M1: by thread, by the item's own address, by the reference in the subject, in this order.

    `addresses` are those that the mail came to. The last two hold for parties to the item alone.
    """
    ids = [*reversed(received.references), *received.in_reply_to]
    ids = [*received.in_reply_to, *(one for one in ids if one not in received.in_reply_to)]
    found = threads(ids) if ids else None
    if found is not None:
        return Belonging(reference=found, way=Way.THREAD)
    sender, named = received.sender.address.lower(), None
    for way, reference in _named(received, addresses):
        known = parties(reference)
        if known is None:
            continue
        if sender and sender in known:
            return Belonging(reference=reference, way=way)
        named = named or reference
    return Belonging(named=named)


def _named(received: Received, addresses: Sequence[str]) -> Iterator[tuple[Way, str]]:
    for address in addresses:
        _, reference = split_address(address)
        if reference is not None:
            yield Way.ADDRESS, reference
            if reference != reference.upper():  # some mail servers write addresses small
                yield Way.ADDRESS, reference.upper()
    for reference in _BRACKETED.findall(received.subject[:_SUBJECT_LIMIT]):
        yield Way.SUBJECT, reference
