"""References that are easy to read aloud, and that nobody guesses."""

import secrets
from typing import Final

from domain.values import Kind

_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 8


def new_reference(kind: Kind) -> str:
    """A fresh reference such as `T-7F3K9Q2D`; for Tickets and Cases."""
    return f"{kind.value[0]}-{''.join(secrets.choice(_LETTERS) for _ in range(_LENGTH))}"
