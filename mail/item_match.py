"""The item that a mail belongs to, by its thread, its addresses or its subject (M1)."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.base.values import ACTION_PATTERN, REFERENCE, REFERENCE_PATTERN
from mail.parser import ParsedMail

_BRACKETED: Final = re.compile(rf"\[({REFERENCE}(?:-A[0-9]+)?)\]", re.ASCII)
_MAX_SUBJECT_LENGTH: Final = 500


class MatchMethod(StrEnum):
    """Evidence by which a mail was matched to an item."""

    THREAD = "thread"
    ADDRESS = "address"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMatch:
    """The item of a mail; without one the mail starts a new item, linked to the claimed one."""

    reference: str | None = None
    method: MatchMethod | None = None
    claimed_reference: str | None = None
    """Item that the mail names although its sender is no party to it."""


FindThread = Callable[[Sequence[str]], str | None]
"""Return the item of the newest of these Message-IDs; None if the desk knows none of them."""
FindParties = Callable[[str], frozenset[str] | None]
"""Return the addresses of an item's parties, in lower case; None if there is no such item."""


def split_address(address: str) -> tuple[str, str | None]:
    """Return the address in lower case without its plus part, and the reference in that part."""
    local, at, domain = address.rpartition("@")
    base, plus, detail = local.partition("+")
    if not at or not plus:
        return address.lower(), None
    detail = detail.replace("=", ":")  # the inverse of message_ids.item_address
    reference = detail if _is_reference(detail) else None
    return f"{base}@{domain}".lower(), reference


def _is_reference(text: str) -> bool:
    return bool(REFERENCE_PATTERN.fullmatch(text) or ACTION_PATTERN.fullmatch(text))


def match_item(
    mail: ParsedMail, *, addresses: Sequence[str], threads: FindThread, parties: FindParties
) -> ItemMatch:
    """Match a mail by its thread, by an item's own address, or by its subject, in this order (M1).

    `addresses`: those that the mail was sent to. Address and subject count only if the sender is a
    party to the item.
    """
    older = [*reversed(mail.references), *mail.in_reply_to]
    ids = [*mail.in_reply_to, *(each for each in older if each not in mail.in_reply_to)]
    in_thread = threads(ids) if ids else None
    if in_thread is not None:
        return ItemMatch(reference=in_thread, method=MatchMethod.THREAD)
    sender, claimed = mail.sender.address.lower(), None
    for method, reference in _named_references(mail, addresses):
        party_addresses = parties(reference)
        if party_addresses is None:
            continue
        if sender and sender in party_addresses:
            return ItemMatch(reference=reference, method=method)
        claimed = claimed or reference
    return ItemMatch(claimed_reference=claimed)


def _named_references(
    mail: ParsedMail, addresses: Sequence[str]
) -> Iterator[tuple[MatchMethod, str]]:
    for address in addresses:
        _, reference = split_address(address)
        if reference is not None:
            yield MatchMethod.ADDRESS, reference
            if reference != reference.upper():  # some mail servers write addresses in lower case
                yield MatchMethod.ADDRESS, reference.upper()
    for reference in _BRACKETED.findall(mail.subject[:_MAX_SUBJECT_LENGTH]):
        yield MatchMethod.SUBJECT, reference
