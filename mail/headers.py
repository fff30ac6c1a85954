"""Headers of a mail as text, addresses and Message-IDs."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from itertools import count, islice
from typing import Final

from domain.base.values import is_address
from mail.limits import MAX_HEADER_LENGTH, MAX_NAME_LENGTH

MAX_HEADERS: Final = 1_000
MAX_MESSAGE_IDS: Final = 100
MAX_ADDRESSES: Final = 100
_MESSAGE_ID: Final = re.compile(r"<([^<>\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,996})>")
_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]{1,75}\?[bq]\?[^?]{0,1000}\?=", re.IGNORECASE)
_NUMBERED_WORD: Final = re.compile(r"=\?(\d{1,4})\?=")
_ADDRESS_LIKE: Final = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,189}", re.ASCII)
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LINE_FOLD: Final = re.compile(r"\r?\n(?=[ \t])|\r(?=[ \t])")
_SLOW_CHARSETS: Final = frozenset({"punycode", "idna"})
"""Codecs of host names, which decode in quadratic time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAddress:
    """Name and address of a header; either may be empty."""

    name: str = ""
    address: str = ""


def parse_message_ids(value: str) -> tuple[str, ...]:
    """Return the Message-IDs of a header in order, without brackets; at most the last 100."""
    return tuple(dict.fromkeys(_MESSAGE_ID.findall(value)))[-MAX_MESSAGE_IDS:]


def parse_addresses(value: str) -> tuple[NamedAddress, ...]:
    """Return the addresses of an undecoded header, with their names; an invalid address is empty.

    Encoded words are decoded after the header is split: a comma in a decoded name separates
    nothing, and a decoded name never becomes an address.
    """
    value = value[:MAX_HEADER_LENGTH]
    words = _ENCODED_WORD.findall(value)
    numbers = count()
    value = _ENCODED_WORD.sub(lambda _: f"=?{next(numbers)}?=", value)
    try:
        pairs = getaddresses([value])
    except (RecursionError, IndexError, ValueError):
        pairs = [("", address) for address in _ADDRESS_LIKE.findall(value)]
    addresses = []
    for raw_name, raw_address in pairs[:MAX_ADDRESSES]:
        address = _surrogates_to_utf8(raw_address).strip().lower()
        name = to_single_line(decode_header_value(_with_words(raw_name, words)))[:MAX_NAME_LENGTH]
        if name or address:
            valid = address if is_address(address) else ""
            name = name or ("" if valid else to_single_line(address))
            addresses.append(NamedAddress(name=name, address=valid))
    return tuple(addresses)


def _with_words(name: str, words: Sequence[str]) -> str:
    """Put the encoded words back into a name, in place of their numbers."""

    def word(match: re.Match[str]) -> str:
        number = int(match[1])
        return words[number] if number < len(words) else match[0]

    return _NUMBERED_WORD.sub(word, name)


def to_single_line(text: str) -> str:
    """Return the text with spaces instead of line breaks and other control characters."""
    return _CONTROL_CHARACTERS.sub(" ", replace_surrogates(text)).strip()


def replace_surrogates(text: str) -> str:
    """Return the text with `?` for lone surrogates, which some charsets decode to."""
    return text.encode("utf-8", "replace").decode("utf-8")


def first_headers(message: Message) -> dict[str, str]:
    """Return the first header of each name, undecoded, by its name in lower case."""
    first: dict[str, str] = {}
    for name, value in islice(message.raw_items(), MAX_HEADERS):
        first.setdefault(name.lower(), _LINE_FOLD.sub("", str(value)))
    return first


def decode_header_value(value: str) -> str:
    """Return a header with its encoded words decoded; unchanged if they are malformed."""
    try:
        parts = decode_header(value)
    except (HeaderParseError, ValueError):
        return _surrogates_to_utf8(value)
    return "".join(
        _surrogates_to_utf8(part) if isinstance(part, str) else decode_text(part, charset)
        for part, charset in parts
    )


def _surrogates_to_utf8(text: str) -> str:
    """Decode bytes beyond ASCII, which the parser keeps as surrogates: most are UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def decode_text(raw: bytes, charset: str | None) -> str:
    """Decode bytes by their charset, else as UTF-8, else as Latin-1, which never fails."""
    for name in (charset or "utf-8", "utf-8"):
        try:
            if codecs.lookup(name).name not in _SLOW_CHARSETS:
                return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")
