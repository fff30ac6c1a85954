"""A checklist has to be fully answered before its Action is complete (A7, C3, C8)."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.values import Status
from domain.model.definitions import CaseDefinition
from domain.model.states import ActionItemState
from tests.support.builders import ROBOT, CaseTree, Life, action, as_json, case

LIST: list[Any] = ["signed", {"key": "sum", "text": "Is the sum right?"}, "stamped"]


def with_checklist(**fields: Any) -> Life:  # noqa: ANN401
    return action(checklist=LIST, **fields)


def lines(life: Life) -> list[tuple[str, str, str | None]]:
    state = life.state
    assert isinstance(state, ActionItemState)
    return [(line.key, line.text, line.answer) for line in state.checklist]


# A7, contract
def test_the_state_shows_questions_and_answers() -> None:
    life = with_checklist()
    assert lines(life) == [
        ("signed", "signed", None),
        ("sum", "Is the sum right?", None),
        ("stamped", "stamped", None),
    ]
    life.do("answer_checklist", answers={"sum": "no", "signed": "not_applicable"})
    assert [answer for _, _, answer in lines(life)] == ["not_applicable", "no", None]
    assert life.last.reason == "sum: no, signed: not applicable"


# A7: yes, no, not applicable: each of them is an answer
@pytest.mark.parametrize("answer", ["yes", "no", "not_applicable"])
def test_it_must_be_fully_answered_before_complete(answer: str) -> None:
    life = with_checklist()
    life.do("answer_checklist", answers={"signed": answer, "sum": answer})
    refusal = life.refused("resolve", outcome="complete")
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "A7"
    assert "stamped" in refusal.sentence
    assert "signed" not in refusal.sentence
    assert life.state.status is Status.IN_PROGRESS
    life.do("answer_checklist", answers={"stamped": answer})
    life.do("resolve", outcome="complete")
    assert life.item.status is Status.CLOSED


# A7: before complete; unable to complete needs none
def test_unable_to_complete_needs_no_answers() -> None:
    life = with_checklist()
    life.do("resolve", outcome="unable_to_complete", reason="no such supplier")
    assert life.item.status is Status.CLOSED


# A7: an answer may be changed, never taken back
def test_the_last_answer_counts() -> None:
    life = with_checklist()
    for answer in ("yes", "no"):
        life.do("answer_checklist", answers={"signed": answer})
    assert lines(life)[0] == ("signed", "signed", "no")
    refusal = life.refused("answer_checklist", answers={"signed": None})
    assert isinstance(refusal, InvalidCommand)


# A7: what is not asked, by field
def test_an_answer_to_what_is_not_asked_is_refused_by_field() -> None:
    life = with_checklist()
    refusal = life.refused("answer_checklist", answers={"signed": "yes", "paid": "yes"})
    assert isinstance(refusal, InvalidCommand)
    assert (refusal.rule, refusal.fields) == ("A7", ("answers.paid",))
    assert "paid" in refusal.sentence
    assert "signed, stamped, sum" in refusal.sentence
    assert life.item.status is Status.TO_DO
    refusal = action().refused("answer_checklist", answers={"paid": "yes"})
    assert "asks nothing" in refusal.sentence


# A7, contract
@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({}, "answers"),
        ({"signed": "perhaps"}, "answers.signed"),
        ({"signed": True}, "answers.signed"),
        (["signed"], "answers"),
        ({"": "yes"}, "answers"),
    ],
)
def test_answers_that_are_none_are_refused_by_field(answers: object, field: str) -> None:
    refusal = with_checklist().refused("answer_checklist", answers=answers)
    assert isinstance(refusal, InvalidCommand)
    assert refusal.fields[0].startswith(field)


# C3: the first answer picks a To Do Action up
def test_the_first_answer_picks_the_action_up() -> None:
    life = with_checklist()
    life.do("answer_checklist", by="bob", answers={"signed": "yes"})
    assert (life.item.status, life.item.assignee) == (Status.IN_PROGRESS, "bob")
    assert (life.last.before, life.last.after) == (Status.TO_DO, Status.IN_PROGRESS)


# C14: and shows that its holder saw it
def test_an_answer_of_the_holder_marks_it_read() -> None:
    life = with_checklist()
    life.do("start", by="bob")
    life.do("receive_email", message_id="<1@x.example>", sender="ida")
    assert life.item.new_information
    life.do("answer_checklist", by="bob", answers={"signed": "yes"})
    assert not life.item.new_information


# C8: on one that somebody else has, only by taking it over
@pytest.mark.parametrize("started", [True, False])
def test_somebody_else_answers_only_by_taking_it_over(*, started: bool) -> None:
    life = with_checklist()
    life.do("assign", to="bob")
    if started:
        life.do("start", by="bob")
    refusal = life.refused("answer_checklist", by="amy", answers={"signed": "yes"})
    assert refusal.rule == "C8"
    assert "bob" in refusal.sentence
    life.do("answer_checklist", by="amy", answers={"signed": "yes"}, take_over=True)
    assert (life.item.status, life.item.assignee) == (Status.IN_PROGRESS, "amy")
    assert lines(life)[0] == ("signed", "signed", "yes")


# C7: what a robot rejected is no robot's to answer
def test_a_robot_answers_unless_one_rejected_it() -> None:
    life = with_checklist()
    life.do("answer_checklist", by=ROBOT, answers={"signed": "yes"})
    life.do("reject", by=ROBOT, reason="blurred")
    assert life.refused("answer_checklist", by=ROBOT, answers={"sum": "yes"}).rule == "C7"
    life.do("answer_checklist", by="amy", answers={"sum": "yes"})
    assert [answer for _, _, answer in lines(life)] == ["yes", "yes", None]


# chapter 10
def test_a_waiting_action_takes_no_answers() -> None:
    life = with_checklist()
    life.do("wait", type="more_information")
    assert life.refused("answer_checklist", answers={"signed": "yes"}).rule == "chapter 10"


# A6, A7: complete by the performer, who has to answer first
def test_a_checklist_is_answered_before_the_review() -> None:
    life = with_checklist(peer_review=True)
    assert life.refused("resolve", by="bob", outcome="complete").rule == "A7"
    answers = dict.fromkeys(("signed", "sum", "stamped"), "yes")
    life.do("answer_checklist", by="bob", answers=answers)
    life.do("resolve", by="bob", outcome="complete")
    life.do("answer_checklist", by="amy", answers={"sum": "no"})
    assert [answer for _, _, answer in lines(life)] == ["yes", "no", "yes"]
    life.do("review", by="amy", verdict="fail", comment="the sum is wrong")
    assert [answer for _, _, answer in lines(life)] == ["yes", "no", "yes"]


# A7, K9: a restarted copy begins with an unanswered checklist
def test_another_copy_is_asked_anew() -> None:
    steps = [{"key": "only", "actions": [{"key": "read", "checklist": LIST}]}]
    tree = CaseTree(case(definition={"name": "listed", "steps": steps}))
    tree.act("read", "answer_checklist", answers={"signed": "yes"})
    tree.fail("read")
    tree.do("start_action", action="read")
    assert {answer for _, _, answer in lines(tree.action("read"))} == {None}


# A7, contract: an ad-hoc Action may have one
def test_an_ad_hoc_action_may_have_a_checklist() -> None:
    tree = CaseTree(case())
    tree.do("start_action", action={"title": "Ask the bank", "checklist": LIST})
    assert len(lines(tree.action("ad-hoc-1"))) == 3


# A7: refused where it is defined, by field
@pytest.mark.parametrize(
    ("checklist", "problem"),
    [
        (["signed", "signed"], "asks signed twice"),
        (["signed", {"key": "signed", "text": "Again?"}], "asks signed twice"),
        ([""], "checklist.0"),
        ([{"text": "no key"}], "checklist.0.key"),
        ([f"{n}" for n in range(51)], "checklist"),
        ("signed", "checklist"),
        ([7], "checklist.0"),
    ],
)
def test_a_checklist_that_is_none_is_refused(checklist: object, problem: str) -> None:
    definition = {
        "name": "x",
        "steps": [{"key": "s", "actions": [{"key": "a", "checklist": checklist}]}],
    }
    with pytest.raises(ValidationError) as refused:
        CaseDefinition.model_validate_json(as_json(definition))
    assert problem in str(refused.value)
