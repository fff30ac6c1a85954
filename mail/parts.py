"""The parts of a mail: its texts, its pages, and what hangs on it."""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from hashlib import sha256
from typing import Final

from mail.headers import decoded, in_charset, one_line
from mail.limits import NAME_LIMIT, ODD, POLICY, TEXT_LIMIT

_ENCODED_LIMIT: Final = 12 * TEXT_LIMIT
"""Characters that a text has at most, encoded: four bytes each, and three signs a byte."""
_UU: Final = frozenset({"x-uuencode", "uuencode", "uue", "x-uue"})
_UU_LIMIT: Final = 4 * 1024 * 1024
"""Characters that are decoded by these; more stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A part that is no text of the mail; its content as it was before it was encoded."""

    name: str
    type: str
    content: bytes

    @property
    def digest(self) -> str:
        """What the content is stored by."""
        return sha256(self.content).hexdigest()


def taken_apart(
    message: Message, *, is_flat: bool
) -> tuple[list[str], list[str], list[Attachment]]:
    """The texts, the HTML pages and the attachments; nothing of them is left in the message."""
    texts: list[str] = []
    pages: list[str] = []
    attachments: list[Attachment] = []
    if is_flat and message.get_content_maintype() != "text":
        payload = payload_of(message)
        return [payload[:TEXT_LIMIT] if isinstance(payload, str) else ""], [], []
    for part in _leaves(message):
        name = _file_name(part)
        kind = part.get_content_type()
        is_text = kind in {"text/plain", "text/html"} and not name
        if is_text and part.get_content_disposition() != "attachment":
            words = _words(part)
            (texts if kind == "text/plain" else pages).append(words)
            continue
        content = _content(part)
        part.set_payload("")
        shown = name or f"part-{len(attachments) + 1}"
        attachments.append(
            Attachment(name=shown, type=one_line(kind)[:NAME_LIMIT], content=content)
        )
    return texts, pages, attachments


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold something; an attached message is one, whatever it holds."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        payload = payload_of(part)
        if isinstance(payload, list) and part.get_content_maintype() == "multipart":
            waiting.extend(reversed([one for one in payload if isinstance(one, Message)]))
        else:
            yield part


def payload_of(part: Message) -> object:
    """What a part holds: parts, or a text as it is encoded; whatever it says of its charset."""
    try:
        return part.get_payload()
    except ODD:
        content = part.get_payload(decode=True)
        return content.decode("latin-1") if isinstance(content, bytes) else ""


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename()
    except ODD:
        name = None
    return one_line(decoded(str(name)))[:NAME_LIMIT] if name else ""


def _content(part: Message) -> bytes:
    payload = payload_of(part)
    if isinstance(payload, list):
        inner = (one for one in payload if isinstance(one, Message))
        return b"\n".join(_source(one) for one in inner)
    text = str(payload or "")
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    try:
        if encoding == "base64":  # the library takes five times as much for it
            return binascii.a2b_base64(text)
    except ValueError:
        pass  # the library mends some of it
    try:
        is_small = len(text) <= _UU_LIMIT or encoding not in _UU
        content = part.get_payload(decode=True) if is_small else None
    except ODD:
        content = None
    return content if isinstance(content, bytes) else text.encode("utf-8", "surrogateescape")


def _source(message: Message) -> bytes:
    """An attached message as it came, as far as the library can write it."""
    try:
        return message.as_bytes(policy=POLICY)
    except ODD:
        heads = [f"{name}: {value}" for name, value in message.raw_items()]
        payload = payload_of(message)
        lines = [*heads, "", payload if isinstance(payload, str) else ""]
        return "\n".join(lines).encode("utf-8", "surrogateescape")


def _words(part: Message) -> str:
    payload = payload_of(part)
    if isinstance(payload, str) and len(payload) > _ENCODED_LIMIT and payload.isascii():
        part.set_payload(payload[:_ENCODED_LIMIT])
    content = _content(part)[: 4 * TEXT_LIMIT]
    try:
        charset = part.get_content_charset()
    except ODD:
        charset = None
    return in_charset(content, charset)[:TEXT_LIMIT]
