"""Limits on the time and memory that reading a mail may take (M7)."""

import re
from email.errors import HeaderParseError
from email.message import Message
from email.parser import BytesFeedParser, BytesHeaderParser
from email.policy import Compat32
from itertools import islice
from typing import Final

MAX_RAW_BYTES: Final = 20 * 1024 * 1024
"""Bytes of an accepted mail; SMTP refuses a larger one."""
MAX_TEXT_LENGTH: Final = 256 * 1024
"""Characters of extracted text; the raw mail in the store is complete."""

# A mail beyond one of these is read as one flat text, not split into parts.
MAX_PARTS: Final = 100
"""Parts and attached messages."""
MAX_LINES: Final = 400_000
"""Lines; a 20 MB attachment has 270,000."""
MAX_BOUNDARY_LINES: Final = 1_000
"""Lines that begin like a boundary between parts."""
MAX_BOUNDARY_COMPARISONS: Final = 3_000_000
"""Lines times multipart parts: each line is compared with the boundary of each part."""
MAX_HEAD_BYTES: Final = 256 * 1024
"""Bytes of all headers together."""
MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""Bytes without a line break."""

_MAX_FLAT_HEAD_BYTES: Final = 64 * 1024
"""Bytes of headers that are read of a flat mail."""
BOUNCE_SCAN_BYTES: Final = 128 * 1024
"""Bytes that are searched for a bounce's reasons and the headers of the mail that it returns."""
BOUNCE_SCAN_LINES: Final = 4_000
MAX_HEADER_LENGTH: Final = 8 * 1024
"""Characters of one header."""
MAX_NAME_LENGTH: Final = 200
"""Characters of a person's, a file's or a header's name."""
CHUNK_SIZE: Final = 64 * 1024
"""Bytes that are given to the parser or the digest at once."""
_MULTIPART: Final = re.compile(rb"content-type:\s{0,80}multipart/")
_ENDS_OF_HEAD: Final = (b"\n\n", b"\n\r\n", b"\r\r")


class _BoundedPolicy(Compat32):
    """Policy that cuts long headers: the library parses some in quadratic time."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return name and value of a header, cut; of References the end, the latest mails."""
        name, value = super().header_source_parse(sourcelines)
        is_references = name.lower() == "references"
        cut = value[-MAX_HEADER_LENGTH:] if is_references else value[:MAX_HEADER_LENGTH]
        return name[:MAX_NAME_LENGTH], cut

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return a header unchanged; the library's own folding is slow and changes some headers."""
        return f"{name}: {value}{self.linesep}".encode("utf-8", "surrogateescape")


MAIL_POLICY: Final = _BoundedPolicy()
PARSE_ERRORS: Final = (LookupError, ValueError, TypeError, HeaderParseError)
"""Errors that the email library raises for malformed mails."""


def parse_message(raw: bytes) -> Message:
    """Parse a mail with its parts."""
    parser = BytesFeedParser(policy=MAIL_POLICY)
    # in chunks: at once, the parser takes four times the mail's size
    for start in range(0, len(raw), CHUNK_SIZE):
        parser.feed(raw[start : start + CHUNK_SIZE])
    return parser.close()


def parse_flat(raw: bytes, limit: int = MAX_TEXT_LENGTH) -> Message:
    """Parse the headers of a mail; its body is one text, cut after `limit` bytes."""
    end = end_of_head(raw)
    if end <= _MAX_FLAT_HEAD_BYTES:
        head = raw[:end]
    else:
        head = raw[: raw.rfind(b"\n", 0, _MAX_FLAT_HEAD_BYTES) + 1] + b"\n"
    return BytesHeaderParser(policy=MAIL_POLICY).parsebytes(head + raw[end : end + limit])


def end_of_head(raw: bytes) -> int:
    """Return the offset behind the headers and the empty line that ends them."""
    ends = [(start, end) for end in _ENDS_OF_HEAD if (start := raw.find(end)) >= 0]
    start, end = min(ends, default=(len(raw), b""))
    return start + len(end)


def is_too_complex(raw: bytes) -> bool:
    """Return True if splitting the mail into parts could take long."""
    lines = max(raw.count(b"\n"), raw.count(b"\r"))
    if lines > MAX_LINES or end_of_head(raw) > MAX_HEAD_BYTES or _has_long_line(raw):
        return True
    lower = raw.lower()  # ten times as fast as a case-insensitive pattern
    if (
        _count_lines_with(lower, b"--") > MAX_BOUNDARY_LINES
        or _count_lines_with(lower, b"content-type:") > MAX_PARTS
    ):
        return True
    multiparts = sum(1 for _ in islice(_MULTIPART.finditer(lower), MAX_PARTS + 1))
    return multiparts * lines > MAX_BOUNDARY_COMPARISONS


def _has_long_line(raw: bytes) -> bool:
    return any(
        raw.find(b"\n", start, start + MAX_LINE_BYTES) < 0
        for start in range(0, len(raw) - MAX_LINE_BYTES, MAX_LINE_BYTES)
    )


def _count_lines_with(raw: bytes, prefix: bytes) -> int:
    return raw.count(b"\n" + prefix) + raw.count(b"\r" + prefix)
