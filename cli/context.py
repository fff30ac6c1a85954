"""Opens the client and the store that the environment names, for one command of the shell."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from starter.settings import read_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from starter.client import Desk


class NoStoreYet(Exception):
    """The database file does not exist, and a command that only reads makes none."""


async def open_desk() -> "Desk":
    """The desk that the environment names; raises TemporalUnreachable."""
    from starter.client import Desk
    from starter.connection import connect

    return Desk(await connect(), read_settings().task_queue)


def open_store() -> "Engine":
    """The store that the environment names; raises NoStoreYet or a StoreFault."""
    from store.engine import engine_of

    url = read_settings().database_url
    path = Path(url.partition("?")[0].removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not path.exists():
        raise NoStoreYet(
            f"no database at {path}: run `casekeep up` in this folder, or set CASEKEEP_DATABASE_URL"
        )
    return engine_of(url)


def made_store() -> "Engine":
    """The store that the environment names, made and brought up to date; raises a StoreFault."""
    from store.engine import engine_of
    from store.schema.versions import upgrade

    engine = engine_of(read_settings().database_url, lasting=True)
    upgrade(engine)
    return engine


def user() -> str:
    """Return the name of the operating system's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
