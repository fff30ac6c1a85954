"""References that are easy to read aloud and hard to guess."""

import secrets
from hashlib import sha256
from typing import Final

from domain.base.values import Kind

_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 8
_DERIVED_LENGTH: Final = 10


def new_reference(kind: Kind) -> str:
    """Return a random reference such as `T-7F3K9Q2D`, for a Ticket or a Case."""
    return f"{kind.value[0]}-{''.join(secrets.choice(_LETTERS) for _ in range(_LENGTH))}"


def derive_reference(kind: Kind, seed: str) -> str:
    """Return the reference for a seed, always the same, so that a repeated start is one item."""
    digest = int.from_bytes(sha256(seed.encode()).digest()[:16])
    letters = []
    for _ in range(_DERIVED_LENGTH):
        digest, index = divmod(digest, len(_LETTERS))
        letters.append(_LETTERS[index])
    return f"{kind.value[0]}-{''.join(letters)}"
