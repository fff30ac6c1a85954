"""Bytes as they came to what a desk makes of them, within bounds whatever they are (M6, M7)."""

import re
from dataclasses import dataclass, field
from email.message import Message
from hashlib import sha256
from typing import Final

from domain.base.values import printable
from mail.headers import (
    MOST_ADDRESSES,
    Mailbox,
    addresses_in,
    decoded,
    first_of,
    ids_in,
    one_line,
    storable,
)
from mail.html import DEEPEST, depth_of, safe_html, text_of, without_tags
from mail.limits import (
    BEGINNING,
    BEGINNING_LINES,
    HEAD_LIMIT,
    PIECE,
    TEXT_LIMIT,
    flat,
    head_end,
    is_too_much,
    whole,
)
from mail.parts import Attachment, taken_apart

_ID_LIMIT: Final = 998
_TRACE: Final = re.compile(
    rb"^(?:received|return-path|delivered-to|x-original-to):[^\n]*\n(?:[ \t][^\n]*\n)*",
    re.IGNORECASE | re.MULTILINE,
)
"""Headers that differ between two deliveries of one mail."""
_HANDED_ON: Final = re.compile(r"\s*(?:fwd?|wg|tr|rv|vs|enc|pd|doorst)\s*:", re.IGNORECASE)
_NEWLINES: Final = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A mail that came in, as far as it could be read; nothing of it is missing, only empty."""

    message_id: str
    """As its sender gave it, without brackets; else a digest of what does not change on the way."""
    sender: Mailbox
    recipients: tuple[Mailbox, ...] = ()
    """To and Cc."""
    subject: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    text: str = ""
    html: str | None = None
    """Made safe: no script, no style, nothing that is fetched from elsewhere."""
    attachments: tuple[Attachment, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    """The first of each name, in lower case; cut where it is very long."""
    beginning: Message = field(compare=False, repr=False)
    """What of it tells a bounce."""

    @property
    def is_answer(self) -> bool:
        """Whether it says which mail it answers."""
        return bool(self.in_reply_to or self.references)

    @property
    def hands_on(self) -> bool:
        """Whether its subject says that it hands another mail on."""
        return bool(_HANDED_ON.match(self.subject))


def parse(raw: bytes) -> Received:
    """Read a mail; whatever it is, something comes of it."""
    is_flat = is_too_much(raw)
    message = flat(raw) if is_flat else whole(raw)
    written = first_of(message)
    headers = {name: decoded(value) for name, value in written.items()}
    ids = ids_in(headers.get("message-id", ""))
    lasting = ids[0] if ids else f"{_lasting(raw)}@no-message-id.invalid"
    texts, pages, attachments = taken_apart(message, is_flat=is_flat)
    del message
    first = raw[:BEGINNING]
    if first.count(b"\n") > BEGINNING_LINES:
        first = b"\n".join(first.split(b"\n", BEGINNING_LINES)[:-1])
    beginning = flat(first) if is_flat else whole(first)
    page = storable("\n".join(pages)[:TEXT_LIMIT])
    is_shown = bool(page) and depth_of(page) <= DEEPEST
    text = "\n".join(texts) if texts else text_of(page) if is_shown else without_tags(page)
    senders = addresses_in(written.get("from", "")) or addresses_in(written.get("sender", ""))
    return Received(
        message_id=lasting,
        sender=senders[0] if senders else Mailbox(),
        recipients=(
            *addresses_in(written.get("to", "")),
            *addresses_in(written.get("cc", "")),
        )[:MOST_ADDRESSES],
        subject=one_line(headers.get("subject", ""))[:_ID_LIMIT],
        in_reply_to=ids_in(headers.get("in-reply-to", "")),
        references=ids_in(headers.get("references", "")),
        text=_tidy(text),
        html=printable(safe_html(page)) if is_shown else None,
        attachments=tuple(attachments),
        headers=headers,
        beginning=beginning,
    )


def _tidy(text: str) -> str:
    lines = printable(storable(text[:TEXT_LIMIT]).replace("\r\n", "\n").replace("\r", "\n"))
    return _NEWLINES.sub("\n\n", lines).strip()


def _lasting(raw: bytes) -> str:
    """A digest of what is the same however often and on whatever way the mail comes."""
    end = min(head_end(raw), HEAD_LIMIT)
    digest = sha256(_TRACE.sub(b"", raw[:end].replace(b"\r\n", b"\n")))
    while end < len(raw):
        at, end = end, end + PIECE
        end += raw[end - 1 : end + 1] == b"\r\n"
        digest.update(raw[at:end].replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:32]
