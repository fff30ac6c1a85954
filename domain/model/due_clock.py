"""The due clock as a ledger: what was promised, and every stretch it stood still (D1-D5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.model.calendars import WorkingCalendar
from domain.model.definitions import DueRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A stretch in which the due clock stood still; `until` is None while it lasts."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueClock:
    """D1-D5: a ledger, never a running sum: the rule, when it began, and every stop."""

    rule: DueRule
    calendar: WorkingCalendar | None = None
    """The one that the rule names, as it was at submit; without one it is calendar time."""
    since: datetime
    stops: tuple[Stop, ...] = ()
    folded: timedelta = timedelta(0)
    """Stopped time of stops older than those still listed, in the rule's own unit."""
    told_at_risk: bool = False
    told_overdue: bool = False
