"""Calculations in calendar time, or in a calendar's working time (T5, T11, D1, D2, D5)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from domain.base.durations import Span
from domain.model.calendars import MAX_REACH, WorkingCalendar

_DAY: Final = timedelta(days=1)
_ZERO: Final = timedelta(0)


def end_of_span(calendar: WorkingCalendar | None, since: datetime, span: Span) -> datetime:
    """Return the end of a span: its days as in T5, hours and minutes as opening time (T11)."""
    if calendar is None:
        return since + span.total
    return add_opening_time(calendar, add_working_days(calendar, since, span.days), span.clock)


def start_of_span(calendar: WorkingCalendar | None, until: datetime, span: Span) -> datetime:
    """Return the start of a span that ends at a moment: working days, then opening time (D3)."""
    if calendar is None:
        return until - span.total
    return subtract_opening_time(
        calendar, subtract_working_days(calendar, until, span.days), span.clock
    )


def shift(calendar: WorkingCalendar | None, moment: datetime, amount: timedelta) -> datetime:
    """Shift a moment by an amount of time, or of opening time (D2)."""
    return moment + amount if calendar is None else add_opening_time(calendar, moment, amount)


def time_between(calendar: WorkingCalendar | None, since: datetime, until: datetime) -> timedelta:
    """Return the time, or opening time, between two moments; negative if reversed."""
    if calendar is None:
        return until - since
    if until < since:
        return -time_between(calendar, until, since)
    passed = _ZERO
    for begins, ends in _openings_from(calendar, since):
        if begins >= until:
            break
        passed += max(_ZERO, min(ends, until) - max(begins, since))
    return passed


def next_open_moment(calendar: WorkingCalendar, moment: datetime) -> datetime:
    """Return the moment itself if it is in an opening, else the next opening."""
    return next(
        (max(begins, moment) for begins, ends in _openings_from(calendar, moment) if moment < ends),
        moment + MAX_REACH,
    )


def add_opening_time(calendar: WorkingCalendar, moment: datetime, amount: timedelta) -> datetime:
    """Return the moment after an amount of opening time."""
    if amount <= _ZERO:
        return moment
    for begins, ends in _openings_from(calendar, moment):
        opened_at = max(begins, moment)
        if amount <= ends - opened_at:
            return opened_at + amount
        amount -= max(_ZERO, ends - opened_at)
    return moment + MAX_REACH


def subtract_opening_time(
    calendar: WorkingCalendar, moment: datetime, amount: timedelta
) -> datetime:
    """Return the moment before an amount of opening time."""
    if amount <= _ZERO:
        return moment
    for begins, ends in _openings_before(calendar, moment):
        closed_at = min(ends, moment)
        if amount <= closed_at - begins:
            return closed_at - amount
        amount -= max(_ZERO, closed_at - begins)
    return moment - MAX_REACH


def add_working_days(calendar: WorkingCalendar, moment: datetime, days: float) -> datetime:
    """Return the same local time so many working days later; unchanged for none (T5).

    A moment outside the hours counts from the next opening; a fraction is that part of the last
    day's opening time.
    """
    if not days:
        return moment
    local = calendar.local_time(next_open_moment(calendar, moment))
    day = _working_day(calendar, local.date(), int(days), _DAY)
    if day is None:
        return moment + MAX_REACH
    end_of_days = calendar.instant_of(day, local.time())
    return add_opening_time(
        calendar, end_of_days, (days - int(days)) * calendar.opening_time_of(day)
    )


def subtract_working_days(calendar: WorkingCalendar, moment: datetime, days: float) -> datetime:
    """Return the same local time so many working days earlier; a fraction is opening time."""
    if not days:
        return moment
    local = calendar.local_time(moment)
    day = _working_day(calendar, local.date(), int(days), -_DAY)
    if day is None:
        return moment - MAX_REACH
    end_of_days = calendar.instant_of(day, local.time())
    return subtract_opening_time(
        calendar, end_of_days, (days - int(days)) * calendar.opening_time_of(day)
    )


def _working_day(calendar: WorkingCalendar, day: date, number: int, step: timedelta) -> date | None:
    """Return the day so many working days later or earlier; None beyond MAX_REACH."""
    first_day = day
    while number > 0:
        day += step
        if abs(day - first_day) > MAX_REACH:
            return None
        number -= bool(calendar.openings_of(day))
    return day


def _openings_from(
    calendar: WorkingCalendar, moment: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield openings in order, from the moment's day on."""
    day = calendar.local_time(moment).date()
    for number in range(MAX_REACH.days):
        yield from calendar.openings_of(day + number * _DAY)


def _openings_before(
    calendar: WorkingCalendar, moment: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield openings in reverse order, from the moment's day back."""
    day = calendar.local_time(moment).date()
    for number in range(MAX_REACH.days):
        yield from reversed(calendar.openings_of(day - number * _DAY))
