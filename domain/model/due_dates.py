"""Due dates: the clock as a ledger, colours and words (D1-D5)."""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from domain.base.fast_replace import replace
from domain.base.values import Status
from domain.model.calendars import WorkingCalendar
from domain.model.due_clock import DueClock, Stop
from domain.model.items import Item
from domain.model.working_time import ahead_of, between, end_of, moved

KEPT_STOPS: Final = 50
"""Stops listed in the ledger; older ones are folded into one amount, so that it stays bounded."""


class Colour(StrEnum):
    """D3: how urgent an item looks."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    GREY = "grey"


def clock_is_stopped(item: Item) -> bool:
    """D2: whether the present wait stops the item's due clock."""
    return item.due is not None and bool(item.due.stops) and item.due.stops[-1].until is None


def _stopped(clock: DueClock) -> timedelta:
    return clock.folded + sum(
        (
            between(clock.calendar, stop.since, stop.until)
            for stop in clock.stops
            if stop.until is not None
        ),
        timedelta(0),
    )


@lru_cache(maxsize=2048)
def _reckoned(clock: DueClock) -> tuple[datetime, datetime | None]:
    """When it is due and from when on at risk, reckoned anew from the whole ledger.

    Remembered because a command asks ten times, and a year of working days takes a millisecond.
    """
    due = end_of(clock.calendar, clock.since, clock.rule.within)
    due = moved(clock.calendar, due, _stopped(clock))
    margin = clock.rule.at_risk
    return due, None if margin is None else ahead_of(clock.calendar, due, margin)


def due_at(item: Item) -> datetime | None:
    """When the item is due, counting the stops that are over; None without a rule."""
    return None if item.due is None else _reckoned(item.due)[0]


def at_risk_at(item: Item) -> datetime | None:
    """When the item begins to be at risk; None without a margin."""
    return None if item.due is None else _reckoned(item.due)[1]


def turned(clock: DueClock | None, *, stopped: bool, at: datetime) -> DueClock | None:
    """The ledger once the clock stands still or runs from `at` on (D2, C11)."""
    if clock is None:
        return None
    is_stopped = bool(clock.stops) and clock.stops[-1].until is None
    if stopped == is_stopped:
        return clock
    if stopped:
        return _folded(replace(clock, stops=(*clock.stops, Stop(since=at))))
    return replace(clock, stops=(*clock.stops[:-1], replace(clock.stops[-1], until=at)))


def _folded(clock: DueClock) -> DueClock:
    over, kept = clock.stops[:-KEPT_STOPS], clock.stops[-KEPT_STOPS:]
    return (
        replace(clock, folded=_stopped(replace(clock, stops=over)), stops=kept) if over else clock
    )


def is_grey(item: Item) -> bool:
    """D3: no colour and no alarm in Draft, Resolved and Closed, or while the clock stands still."""
    return (
        item.due is None
        or item.status in {Status.DRAFT, Status.RESOLVED, Status.CLOSED}
        or clock_is_stopped(item)
    )


def colour(item: Item, now: datetime) -> Colour:
    """D3: the item's colour at `now`."""
    due = due_at(item)
    if due is None or is_grey(item):
        return Colour.GREY
    if now >= due:
        return Colour.RED
    risk = at_risk_at(item)
    return Colour.AMBER if risk is not None and now >= risk else Colour.GREEN


def due_text(item: Item, *, french: bool = False) -> str | None:
    """D5: the due date in words, or the remaining time while the clock stands still."""
    due = due_at(item)
    if due is None or item.due is None:
        return None
    label, calendar = "Échéance : " if french else "Due: ", item.due.calendar
    if not clock_is_stopped(item):
        return f"{label}{_shown(due, calendar)}"
    remaining = between(calendar, item.due.stops[-1].since, due)
    days = None if calendar else ("j" if french else "d")
    amount = _amount(abs(remaining), minutes="min" if french else "m", days=days)
    if french:
        side = "après" if remaining < timedelta(0) else "avant"
        return f"{label}en pause {amount} {side} l'échéance"
    side = "after overdue" if remaining < timedelta(0) else "before due"
    return f"{label}paused {amount} {side}"


def _shown(moment: datetime, calendar: WorkingCalendar | None) -> str:
    """The moment on the clock of whom it is for: the desk's own, where it has one."""
    if calendar is None:
        return f"{moment:%Y-%m-%d %H:%M} UTC"
    return f"{calendar.on_the_wall(moment):%Y-%m-%d %H:%M} {calendar.zone}"


def _amount(span: timedelta, *, minutes: str, days: str | None) -> str:
    """In words; a day of working time is as long as nobody knows, so that has hours only."""
    hours, rest = divmod(int(span.total_seconds()) // 60, 60)
    whole_days, hours = (0, hours) if days is None else divmod(hours, 24)
    parts = ((whole_days, days), (hours, "h"), (rest, minutes))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or f"0 {minutes}"
