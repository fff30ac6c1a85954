"""Outbox of a workflow's publications, collected by the runner (commit_rows_first)."""

from contextvars import ContextVar
from typing import Final

from domain.model.publications import Publication

ROW_OUTBOX: Final[ContextVar[list[Publication] | None]] = ContextVar("OUTLET", default=None)
"""List of the workflow instance that is being activated; None if nobody collects (replays)."""


def publish(publication: Publication) -> None:
    """Add an item's publication, to be committed before the workflow task is reported."""
    collected = ROW_OUTBOX.get()
    if collected is not None:
        collected.append(publication)
