"""Signed Message-IDs, addresses of items, and references in subjects (M1, M4, M5)."""

import hmac
import re
from hashlib import sha256
from typing import Final

_DIGITS: Final = 24
"""Hexadecimal digits of a digest and of a signature: 96 bits each."""
_SIGNED_ID: Final = re.compile(
    rf"<(?P<digest>[0-9a-f]{{{_DIGITS}}})\.(?P<signature>[0-9a-f]{{{_DIGITS}}})@[^<>@\s]+>",
    re.IGNORECASE,
)
_MAX_LOCAL_PART: Final = 64
"""Maximum octets of the part before @ (RFC 5321)."""
_COLON: Final = "="
"""Replaces, in an item's address, the colons of a scheduled Case's reference."""


def sign_message_id(secret: bytes, *, run: str, key: str, domain: str) -> str:
    """Return the Message-ID of the mail with this key: `<digest.signature@domain>`.

    The same mail has the same id for each try. `secret` is the desk's: without it nobody can make
    an id that `is_own_message_id` accepts.
    """
    digest = sha256(f"{run}\n{key}".encode()).hexdigest()[:_DIGITS]
    return f"<{digest}.{_signature(secret, digest)}@{domain}>"


def is_own_message_id(secret: bytes, message_id: str) -> bool:
    """Return True if this desk signed the Message-ID, at any of its domains (M4)."""
    signed = _SIGNED_ID.fullmatch(message_id.strip())
    if signed is None:
        return False
    signature = _signature(secret, signed["digest"].lower())
    return hmac.compare_digest(signature, signed["signature"].lower())


def _signature(secret: bytes, digest: str) -> str:
    return hmac.new(secret, digest.encode(), sha256).hexdigest()[:_DIGITS]


def item_address(desk: str, reference: str) -> str:
    """Return the item's own address, `desk+T-…@…`; the desk's address if that is too long (M1).

    Colons, which an unquoted address must not have, become `=`.
    """
    name, _, domain = desk.rpartition("@")
    local = f"{name}+{reference.replace(':', _COLON)}"
    return f"{local}@{domain}" if len(local.encode()) <= _MAX_LOCAL_PART else desk


def add_reference_to_subject(reference: str, subject: str) -> str:
    """Return the subject with the reference in brackets, once however often it is answered (M5)."""
    mark = f"[{reference}]"
    return subject if mark in subject else f"{mark} {subject}".rstrip()
