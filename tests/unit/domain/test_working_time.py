"""Working time, also compared with a count of single minutes (T5, T11, D1-D3)."""

from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, reset_tzpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.base.durations import Span
from domain.model.calendars import MAX_REACH, Opening, WorkingCalendar
from domain.model.working_time import (
    add_opening_time,
    add_working_days,
    end_of_span,
    next_open_moment,
    shift,
    start_of_span,
    subtract_opening_time,
    subtract_working_days,
    time_between,
)
from tests.support.builders import DAY, HOUR, PARIS

MINUTE = timedelta(minutes=1)


def at(wall: str, zone: str = "Europe/Paris") -> datetime:
    """Return the instant at which that zone's clock shows this."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def week(zone: str, *openings: tuple[int, int], days: int = 7) -> WorkingCalendar:
    """Return a calendar with the same openings, in hours, on the first days of every week."""
    day = tuple(Opening(begins * 60, ends * 60) for begins, ends in openings)
    return WorkingCalendar(name="x", zone=zone, week=(*[day] * days, *[()] * (7 - days)))


# T5
@pytest.mark.parametrize(
    ("since", "days", "until"),
    [
        ("2026-03-03 10:20", 1, "2026-03-04 10:20"),
        ("2026-03-05 10:20", 2, "2026-03-09 10:20"),
        ("2026-03-27 10:20", 1, "2026-03-30 10:20"),  # the clock changed on Sunday
        ("2026-04-02 10:20", 2, "2026-04-07 10:20"),  # Easter Monday
        ("2025-12-31 10:20", 3, "2026-01-05 10:20"),
        ("2026-03-07 03:00", 1, "2026-03-10 09:00"),  # outside hours, from the next opening
        ("2026-03-06 18:00", 1, "2026-03-10 09:00"),
        ("2026-03-04 13:00", 1, "2026-03-05 13:30"),
        ("2026-03-04 12:30", 1, "2026-03-05 13:30"),
        ("2026-03-05 17:45", 1, "2026-03-06 17:45"),  # after that day's own hours
        ("2026-03-04 09:00", 0.5, "2026-03-04 14:00"),  # four of eight hours
        ("2026-03-03 14:00", 1.25, "2026-03-04 16:00"),
        ("2026-03-05 16:00", 1.5, "2026-03-09 11:30"),  # 3.5 of Friday's 7 hours from 16:00 on
        ("2026-03-05 10:20", 0, "2026-03-05 10:20"),
        ("2026-03-07 03:00", 0, "2026-03-07 03:00"),
    ],
)
def test_working_days_end_at_the_same_time_on_the_clock(
    since: str, days: float, until: str
) -> None:
    assert add_working_days(PARIS, at(since), days) == at(until)


# T11, D1
@pytest.mark.parametrize(
    ("since", "span", "until"),
    [
        ("2026-03-03 10:20", "PT1H", "2026-03-03 11:20"),
        ("2026-03-03 12:00", "PT1H", "2026-03-03 14:00"),
        ("2026-03-03 17:30", "PT30M", "2026-03-03 18:00"),  # by closing time, not by the next day
        ("2026-03-03 17:30", "PT31M", "2026-03-04 09:01"),
        ("2026-03-06 16:00", "PT8H", "2026-03-09 17:00"),
        ("2026-03-08 04:00", "PT10M", "2026-03-09 09:10"),
        ("2026-03-03 10:20", "P1DT2H", "2026-03-04 12:20"),
        ("2026-03-03 17:00", "P1DT2H", "2026-03-05 10:00"),
        ("2026-03-03 10:20", "P1W", "2026-03-12 10:20"),
    ],
)
def test_hours_are_opening_time_and_come_after_the_days(since: str, span: str, until: str) -> None:
    assert end_of_span(PARIS, at(since), Span.parse(span)) == at(until)


# D3
@pytest.mark.parametrize(
    ("until", "span", "since"),
    [
        ("2026-03-30 10:20", "P1D", "2026-03-27 10:20"),
        ("2026-04-07 10:20", "P2D", "2026-04-02 10:20"),
        ("2026-03-30 10:20", "PT1H30M", "2026-03-27 16:50"),
        ("2026-03-30 10:20", "P1DT2H", "2026-03-26 17:20"),
        ("2026-03-04 13:30", "PT1H", "2026-03-04 11:30"),
        ("2026-03-04 18:00", "P0.5D", "2026-03-04 14:00"),
        ("2026-03-04 13:00", "PT1M", "2026-03-04 12:29"),
        ("2026-03-07 12:00", "P1D", "2026-03-06 12:00"),
    ],
)
def test_a_margin_goes_back_by_working_days_and_then_by_opening_time(
    until: str, span: str, since: str
) -> None:
    assert start_of_span(PARIS, at(until), Span.parse(span)) == at(since)


# D2
def test_opening_time_passes_only_while_it_is_open() -> None:
    friday, monday = at("2026-03-27 16:00"), at("2026-03-30 10:00")
    assert time_between(PARIS, friday, monday) == 2 * HOUR
    assert time_between(PARIS, monday, friday) == -2 * HOUR
    assert time_between(PARIS, friday, friday) == timedelta(0)
    assert time_between(PARIS, at("2026-03-28 16:00"), at("2026-03-29 10:00")) == timedelta(0)
    assert shift(PARIS, friday, 2 * HOUR) == monday
    assert shift(PARIS, friday, timedelta(0)) == friday


def test_without_a_calendar_it_is_calendar_time() -> None:
    since = at("2026-03-27 16:00")
    span = Span.parse("P2DT1H")
    until = since + 2 * DAY + HOUR
    assert end_of_span(None, since, span) == shift(None, since, 2 * DAY + HOUR) == until
    assert start_of_span(None, until, span) == since
    assert time_between(None, since, until) == 2 * DAY + HOUR
    assert time_between(None, until, since) == -(2 * DAY + HOUR)


# D1: an hour that is skipped does not count, one that comes twice counts twice
@pytest.mark.parametrize(
    ("zone", "openings", "day", "length"),
    [
        ("Europe/Paris", [(0, 24)], "2026-03-29", 23 * HOUR),
        ("Europe/Paris", [(0, 24)], "2026-10-25", 25 * HOUR),
        ("Europe/Paris", [(0, 24)], "2026-10-26", 24 * HOUR),
        ("Europe/Paris", [(2, 3)], "2026-03-29", timedelta(0)),
        ("Europe/Paris", [(2, 3)], "2026-10-25", 2 * HOUR),
        ("Europe/Paris", [(0, 2), (3, 4)], "2026-03-29", 3 * HOUR),
        ("Australia/Lord_Howe", [(0, 24)], "2026-10-04", 23.5 * HOUR),
        ("America/Santiago", [(0, 24)], "2026-09-06", 23 * HOUR),  # there is no midnight
        ("America/Santiago", [(0, 24)], "2026-09-05", 24 * HOUR),
        ("America/Santiago", [(22, 24)], "2026-04-04", 3 * HOUR),
        ("Pacific/Apia", [(0, 24)], "2011-12-30", timedelta(0)),  # there is no such day
    ],
)
def test_a_day_on_which_the_clock_changes_is_as_long_as_it_is(
    zone: str, openings: list[tuple[int, int]], day: str, length: timedelta
) -> None:
    assert week(zone, *openings).opening_time_of(date.fromisoformat(day)) == length


# D1: every worker computes alike, with any time zone data on its machine
def test_zones_are_those_of_our_package_and_not_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "Asia").mkdir()
    utc = resources.files("tzdata").joinpath("zoneinfo", "UTC")
    (tmp_path / "Asia/Tokyo").write_bytes(utc.read_bytes())
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    reset_tzpath(to=(tmp_path,))
    try:
        assert noon.astimezone(ZoneInfo.no_cache("Asia/Tokyo")).hour == 12
        assert week("Asia/Tokyo", (0, 24)).local_time(noon).hour == 21
    finally:
        reset_tzpath()


# T5: a time that summer time skips is as long after midnight as on any other day
def test_a_time_that_is_skipped_is_reached_an_hour_later_on_the_clock() -> None:
    night = week("Europe/Paris", (0, 6))
    assert add_working_days(night, at("2026-03-28 02:30"), 1) == at("2026-03-29 03:30")
    twice = at("2026-10-25 02:30")
    assert add_working_days(night, at("2026-10-24 02:30"), 1) == twice
    assert add_working_days(night, twice + HOUR, 1) == at("2026-10-26 02:30")


# nothing blocks an item: a time in thousands of years ends a lifetime away
def test_a_calendar_reckons_no_farther_than_a_hundred_years() -> None:
    sundays = WorkingCalendar(name="x", zone="UTC", week=(*[()] * 6, (Opening(0, 1),)))
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert add_opening_time(sundays, now, 200 * HOUR) == now + MAX_REACH
    assert subtract_opening_time(sundays, now, 200 * HOUR) == now - MAX_REACH
    assert add_working_days(sundays, now, 36525) == now + MAX_REACH
    assert subtract_working_days(sundays, now, 36525) == now - MAX_REACH
    assert time_between(sundays, now, now + 2 * MAX_REACH) == time_between(
        sundays, now, now + MAX_REACH
    )
    closed = WorkingCalendar(
        name="x",
        zone="UTC",
        week=sundays.week,
        holidays=frozenset(date(2026, 3, 8) + number * 7 * DAY for number in range(5300)),
    )
    assert next_open_moment(closed, now) == now + MAX_REACH


# D1
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"zone": "Europe/Lutetia"}, "no time zone Europe/Lutetia"),
        ({"zone": "../../etc/passwd"}, "no time zone"),
        ({"week": [[]] * 7}, "is never open"),
        ({"week": [[[540, 600]]] * 6}, "at least 7 items"),
        ({"week": [[[600, 540]]] * 7}, "monday: ends before it begins"),
        ({"week": [[[540, 540]]] * 7}, "monday: ends before it begins"),
        ({"week": [[[540, 1441]]] * 7}, "monday: is not within the day"),
        ({"week": [[[-1, 600]]] * 7}, "monday: is not within the day"),
        ({"week": [*[[]] * 6, [[540, 600], [599, 700]]]}, "sunday: openings overlap"),
        ({"week": [*[[]] * 6, [[540, 600], [300, 400]]]}, "sunday: openings overlap"),
        ({"name": ""}, "at least 1 character"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        WorkingCalendar.model_validate(PARIS.model_dump() | change, strict=False)


def test_a_calendar_comes_back_from_json_as_it_was_and_always_reads_the_same() -> None:
    written = PARIS.model_dump_json()
    assert '"holidays":["2026-04-06","2026-05-01"]' in written
    assert '"week":[[[540,750],[810,1080]]' in written
    assert WorkingCalendar.model_validate_json(written) == PARIS


ZONES = (
    "Europe/Paris",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "UTC",
)
CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Paris
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 5, 3, tzinfo=UTC),  # Santiago
    datetime(2026, 9, 6, 4, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 2, 15, 2, tzinfo=UTC),  # Casablanca, for Ramadan
    datetime(2026, 3, 22, 2, tzinfo=UTC),
    datetime(2026, 12, 31, 23, tzinfo=UTC),
    datetime(2028, 2, 29, 12, tzinfo=UTC),
)


def is_open(calendar: WorkingCalendar, minute: datetime) -> bool:
    """Return True if the calendar is open at the local time of this minute."""
    wall = calendar.local_time(minute)
    since_midnight = wall.hour * 60 + wall.minute
    return wall.date() not in calendar.holidays and any(
        begins <= since_midnight < ends for begins, ends in calendar.week[wall.weekday()]
    )


def counted(calendar: WorkingCalendar, since: datetime, until: datetime) -> int:
    """Count the open minutes between two instants."""
    minutes = (until - since) // MINUTE
    return sum(is_open(calendar, since + number * MINUTE) for number in range(minutes))


@st.composite
def days(draw: st.DrawFn) -> tuple[Opening, ...]:
    """Draw none, one or two openings."""
    ends = draw(
        st.sampled_from((0, 2, 4)).flatmap(
            lambda n: st.sets(st.integers(0, 96), min_size=n, max_size=n)
        )
    )
    edges = [15 * edge for edge in sorted(ends)]
    return tuple(Opening(*pair) for pair in zip(edges[::2], edges[1::2], strict=True))


@st.composite
def situations(draw: st.DrawFn) -> tuple[WorkingCalendar, datetime, datetime]:
    """Draw a calendar and two ordered instants not far from a change of the clocks."""
    change = draw(st.sampled_from(CHANGES))
    calendar = WorkingCalendar(
        name="any",
        zone=draw(st.sampled_from(ZONES)),
        week=draw(st.tuples(*[days()] * 7).filter(any)),
        holidays=frozenset(
            change.date() + number * DAY for number in draw(st.sets(st.integers(-3, 3), max_size=2))
        ),
    )
    near = st.integers(-1500, 1500).map(lambda number: change + number * MINUTE)
    since, until = sorted((draw(near), draw(near)))
    return calendar, since, until


# D2, D5
@settings(max_examples=150, deadline=None)
@given(situations())
def test_as_much_time_passes_as_minutes_are_counted(
    situation: tuple[WorkingCalendar, datetime, datetime],
) -> None:
    calendar, since, until = situation
    assert time_between(calendar, since, until) == counted(calendar, since, until) * MINUTE


# D1, D2, D3, T11
@settings(max_examples=150, deadline=None)
@given(situations())
def test_time_added_or_taken_away_is_what_passes_and_not_a_minute_is_lost(
    situation: tuple[WorkingCalendar, datetime, datetime],
) -> None:
    calendar, since, until = situation
    amount = counted(calendar, since, until) * MINUTE
    reached, back = (
        add_opening_time(calendar, since, amount),
        subtract_opening_time(calendar, until, amount),
    )
    if amount:
        assert since <= back < reached <= until
        assert is_open(calendar, reached - MINUTE)
        assert is_open(calendar, back)
    assert counted(calendar, since, reached) * MINUTE == amount
    assert counted(calendar, back, until) * MINUTE == amount


# T5
@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(situations(), st.integers(1, 4))
def test_working_days_are_the_days_on_which_a_minute_is_open(
    situation: tuple[WorkingCalendar, datetime, datetime], number: int
) -> None:
    calendar, since, _ = situation
    first = next_open_moment(calendar, since)
    assert first == since or counted(calendar, since, first) == 0
    assert is_open(calendar, first)
    wall = calendar.local_time(first)
    quarters = [first + place * 15 * MINUTE for place in range(-45 * 96, 45 * 96)]
    working = {
        calendar.local_time(quarter).date() for quarter in quarters if is_open(calendar, quarter)
    }
    later = sorted(day for day in working if day > wall.date())
    earlier = sorted((day for day in working if day < wall.date()), reverse=True)
    for add_days, there in ((add_working_days, later), (subtract_working_days, earlier)):
        local = calendar.local_time(add_days(calendar, first, number))
        assert local.date() == there[number - 1]
        local_time = calendar.local_time(calendar.instant_of(local.date(), wall.time())).time()
        is_skipped = local_time != wall.time()
        assert local.time() == (local_time if is_skipped else wall.time())
