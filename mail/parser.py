"""Received bytes parsed into sender, text, attachments and headers, within limits (M6, M7)."""

import re
from dataclasses import dataclass, field
from email.message import Message
from hashlib import sha256
from typing import Final

from domain.base.values import replace_control_characters
from mail.headers import (
    MAX_ADDRESSES,
    NamedAddress,
    decode_header_value,
    first_headers,
    parse_addresses,
    parse_message_ids,
    replace_surrogates,
    to_single_line,
)
from mail.html import MAX_HTML_DEPTH, html_to_text, nesting_depth, sanitize_html, strip_tags
from mail.limits import (
    BOUNCE_SCAN_BYTES,
    BOUNCE_SCAN_LINES,
    CHUNK_SIZE,
    MAX_HEAD_BYTES,
    MAX_TEXT_LENGTH,
    end_of_head,
    is_too_complex,
    parse_flat,
    parse_message,
)
from mail.parts import Attachment, split_parts

_MAX_SUBJECT_LENGTH: Final = 998
_TRACE_HEADERS: Final = re.compile(
    rb"^(?:received|return-path|delivered-to|x-original-to):[^\n]*\n(?:[ \t][^\n]*\n)*",
    re.IGNORECASE | re.MULTILINE,
)
"""Headers that differ between two deliveries of the same mail."""
_FORWARD_SUBJECT: Final = re.compile(r"\s*(?:fwd?|wg|tr|rv|vs|enc|pd|doorst)\s*:", re.IGNORECASE)
_NEWLINES: Final = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMail:
    """Content of a received mail; fields that could not be read are empty."""

    message_id: str
    """Message-ID without brackets; if there is none, a digest that no transport changes."""
    sender: NamedAddress
    recipients: tuple[NamedAddress, ...] = ()
    """Addresses of To and Cc."""
    subject: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    text: str = ""
    html: str | None = None
    """Sanitized page: no scripts, no styles, no remote content; None without HTML."""
    attachments: tuple[Attachment, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    """First header of each name, by its name in lower case; long values are cut."""
    beginning: Message = field(compare=False, repr=False)
    """Parsed beginning of the mail, in which bounces are recognised."""

    @property
    def is_reply(self) -> bool:
        """True if the mail names the mail that it answers."""
        return bool(self.in_reply_to or self.references)

    @property
    def is_forward(self) -> bool:
        """True if the subject marks a forwarded mail."""
        return bool(_FORWARD_SUBJECT.match(self.subject))


def parse_mail(raw: bytes) -> ParsedMail:
    """Parse a mail; malformed ones raise no error."""
    is_flat = is_too_complex(raw)
    message = parse_flat(raw) if is_flat else parse_message(raw)
    raw_headers = first_headers(message)
    headers = {name: decode_header_value(value) for name, value in raw_headers.items()}
    ids = parse_message_ids(headers.get("message-id", ""))
    texts, pages, attachments = split_parts(message, is_flat=is_flat)
    del message  # its parts are large
    page = replace_surrogates("\n".join(pages)[:MAX_TEXT_LENGTH])
    is_shown = bool(page) and nesting_depth(page) <= MAX_HTML_DEPTH
    text = "\n".join(texts) if texts else html_to_text(page) if is_shown else strip_tags(page)
    senders = parse_addresses(raw_headers.get("from", "")) or parse_addresses(
        raw_headers.get("sender", "")
    )
    return ParsedMail(
        message_id=ids[0] if ids else f"{_stable_digest(raw)}@no-message-id.invalid",
        sender=senders[0] if senders else NamedAddress(),
        recipients=(
            *parse_addresses(raw_headers.get("to", "")),
            *parse_addresses(raw_headers.get("cc", "")),
        )[:MAX_ADDRESSES],
        subject=to_single_line(headers.get("subject", ""))[:_MAX_SUBJECT_LENGTH],
        in_reply_to=parse_message_ids(headers.get("in-reply-to", "")),
        references=parse_message_ids(headers.get("references", "")),
        text=_normalise(text),
        html=replace_control_characters(sanitize_html(page)) if is_shown else None,
        attachments=tuple(attachments),
        headers=headers,
        beginning=_parse_beginning(raw, is_flat=is_flat),
    )


def _parse_beginning(raw: bytes, *, is_flat: bool) -> Message:
    beginning = raw[:BOUNCE_SCAN_BYTES]
    if beginning.count(b"\n") > BOUNCE_SCAN_LINES:
        beginning = b"\n".join(beginning.split(b"\n", BOUNCE_SCAN_LINES)[:-1])
    return parse_flat(beginning) if is_flat else parse_message(beginning)


def _normalise(text: str) -> str:
    """Return the text with one kind of line break, at most one empty line, and no controls."""
    cut = replace_surrogates(text[:MAX_TEXT_LENGTH])
    lines = replace_control_characters(cut.replace("\r\n", "\n").replace("\r", "\n"))
    return _NEWLINES.sub("\n\n", lines).strip()


def _stable_digest(raw: bytes) -> str:
    """Return a digest that is the same for every delivery of the mail, by any route."""
    end = min(end_of_head(raw), MAX_HEAD_BYTES)
    digest = sha256(_TRACE_HEADERS.sub(b"", raw[:end].replace(b"\r\n", b"\n")))
    while end < len(raw):
        start, end = end, end + CHUNK_SIZE
        end += raw[end - 1 : end + 1] == b"\r\n"  # do not split a line break
        digest.update(raw[start:end].replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:32]
