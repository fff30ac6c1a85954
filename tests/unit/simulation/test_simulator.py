"""The simulation compared with figures by hand, with queueing theory, and with itself."""

import json
from datetime import timedelta
from typing import Any

import pytest

from domain.model.definitions import CaseDefinition, ItemTerms
from simulation.plan import SimulationPlan
from simulation.results import DurationStats, SimulationResults
from simulation.simulator import NoCaseDefinition, SimulationSize, simulate

HOUR = 3600.0
DAY = 24 * HOUR
TWO_STEPS = {
    "name": "two steps",
    "queue": "desk",
    "steps": [
        {
            "key": "first",
            "actions": [
                {"key": "long", "performer": "human"},
                {"key": "short", "performer": "robot", "queue": "robots"},
            ],
        },
        {"key": "second", "actions": [{"key": "last", "performer": "human"}]},
    ],
}
ONE_ACTION = {"name": "one", "queue": "desk", "steps": [{"key": "s", "actions": [{"key": "a"}]}]}


def fixed(span: str) -> dict[str, Any]:
    return {"takes": {"fixed": span}}


def terms(definition: dict[str, Any]) -> ItemTerms:
    return ItemTerms(definition=CaseDefinition.model_validate_json(json.dumps(definition)))


def run(
    definition: dict[str, Any],
    items: int,
    days: float,
    *,
    seed: int = 0,
    **assumed: Any,  # noqa: ANN401
) -> SimulationResults:
    plan = SimulationPlan.model_validate_json(json.dumps(assumed))
    return simulate(terms(definition), plan, SimulationSize(items, days, seed))


def lengths(value: float, count: int = 1) -> DurationStats:
    return DurationStats(count, value, value, value, value)


def test_one_case_without_waiting_takes_its_longest_actions_one_after_another() -> None:
    result = run(
        TWO_STEPS,
        1,
        1,
        begins="2026-01-05T00:00:00Z",
        arrivals={"fixed": "PT9H"},
        actions={"long": fixed("PT2H"), "short": fixed("PT1M"), "last": fixed("PT30M")},
        staff={
            "desk": {"people": 1, "hours": {"opens": "08:00", "closes": "18:00"}},
            "robots": {"people": 2},
        },
    )
    assert result.cases.throughput == lengths(2.5 * HOUR)
    assert (result.cases.started, result.cases.done, result.cases.stuck) == (1, 1, 0)
    assert result.cases.overdue == 0
    desk, robots = result.queues["desk"], result.queues["robots"]
    assert desk.waiting == lengths(0, 2)
    assert desk.load == pytest.approx(2.5 / 10)
    assert (desk.people, desk.done, desk.overdue, desk.longest_line) == (1, 2, 0, 1)
    assert robots.waiting == lengths(0)
    assert robots.load == pytest.approx(1 / 60 / 24 / 2)
    assert [day.cases for day in result.daily] == [0, 0]


def test_whoever_comes_second_waits_until_the_first_is_done() -> None:
    result = run(
        ONE_ACTION,
        3,
        1,
        arrivals={"fixed": "PT1H"},
        actions={"a": fixed("PT3H")},
        staff={"desk": {"people": 1}},
    )
    # they come at 1, 2 and 3 h, and are begun at 1, 4 and 7 h
    waiting = result.queues["desk"].waiting
    assert (waiting.mean, waiting.median, waiting.p90, waiting.longest) == (
        2 * HOUR,
        2 * HOUR,
        4 * HOUR,
        4 * HOUR,
    )
    assert result.cases.throughput.longest == 7 * HOUR
    assert result.queues["desk"].longest_line == 2


def test_work_goes_on_the_next_day_where_the_hours_ended() -> None:
    result = run(
        ONE_ACTION,
        1,
        7,
        begins="2026-01-09T00:00:00Z",  # a Friday
        arrivals={"fixed": "PT16H"},
        actions={"a": fixed("PT2H")},
        staff={"desk": {"people": 1, "hours": {"opens": "08:00", "closes": "17:00"}}},
    )
    # one hour on Friday, one on Monday from eight on: 64 h after Friday's 17:00 it is 9:00
    assert result.cases.throughput.mean == 65 * HOUR


def test_what_comes_at_night_waits_for_the_opening() -> None:
    result = run(
        ONE_ACTION,
        1,
        1,
        begins="2026-01-05T00:00:00Z",
        arrivals={"fixed": "PT1H"},
        actions={"a": fixed("PT1H")},
        staff={
            "desk": {
                "people": 1,
                "hours": {"opens": "08:00", "closes": "17:00", "zone": "Europe/Paris"},
            }
        },
    )
    assert result.queues["desk"].waiting.mean == 6 * HOUR
    assert result.queues["desk"].load == pytest.approx(1 / 9)


def test_the_period_ends_and_the_work_goes_on_but_load_is_that_of_the_period() -> None:
    result = run(
        ONE_ACTION,
        2,
        0.5,
        arrivals={"fixed": "PT6H"},
        actions={"a": fixed("P1D")},
        staff={"desk": {"people": 1}},
    )
    assert (result.cases.started, result.cases.done, result.cases.open_at_the_end) == (1, 1, 1)
    assert result.queues["desk"].load == pytest.approx(0.5)


# C9, C13: who waits for an answer works on other items, and gets this one back
def test_an_answer_that_is_waited_for_comes_back_to_the_one_who_asked() -> None:
    result = run(
        ONE_ACTION,
        2,
        1,
        arrivals={"fixed": "PT1H"},
        actions={
            "a": {"takes": {"fixed": "PT2H"}, "waits": {"chance": 1, "lasts": {"fixed": "PT3H"}}}
        },
        staff={"desk": {"people": 1}},
    )
    # the first: 1-2 h, answered at 5 h, 5-6 h; the second: 2-3 h, answered at 6 h, 6-7 h
    assert result.cases.throughput == lengths(5 * HOUR, 2)
    assert result.queues["desk"].waiting == lengths(0, 2)
    assert result.queues["desk"].load == pytest.approx(4 / 24)


# Q1: what is due sooner goes first, although it came later
def test_the_more_urgent_goes_first() -> None:
    definition = {
        "name": "urgent",
        "queue": "desk",
        "steps": [
            {
                "key": "s",
                "actions": [
                    {"key": "busy"},
                    {"key": "late", "due": {"within": "P9D"}},
                    {"key": "soon", "due": {"within": "P1D"}},
                    {"key": "whenever"},
                ],
            }
        ],
    }
    result = run(
        definition,
        1,
        1,
        arrivals={"fixed": "PT1H"},
        human=fixed("P2D") | {"waits": None},
        staff={"desk": {"people": 1}},
    )
    # busy 0-2 d, soon 2-4 d and overdue, late 4-6 d, whenever 6-8 d
    assert result.queues["desk"].overdue == 0.25
    assert result.cases.throughput.mean == 8 * DAY


# D3: the shares of what became overdue
def test_cases_and_actions_that_take_too_long_are_overdue() -> None:
    definition = ONE_ACTION | {
        "settings": {"due": {"within": "PT5H"}},
        "steps": [{"key": "s", "actions": [{"key": "a", "due": {"within": "PT3H"}}]}],
    }
    result = run(
        definition,
        3,
        1,
        arrivals={"fixed": "PT1H"},
        actions={"a": fixed("PT2H30M")},
        staff={"desk": {"people": 1}},
    )
    # throughputs of 2.5, 4 and 5.5 h
    assert result.queues["desk"].overdue == pytest.approx(2 / 3)
    assert result.cases.overdue == pytest.approx(1 / 3)


# A6, A7
def test_a_colleague_reviews_what_was_completed_and_checklists_are_answered() -> None:
    definition = ONE_ACTION | {
        "steps": [
            {"key": "s", "actions": [{"key": "a", "peer_review": True, "checklist": ["Is it?"]}]}
        ]
    }
    assumed: dict[str, Any] = {
        "arrivals": {"fixed": "PT1H"},
        "human": fixed("PT2H"),
        "review": {"fixed": "PT30M"},
    }
    result = run(definition, 1, 1, staff={"desk": {"people": 2}}, **assumed)
    assert result.cases.throughput.mean == 2.5 * HOUR
    assert result.queues["desk"].load == pytest.approx(2.5 / 48)
    assert result.queues["desk"].done == 1
    by_default = run(definition, 1, 1, **assumed)
    assert by_default.queues["desk"].people == 2
    assert by_default.cases.done == 1


# K4
def test_a_condition_skips_an_action_by_the_data_of_the_case() -> None:
    definition = {
        "name": "some",
        "queue": "desk",
        "steps": [
            {"key": "s", "actions": [{"key": "a"}, {"key": "b", "when": "data.amount > 100"}]}
        ],
    }
    result = run(
        definition,
        200,
        200,
        human=fixed("PT1M") | {"waits": None},
        data=[{"share": 3, "values": {"amount": 50}}, {"values": {"amount": 500}}],
    )
    assert 200 + 35 < result.queues["desk"].done < 200 + 65
    assert result.cases.done == 200


# K7
def test_a_case_whose_condition_fails_is_stuck_and_said_to_be() -> None:
    definition = {
        "name": "some",
        "settings": {"notify": ["lead@desk.example"], "due": {"within": "P1D"}},
        "steps": [{"key": "s", "actions": [{"key": "b", "when": "data.amount > 100"}]}],
    }
    result = run(definition, 2, 1)
    assert (result.cases.done, result.cases.stuck, result.cases.open_at_the_end) == (0, 2, 2)
    assert result.cases.overdue == 1
    assert result.mails >= 2
    assert result.queues["default"].waiting == lengths(0, 0)


# A8
def test_an_action_that_runs_by_itself_needs_nobody() -> None:
    definition = {
        "name": "mail",
        "steps": [
            {
                "key": "s",
                "actions": [
                    {"key": "m", "kind": "send_mail", "mail": {"to": "a@desk.example"}},
                    {"key": "r", "kind": "send_mail_and_wait", "mail": {"to": "a@desk.example"}},
                ],
            }
        ],
    }
    result = run(
        definition,
        1,
        1,
        by_itself=fixed("PT1M"),
        replied=fixed("PT5H"),
    )
    assert result.queues == {}
    assert result.cases.throughput == lengths(5 * HOUR)
    assert result.mails == 2


# A8
@pytest.mark.parametrize(
    ("kind", "hours"),
    [
        ({"kind": "start_case", "case": {"definition": "other"}}, 1),
        ({"kind": "wait_for_sub_cases", "cases": [{"definition": x} for x in "ab"]}, 5),
        ({"kind": "call_service", "call": {"service": "erp"}}, 1),
    ],
)
def test_cases_and_services_are_waited_for_as_long_as_the_plan_says(
    kind: dict[str, Any], hours: int
) -> None:
    actions = [
        {"key": "w"} | kind,
        {"key": "sent", "kind": "send_mail", "mail": {"to": "requester"}},
    ]
    definition = {"name": "works", "steps": [{"key": "s", "actions": actions}]}
    result = run(definition, 2, 1, by_itself=fixed("PT1H"), replied=fixed("PT5H"))
    assert result.cases.throughput == lengths(hours * HOUR, 2)


def test_a_definition_without_actions_is_done_at_once() -> None:
    result = run({"name": "empty", "steps": []}, 5, 1)
    assert result.cases.throughput == lengths(0, 5)


def test_without_a_definition_there_is_nothing_to_simulate() -> None:
    with pytest.raises(NoCaseDefinition):
        simulate(ItemTerms(), SimulationPlan(), SimulationSize(1, 1))


def test_the_same_seed_gives_the_same_figures_and_another_seed_others() -> None:
    first, again, other = (run(TWO_STEPS, 60, 3, seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first.throughput != other.throughput


def test_more_staff_meet_the_same_cases_that_take_the_same_time() -> None:
    staff = [{"desk": {"people": people}, "robots": {"people": 1}} for people in (1, 4)]
    few, many = (run(TWO_STEPS, 300, 2, seed=5, staff=there) for there in staff)
    assert few.queues["robots"].done == many.queues["robots"].done == 300
    assert few.queues["desk"].waiting.mean > 2 * many.queues["desk"].waiting.mean
    assert few.cases.throughput.mean > many.cases.throughput.mean


def test_progress_counts_every_case_that_is_done() -> None:
    lengths_drawn: list[int] = []
    simulate(terms(TWO_STEPS), SimulationPlan(), SimulationSize(20, 5), lengths_drawn.append)
    assert lengths_drawn == sorted(lengths_drawn)
    assert lengths_drawn[-1] == 20


# Poisson arrivals at a load of a half; waits in parts of the mean time that work takes. One clerk:
# rho / (1 - rho), and half of it where work always takes the same; two: Erlang's C, a third.
@pytest.mark.parametrize(
    ("takes", "people", "waits"),
    [("exponential", 1, 1), ("fixed", 1, 1 / 2), ("exponential", 2, 1 / 3)],
)
def test_waiting_is_what_queueing_theory_says(takes: str, people: int, waits: float) -> None:
    work = timedelta(minutes=30)
    gap = 2 * work / people
    items = 2000
    result = run(
        ONE_ACTION,
        items,
        items * gap / timedelta(days=1) * 2,
        seed=11,
        arrivals={"exponential": f"PT{gap.total_seconds()}S"},
        actions={"a": {"takes": {takes: "PT30M"}}},
        staff={"desk": {"people": people}},
    )
    waited = result.queues["desk"].waiting.mean / work.total_seconds()
    assert waited == pytest.approx(waits, rel=0.1)
