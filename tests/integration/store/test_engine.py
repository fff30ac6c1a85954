"""Engines: the URLs they accept, SQLite's settings, and the text of their errors."""

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlmodel import col, select

from store.engine import (
    masked_url,
    open_engine,
    read_connection,
    read_session,
    write_connection,
    write_session,
)
from store.errors import DatabaseBusy, DatabaseUnreachable, SchemaOutdated, UnknownDatabase
from store.items.queries import list_inbox, list_waiting
from store.schema.tables import MailOutRow, WriterRow
from tests.support.databases import PostgresServer


@pytest.mark.parametrize(
    "url",
    [
        "mysql://desk@localhost/desk",
        "sqlite+aiosqlite:///x.db",
        "postgresql+asyncpg://localhost/x",
        "sqlite://",
        "sqlite:///:memory:",
        "desk.db",
        "",
    ],
)
def test_a_url_of_no_database_we_know_is_refused_with_the_way_out(url: str) -> None:
    with pytest.raises(UnknownDatabase, match="give sqlite:///path/to/file or postgresql://"):
        open_engine(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_any_name_of_postgresql_is_its_driver(scheme: str) -> None:
    engine = open_engine(f"{scheme}://desk:secret@db.example.org/desk")
    assert engine.driver == "psycopg"
    assert masked_url(engine).startswith("postgresql://desk:***@db.example.org/desk")


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a' / 'b' / 'desk.db'}")
    with write_connection(engine) as connection:
        connection.execute(text("CREATE TABLE here (a)"))
    engine.dispose()
    assert (tmp_path / "a" / "b" / "desk.db").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnreachable, match="its folder cannot be made"):
        open_engine(f"sqlite:///{tmp_path / 'file' / 'desk.db'}")


def test_a_sqlite_file_is_in_wal_mode_and_waits_for_other_writers(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with read_connection(engine) as connection:
        stored = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert stored == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "busy_timeout": 1_000,
    }


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    def fail() -> None:
        with write_connection(engine) as connection:
            connection.execute(text("INSERT INTO writer (writer) VALUES ('w')"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with read_connection(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM writer")) == 0


def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    engine = open_engine("postgresql://amy:secret@127.0.0.1:1/desk")
    with pytest.raises(DatabaseUnreachable) as refused:
        list_inbox(engine, "amy")
    assert "postgresql://amy:***@127.0.0.1:1/desk" in str(refused.value)
    assert "see that its server runs, and that CASEKEEP_DATABASE_URL names it" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "desk.db").write_text("Dear Amy, this is a letter and no database. " * 100)
    engine = open_engine(f"sqlite:///{tmp_path / 'desk.db'}")
    with pytest.raises(DatabaseUnreachable, match=r"cannot be used \(file is not a database"):
        list_inbox(engine, "amy")
    engine.dispose()


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}")
    with pytest.raises(DatabaseUnreachable, match="unable to open database file"):
        list_inbox(engine, "amy")


def test_a_database_without_our_tables_is_told(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with pytest.raises(SchemaOutdated, match="start a worker or `casekeep up` once"):
        list_inbox(engine, "amy")
    engine.dispose()


def test_a_connection_that_broke_is_told_and_the_next_one_works(postgresql: PostgresServer) -> None:
    engine, other = (
        open_engine(postgresql.create_database()),
        open_engine(postgresql.create_database()),
    )
    with read_connection(engine) as connection:
        victim = connection.scalar(text("SELECT pg_backend_pid()"))
    with read_connection(other) as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
    with pytest.raises(DatabaseUnreachable):
        list_inbox(engine, "amy")
    assert list_inbox(engine, "amy").items == ()
    engine.dispose()
    other.dispose()


def test_other_errors_of_a_database_are_left_as_they_are(engine: Engine) -> None:
    with pytest.raises(DBAPIError, match="syntax error"), read_connection(engine) as connection:
        connection.execute(text("SELEKT 1"))


def test_rows_that_another_transaction_holds_for_too_long_are_told(
    postgresql: PostgresServer,
) -> None:
    url = postgresql.create_database()
    patience = "&connect_timeout=9&options=-c%20lock_timeout%3D50"
    engine, other = open_engine(url + patience), open_engine(url)
    with write_connection(other) as connection:
        connection.execute(text("LOCK TABLE item"))
        with pytest.raises(DatabaseBusy, match="held by another writer for too long: try again"):
            list_inbox(engine, "amy")
    assert list_inbox(engine, "amy").items == ()
    engine.dispose()
    other.dispose()


def test_an_instant_without_a_zone_is_refused(engine: Engine) -> None:
    naive = datetime(2026, 3, 2, 8)  # noqa: DTZ001 - which is the point
    with pytest.raises(StatementError, match="has no zone: give an aware one"):
        list_waiting(engine, "accounts", now=naive)


def test_a_session_writes_rows_at_its_end_and_they_stay_readable(engine: Engine) -> None:
    with write_session(engine) as session:
        session.add(WriterRow(writer="w"))
    with read_session(engine) as session:
        stored = session.get(WriterRow, "w")
    assert stored is not None
    assert (stored.writer, stored.settled_until) == ("w", None)


def test_a_session_that_fails_leaves_nothing(engine: Engine) -> None:
    def fail() -> None:
        with write_session(engine) as session:
            session.add(WriterRow(writer="w"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with read_session(engine) as session:
        assert session.exec(select(WriterRow)).all() == []


def test_rows_of_a_session_that_failed_can_be_added_again(engine: Engine) -> None:
    row = WriterRow(writer="w")

    def fail() -> None:
        with write_session(engine) as session:
            session.add(row)
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with write_session(engine) as session:
        session.add(row)
    with read_session(engine) as session:
        assert session.get(WriterRow, "w") is not None


def test_a_text_that_is_no_member_of_its_column_is_refused(engine: Engine) -> None:
    with (
        pytest.raises(StatementError, match="'lost' is not a valid MailStatus"),
        read_session(engine) as session,
    ):
        session.exec(select(MailOutRow).where(col(MailOutRow.status) == "lost"))


def test_a_session_that_writes_holds_the_database_from_its_beginning(sqlite_url: str) -> None:
    engine, other = open_engine(sqlite_url), open_engine(sqlite_url, busy_timeout=10)
    with write_session(engine):
        with read_session(other) as session:
            assert session.get(WriterRow, "w") is None
        with pytest.raises(DatabaseBusy), write_session(other):
            pass
    engine.dispose()
    other.dispose()


def test_a_session_tells_of_a_database_without_our_tables(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with pytest.raises(SchemaOutdated), write_session(engine) as session:
        session.add(WriterRow(writer="w"))
    engine.dispose()


def test_each_read_of_a_session_sees_what_is_committed(engine: Engine) -> None:
    with read_session(engine) as session:
        assert session.get(WriterRow, "w") is None
        with write_session(engine) as writing_session:
            writing_session.add(WriterRow(writer="w"))
        assert session.get(WriterRow, "w") is not None
