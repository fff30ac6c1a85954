"""Passwords: what is kept of them (argon2id), and what is asked of new ones."""

import threading
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST: Final = 12
LONGEST: Final = 256
_AT_ONCE: Final = threading.BoundedSemaphore(2)
"""One takes 64 MB and all of a core for some 50 ms: more at once would only take more memory."""


class WeakPassword(Exception):
    """A new password is too short, too long, or the account's own name."""


def kept(password: str, *, of: str) -> str:
    """What the store keeps of an account's new password; raises WeakPassword."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(
            f"the password of {of} has {len(password)} characters: "
            f"give one of {SHORTEST} to {LONGEST}; a few words make a good one"
        )
    if of.casefold() in password.casefold() and len(password) < len(of) + SHORTEST:
        raise WeakPassword(f"the password of {of} is little more than that name: give another")
    with _AT_ONCE:
        return _hasher().hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether this is the password; takes as long where there is none to compare with."""
    with _AT_ONCE:
        try:
            _hasher().verify(kept or _nobodys(), password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_dated(kept: str) -> bool:
    """Whether today's parameters are others, so that it is to be kept anew at the next sign-in."""
    return _hasher().check_needs_rehash(kept)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody's password")
