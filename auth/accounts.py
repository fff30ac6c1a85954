"""Accounts of people, and links that sign them in once."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final
from zoneinfo import available_timezones

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine

from auth import passwords, sessions
from auth.callers import EVERY_QUEUE, Role
from domain.base.validation_messages import validation_problems
from domain.base.values import Address, Name, Person, Title
from store.auth import accounts
from store.auth.accounts import Account
from store.auth.audit import add_entry
from store.schema.auth_tables import AuditKind, AuditRow

LANGUAGES: Final = ("en", "fr")
_PERSON: Final = TypeAdapter[str](Person)
_NAME: Final = TypeAdapter[str](Title)
_ADDRESS: Final = TypeAdapter[str](Address)
_QUEUES: Final = TypeAdapter[frozenset[str]](frozenset[Name])


class InvalidAccount(Exception):
    """An account cannot be made or changed as requested."""


def make(
    engine: Engine,
    name: str,
    *,
    role: Role,
    by: str,
    shown: str = "",
    queues: Collection[str] = (),
    language: str = "en",
    zone: str = "UTC",
    email: str | None = None,
    password: str | None = None,
) -> Account:
    """Make an account; raises InvalidAccount, WeakPassword or AccountExists."""
    _check(name, _PERSON, name)
    account = Account(
        id=name,
        name=_display_name(name, shown or name),
        role=role.value,
        queues=_queues(name, queues),
        language=_language(name, language),
        zone=_zone(name, zone),
        email=_email(name, email),
        password=None if password is None else passwords.hash_password(password, of=name),
        made_at=datetime.now(UTC),
    )
    accounts.add_account(engine, account)
    note_change(engine, "add", by=by, about=name, reason=f"as {role}")
    return account


def change(
    engine: Engine,
    name: str,
    *,
    by: str,
    role: Role | None = None,
    shown: str | None = None,
    queues: Collection[str] | None = None,
    language: str | None = None,
    zone: str | None = None,
    email: str | None = None,
) -> Account:
    """Change the given fields; raises InvalidAccount, UnknownAccount or AccountExists."""
    values: dict[str, str | None] = {}
    if role is not None:
        values["role"] = role.value
    if shown is not None:
        values["name"] = _display_name(name, shown)
    if language is not None:
        values["language"] = _language(name, language)
    if zone is not None:
        values["zone"] = _zone(name, zone)
    if email is not None:
        values["email"] = _email(name, email)
    members = None if queues is None else _queues(name, queues)
    accounts.change_account(engine, name, values, queues=members)
    changes = values | ({} if members is None else {"queues": ", ".join(sorted(members))})
    reason = "; ".join(f"{field} {value}" for field, value in changes.items())
    note_change(engine, "set", by=by, about=name, reason=reason)
    return _existing(engine, name)


def set_password(engine: Engine, name: str, password: str, *, by: str) -> None:
    """Change the password of an account, and end its sessions."""
    accounts.change_account(engine, name, {"password": passwords.hash_password(password, of=name)})
    note_change(engine, "password", by=by, about=name)


def disable(engine: Engine, name: str, *, by: str, disabled: bool = True) -> None:
    """Disable an account, which ends its sessions; or enable it again."""
    accounts.change_account(engine, name, disabled=disabled)
    note_change(engine, "disable" if disabled else "enable", by=by, about=name)


def make_link(engine: Engine, name: str, *, by: str) -> str:
    """Return the path of a page that signs in once, within 15 minutes.

    Raises:
        UnknownAccount: no account has this name.
        InvalidAccount: the account is disabled.
    """
    if not _existing(engine, name).is_open:
        raise InvalidAccount(
            f"account {name} is disabled: `casekeep account disable --undo {name}`"
        )
    token = sessions.create_link(engine, name, by=by)
    note_change(engine, "link", by=by, about=name)
    return f"/sign-in/link/{token}"


def note_change(
    engine: Engine, what: str, *, by: str, about: str, reason: str | None = None
) -> None:
    """Write a change of an account to the audit."""
    add_entry(
        engine, AuditRow(by=by, kind=AuditKind.ACCOUNT, what=what, about=about, reason=reason)
    )


def _existing(engine: Engine, name: str) -> Account:
    account = accounts.find_account(engine, name)
    if account is None:
        raise accounts.UnknownAccount(f"account {name}: there is none")
    return account


def _check(name: str, schema: TypeAdapter[str], value: str) -> None:
    try:
        schema.validate_python(value)
    except ValueError as error:
        raise InvalidAccount(f"account {name[:100]!r}: {_sentence(error)}") from None


def _display_name(name: str, shown: str) -> str:
    _check(name, _NAME, shown)
    return shown


def _email(name: str, email: str | None) -> str | None:
    if not email:
        return None
    _check(name, _ADDRESS, email)
    return email.lower()


def _language(name: str, language: str) -> str:
    if language not in LANGUAGES:
        raise InvalidAccount(f"account {name}: language {language}: give one of en, fr")
    return language


def _zone(name: str, zone: str) -> str:
    if zone not in available_timezones():
        raise InvalidAccount(f"account {name}: zone {zone}: give one such as Europe/Paris")
    return zone


def _queues(name: str, queues: Collection[str]) -> frozenset[str]:
    try:
        names = _QUEUES.validate_python(frozenset(queues))
    except ValueError as error:
        raise InvalidAccount(f"account {name}: queues: {_sentence(error)}") from None
    return frozenset({EVERY_QUEUE}) if EVERY_QUEUE in names else names


def _sentence(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(str(problem) for _, problem in validation_problems(error))
    return str(error)
