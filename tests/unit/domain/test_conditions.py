"""Conditions of Actions, evaluated when their step starts (K4, K5, K7, K9)."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.base.conditions import (
    MAX_CONDITION_LENGTH,
    MAX_LOOP_DATA_BYTES,
    Condition,
    ConditionFailed,
    evaluate_condition,
)
from domain.base.refusals import InvalidCommand
from domain.base.values import MAX_JSON_DEPTH, Outcome, Status
from domain.engine.decide import decode_as
from domain.model.definitions import CaseDefinition
from domain.model.starts import DATA_LIMIT, CaseStart
from domain.model.states import CaseState
from tests.support.builders import DAY, WINDOW, CaseTree, as_json, case, case_tree

CHECKED: TypeAdapter[str] = TypeAdapter(Condition)
OVER_1000 = "data.sum > 1000"


def flow(*conditions: str | None, then: str | None = None) -> dict[str, Any]:
    """Return a flow: `check`, then Actions `a`, `b`, … with these conditions, then `file`."""
    actions = [
        {"key": key} | ({} if when is None else {"when": when})
        for key, when in zip("abcdef", conditions, strict=False)
    ]
    last = {"key": "archive"} | ({} if then is None else {"when": then})
    return {
        "name": "invoice",
        "steps": [
            {"key": "check", "actions": [{"key": "read"}]},
            {"key": "pay", "title": "Pay it", "actions": actions},
            {"key": "file", "actions": [last]},
        ],
    }


def at_second_step(*conditions: str | None, **fields: Any) -> CaseTree:  # noqa: ANN401
    tree = case_tree(definition=flow(*conditions), settings=WINDOW, **fields)
    tree.complete("read")
    return tree


def started(tree: CaseTree) -> list[str]:
    return [copy.key for copy in tree.case.actions]


def attention(tree: CaseTree) -> list[tuple[str | None, str]]:
    return [(reason.action, reason.reason) for reason in tree.state.attention]


def step(tree: CaseTree) -> str | None:
    seen = tree.state
    assert isinstance(seen, CaseState)
    return seen.step


# K4: false skips it and says so
def test_an_action_starts_if_its_condition_holds_and_is_skipped_and_named_if_not() -> None:
    tree = at_second_step(OVER_1000, "data.sum <= 1000", None, data={"sum": 7})
    assert started(tree) == ["read", "b", "c"]
    assert "a is skipped: its condition is false" in (tree.life.last.note or "")
    assert 'Step "Pay it" begins' in (tree.life.last.note or "")
    tree.complete("b", "c")
    assert started(tree)[-1] == "archive"


# K4: a step with nothing to do is done at once
def test_a_step_whose_actions_are_all_skipped_is_done_at_once() -> None:
    tree = at_second_step(OVER_1000, data={"sum": 7})
    assert (started(tree), step(tree)) == (["read", "archive"], "file")
    note = tree.life.last.note or ""
    assert note.index("a is skipped") < note.index('Step "file" begins')


# K4: also the last one, and the Case is resolved
def test_a_case_whose_last_actions_are_skipped_is_resolved() -> None:
    tree = case_tree(
        definition=flow("false", then="data.sum > 1"), data={"sum": 1}, settings=WINDOW
    )
    tree.complete("read")
    assert tree.case.status is Status.RESOLVED
    assert "archive is skipped" in (tree.life.last.note or "")


# K4: evaluated when its step starts, not before and not after
def test_a_condition_is_evaluated_when_its_step_starts() -> None:
    tree = case_tree(definition=flow(OVER_1000, then="data.sum > 1"), data={})
    assert attention(tree) == []
    tree.do("edit", data={"sum": 2000})
    tree.complete("read")
    assert started(tree) == ["read", "a"]
    tree.do("edit", data={"sum": 1})
    assert started(tree) == ["read", "a"]
    tree.complete("a")
    assert tree.case.status is Status.CLOSED


# K4: conditions of the first step, at submit
def test_a_condition_of_the_first_step_is_evaluated_at_submit() -> None:
    first = {
        "name": "x",
        "steps": [
            {"key": "s", "actions": [{"key": "a", "when": "data.sum > 1"}, {"key": "b"}]},
        ],
    }
    assert started(case_tree(definition=first, data={"sum": 1})) == ["b"]
    assert started(case_tree(definition=first, data={"sum": 2})) == ["a", "b"]


# K4: outcomes of earlier Actions
@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ('outcomes.read == "complete"', True),
        ('outcomes["read"] != "complete"', False),
        ('outcomes["read"] in ["unable_to_complete", "cancelled"]', False),
        ("outcomes.archive == null", None),
    ],
)
def test_a_condition_may_ask_how_earlier_actions_ended(
    condition: str, *, runs: bool | None
) -> None:
    if runs is None:
        with pytest.raises(ValidationError, match="archive"):
            CaseDefinition.model_validate_json(as_json(flow(condition)))
        return
    assert ("a" in started(at_second_step(condition))) is runs


# K4, K9: one accepted as not done is no complete one
def test_a_condition_sees_that_an_earlier_action_was_accepted_as_not_done() -> None:
    skipping = 'outcomes.read == "complete"'
    tree = case_tree(definition=flow(skipping, 'outcomes.read == "unable_to_complete"'))
    tree.fail("read")
    tree.do("reset_in_progress")
    assert started(tree) == ["read", "b"]


# K4: null where none ended
def test_the_outcome_of_a_skipped_action_is_null() -> None:
    tree = case_tree(definition=flow("false", None, then="outcomes.a == null"))
    tree.complete("read", "b")
    assert started(tree)[-1] == "archive"


# K4, K10: a rework evaluates conditions again
def test_a_rework_evaluates_the_conditions_of_its_step_again() -> None:
    tree = at_second_step(OVER_1000, None, data={"sum": 7})
    assert started(tree) == ["read", "b"]
    tree.do("edit", data={"sum": 1001})
    tree.do("rework", step="pay")
    assert started(tree)[2:] == ["a", "b"]
    tree.do("edit", data={"sum": 7})
    tree.do("rework", step="pay")
    assert started(tree)[4:] == ["b"]
    assert "a is skipped" in (tree.life.last.note or "")


# K4: a start by hand ignores the condition
def test_a_skipped_action_may_be_started_by_hand() -> None:
    tree = at_second_step("false", None)
    tree.do("start_action", action="a")
    assert started(tree) == ["read", "b", "a"]
    tree.complete("b")
    assert started(tree)[-1] == "a"
    tree.complete("a")
    assert started(tree)[-1] == "archive"


# K7: a condition that cannot be evaluated; no Action named
def test_a_condition_that_cannot_be_evaluated_needs_attention() -> None:
    tree = at_second_step(OVER_1000, None, owner="carol", data={})
    assert started(tree) == ["read"]
    assert (tree.case.status, tree.case.assignee) == (Status.TO_DO, "carol")
    assert tree.state.new_information
    ((action, reason),) = attention(tree)
    assert action is None
    assert "a" in reason
    assert "no field 'sum'" in reason
    (mail,) = tree.life.changes[-1].mails
    assert mail.accounts == ("carol",)
    assert "no field 'sum'" in mail.body
    assert 'Step "Pay it" cannot begin' in (tree.life.last.note or "")


# K7: each of them is a reason; the flow starts no Action of the step
def test_two_conditions_that_fail_at_once_are_two_reasons() -> None:
    tree = at_second_step(OVER_1000, "data.name.size() > 1", None, data={})
    reasons = attention(tree)
    assert [action for action, _ in reasons] == [None, None]
    assert "Action a" in reasons[0][1]
    assert "Action b" in reasons[1][1]
    assert started(tree) == ["read"]


# K7, K9: with corrected data, reset continues with the condition
def test_data_that_are_edited_let_the_condition_be_evaluated_at_the_reset() -> None:
    tree = at_second_step(OVER_1000, data={}, owner="carol")
    tree.do("edit", by="carol", data={"sum": 5000})
    assert started(tree) == ["read"]
    assert len(attention(tree)) == 1
    tree.do("reset_in_progress", by="carol")
    assert started(tree) == ["read", "a"]
    assert attention(tree) == []
    assert (tree.case.status, tree.case.assignee) == (Status.IN_PROGRESS, "carol")


# K9: accepts what failed as not done, and goes on
def test_a_reset_accepts_an_action_whose_condition_still_fails_as_not_done() -> None:
    tree = at_second_step(OVER_1000, None, data={})
    tree.do("reset_in_progress")
    assert started(tree) == ["read", "b"]
    assert "a is skipped, accepted as not done" in (tree.life.last.note or "")
    tree.complete("b")
    assert started(tree)[-1] == "archive"


# K9: of two that failed, one is corrected
def test_a_reset_after_one_of_two_is_mended_starts_that_one() -> None:
    tree = at_second_step(OVER_1000, "data.name.size() > 1", data={})
    tree.do("edit", data={"name": "Ida"})
    tree.do("reset_in_progress")
    assert started(tree) == ["read", "b"]


# K9, K7: one that had not failed before
def test_a_reset_with_data_that_break_another_condition_needs_attention_again() -> None:
    tree = at_second_step(OVER_1000, "data.n > 1", data={"n": 2})
    tree.do("edit", data={"sum": 5000, "n": "two"})
    tree.do("reset_in_progress")
    ((_, reason),) = attention(tree)
    assert "Action b" in reason
    assert tree.case.status is Status.TO_DO
    tree.do("reset_in_progress")
    assert started(tree) == ["read", "a"]


# K10: a rework of the step forgets what was accepted
def test_a_rework_asks_accepted_conditions_again() -> None:
    tree = at_second_step(OVER_1000, None, data={})
    tree.do("reset_in_progress")
    tree.do("rework", step="pay")
    ((action, reason),) = attention(tree)
    assert action is None
    assert "no field 'sum'" in reason
    assert tree.case.status is Status.TO_DO
    tree.do("edit", data={"sum": 5000})
    tree.do("reset_in_progress")
    assert started(tree)[-2:] == ["a", "b"]


# K7: at the first step too, where no flow has begun
def test_a_condition_of_the_first_step_that_fails_needs_attention_at_once() -> None:
    first = {"name": "x", "steps": [{"key": "s", "actions": [{"key": "a", "when": "data.n > 1"}]}]}
    tree = case_tree(definition=first)
    assert tree.state.status is Status.TO_DO
    assert started(tree) == []
    assert len(attention(tree)) == 1
    tree.do("edit", data={"n": 2})
    tree.do("reset_in_progress")
    assert started(tree) == ["a"]
    tree.complete("a")
    assert tree.case.status is Status.CLOSED


# K7: what people start by hand goes on
def test_an_action_started_by_hand_while_a_condition_fails_may_end() -> None:
    tree = at_second_step(OVER_1000, data={})
    tree.do("start_action", action={"title": "Ask the bank"})
    tree.complete("ad-hoc-1")
    assert len(attention(tree)) == 1
    tree.do("reset_in_progress")
    assert started(tree)[-1] == "archive"


# K5: not while the Case waits, but when the wait ends
def test_conditions_are_evaluated_when_the_wait_is_over() -> None:
    tree = case_tree(definition=flow(OVER_1000), data={"sum": 5000})
    tree.do("wait", type="more_information")
    tree.complete("read")
    assert started(tree) == ["read"]
    mail = {"message_id": "<1@x.example>", "sender": "ida", "subject": "Sum", "excerpt": "It is 7."}
    tree.life.now += DAY
    tree.do("receive_email", **mail)
    assert started(tree) == ["read", "a"]


# K4, K5: skipped and said so, although the entry has the mail's own text
def test_what_is_skipped_is_said_even_where_the_entry_tells_something_else() -> None:
    tree = case_tree(definition=flow(OVER_1000), data={"sum": 5})
    tree.do("wait", type="more_information")
    tree.complete("read")
    mail = {"message_id": "<1@x.example>", "sender": "ida", "subject": "Sum", "excerpt": "It is 7."}
    change = tree.do("receive_email", **mail)
    assert tree.life.last.note == "It is 7."
    assert "mail from ida: Sum" in (tree.life.last.reason or "")
    assert "a is skipped: its condition is false" in (tree.life.last.reason or "")
    assert [note.text for note in change.notes] == ["It is 7."]


# C18, K4: resolved straight from Draft starts no Actions and evaluates nothing
def test_a_case_resolved_from_draft_evaluates_no_condition() -> None:
    first = {"name": "x", "steps": [{"key": "s", "actions": [{"key": "a", "when": "data.n > 1"}]}]}
    tree = CaseTree(case(definition=first, submit=False))
    tree.do("resolve")
    assert (tree.case.status, started(tree)) == (Status.CLOSED, [])


ODD: dict[str, Any] = {
    "": 1,
    "nothing": None,
    "yes": True,
    "big": 2**70,
    "most": 2**63 - 1,
    "tiny": -1e300,
    "list": [None, [], {}, 1.5, "x"],
    "héé ☃": {"a.b": [{"c": "d"}]},
    "text": 'with "quotes", \\ and\nlines',
}


# K4: any JSON may be data
@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ('data[""] == 1', True),
        ("data.nothing == null", True),
        ("data.yes", True),
        ("data.big > 1", True),
        ("data.most == 9223372036854775807", True),
        ("data.tiny < 0.0", True),
        ("size(data.list) == 5", True),
        ('"x" in data.list', True),
        ('data["héé ☃"]["a.b"][0].c == "d"', True),
        ('data.text.contains("quotes")', True),
        ("has(data.missing)", False),
        ("has(data.missing) && data.missing > 1", False),
        ("data.list.exists(x, x == 1.5)", True),
        ("!data.yes || 1 > 2", False),
    ],
)
def test_conditions_read_odd_data(condition: str, *, result: bool) -> None:
    start = decode_as(CaseStart, as_json({"by": "amy", "data": ODD}))
    assert (
        evaluate_condition(CHECKED.validate_python(condition), data=start.data, outcomes={})
        is result
    )


# K7: an error of evaluation becomes a reason, and has no other effect
@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("data.missing == 1", "no field 'missing'"),
        ("data.list[9] == 1", "out of bounds"),
        ("data.list[-1] == 1", "out of bounds"),
        ("data.nothing > 1", "not defined"),
        ("data.text > 1", "not defined"),
        ("data.most + 1 > 0", "overflow"),
        ("1 / (data.most - data.most) == 1", "division by zero"),
        ("int(data.text) == 1", "int"),
        ("timestamp(data.text) > timestamp('2026-01-01T00:00:00Z')", "timestamp"),
        ("data.text", "gives a string, not true or false"),
        ("data.most", "gives a number, not true or false"),
        ("data.tiny", "gives a number, not true or false"),
        ("data.list", "gives a list, not true or false"),
        ("data.nothing", "gives null, not true or false"),
        ("data", "gives an object, not true or false"),
    ],
)
def test_a_condition_that_cannot_be_evaluated_says_why(condition: str, why: str) -> None:
    with pytest.raises(ConditionFailed) as failed:
        evaluate_condition(condition, data=ODD, outcomes={})
    assert why in str(failed.value).lower()
    assert len(str(failed.value)) < 300


# K4: what can never be right is refused when it is read
@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("", "at least 1"),
        ("x" * (MAX_CONDITION_LENGTH + 1), f"at most {MAX_CONDITION_LENGTH}"),
        ("data.sum >", "no CEL expression"),
        ("total > 1", "total is not known in a condition; there are data and outcomes"),
        ("data.name.matches('a+')", "matches is no function"),
        ("format(data.name) == 'x'", "format is no function"),
        ("1 + 1", "gives a number"),
        ("'complete'", "gives a string"),
        ("null", "gives null"),
        ("data", "gives an object"),
        ("1 + 'a' == 2", "cannot be right for any data"),
        ("data.l.all(x, data.l.all(y, x == y))", "a loop within a loop"),
        ("data.l.map(x, x.map(y, y)) == []", "a loop within a loop"),
    ],
)
def test_a_condition_that_can_never_be_right_is_refused(condition: str, why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        CHECKED.validate_python(condition)
    assert why in str(refused.value)


# K4: and an element that no list has is found when the Case is there
@pytest.mark.parametrize("condition", ["[1][5] == 1", "data.a.b.c == 1", "1 / 0 == 1"])
def test_a_condition_that_depends_on_what_there_is_is_taken(condition: str) -> None:
    assert CHECKED.validate_python(condition) == condition


# architecture: a workflow task has two seconds
def test_a_loop_over_large_data_needs_attention_instead_of_time() -> None:
    fits = {"l": [1], "m": "x" * (MAX_LOOP_DATA_BYTES - 100)}
    large = {"l": [1], "m": "x" * MAX_LOOP_DATA_BYTES}
    over_data = "data.l.all(x, size(data.m) > x)"
    assert evaluate_condition(over_data, data=fits, outcomes={})
    with pytest.raises(ConditionFailed, match=str(MAX_LOOP_DATA_BYTES)):
        evaluate_condition(over_data, data=large, outcomes={})
    assert evaluate_condition("data.l.all(x, x > 0) && (size(data.m) > 1)", data=large, outcomes={})


# K4, contract: a refusal of a definition names the field
@pytest.mark.parametrize(
    ("when", "field"),
    [
        ("data.sum >", "definition.steps.1.actions.0.when"),
        (7, "definition.steps.1.actions.0.when"),
    ],
)
def test_a_bad_condition_of_a_start_is_named_by_field(when: object, field: str) -> None:
    definition = flow("true")
    definition["steps"][1]["actions"][0]["when"] = when
    with pytest.raises(InvalidCommand) as refused:
        decode_as(CaseStart, as_json({"by": "amy", "definition": definition}))
    assert refused.value.fields == (field,)


# K4: only outcomes that are there when the step starts
@pytest.mark.parametrize("key", ["a", "b", "archive", "unheard of"])
def test_a_condition_asks_only_for_outcomes_of_earlier_steps(key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        CaseDefinition.model_validate_json(as_json(flow(f'outcomes["{key}"] == null', None)))
    assert f"no Action of an earlier step has the key {key}" in str(refused.value)
    assert "steps.1.actions.0.when" in str(refused.value)


# contract: free JSON, within the limits of JSON readers
@pytest.mark.parametrize("levels", [MAX_JSON_DEPTH - 1, MAX_JSON_DEPTH])
def test_data_are_nested_at_most_so_deep(levels: int) -> None:
    data: Any = 1
    for _ in range(levels):
        data = {"a": data}
    raw = as_json({"by": "amy", "data": data})
    if levels < MAX_JSON_DEPTH:
        assert decode_as(CaseStart, raw).data == data
        return
    with pytest.raises(InvalidCommand, match=f"more than {MAX_JSON_DEPTH} levels"):
        decode_as(CaseStart, raw)


# contract, K4
@pytest.mark.parametrize(
    "data", ['{"a": NaN}', '{"a": [1e999]}', '{"a": "\\u0000"}', '{"\\u001b": 1}', "[]", '"x"']
)
def test_data_that_are_no_free_json_are_refused_by_field(data: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        decode_as(CaseStart, f'{{"by": "amy", "data": {data}}}'.encode())
    assert refused.value.fields == ("data",)
    large = as_json({"by": "amy", "data": {"a": "x" * DATA_LIMIT}})
    with pytest.raises(InvalidCommand, match=str(DATA_LIMIT)):
        decode_as(CaseStart, large)


# K4, A6: what a reviewer passes is complete to a condition
def test_the_last_copy_of_an_action_is_the_one_that_counts() -> None:
    tree = case_tree(definition=flow('outcomes.read == "complete"'))
    tree.fail("read")
    tree.do("start_action", action="read")
    tree.complete("read")
    assert started(tree) == ["read", "read", "a"]
    assert tree.case.actions[0].outcome is Outcome.UNABLE_TO_COMPLETE
