"""Colour of a due date (D3)."""

from datetime import datetime
from typing import Final, Protocol

from domain.base.values import Status
from domain.model.due_dates import Colour

_GREY: Final = frozenset({Status.DRAFT, Status.RESOLVED, Status.CLOSED})


class HasDueDate(Protocol):
    """Fields that a row of a list and a state have in common."""

    @property
    def status(self) -> Status:
        """Status of the item."""

    @property
    def due_at(self) -> datetime | None:
        """Due date; None without one, and while the clock is stopped."""

    @property
    def at_risk_at(self) -> datetime | None:
        """Start of the margin before the due date; None without a margin, too."""


def due_colour(item: HasDueDate, now: datetime) -> str:
    """Return green, amber, red or grey (D3)."""
    if item.due_at is None or item.status in _GREY:
        return Colour.GREY.value
    if now >= item.due_at:
        return Colour.RED.value
    is_at_risk = item.at_risk_at is not None and now >= item.at_risk_at
    return (Colour.AMBER if is_at_risk else Colour.GREEN).value
