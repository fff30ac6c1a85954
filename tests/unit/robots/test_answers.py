"""Outputs that a robot's program may print, and the commands they stand for (Q2, C7, A3)."""

import json
from typing import Any

import pytest

from domain.base.values import Kind
from domain.engine.decide import decode
from robots.answers import RobotAnswer, commands_for, parse_answer
from robots.program import MAX_OUTPUT_BYTES, ProgramExit

ALL = pytest.mark.parametrize("kind", Kind)


def printed(text: str | bytes, code: int = 0, last_words: str = "") -> ProgramExit:
    return ProgramExit(code, text if isinstance(text, bytes) else text.encode(), last_words)


def robot_answer(kind: Kind, **fields: Any) -> RobotAnswer:  # noqa: ANN401
    return parse_answer(kind, printed(json.dumps(fields)))


def commands_of_output(kind: Kind, **fields: Any) -> list[tuple[str, dict[str, Any]]]:  # noqa: ANN401
    """Return the commands, each of which the item would accept as well formed."""
    commands = commands_for(kind, robot_answer(kind, **fields))
    for name, arguments in commands:
        decode(kind, name, json.dumps({"by": "robot:ocr-1"} | arguments).encode())
    return commands


def test_complete_resolves_each_kind_in_its_own_way() -> None:
    complete = {"outcome": "complete", "note": "Read it."}
    assert commands_of_output(Kind.ACTION, **complete) == [("resolve", complete)]
    assert commands_of_output(Kind.CASE, **complete) == [("resolve", {"note": "Read it."})]
    assert commands_of_output(Kind.TICKET, **complete, method="rejected") == [
        ("resolve", {"method": "rejected", "note": "Read it."})
    ]
    assert commands_of_output(Kind.ACTION, outcome="complete") == [
        ("resolve", {"outcome": "complete"})
    ]


# A3
def test_unable_to_complete_ends_an_action_and_goes_back_to_people_elsewhere() -> None:
    unable = {"outcome": "unable_to_complete", "reason": "no such supplier"}
    assert commands_of_output(Kind.ACTION, **unable) == [("resolve", unable)]
    for kind in (Kind.TICKET, Kind.CASE):
        assert commands_of_output(kind, **unable) == [("reject", {"reason": "no such supplier"})]


# C7
@ALL
def test_a_reject_has_a_reason_and_may_have_a_note(kind: Kind) -> None:
    reject = {"outcome": "reject", "reason": "two pages"}
    assert commands_of_output(kind, **reject) == [("reject", {"reason": "two pages"})]
    assert commands_of_output(kind, **reject, note="Page two is upside down.") == [
        ("add_note", {"text": "Page two is upside down."}),
        ("reject", {"reason": "two pages"}),
    ]
    assert commands_of_output(kind, **reject, note=" ") == [("reject", {"reason": "two pages"})]


@ALL
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no JSON"),
        ("done", "is no JSON"),
        ("[]", "must be a JSON object"),
        ("{}", "outcome: is required"),
        ('{"outcome": "finished"}', "outcome: must be 'complete'"),
        ('{"outcome": "reject"}', "reason: outcome reject needs one"),
        ('{"outcome": "unable_to_complete", "reason": " "}', "needs one"),
        ('{"outcome": "complete", "colour": "red"}', "colour: is not a field"),
        ('{"outcome": "complete", "note": 7}', "note: must be a string"),
        ('{"outcome": "complete"} {"outcome": "complete"}', "is no JSON"),
        ('{"outcome": "complete", "method": "merged"}', "method: must be"),
        (b"\xff\xfe", "is no JSON"),
        (b"\0" * (MAX_OUTPUT_BYTES + 1), "bytes of JSON: at most"),
    ],
)
def test_what_is_no_answer_is_a_reject_that_says_why(
    kind: Kind, text: str | bytes, why: str
) -> None:
    answer = parse_answer(kind, printed(text))
    assert answer.outcome == "reject"
    assert why in (answer.reason or "")


def test_a_complete_ticket_needs_a_method() -> None:
    answer = robot_answer(Kind.TICKET, outcome="complete")
    assert answer.outcome == "reject"
    assert "method" in (answer.reason or "")


@pytest.mark.parametrize(
    ("code", "last_words", "reason"),
    [
        (1, "scan is blurred", "the robot's program failed (exit code 1): scan is blurred"),
        (-9, "", "the robot's program failed (signal 9): no word"),
        (2, "\x1b[31mred\0", "the robot's program failed (exit code 2): \ufffd[31mred\ufffd"),
    ],
)
def test_a_program_that_failed_is_a_reject_with_its_last_words(
    code: int, last_words: str, reason: str
) -> None:
    answer = parse_answer(Kind.ACTION, printed('{"outcome": "complete"}', code, last_words))
    assert (answer.outcome, answer.reason) == ("reject", reason)


def test_a_reason_without_end_is_cut() -> None:
    answer = parse_answer(Kind.ACTION, printed("", 1, "x" * 5000))
    assert len(answer.reason or "") == 1000
    assert commands_of_output(Kind.ACTION, outcome="reject", reason=answer.reason)
