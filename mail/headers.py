"""What the headers of a mail say, in plain words: whose it is, whom and what it answers."""

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
from mail.limits import HEADER_LIMIT, NAME_LIMIT

MOST_HEADERS: Final = 1_000
MOST_IDS: Final = 100
MOST_ADDRESSES: Final = 100
_ID: Final = re.compile(r"<([^<>\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,996})>")
_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]{1,75}\?[bq]\?[^?]{0,1000}\?=", re.IGNORECASE)
_NUMBERED_WORD: Final = re.compile(r"=\?(\d{1,4})\?=")
_LIKE_ADDRESSES: Final = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,189}", re.ASCII)
_BLANK: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])|\r(?=[ \t])")
_SLOW_CHARSETS: Final = frozenset({"punycode", "idna"})
"""Of host names; decoding a text by them takes the square of its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Somebody by name and address, either of which may be empty."""

    name: str = ""
    address: str = ""


def ids_in(value: str) -> tuple[str, ...]:
    """The message ids of a header, in order; the last ones, where they are very many."""
    return tuple(dict.fromkeys(_ID.findall(value)))[-MOST_IDS:]


def addresses_in(value: str) -> tuple[Mailbox, ...]:
    """Who a header names, as it is written; an address is empty where it cannot be one.

    Names are decoded after they are told apart: a comma in one parts nothing, and no name makes an
    address.
    """
    value = value[:HEADER_LIMIT]
    words = _ENCODED_WORD.findall(value)
    numbers = count()
    value = _ENCODED_WORD.sub(lambda _: f"=?{next(numbers)}?=", value)
    try:
        pairs = getaddresses([value])
    except (RecursionError, IndexError, ValueError):
        pairs = [("", address) for address in _LIKE_ADDRESSES.findall(value)]
    found = []
    for name, address in pairs[:MOST_ADDRESSES]:
        address = _from_wire(address).strip().lower()  # noqa: PLW2901 - the same, as it is compared
        name = one_line(decoded(_with_words(name, words)))[:NAME_LIMIT]  # noqa: PLW2901 - as above
        if name or address:
            given = address if is_address(address) else ""
            found.append(Mailbox(name=name or ("" if given else one_line(address)), address=given))
    return tuple(found)


def _with_words(name: str, words: Sequence[str]) -> str:
    """The name with its encoded words where their numbers stand."""

    def word(found: re.Match[str]) -> str:
        number = int(found[1])
        return words[number] if number < len(words) else found[0]

    return _NUMBERED_WORD.sub(word, name)


def one_line(text: str) -> str:
    """The text without line breaks and other control characters, which no title holds."""
    return _BLANK.sub(" ", storable(text)).strip()


def storable(text: str) -> str:
    """The text without halves of characters, which some charsets decode to and none encodes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def first_of(message: Message) -> dict[str, str]:
    """The first header of each name, as it is written."""
    first: dict[str, str] = {}
    for name, value in islice(message.raw_items(), MOST_HEADERS):
        first.setdefault(name.lower(), _FOLD.sub("", str(value)))
    return first


def decoded(value: str) -> str:
    """A header in plain words; what cannot be decoded stays as it is."""
    try:
        parts = decode_header(value)
    except (HeaderParseError, ValueError):
        return _from_wire(value)
    return "".join(
        _from_wire(part) if isinstance(part, str) else in_charset(part, charset)
        for part, charset in parts
    )


def _from_wire(text: str) -> str:
    """Bytes that are no ASCII arrive as surrogates; most are UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def in_charset(raw: bytes, charset: str | None) -> str:
    """The text in its charset, else in UTF-8, else in one that takes any bytes."""
    for name in (charset or "utf-8", "utf-8"):
        try:
            if codecs.lookup(name).name not in _SLOW_CHARSETS:
                return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")
