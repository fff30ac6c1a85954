"""Who signs in: by password, by a link that works once, or as a provider says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from auth import passwords
from auth.accounts import note_change
from store.auth import accounts, sessions
from store.auth.accounts import Account
from store.auth.audit import Deed, note
from store.schema.auth_tables import Audited, Verdict

WINDOW: Final = timedelta(minutes=15)
OF_ACCOUNT: Final = 10
"""Attempts that fail for one account within the window, before none is looked at."""
OF_ADDRESS: Final = 30
"""And from one address: people of one house may share it."""
UNKNOWN: Final = "(unknown)"
"""Who failed to sign in where there is no such account: the name may be a mistyped password."""


class SignInRefused(Exception):
    """Signing in failed; the sentence is the same whatever was wrong."""


class TooManyAttempts(SignInRefused):
    """Too many attempts failed of late; `again_at` says when the next is looked at."""

    def __init__(self, again_at: datetime, now: datetime) -> None:
        minutes = max(1, -(-int((again_at - now).total_seconds()) // 60))
        self.again_at = again_at
        self.minutes = minutes
        super().__init__(f"too many attempts failed: try again in {minutes} min")


def by_password(engine: Engine, name: str, password: str, *, address: str) -> Account:
    """Who signs in so; raises SignInRefused, or TooManyAttempts before anything is looked at."""
    of_account, of_address = f"account {name.casefold()}", f"address {address}"
    for what, most in ((of_address, OF_ADDRESS), (of_account, OF_ACCOUNT)):
        tries = sessions.count_attempt(engine, what, window=WINDOW)
        if tries.failures > most:
            refused = TooManyAttempts(tries.since + WINDOW, datetime.now(UTC))
            if tries.failures == most + 1:
                # the first alone: nobody fills the audit by trying on
                found = accounts.account_of(engine, name)
                _note_failure(engine, found, "password", address, str(refused))
            raise refused
    found = accounts.account_of(engine, name)
    kept = found.password if found is not None and found.is_open else None
    if not passwords.fits(password, kept) or found is None or kept is None:
        _note_failure(engine, found, "password", address, "name or password is wrong")
        raise SignInRefused("this name and this password do not go together")
    sessions.forgive(engine, of_account, all_of=True)
    sessions.forgive(engine, of_address, all_of=False)
    if passwords.is_dated(kept):
        # not by `change`, which would end sessions: the password is the same
        accounts.keep_anew(engine, name, passwords.kept(password, of=name))
    return found


def by_link(engine: Engine, token: str, *, address: str) -> Account:
    """Who signs in by a link, which is used up; raises SignInRefused or TooManyAttempts."""
    of_address = f"address {address}"
    tries = sessions.count_attempt(engine, of_address, window=WINDOW)
    if tries.failures > OF_ADDRESS:
        raise TooManyAttempts(tries.since + WINDOW, datetime.now(UTC))
    whose = sessions.use_link(engine, sessions.digest_of(token))
    found = None if whose is None else accounts.account_of(engine, whose)
    if found is None or not found.is_open:
        _note_failure(engine, found, "link", address, "the link is none, used or over")
        raise SignInRefused("this link is used up or over: ask for another one")
    sessions.forgive(engine, of_address, all_of=False)
    return found


def by_provider(
    engine: Engine, *, subject: str, email: str | None, verified: bool, address: str
) -> Account:
    """Who an OpenID provider says comes; raises SignInRefused.

    By the subject, once it is known; the first time by a mail address that the provider verified,
    of an account that has no subject yet. Nobody gets an account this way.
    """
    found = accounts.by_subject(engine, subject)
    if found is None and email is not None and verified:
        first = accounts.by_email(engine, email)
        if first is not None and first.is_open and first.subject is None:
            accounts.change(engine, first.id, {"subject": subject})
            note_change(engine, "provider", by=first.id, about=first.id, reason=subject)
            found = replace(first, subject=subject)
    if found is None or not found.is_open:
        _note_failure(engine, found, "provider", address, f"no account for {email or subject}")
        raise SignInRefused(
            f"nobody here has the account {email or subject}: ask an operator to make one"
        )
    return found


def note_sign_in(engine: Engine, found: Account, way: str, *, address: str) -> None:
    """Note that somebody signed in."""
    note(engine, Deed(by=found.id, kind=Audited.SIGN_IN, what=way, address=address))


def note_sign_out(engine: Engine, actor: str, *, address: str) -> None:
    """Note that somebody signed out."""
    note(engine, Deed(by=actor, kind=Audited.SIGN_OUT, what="sign out", address=address))


def note_stranger(engine: Engine, way: str, reason: str, *, address: str) -> None:
    """Note that somebody whom nobody knows did not get in, unless they keep trying."""
    tries = sessions.count_attempt(engine, f"address {address}", window=WINDOW)
    if tries.failures <= OF_ADDRESS:
        _note_failure(engine, None, way, address, reason)


def _note_failure(
    engine: Engine, found: Account | None, way: str, address: str, reason: str
) -> None:
    deed = Deed(
        by=UNKNOWN if found is None else found.id,
        kind=Audited.SIGN_IN,
        what=way,
        outcome=Verdict.FAILED,
        reason=reason,
        address=address,
    )
    note(engine, deed)
