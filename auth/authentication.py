"""Sign-in of people: by password, by a link that works once, or by an OpenID provider."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from auth import passwords
from auth.accounts import note_change
from store.auth import accounts, sessions
from store.auth.accounts import Account
from store.auth.audit import add_entry
from store.schema.auth_tables import AuditKind, AuditOutcome, AuditRow

FAILURE_WINDOW: Final = timedelta(minutes=15)
MAX_ACCOUNT_FAILURES: Final = 10
"""Failed attempts for one account within the window; after that none is checked."""
MAX_ADDRESS_FAILURES: Final = 30
"""Failed attempts from one address, which several people may share."""
UNKNOWN: Final = "(unknown)"
"""Actor of a failed sign-in without an account: the name may be a mistyped password."""


class SignInRefused(Exception):
    """Sign-in failed; the sentence does not say which part was wrong."""


class TooManyAttempts(SignInRefused):
    """Too many attempts failed; the next is checked at `retry_at`, in `retry_minutes`."""

    def __init__(self, retry_at: datetime, now: datetime) -> None:
        minutes = max(1, -(-int((retry_at - now).total_seconds()) // 60))
        self.retry_at = retry_at
        self.retry_minutes = minutes
        super().__init__(f"too many attempts failed: try again in {minutes} min")


def by_password(engine: Engine, name: str, password: str, *, address: str) -> Account:
    """Return the account; raises SignInRefused, or TooManyAttempts before any check."""
    of_account, of_address = f"account {name.casefold()}", f"address {address}"
    for subject, max_failures in (
        (of_address, MAX_ADDRESS_FAILURES),
        (of_account, MAX_ACCOUNT_FAILURES),
    ):
        tries = sessions.count_attempt(engine, subject, window=FAILURE_WINDOW)
        if tries.failures > max_failures:
            refused = TooManyAttempts(tries.since + FAILURE_WINDOW, datetime.now(UTC))
            if tries.failures == max_failures + 1:
                # only the first: repeated attempts cannot fill the audit
                account = accounts.find_account(engine, name)
                _note_failure(engine, account, "password", address, str(refused))
            raise refused
    account = accounts.find_account(engine, name)
    stored_hash = account.password if account is not None and account.is_open else None
    is_right = passwords.verify_password(password, stored_hash)
    if not is_right or account is None or stored_hash is None:
        _note_failure(engine, account, "password", address, "name or password is wrong")
        raise SignInRefused("this name and this password do not go together")
    sessions.forgive_attempts(engine, of_account, all_of=True)
    sessions.forgive_attempts(engine, of_address, all_of=False)
    if passwords.needs_rehash(stored_hash):
        # not by `change`, which would end sessions: the password is the same
        accounts.replace_password_hash(engine, name, passwords.hash_password(password, of=name))
    return account


def by_link(engine: Engine, token: str, *, address: str) -> Account:
    """Use a link and return its account; raises SignInRefused or TooManyAttempts."""
    of_address = f"address {address}"
    tries = sessions.count_attempt(engine, of_address, window=FAILURE_WINDOW)
    if tries.failures > MAX_ADDRESS_FAILURES:
        raise TooManyAttempts(tries.since + FAILURE_WINDOW, datetime.now(UTC))
    name = sessions.use_link(engine, sessions.digest_of(token))
    account = None if name is None else accounts.find_account(engine, name)
    if account is None or not account.is_open:
        _note_failure(engine, account, "link", address, "the link is unknown, used or expired")
        raise SignInRefused("this link is used or expired: ask for another one")
    sessions.forgive_attempts(engine, of_address, all_of=False)
    return account


def by_provider(
    engine: Engine, *, subject: str, email: str | None, verified: bool, address: str
) -> Account:
    """Return the account of an identity at an OpenID provider; raises SignInRefused.

    The account is found by the subject. The first time, it is found by a mail address that the
    provider verified, if the account has no subject yet. No account is made.
    """
    account = accounts.find_by_subject(engine, subject)
    if account is None and email is not None and verified:
        candidate = accounts.find_by_email(engine, email)
        if candidate is not None and candidate.is_open and candidate.subject is None:
            accounts.change_account(engine, candidate.id, {"subject": subject})
            note_change(engine, "provider", by=candidate.id, about=candidate.id, reason=subject)
            account = replace(candidate, subject=subject)
    if account is None or not account.is_open:
        _note_failure(engine, account, "provider", address, f"no account for {email or subject}")
        raise SignInRefused(
            f"nobody here has the account {email or subject}: ask an operator to make one"
        )
    return account


def note_sign_in(engine: Engine, account: Account, way: str, *, address: str) -> None:
    """Write a sign-in to the audit."""
    add_entry(engine, AuditRow(by=account.id, kind=AuditKind.SIGN_IN, what=way, address=address))


def note_sign_out(engine: Engine, actor: str, *, address: str) -> None:
    """Write a sign-out to the audit."""
    add_entry(engine, AuditRow(by=actor, kind=AuditKind.SIGN_OUT, what="sign out", address=address))


def note_unknown_failure(engine: Engine, way: str, reason: str, *, address: str) -> None:
    """Write a failed sign-in of an unknown person to the audit, up to the limit per address."""
    tries = sessions.count_attempt(engine, f"address {address}", window=FAILURE_WINDOW)
    if tries.failures <= MAX_ADDRESS_FAILURES:
        _note_failure(engine, None, way, address, reason)


def _note_failure(
    engine: Engine, account: Account | None, way: str, address: str, reason: str
) -> None:
    entry = AuditRow(
        by=UNKNOWN if account is None else account.id,
        kind=AuditKind.SIGN_IN,
        what=way,
        outcome=AuditOutcome.FAILED,
        reason=reason,
        address=address,
    )
    add_entry(engine, entry)
