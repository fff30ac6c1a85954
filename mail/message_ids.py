"""What is ours: signed Message-IDs, the desk's addresses and those of its items (M1, M4, M5)."""

import hmac
import re
from hashlib import sha256
from typing import Final

_DIGITS: Final = 24
"""Hexadecimal digits of a digest and of a signature: 96 bits each."""
_OURS: Final = re.compile(
    rf"<(?P<digest>[0-9a-f]{{{_DIGITS}}})\.(?P<signature>[0-9a-f]{{{_DIGITS}}})@[^<>@\s]+>",
    re.IGNORECASE,
)
_LOCAL_LIMIT: Final = 64
"""Octets that the part before @ may have (RFC 5321)."""
_COLON: Final = "="
"""In an item's address in place of the colons that the reference of a scheduled Case has."""


def message_id(secret: bytes, *, run: str, key: str, domain: str) -> str:
    """The one Message-ID of the mail of this key, whatever is retried: `<digest.signature@domain>`.

    `secret`: the desk's; who does not have it cannot make one that `is_ours` takes for ours.
    """
    digest = sha256(f"{run}\n{key}".encode()).hexdigest()[:_DIGITS]
    return f"<{digest}.{_signature(secret, digest)}@{domain}>"


def is_ours(secret: bytes, message_id: str) -> bool:
    """M4: whether this desk made the Message-ID, at whichever of its domains."""
    found = _OURS.fullmatch(message_id.strip())
    if found is None:
        return False
    signature = _signature(secret, found["digest"].lower())
    return hmac.compare_digest(signature, found["signature"].lower())


def _signature(secret: bytes, digest: str) -> str:
    return hmac.new(secret, digest.encode(), sha256).hexdigest()[:_DIGITS]


def item_address(desk: str, reference: str) -> str:
    """M1: the item's own address, `desk+T-…@…`; the desk's where that would be too long to be one.

    Colons, which no plain address may have, become `=`.
    """
    name, _, domain = desk.rpartition("@")
    local = f"{name}+{reference.replace(':', _COLON)}"
    return f"{local}@{domain}" if len(local.encode()) <= _LOCAL_LIMIT else desk


def in_brackets(reference: str, subject: str) -> str:
    """M5: the subject with the reference in brackets, which it has once, however often answered."""
    mark = f"[{reference}]"
    return subject if mark in subject else f"{mark} {subject}".rstrip()
