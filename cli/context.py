"""Open the client and the store that the environment names, for one command."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from starter.settings import read_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from starter.client import CasekeepClient


class DatabaseMissing(Exception):
    """The database file does not exist, and a command that only reads does not create it."""


async def open_client() -> "CasekeepClient":
    """Connect to the Temporal server that the environment names; raises TemporalUnreachable."""
    from starter.client import CasekeepClient
    from starter.connection import connect

    return CasekeepClient(await connect(), read_settings().task_queue)


def open_store() -> "Engine":
    """Open the store that the environment names; raises DatabaseMissing or a StoreError."""
    from store.engine import open_engine

    url = read_settings().database_url
    path = Path(url.partition("?")[0].removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not path.exists():
        raise DatabaseMissing(
            f"no database at {path}: run `casekeep up` in this folder, or set CASEKEEP_DATABASE_URL"
        )
    return open_engine(url)


def open_upgraded_store() -> "Engine":
    """Open the store that the environment names, created and migrated; raises a StoreError."""
    from store.engine import open_engine
    from store.schema.versions import upgrade_schema

    engine = open_engine(read_settings().database_url, durable=True)
    upgrade_schema(engine)
    return engine


def user_name() -> str:
    """Return the operating system's user name, or `unknown`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
