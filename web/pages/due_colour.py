"""D3: the colour of a due date, as lists and states tell it."""

from datetime import datetime
from typing import Final, Protocol

from domain.base.values import Status
from domain.model.due_dates import Colour

_GREY: Final = frozenset({Status.DRAFT, Status.RESOLVED, Status.CLOSED})


class Dated(Protocol):
    """What a line of a list and a state both tell."""

    @property
    def status(self) -> Status:
        """Where it stands."""

    @property
    def due_at(self) -> datetime | None:
        """None while its clock stands still."""

    @property
    def at_risk_at(self) -> datetime | None:
        """None without a margin, too."""


def colour_of(item: Dated, now: datetime) -> str:
    """Green, amber, red or grey (D3)."""
    if item.due_at is None or item.status in _GREY:
        return Colour.GREY.value
    if now >= item.due_at:
        return Colour.RED.value
    is_at_risk = item.at_risk_at is not None and now >= item.at_risk_at
    return (Colour.AMBER if is_at_risk else Colour.GREEN).value
