"""Versions of the database schema: check and upgrade."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

import store.schema.auth_tables
import store.schema.webhook_tables  # noqa: F401 - their tables are in the same metadata
from store.engine import masked_url, open_engine, read_connection, write_connection
from store.errors import SchemaTooNew
from store.schema.tables import metadata

_ADVISORY_LOCK: Final = 0x_CA5E_4EE9
_UPGRADE_TIMEOUT: Final = 60_000
"""Milliseconds that an upgrade of a SQLite file waits for other writers."""


def upgrade_schema(engine: Engine) -> None:
    """Upgrade the schema to this program's version, in one transaction, unless it is current.

    Any number of processes may call it at once: one upgrades, the others wait for it.

    Raises:
        SchemaTooNew: a newer program has upgraded it.
        DatabaseUnreachable: as any call on the engine.
    """
    if is_schema_current(engine):
        return
    with _exclusive(engine) as exclusive, write_connection(exclusive) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        _refuse_newer(engine, _revisions(connection))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_schema_current(engine: Engine) -> bool:
    """Return True if the schema has this program's version."""
    with read_connection(engine) as connection:
        return _revisions(connection) == set(_scripts().get_heads())


def migration_options() -> dict[str, Any]:
    """Return alembic's options to compare our tables with a database, and to write a revision."""
    return {
        "target_metadata": metadata,
        "render_as_batch": True,
        "include_name": _is_own_table,
    }


def _is_own_table(name: str | None, _kind: str, _parents: object) -> bool:
    # the full-text index is written by hand: alembic knows neither FTS5 nor indexed functions
    return name is None or not name.startswith("note_search")


def _config() -> Config:
    config = Config()
    folder = str(Path(__file__).parents[1] / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _revisions(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def _refuse_newer(engine: Engine, found: set[str]) -> None:
    unknown = found - {script.revision for script in _scripts().walk_revisions()}
    if unknown:
        raise SchemaTooNew(
            f"database {masked_url(engine)} has schema {', '.join(sorted(unknown))}, newer than "
            "this program: run the version of Casekeep that upgraded it, or a later one"
        )


@contextmanager
def _exclusive(engine: Engine) -> Iterator[Engine]:
    """Engine for an upgrade; for SQLite it holds the folder's lock and sets the file to WAL mode.

    Two connections that switch a file to WAL at once can fail with "database is locked" despite
    their timeouts (4 of 360 did). The mode stays with the file, so only upgrades switch it.
    """
    if engine.dialect.name != "sqlite":
        yield engine
        return
    folder = os.open(Path(str(engine.url.database)).parent, os.O_RDONLY)
    exclusive = open_engine(str(engine.url), busy_timeout=_UPGRADE_TIMEOUT)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with read_connection(exclusive) as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        yield exclusive
    finally:
        exclusive.dispose()
        os.close(folder)
