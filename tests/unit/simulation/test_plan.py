"""Simulation plans: their fields, their defaults, and opening hours in virtual time."""

import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from statistics import fmean, median
from typing import Any

import pytest
from pydantic import ValidationError

from domain.model.calendars import Opening, WorkingCalendar
from domain.model.definitions import CaseDefinition, ItemTerms
from simulation.opening_hours import NeverOpen, OpeningHours
from simulation.plan import Distribution, SimulationPlan, WeeklyHours
from simulation.results import DurationStats

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = 3600.0


def spread(**fields: Any) -> Distribution:  # noqa: ANN401
    return Distribution.model_validate_json(json.dumps(fields))


@pytest.mark.parametrize(
    ("fields", "mean"),
    [
        ({"fixed": "PT1H"}, HOUR),
        ({"exponential": "PT1H"}, HOUR),
        ({"uniform": ["PT1H", "PT3H"]}, 2 * HOUR),
        ({"triangular": ["PT1H", "PT1H", "PT4H"]}, 2 * HOUR),
        ({"lognormal": "PT1H", "sigma": 0.4}, 1.0833 * HOUR),
    ],
)
def test_lengths_are_drawn_around_their_mean(fields: dict[str, Any], mean: float) -> None:
    drawn = spread(**fields)
    dice = Random(4)
    assert drawn.mean == pytest.approx(mean, rel=0.001)
    assert fmean(drawn.sample(dice) for _ in range(20_000)) == pytest.approx(mean, rel=0.02)


def test_a_lognormal_length_is_given_by_its_median() -> None:
    dice = Random(4)
    drawn = [spread(lognormal="PT1H").sample(dice) for _ in range(20_000)]
    assert median(drawn) == pytest.approx(HOUR, rel=0.02)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "give one of fixed, exponential"),
        ({"fixed": "PT1H", "exponential": "PT1H"}, "give one of"),
        ({"fixed": "PT1H", "sigma": 1}, "sigma: goes with lognormal"),
        ({"uniform": ["PT3H", "PT1H"]}, "give the shortest first"),
        ({"triangular": ["PT1H", "PT4H", "PT2H"]}, "give the shortest first"),
        ({"exponential": "PT0S"}, "longer than nothing"),
        ({"lognormal": "PT1H", "sigma": 9}, "less than or equal to 3"),
    ],
)
def test_a_length_that_cannot_be_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        spread(**fields)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"opens": "8 o'clock"}, "must be a time of day such as 08:00"),
        ({"opens": "17:00", "closes": "08:00"}, "closes: must be later than opens"),
        ({"zone": "Mars/Olympus"}, "no time zone Mars/Olympus"),
        ({"days": []}, "at least 1"),
    ],
)
def test_hours_that_cannot_be_are_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        WeeklyHours.model_validate_json(json.dumps(fields))


def test_a_clock_reckons_in_opening_time() -> None:
    clock = OpeningHours(WeeklyHours(), MONDAY)
    assert clock.next_opening(0.0) == 8 * HOUR
    assert clock.next_opening(9 * HOUR) == 9 * HOUR
    assert clock.next_opening(17 * HOUR) == 32 * HOUR
    assert clock.end_of_work(0.0, HOUR) == 9 * HOUR
    assert clock.end_of_work(16.5 * HOUR, HOUR) == 32.5 * HOUR
    assert clock.end_of_work(16 * HOUR, HOUR) == 17 * HOUR
    assert clock.end_of_work(8 * HOUR, 45 * HOUR) == (4 * 24 + 17) * HOUR
    assert clock.end_of_work(8 * HOUR, 46 * HOUR) == (7 * 24 + 9) * HOUR
    assert clock.open_seconds(0.0, 7 * 24 * HOUR) == 45 * HOUR
    assert clock.open_seconds(16 * HOUR, 33 * HOUR) == 2 * HOUR
    assert clock.open_seconds(18 * HOUR, 30 * HOUR) == 0


def test_a_clock_that_begins_within_an_opening_counts_what_is_left_of_it() -> None:
    clock = OpeningHours(WeeklyHours(), MONDAY + timedelta(hours=10))
    assert clock.next_opening(0.0) == 0
    assert clock.open_seconds(0.0, 24 * HOUR) == 9 * HOUR


def test_a_working_calendar_serves_as_hours() -> None:
    closed: tuple[Opening, ...] = ()
    mornings = WorkingCalendar(
        name="mornings",
        zone="Europe/Paris",
        week=((Opening(480, 720),), *(closed for _ in range(6))),
        holidays=frozenset({date(2026, 1, 12)}),
    )
    clock = OpeningHours(mornings, MONDAY)
    assert clock.next_opening(0.0) == 7 * HOUR
    assert clock.end_of_work(10 * HOUR, 2 * HOUR) == (14 * 24 + 8) * HOUR


def test_a_queue_where_nobody_ever_is_cannot_be_waited_for() -> None:
    class Never:
        def openings_of(self, day: date) -> list[tuple[datetime, datetime]]:
            del day
            return []

    with pytest.raises(NeverOpen):
        OpeningHours(Never(), MONDAY).next_opening(0.0)


def definition(*actions: dict[str, Any]) -> CaseDefinition:
    fields = {"name": "some", "queue": "desk", "steps": [{"key": "s", "actions": actions}]}
    return CaseDefinition.model_validate_json(json.dumps(fields))


def test_staff_that_nobody_named_are_there_by_office_hours_and_robots_always() -> None:
    some = definition(
        {"key": "a", "performer": "human"},
        {"key": "b", "performer": "robot", "queue": "robots"},
        {"key": "c", "performer": "robot"},
    )
    staff = SimulationPlan().staff_for(some, 1 / HOUR)
    assert {name: one.hours for name, one in staff.items()} == {
        "desk": WeeklyHours(),
        "robots": None,
    }


def test_staff_that_nobody_named_are_as_many_as_have_a_comfortable_load() -> None:
    plan = SimulationPlan.model_validate_json('{"human": {"takes": {"fixed": "PT1H"}}}')
    some = definition({"key": "a", "performer": "human"})
    # two hours of work an hour, in 45 of 168 hours, at three quarters
    assert plan.staff_for(some, 2 / HOUR)["desk"].people == 10
    assert plan.staff_for(some, 1e-9)["desk"].people == 1


def test_staff_that_were_named_are_taken_as_they_are() -> None:
    plan = SimulationPlan.model_validate_json('{"staff": {"desk": {"people": 7}}}')
    staff = plan.staff_for(definition({"key": "a"}), 1.0)
    assert (staff["desk"].people, staff["desk"].hours) == (7, None)


def test_what_a_plan_says_of_strangers_is_told_and_so_is_a_review_by_oneself() -> None:
    plan = SimulationPlan.model_validate_json(
        '{"actions": {"b": {"takes": {"fixed": "PT1H"}}},'
        ' "staff": {"robots": {"people": 1}, "desk": {"people": 1}}}'
    )
    some = definition({"key": "a", "peer_review": True})
    assert plan.validate_against(ItemTerms(definition=some)) == [
        ("staff.desk.people", "a review needs two: nobody checks their own work (A6)"),
        ("actions.b", "some has no Action of this name: there are a"),
        ("staff.robots", "some has no queue of this name: there are desk"),
    ]
    assert SimulationPlan().validate_against(ItemTerms(definition=some)) == []
    assert plan.validate_against(ItemTerms()) == []


def test_nine_of_ten_is_a_length_that_was_seen() -> None:
    assert DurationStats.of([float(n) for n in range(10, 0, -1)]) == DurationStats(
        10, 5.5, 5.5, 9.0, 10.0
    )
    assert DurationStats.of([]) == DurationStats(0, 0.0, 0.0, 0.0, 0.0)
