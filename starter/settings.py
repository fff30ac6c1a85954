"""Our own settings, all from the environment (contract, connection)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

STATE_FOLDER = Path(".casekeep")
"""Where the embedded stack keeps what it keeps, below the folder it is run in."""


class Settings(BaseSettings):
    """What `CASEKEEP_…` says; Temporal's own connection is in `TEMPORAL_…` alone."""

    model_config = SettingsConfigDict(env_prefix="CASEKEEP_", frozen=True)

    task_queue: Annotated[str, Field(min_length=1)] = "casekeep"
    """Where the worker polls, and where items are started."""
    database_url: str = f"sqlite:///{STATE_FOLDER / 'casekeep.db'}"
    """The read model: `sqlite:///…` or `postgresql://…`."""
    catalog: Path = Path("catalog")
    """Categories and case definitions."""
