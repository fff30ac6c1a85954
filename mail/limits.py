"""How much of a mail is read, and how, so that none takes long or much (M7)."""

import re
from email.errors import HeaderParseError
from email.message import Message
from email.parser import BytesFeedParser, BytesHeaderParser
from email.policy import Compat32
from itertools import islice
from typing import Final

RAW_LIMIT: Final = 20 * 1024 * 1024
"""Bytes of a mail that is taken in; SMTP refuses a larger one."""
TEXT_LIMIT: Final = 256 * 1024
"""Characters of text that are extracted; the raw mail has all."""
MOST_PARTS: Final = 100
"""Parts and attached messages beyond which a mail is not taken apart."""
MOST_LINES: Final = 400_000
"""Lines, as above; 20 MB of an attachment have 270,000."""
MOST_RULES: Final = 1_000
"""Lines that begin as what is between parts does, as above."""
MOST_COMPARISONS: Final = 3_000_000
"""Lines times parts that hold parts, as above: each line may be the end of each."""
HEAD_LIMIT: Final = 256 * 1024
"""Bytes of headers, as above."""
_FLAT_HEAD: Final = 64 * 1024
"""Bytes of headers that are read of a mail that is not taken apart."""
LINE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes that have to have an end of a line among them, as above."""
BEGINNING: Final = 128 * 1024
"""Bytes in which the marks of a bounce are: its reasons, and the headers of what it brings back."""
BEGINNING_LINES: Final = 4_000
HEADER_LIMIT: Final = 8 * 1024
NAME_LIMIT: Final = 200
PIECE: Final = 64 * 1024
_HOLDER: Final = re.compile(rb"content-type:\s{0,80}multipart/")
_HEAD_ENDS: Final = (b"\n\n", b"\n\r\n", b"\r\r")


class _Bounded(Compat32):
    """The headers of a mail as they are, up to a length: the library reads some in square time."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """The name and value of a header; of mails referred to, the last ones matter."""
        name, value = super().header_source_parse(sourcelines)
        kept = value[-HEADER_LIMIT:] if name.lower() == "references" else value[:HEADER_LIMIT]
        return name[:NAME_LIMIT], kept

    def fold_binary(self, name: str, value: str) -> bytes:
        """A header as it came; the library's own way takes long, and changes some."""
        return f"{name}: {value}{self.linesep}".encode("utf-8", "surrogateescape")


POLICY: Final = _Bounded()
ODD: Final = (LookupError, ValueError, TypeError, HeaderParseError)
"""What the library raises at mails that are not as it expects."""


def whole(raw: bytes) -> Message:
    """The mail with its parts; fed in pieces, because in one it takes four times its size."""
    parser = BytesFeedParser(policy=POLICY)
    for at in range(0, len(raw), PIECE):
        parser.feed(raw[at : at + PIECE])
    return parser.close()


def flat(raw: bytes, limit: int = TEXT_LIMIT) -> Message:
    """The mail with all its parts as one text, of which the beginning is enough."""
    end = head_end(raw)
    head = raw[:end] if end <= _FLAT_HEAD else raw[: raw.rfind(b"\n", 0, _FLAT_HEAD) + 1] + b"\n"
    return BytesHeaderParser(policy=POLICY).parsebytes(head + raw[end : end + limit])


def head_end(raw: bytes) -> int:
    """Where the headers end, with the empty line."""
    ends = [(at, end) for end in _HEAD_ENDS if (at := raw.find(end)) >= 0]
    at, end = min(ends, default=(len(raw), b""))
    return at + len(end)


def is_too_much(raw: bytes) -> bool:
    """Whether taking it apart could take long, whatever comes of it."""
    lines = max(raw.count(b"\n"), raw.count(b"\r"))
    if lines > MOST_LINES or head_end(raw) > HEAD_LIMIT or _has_long_line(raw):
        return True
    small = raw.lower()  # to look for this way is ten times as fast as by a pattern without case
    if _begun(small, b"--") > MOST_RULES or _begun(small, b"content-type:") > MOST_PARTS:
        return True
    holders = sum(1 for _ in islice(_HOLDER.finditer(small), MOST_PARTS + 1))
    return holders * lines > MOST_COMPARISONS


def _has_long_line(raw: bytes) -> bool:
    return any(
        raw.find(b"\n", at, at + LINE_LIMIT) < 0
        for at in range(0, len(raw) - LINE_LIMIT, LINE_LIMIT)
    )


def _begun(raw: bytes, words: bytes) -> int:
    """How many lines begin with these words."""
    return raw.count(b"\n" + words) + raw.count(b"\r" + words)
