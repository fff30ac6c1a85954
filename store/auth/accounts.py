"""Accounts of people, and the queues whose members they are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, delete, select, update
from sqlalchemy.exc import IntegrityError

from store.engine import reading, writing
from store.errors import StoreFault
from store.items.paging import plain
from store.schema.auth_tables import account, link_in, membership, session


class AccountExists(StoreFault):
    """There is an account of this name, or one with this mail address or subject."""


class UnknownAccount(StoreFault):
    """There is no account of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person of the desk."""

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
        """Whether they may sign in."""
        return self.disabled_at is None


_COLUMNS: Final = (
    *(account.c.id, account.c.name, account.c.role, account.c.language, account.c.zone),
    *(account.c.email, account.c.subject, account.c.password),
    *(account.c.made_at, account.c.disabled_at),
)


def add(engine: Engine, new: Account) -> None:
    """Keep a new account; raises AccountExists."""
    row = {column.name: getattr(new, column.name) for column in _COLUMNS}
    try:
        with writing(engine) as connection:
            connection.execute(account.insert(), row)
            _join(connection, new.id, new.queues)
    except IntegrityError:
        raise _taken(new.id) from None


def change(
    engine: Engine,
    name: str,
    values: Mapping[str, str | None] | None = None,
    *,
    queues: Collection[str] | None = None,
    disabled: bool | None = None,
) -> None:
    """Change some of an account; raises UnknownAccount, or AccountExists for what another has.

    `values`: by the names of `Account`'s fields; queues, and whether it is disabled, by themselves.

    A new password and disabling end its sessions, and the links that would begin one.
    """
    changed: dict[str, Any] = dict(values or {})
    if disabled is not None:
        changed["disabled_at"] = datetime.now(UTC) if disabled else None
    try:
        with writing(engine) as connection:
            statement = update(account).where(account.c.id == plain(name))
            # the name again, where nothing of the row itself changes
            changed.setdefault("id", plain(name))
            if connection.execute(statement.values(**changed)).rowcount == 0:
                raise _unknown(name)
            if queues is not None:
                connection.execute(delete(membership).where(membership.c.account == name))
                _join(connection, name, queues)
            if disabled or "password" in changed:
                connection.execute(delete(session).where(session.c.account == name))
                connection.execute(delete(link_in).where(link_in.c.account == name))
    except IntegrityError:
        raise _taken(name) from None


def keep_anew(engine: Engine, name: str, password: str) -> None:
    """Keep the same password in another form; nothing ends by that."""
    with writing(engine) as connection:
        connection.execute(update(account).where(account.c.id == name).values(password=password))


def account_of(engine: Engine, name: str) -> Account | None:
    """The account of this name, disabled or not."""
    return _one(engine, account.c.id == plain(name))


def by_subject(engine: Engine, subject: str) -> Account | None:
    """The account of whom an OpenID provider knows so."""
    return _one(engine, account.c.subject == plain(subject))


def by_email(engine: Engine, email: str) -> Account | None:
    """The account with this mail address, however it is written."""
    return _one(engine, account.c.email == plain(email).lower())


def accounts(engine: Engine) -> list[Account]:
    """All of them, by name."""
    return _found(engine, None)


def _one(engine: Engine, where: ColumnElement[bool]) -> Account | None:
    found = _found(engine, where)
    return found[0] if found else None


def _found(engine: Engine, where: ColumnElement[bool] | None) -> list[Account]:
    wanted = select(*_COLUMNS).order_by(account.c.id)
    with reading(engine) as connection:
        rows = connection.execute(wanted if where is None else wanted.where(where)).all()
        ids = [row.id for row in rows]
        theirs = connection.execute(
            select(membership.c.account, membership.c.queue).where(membership.c.account.in_(ids))
        ).all()
    queues: dict[str, set[str]] = {one: set() for one in ids}
    for one, queue in theirs:
        queues[one].add(queue)
    return [Account(**row._mapping, queues=frozenset(queues[row.id])) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def _join(connection: Connection, name: str, queues: Collection[str]) -> None:
    if queues:
        rows = [{"account": name, "queue": queue} for queue in sorted(queues)]
        connection.execute(membership.insert(), rows)


def _taken(name: str) -> AccountExists:
    return AccountExists(
        f"account {name}: there is one of this name, or one with this mail address or subject; "
        "`casekeep account list` shows them"
    )


def _unknown(name: str) -> UnknownAccount:
    return UnknownAccount(f"account {name}: there is none; `casekeep account list` shows them")
