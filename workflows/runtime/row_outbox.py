"""Where publications leave a workflow: the runner around it collects them (publish_first)."""

from contextvars import ContextVar
from typing import Final

from domain.model.publications import Publication

OUTLET: Final[ContextVar[list[Publication] | None]] = ContextVar("OUTLET", default=None)
"""The list of the workflow instance whose activation runs; None where nobody collects (replays)."""


def publish(publication: Publication) -> None:
    """Hand over one item's news, to be kept before the workflow task is reported."""
    collected = OUTLET.get()
    if collected is not None:
        collected.append(publication)
