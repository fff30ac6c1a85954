"""Access to the database: engines for SQLite and PostgreSQL, and transactions on them."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from psycopg import errors as postgres
from pydantic import TypeAdapter
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from store.errors import (
    DatabaseBusy,
    DatabaseUnreachable,
    SchemaOutdated,
    StoreError,
    UnknownDatabase,
)

BUSY_TIMEOUT: Final = 1_000
CONNECT_TIMEOUT: Final = 5
"""Seconds that PostgreSQL has to answer a connection, unless the URL says otherwise."""
INSERTS: Final[Mapping[str, Callable[[Table], Any]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""Inserts with `ON CONFLICT`, by dialect; the two have no common type."""
_BEGINS: Final = "begins"
_URL_HELP: Final = "give sqlite:///path/to/file or postgresql://user@host/database"
_JSON: Final[TypeAdapter[Any]] = TypeAdapter(Any)


def open_engine(url: str, *, busy_timeout: int = BUSY_TIMEOUT, durable: bool = False) -> Engine:
    """Return the engine of `sqlite:///path` (its folder is made) or `postgresql://...`.

    It connects at its first use. `busy_timeout`: milliseconds that a SQLite connection waits for
    another writer. `durable`: SQLite's commits survive even a power cut. Publications need not,
    since items publish them again, but a mail in must (M3). PostgreSQL's commits always survive.

    Raises:
        UnknownDatabase: for any other URL.
        DatabaseUnreachable: the SQLite file's folder cannot be made.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UnknownDatabase(f"database URL cannot be read: {_URL_HELP}") from None
    match parsed.drivername:
        case "sqlite":
            return _sqlite(parsed, busy_timeout, "FULL" if durable else "NORMAL")
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return _postgresql(parsed.set(drivername="postgresql+psycopg"))
        case other:
            raise UnknownDatabase(f"database {other}: is not supported: {_URL_HELP}")


def masked_url(engine: Engine) -> str:
    """Return the engine's URL with the password hidden."""
    url = engine.url.set(drivername=engine.dialect.name)
    return url.render_as_string(hide_password=True)


@contextmanager
def write_connection(engine: Engine) -> Iterator[Connection]:
    """Connection in a transaction that writes; on SQLite it begins with the write lock."""
    with _connection_to_write(engine) as connection, connection.begin():
        yield connection


@contextmanager
def read_connection(engine: Engine) -> Iterator[Connection]:
    """Connection for single statements, each of which sees what is committed: no transaction."""
    options: dict[str, Any] = {_BEGINS: ""}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "AUTOCOMMIT"
    with engine.connect().execution_options(**options) as connection:
        yield connection


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """Session for rows, in a transaction as of `write_connection`, which commits at the end.

    Rows can be read after the end, but no more of their columns are loaded then. If the
    transaction fails, its new rows can be added again.
    """
    with (
        _connection_to_write(engine) as connection,
        Session(connection, expire_on_commit=False) as session,
        session.begin(),
    ):
        session.connection()  # else the transaction would begin with the first statement
        yield session


@contextmanager
def read_session(engine: Engine) -> Iterator[Session]:
    """Session for rows that are only read, outside a transaction as in `read_connection`."""
    with (
        read_connection(engine) as connection,
        Session(connection, expire_on_commit=False) as session,
    ):
        yield session


def _connection_to_write(engine: Engine) -> Connection:
    return engine.connect().execution_options(**{_BEGINS: "BEGIN IMMEDIATE"})


def _to_json(value: object) -> str:
    return _JSON.dump_json(value).decode()


def _sqlite(url: URL, busy_timeout: int, synchronous: str) -> Engine:
    if not url.database or url.database == ":memory:":
        raise UnknownDatabase(
            f"database {url}: names no file, and a database in memory would be lost: {_URL_HELP}"
        )
    folder = Path(url.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnreachable(
            f"database {url}: its folder cannot be made ({error.strerror}): "
            "give a path that this account may write"
        ) from error
    # no transaction begins except by our own BEGIN
    engine = create_engine(url, json_serializer=_to_json, connect_args={"isolation_level": None})

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        raw = cast("sqlite3.Connection", connection)
        raw.execute(f"PRAGMA busy_timeout = {busy_timeout}")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute(f"PRAGMA synchronous = {synchronous}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if begins := connection.get_execution_options().get(_BEGINS, "BEGIN"):
            connection.exec_driver_sql(begins)

    return _translate_errors(engine)


def _postgresql(url: URL) -> Engine:
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT)})
    return _translate_errors(create_engine(url, json_serializer=_to_json))


def _translate_errors(engine: Engine) -> Engine:
    @event.listens_for(engine, "handle_error", retval=True)
    def _translate(context: ExceptionContext) -> StoreError | None:
        error = context.original_exception
        if isinstance(error, sqlite3.Error):
            return _sqlite_error(error, masked_url(engine))
        if isinstance(error, postgres.UndefinedTable | postgres.UndefinedColumn):
            return _outdated(masked_url(engine))
        if isinstance(error, postgres.DeadlockDetected | postgres.LockNotAvailable):
            return _busy(masked_url(engine))
        if isinstance(error, postgres.Error) and (
            context.connection is None or context.is_disconnect
        ):
            return DatabaseUnreachable(
                f"database {masked_url(engine)} cannot be reached ({_first_line(error)}): "
                "see that its server runs, and that CASEKEEP_DATABASE_URL names it"
            )
        return None

    return engine


def _sqlite_error(error: sqlite3.Error, name: str) -> StoreError | None:
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return _busy(name)
    if code.startswith(("SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_READONLY", "SQLITE_IOERR")):
        return DatabaseUnreachable(
            f"database {name} cannot be used ({_first_line(error)}): "
            "give a path to a database file of Casekeep that this account may write"
        )
    if str(error).startswith(("no such table", "no such column")):
        return _outdated(name)
    return None


def _busy(name: str) -> DatabaseBusy:
    return DatabaseBusy(f"database {name} is held by another writer for too long: try again")


def _outdated(name: str) -> SchemaOutdated:
    return SchemaOutdated(
        f"database {name} lacks tables of this version: start a worker or `casekeep up` once, "
        "which brings its schema up to date"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
