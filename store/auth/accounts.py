"""Accounts of people, and the queues that they are members of."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select

from store.engine import read_session, write_session
from store.errors import StoreError
from store.items.paging import storable_text
from store.schema.auth_tables import AccountRow, MembershipRow, SessionRow, SignInLinkRow


class AccountExists(StoreError):
    """There is an account of this name, or one with this mail address or subject."""


class UnknownAccount(StoreError):
    """There is no account of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Row of an account together with its memberships."""

    id: str
    name: str
    role: str
    queues: frozenset[str] = frozenset()
    language: str = "en"
    zone: str = "UTC"
    email: str | None = None
    subject: str | None = None
    password: str | None = None
    made_at: datetime
    disabled_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Return True unless the account is disabled."""
        return self.disabled_at is None


def add_account(engine: Engine, account: Account) -> None:
    """Add a new account; raises AccountExists."""
    row = AccountRow(
        id=account.id,
        name=account.name,
        role=account.role,
        language=account.language,
        zone=account.zone,
        email=account.email,
        subject=account.subject,
        password=account.password,
        made_at=account.made_at,
        disabled_at=account.disabled_at,
    )
    try:
        with write_session(engine) as session:
            session.add(row)
            _join(session, account.id, account.queues)
    except IntegrityError:
        raise _account_exists(account.id) from None


def change_account(
    engine: Engine,
    name: str,
    values: Mapping[str, str | None] | None = None,
    *,
    queues: Collection[str] | None = None,
    disabled: bool | None = None,
) -> None:
    """Change fields of an account; a new password and disabling end its sessions and links.

    `values`: by the names of `Account`'s fields; queues and `disabled` are arguments of their own.

    Raises:
        UnknownAccount: there is no account of this name.
        AccountExists: another account has the new mail address or subject.
    """
    changed: dict[str, Any] = dict(values or {})
    if disabled is not None:
        changed["disabled_at"] = datetime.now(UTC) if disabled else None
    try:
        with write_session(engine) as session:
            row = session.get(AccountRow, storable_text(name), with_for_update=True)
            if row is None:
                raise _unknown_account(name)
            row.sqlmodel_update(changed)
            if queues is not None:
                session.exec(delete(MembershipRow).where(col(MembershipRow.account) == name))
                _join(session, name, queues)
            if disabled or "password" in changed:
                session.exec(delete(SessionRow).where(col(SessionRow.account) == name))
                session.exec(delete(SignInLinkRow).where(col(SignInLinkRow.account) == name))
    except IntegrityError:
        raise _account_exists(name) from None


def replace_password_hash(engine: Engine, name: str, password: str) -> None:
    """Replace the hash of an unchanged password; its sessions go on."""
    with write_session(engine) as session:
        row = session.get(AccountRow, name, with_for_update=True)
        if row is not None:
            row.password = password


def find_account(engine: Engine, name: str) -> Account | None:
    """Return the account of this name, disabled or not."""
    return _find(engine, AccountRow.id == storable_text(name))


def find_by_subject(engine: Engine, subject: str) -> Account | None:
    """Return the account that is linked to this subject of an OpenID provider."""
    return _find(engine, AccountRow.subject == storable_text(subject))


def find_by_email(engine: Engine, email: str) -> Account | None:
    """Return the account with this mail address, in upper or lower case."""
    return _find(engine, AccountRow.email == storable_text(email).lower())


def list_accounts(engine: Engine) -> list[Account]:
    """Return all accounts, by name."""
    return _accounts(engine)


def _find(engine: Engine, condition: bool) -> Account | None:  # noqa: FBT001 - SQLModel's type of a comparison
    found = _accounts(engine, condition)
    return found[0] if found else None


def _accounts(engine: Engine, *conditions: bool) -> list[Account]:
    with read_session(engine) as session:
        rows = session.exec(select(AccountRow).where(*conditions).order_by(AccountRow.id)).all()
        queues: dict[str, set[str]] = {row.id: set() for row in rows}
        wanted = select(MembershipRow).where(col(MembershipRow.account).in_(list(queues)))
        for membership in session.exec(wanted):
            queues[membership.account].add(membership.queue)
    return [_account(row, frozenset(queues[row.id])) for row in rows]


def _account(row: AccountRow, queues: frozenset[str]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        role=row.role,
        queues=queues,
        language=row.language,
        zone=row.zone,
        email=row.email,
        subject=row.subject,
        password=row.password,
        made_at=row.made_at,
        disabled_at=row.disabled_at,
    )


def _join(session: Session, name: str, queues: Collection[str]) -> None:
    session.add_all(MembershipRow(account=name, queue=queue) for queue in sorted(queues))


def _account_exists(name: str) -> AccountExists:
    return AccountExists(
        f"account {name}: there is one of this name, or one with this mail address or subject; "
        "`casekeep account list` shows them"
    )


def _unknown_account(name: str) -> UnknownAccount:
    return UnknownAccount(f"account {name}: there is none; `casekeep account list` shows them")
