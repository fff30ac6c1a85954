"""Reckoning in calendar time, or in the working time of a calendar (T5, T11, D1, D2, D5)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from domain.base.durations import Span
from domain.model.calendars import REACH, WorkingCalendar

_DAY: Final = timedelta(days=1)
_NOTHING: Final = timedelta(0)


def end_of(calendar: WorkingCalendar | None, since: datetime, span: Span) -> datetime:
    """When a span is over: its days as in T5, its hours and minutes as opening time (T11)."""
    if calendar is None:
        return since + span.total
    return plus(calendar, days_after(calendar, since, span.days), span.clock)


def ahead_of(calendar: WorkingCalendar | None, until: datetime, span: Span) -> datetime:
    """So long before a moment: so many working days before, then opening time before that (D3)."""
    if calendar is None:
        return until - span.total
    return minus(calendar, days_before(calendar, until, span.days), span.clock)


def moved(calendar: WorkingCalendar | None, moment: datetime, amount: timedelta) -> datetime:
    """A moment moved by an amount of time, or of opening time (D2)."""
    return moment + amount if calendar is None else plus(calendar, moment, amount)


def between(calendar: WorkingCalendar | None, since: datetime, until: datetime) -> timedelta:
    """How much time, or opening time, passes between two moments; negative if they are reversed."""
    if calendar is None:
        return until - since
    if until < since:
        return -between(calendar, until, since)
    passed = _NOTHING
    for begins, ends in _from(calendar, since):
        if begins >= until:
            break
        passed += max(_NOTHING, min(ends, until) - max(begins, since))
    return passed


def opened(calendar: WorkingCalendar, moment: datetime) -> datetime:
    """The moment itself while it is open, else the next opening."""
    return next(
        (max(begins, moment) for begins, ends in _from(calendar, moment) if moment < ends),
        moment + REACH,
    )


def plus(calendar: WorkingCalendar, moment: datetime, amount: timedelta) -> datetime:
    """When an amount of opening time will have passed since a moment."""
    if amount <= _NOTHING:
        return moment
    for begins, ends in _from(calendar, moment):
        begun = max(begins, moment)
        if amount <= ends - begun:
            return begun + amount
        amount -= max(_NOTHING, ends - begun)
    return moment + REACH


def minus(calendar: WorkingCalendar, moment: datetime, amount: timedelta) -> datetime:
    """The moment from which on an amount of opening time passes until another one."""
    if amount <= _NOTHING:
        return moment
    for begins, ends in _back_from(calendar, moment):
        over = min(ends, moment)
        if amount <= over - begins:
            return over - amount
        amount -= max(_NOTHING, over - begins)
    return moment - REACH


def days_after(calendar: WorkingCalendar, moment: datetime, days: float) -> datetime:
    """T5: so many working days later, at the same time on the wall; none leave the moment alone.

    A moment outside the hours counts from the next opening; a fraction is that part of the last
    day's opening time.
    """
    if not days:
        return moment
    wall = calendar.on_the_wall(opened(calendar, moment))
    day = _working_day(calendar, wall.date(), int(days), _DAY)
    if day is None:
        return moment + REACH
    reached = calendar.at(day, wall.time())
    return plus(calendar, reached, (days - int(days)) * calendar.opening_time_of(day))


def days_before(calendar: WorkingCalendar, moment: datetime, days: float) -> datetime:
    """So many working days earlier, at the same time on the wall; a fraction as in `days_after`."""
    if not days:
        return moment
    wall = calendar.on_the_wall(moment)
    day = _working_day(calendar, wall.date(), int(days), -_DAY)
    if day is None:
        return moment - REACH
    reached = calendar.at(day, wall.time())
    return minus(calendar, reached, (days - int(days)) * calendar.opening_time_of(day))


def _working_day(calendar: WorkingCalendar, day: date, number: int, step: timedelta) -> date | None:
    """The day that many working days on, or back; None if the calendar does not reach so far."""
    begun = day
    while number > 0:
        day += step
        if abs(day - begun) > REACH:
            return None
        number -= bool(calendar.openings_of(day))
    return day


def _from(calendar: WorkingCalendar, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Openings in order, from those of the moment's day on."""
    day = calendar.on_the_wall(moment).date()
    for number in range(REACH.days):
        yield from calendar.openings_of(day + number * _DAY)


def _back_from(calendar: WorkingCalendar, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Openings in reverse order, from those of the moment's day on."""
    day = calendar.on_the_wall(moment).date()
    for number in range(REACH.days):
        yield from reversed(calendar.openings_of(day - number * _DAY))
