"""References that are easy to read aloud, and that nobody guesses."""

import secrets
from hashlib import sha256
from typing import Final

from domain.base.values import Kind

_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 8
_DERIVED_LENGTH: Final = 10


def new_reference(kind: Kind) -> str:
    """A fresh reference such as `T-7F3K9Q2D`; for Tickets and Cases."""
    return f"{kind.value[0]}-{''.join(secrets.choice(_LETTERS) for _ in range(_LENGTH))}"


def reference_from(kind: Kind, seed: str) -> str:
    """The reference that comes of a seed, always the same: what is started twice is there once."""
    digest = int.from_bytes(sha256(seed.encode()).digest()[:16])
    letters = []
    for _ in range(_DERIVED_LENGTH):
        digest, at = divmod(digest, len(_LETTERS))
        letters.append(_LETTERS[at])
    return f"{kind.value[0]}-{''.join(letters)}"
