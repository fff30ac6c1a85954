"""Parts of a mail: texts, HTML pages and attachments."""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from hashlib import sha256
from typing import Final

from mail.headers import decode_header_value, decode_text, to_single_line
from mail.limits import MAIL_POLICY, MAX_NAME_LENGTH, MAX_TEXT_LENGTH, PARSE_ERRORS

_MAX_ENCODED_LENGTH: Final = 12 * MAX_TEXT_LENGTH
"""Characters of an encoded text: each decoded one takes up to four bytes of three characters."""
_UU_ENCODINGS: Final = frozenset({"x-uuencode", "uuencode", "uue", "x-uue"})
_MAX_UU_LENGTH: Final = 4 * 1024 * 1024
"""Characters of a uuencoded part that are decoded; a longer one stays encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Part that is no text of the mail, with its decoded content."""

    name: str
    type: str
    content: bytes

    @property
    def digest(self) -> str:
        """Key of the content in the store."""
        return sha256(self.content).hexdigest()


def split_parts(
    message: Message, *, is_flat: bool
) -> tuple[list[str], list[str], list[Attachment]]:
    """Return texts, HTML pages and attachments; attachments are removed from the message."""
    texts: list[str] = []
    pages: list[str] = []
    attachments: list[Attachment] = []
    if is_flat and message.get_content_maintype() != "text":
        payload = read_payload(message)
        return [payload[:MAX_TEXT_LENGTH] if isinstance(payload, str) else ""], [], []
    for part in _leaves(message):
        name = _file_name(part)
        kind = part.get_content_type()
        is_text = kind in {"text/plain", "text/html"} and not name
        if is_text and part.get_content_disposition() != "attachment":
            (texts if kind == "text/plain" else pages).append(_text(part))
            continue
        content = _content(part)
        part.set_payload("")
        name = name or f"part-{len(attachments) + 1}"
        attachments.append(
            Attachment(name=name, type=to_single_line(kind)[:MAX_NAME_LENGTH], content=content)
        )
    return texts, pages, attachments


def _leaves(message: Message) -> Iterator[Message]:
    """Yield the parts that are no multipart; an attached message is one of them."""
    pending = [message]
    while pending:
        part = pending.pop()
        payload = read_payload(part)
        if isinstance(payload, list) and part.get_content_maintype() == "multipart":
            pending.extend(reversed([inner for inner in payload if isinstance(inner, Message)]))
        else:
            yield part


def read_payload(part: Message) -> object:
    """Return the parts of a multipart, or a part's text, still encoded."""
    try:
        return part.get_payload()
    except PARSE_ERRORS:  # of an unknown charset
        content = part.get_payload(decode=True)
        return content.decode("latin-1") if isinstance(content, bytes) else ""


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename()
    except PARSE_ERRORS:
        name = None
    return to_single_line(decode_header_value(str(name)))[:MAX_NAME_LENGTH] if name else ""


def _content(part: Message) -> bytes:
    payload = read_payload(part)
    if isinstance(payload, list):
        inner = (each for each in payload if isinstance(each, Message))
        return b"\n".join(_source(each) for each in inner)
    text = str(payload or "")
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    try:
        if encoding == "base64":  # the library needs five times the memory
            return binascii.a2b_base64(text)
    except ValueError:
        pass  # the library repairs some malformed base64
    try:
        is_small = len(text) <= _MAX_UU_LENGTH or encoding not in _UU_ENCODINGS
        content = part.get_payload(decode=True) if is_small else None
    except PARSE_ERRORS:
        content = None
    return content if isinstance(content, bytes) else text.encode("utf-8", "surrogateescape")


def _source(message: Message) -> bytes:
    """Return an attached message as bytes; headers and text only, if the library fails."""
    try:
        return message.as_bytes(policy=MAIL_POLICY)
    except PARSE_ERRORS:
        heads = [f"{name}: {value}" for name, value in message.raw_items()]
        payload = read_payload(message)
        lines = [*heads, "", payload if isinstance(payload, str) else ""]
        return "\n".join(lines).encode("utf-8", "surrogateescape")


def _text(part: Message) -> str:
    payload = read_payload(part)
    if isinstance(payload, str) and len(payload) > _MAX_ENCODED_LENGTH and payload.isascii():
        part.set_payload(payload[:_MAX_ENCODED_LENGTH])
    content = _content(part)[: 4 * MAX_TEXT_LENGTH]
    try:
        charset = part.get_content_charset()
    except PARSE_ERRORS:
        charset = None
    return decode_text(content, charset)[:MAX_TEXT_LENGTH]
