"""The schema's versions: bring a database up to date, and see whether it is."""

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
from store.engine import engine_of, named, reading, writing
from store.errors import SchemaTooNew
from store.schema.tables import metadata

_ADVISORY_LOCK: Final = 0x_CA5E_4EE9
_UPGRADE_TIMEOUT: Final = 60_000
"""Milliseconds that an upgrade of a SQLite file waits for those who write to it."""


def upgrade(engine: Engine) -> None:
    """Bring the schema to this program's version, in one transaction; does nothing where it is.

    Any number of processes may call it at once: one upgrades, the others wait for it.

    Raises:
        SchemaTooNew: a newer program has upgraded it already.
        DatabaseUnreachable: as any call on the engine.
    """
    if is_current(engine):
        return
    with _alone(engine) as patient, writing(patient) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        _refuse_newer(engine, _revisions(connection))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(engine: Engine) -> bool:
    """Whether the schema is this program's version."""
    with reading(engine) as connection:
        return _revisions(connection) == set(_scripts().get_heads())


def compared() -> dict[str, Any]:
    """What alembic needs to compare our tables with a database's, and to write a new revision."""
    return {
        "target_metadata": metadata,
        "render_as_batch": True,
        "include_name": _is_a_table_of_ours,
    }


def _is_a_table_of_ours(name: str | None, _kind: str, _parents: object) -> bool:
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
            f"database {named(engine)} has schema {', '.join(sorted(unknown))}, which is newer "
            "than this program: run the version of Casekeep that upgraded it, or a later one"
        )


@contextmanager
def _alone(engine: Engine) -> Iterator[Engine]:
    """On SQLite, hold the folder's lock meanwhile, and leave the file in WAL mode.

    Two connections that switch a file to WAL at once can fail with "database is locked" whatever
    their timeout (4 of 360 did); the mode stays with the file, so only upgrades switch it.
    """
    if engine.dialect.name != "sqlite":
        yield engine
        return
    folder = os.open(Path(str(engine.url.database)).parent, os.O_RDONLY)
    patient = engine_of(str(engine.url), busy_timeout=_UPGRADE_TIMEOUT)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with reading(patient) as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        yield patient
    finally:
        patient.dispose()
        os.close(folder)
