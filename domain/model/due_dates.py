"""Due dates, colours and their texts, from the due clock (D1-D5)."""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from domain.base.fast_replace import replace
from domain.base.values import Status
from domain.model.calendars import WorkingCalendar
from domain.model.due_clock import DueClock, Stop
from domain.model.items import Item
from domain.model.working_time import end_of_span, shift, start_of_span, time_between

MAX_STOPS: Final = 50
"""Stops that the clock lists; older ones are added up, so the size is bounded."""


class Colour(StrEnum):
    """Colour that shows how urgent an item is (D3)."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    GREY = "grey"


def is_clock_stopped(item: Item) -> bool:
    """Return True if the current wait stops the item's due clock (D2)."""
    return item.due is not None and bool(item.due.stops) and item.due.stops[-1].until is None


def _stopped_time(clock: DueClock) -> timedelta:
    return clock.folded + sum(
        (
            time_between(clock.calendar, stop.since, stop.until)
            for stop in clock.stops
            if stop.until is not None
        ),
        timedelta(0),
    )


@lru_cache(maxsize=2048)
def _compute_dates(clock: DueClock) -> tuple[datetime, datetime | None]:
    """Return the due date and the begin of at risk, computed from all stops.

    Cached: one command asks ten times, and a year of working days takes a millisecond.
    """
    due = end_of_span(clock.calendar, clock.since, clock.rule.within)
    due = shift(clock.calendar, due, _stopped_time(clock))
    margin = clock.rule.at_risk
    return due, None if margin is None else start_of_span(clock.calendar, due, margin)


def due_at(item: Item) -> datetime | None:
    """Return the due date, with all ended stops added; None without a due rule."""
    return None if item.due is None else _compute_dates(item.due)[0]


def at_risk_at(item: Item) -> datetime | None:
    """Return when the item becomes at risk; None without a margin."""
    return None if item.due is None else _compute_dates(item.due)[1]


def set_clock(clock: DueClock | None, *, stopped: bool, at: datetime) -> DueClock | None:
    """Return the clock stopped or running from `at` on (D2, C11)."""
    if clock is None:
        return None
    is_stopped = bool(clock.stops) and clock.stops[-1].until is None
    if stopped == is_stopped:
        return clock
    if stopped:
        return _fold_old_stops(replace(clock, stops=(*clock.stops, Stop(since=at))))
    return replace(clock, stops=(*clock.stops[:-1], replace(clock.stops[-1], until=at)))


def _fold_old_stops(clock: DueClock) -> DueClock:
    old, recent = clock.stops[:-MAX_STOPS], clock.stops[-MAX_STOPS:]
    return (
        replace(clock, folded=_stopped_time(replace(clock, stops=old)), stops=recent)
        if old
        else clock
    )


def is_grey(item: Item) -> bool:
    """Return True in Draft, Resolved and Closed, without a due rule and while stopped (D3)."""
    return (
        item.due is None
        or item.status in {Status.DRAFT, Status.RESOLVED, Status.CLOSED}
        or is_clock_stopped(item)
    )


def colour(item: Item, now: datetime) -> Colour:
    """Return the item's colour at `now` (D3)."""
    due = due_at(item)
    if due is None or is_grey(item):
        return Colour.GREY
    if now >= due:
        return Colour.RED
    risk = at_risk_at(item)
    return Colour.AMBER if risk is not None and now >= risk else Colour.GREEN


def due_text(item: Item, *, french: bool = False) -> str | None:
    """Return the due date as text, or the remaining time while the clock is stopped (D5)."""
    due = due_at(item)
    if due is None or item.due is None:
        return None
    label, calendar = "Échéance : " if french else "Due: ", item.due.calendar
    if not is_clock_stopped(item):
        return f"{label}{_format_moment(due, calendar)}"
    remaining = time_between(calendar, item.due.stops[-1].since, due)
    days = None if calendar else ("j" if french else "d")
    amount = _format_amount(abs(remaining), minutes="min" if french else "m", days=days)
    if french:
        side = "après" if remaining < timedelta(0) else "avant"
        return f"{label}en pause {amount} {side} l'échéance"
    side = "after overdue" if remaining < timedelta(0) else "before due"
    return f"{label}paused {amount} {side}"


def _format_moment(moment: datetime, calendar: WorkingCalendar | None) -> str:
    """Format a moment in the desk's time zone if there is a calendar, else in UTC."""
    if calendar is None:
        return f"{moment:%Y-%m-%d %H:%M} UTC"
    return f"{calendar.local_time(moment):%Y-%m-%d %H:%M} {calendar.zone}"


def _format_amount(span: timedelta, *, minutes: str, days: str | None) -> str:
    """Format an amount; without days for working time, whose days have no fixed length."""
    hours, rest = divmod(int(span.total_seconds()) // 60, 60)
    whole_days, hours = (0, hours) if days is None else divmod(hours, 24)
    parts = ((whole_days, days), (hours, "h"), (rest, minutes))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or f"0 {minutes}"
