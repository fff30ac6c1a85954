"""Passwords: requirements for new ones, and their hashes (argon2id)."""

import threading
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
# a hash takes 64 MB and all of a core for some 50 ms: more at once would only take more memory
_HASHING: Final = threading.BoundedSemaphore(2)


class WeakPassword(Exception):
    """A new password is too short, too long, or little more than the account's name."""


def hash_password(password: str, *, of: str) -> str:
    """Return the hash of a new password of the account `of`; raises WeakPassword."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise WeakPassword(
            f"the password of {of} has {len(password)} characters: "
            f"give one of {MIN_LENGTH} to {MAX_LENGTH}; a few words make a good one"
        )
    if of.casefold() in password.casefold() and len(password) < len(of) + MIN_LENGTH:
        raise WeakPassword(f"the password of {of} is little more than that name: give another")
    with _HASHING:
        return _hasher().hash(password)


def verify_password(password: str, stored_hash: str | None) -> bool:
    """Return True if the password fits the hash; takes the same time without a hash."""
    with _HASHING:
        try:
            _hasher().verify(stored_hash or _dummy_hash(), password[: MAX_LENGTH + 1])
        except (VerificationError, InvalidHashError):
            return False
    return stored_hash is not None


def needs_rehash(stored_hash: str) -> bool:
    """Return True if the hash has outdated parameters, to be replaced at the next sign-in."""
    return _hasher().check_needs_rehash(stored_hash)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _dummy_hash() -> str:
    return _hasher().hash("nobody's password")
