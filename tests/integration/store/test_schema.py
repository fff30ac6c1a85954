"""The schema: versions, concurrent upgrades, and migrations that agree with the tables."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.config import main as alembic
from alembic.migration import MigrationContext
from sqlalchemy import Column, Engine, MetaData, Table, inspect, text

import store
from domain.base.values import Kind
from store.engine import open_engine, write_connection
from store.errors import SchemaTooNew
from store.items.claims import claim_next
from store.items.queries import list_inbox
from store.projection.rows import item_row
from store.schema.tables import metadata
from store.schema.versions import is_schema_current, migration_options, upgrade_schema
from tests.support.publications import action, at, make_publication

_UPGRADE = """
import sys
import store
from store.engine import open_engine
from store.schema.versions import upgrade_schema
print("ready", flush=True)
sys.stdin.readline()
upgrade_schema(open_engine(sys.argv[1]))
"""


def test_migrations_make_the_tables_that_the_code_uses(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=migration_options())
        assert compare_metadata(context, metadata) == []


def test_partial_indexes_are_partial_in_the_database_too(engine: Engine) -> None:
    result = {index["name"]: index for index in inspect(engine).get_indexes("item")}
    partial = {
        name
        for name, index in result.items()
        if index["dialect_options"].get(f"{engine.dialect.name}_where") is not None
    }
    assert partial == set(result) - {"item_written", "item_begun", "item_begun_in"}
    assert set(result) == {index.name for index in metadata.tables["item"].indexes}


def test_an_empty_database_is_upgraded_and_a_second_time_changes_nothing(
    empty_database_url: str,
) -> None:
    engine = open_engine(empty_database_url)
    assert not is_schema_current(engine)
    upgrade_schema(engine)
    assert is_schema_current(engine)
    upgrade_schema(engine)
    assert is_schema_current(engine)
    assert list_inbox(engine, "amy").items == ()
    engine.dispose()


def test_rows_of_an_older_schema_are_kept_and_offered_to_robots(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).with_name("migrations")))
    with write_connection(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        row = item_row(make_publication(action()), writer="w", at=at(0)) | {"state": {}}
        for newer in ("for_robots", "at_risk_at"):
            del row[newer]
        columns = metadata.tables["item"].c
        old = Table("item", MetaData(), *(Column(name, columns[name].type) for name in row))
        connection.execute(old.insert().values(row))
    upgrade_schema(engine)
    result = claim_next(engine, "accounts", by="robot:ocr-1", robots={Kind.ACTION})
    assert result is not None
    assert result.reference == "C-1-A1"
    engine.dispose()


def test_processes_that_upgrade_at_once_all_find_it_done(empty_database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _UPGRADE, empty_database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    told = [process.communicate("go\n", timeout=50)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, told
    engine = open_engine(empty_database_url)
    assert is_schema_current(engine)
    engine.dispose()


def test_a_schema_of_a_newer_program_is_left_alone(engine: Engine) -> None:
    with write_connection(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not is_schema_current(engine)
    with pytest.raises(SchemaTooNew, match="schema 9999, newer than this program"):
        upgrade_schema(engine)


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with write_connection(engine) as connection:
        connection.execute(text("CREATE TABLE writer (a INTEGER)"))
    with pytest.raises(Exception, match="writer"):
        upgrade_schema(engine)
    assert inspect(engine).get_table_names() == ["writer"]
    engine.dispose()


def test_a_developer_migrates_and_compares_by_the_command_of_alembic(
    empty_database_url: str, tmp_path: Path
) -> None:
    folder = Path(store.__file__).with_name("migrations")
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = {folder}\n")
    options = ["-c", str(tmp_path / "alembic.ini"), "-x", f"url={empty_database_url}"]
    alembic(argv=[*options, "upgrade", "head"])
    alembic(argv=[*options, "check"])
    alembic(argv=[*options, "downgrade", "base"])
    engine = open_engine(empty_database_url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
