"""Due clock: the due rule and every period in which the clock was stopped (D1-D5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.model.calendars import WorkingCalendar
from domain.model.definitions import DueRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Period in which the due clock is stopped; `until` is None while it lasts."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueClock:
    """Due clock as a list of stops, never a running sum: rule, begin, stops (D1-D5)."""

    rule: DueRule
    calendar: WorkingCalendar | None = None
    """Calendar that the rule names, as of the submission; None for calendar time."""
    since: datetime
    stops: tuple[Stop, ...] = ()
    folded: timedelta = timedelta(0)
    """Total of older stops that are no longer listed, in the rule's own unit."""
    told_at_risk: bool = False
    told_overdue: bool = False
