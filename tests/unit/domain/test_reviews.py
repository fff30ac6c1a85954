"""Peer review: another person passes a completed Action, or gives it back (A6)."""

from typing import Any

import pytest

from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.values import Outcome, Status
from domain.model.effects import ReportEnd
from domain.model.states import ActionItemState
from tests.support.builders import DAY, NOW, ROBOT, SERVICE, CaseTree, Life, action, case

REVIEWED: dict[str, Any] = {
    "name": "reviewed",
    "steps": [
        {"key": "check", "actions": [{"key": "read", "peer_review": True}]},
        {"key": "pay", "actions": [{"key": "transfer"}]},
    ],
}


def in_review(performer: str = "bob", **fields: Any) -> Life:  # noqa: ANN401
    life = action(peer_review=True, **fields)
    life.do("start", by=performer)
    life.do("resolve", by=performer, outcome="complete")
    return life


def seen(life: Life) -> ActionItemState:
    state = life.state
    assert isinstance(state, ActionItemState)
    return state


def reported(life: Life) -> list[tuple[str, str, str | None]]:
    return [
        (effect.outcome, effect.by, effect.reason)
        for effect in life.item.outbox
        if isinstance(effect, ReportEnd)
    ]


# A6: complete by the performer makes it To Do, in review
@pytest.mark.parametrize("performer", ["bob", ROBOT, SERVICE])
def test_what_its_performer_completed_is_to_do_in_review(performer: str) -> None:
    life = in_review(performer)
    state = seen(life)
    assert (state.status, state.in_review) == (Status.TO_DO, True)
    assert (state.assignee, state.owner, state.resolution) == (None, None, None)
    assert reported(life) == []
    assert (life.last.before, life.last.after) == (Status.IN_PROGRESS, Status.TO_DO)


# A6: where the definition asks for it
def test_without_peer_review_complete_closes() -> None:
    life = action()
    life.do("resolve", by="bob", outcome="complete")
    assert (life.item.status, seen(life).in_review) == (Status.CLOSED, False)
    assert life.refused("review", by="amy", verdict="pass").rule == "C15"


# A6: also straight from To Do or Wait
@pytest.mark.parametrize("waits", [True, False])
def test_complete_from_to_do_or_wait_goes_to_review_too(*, waits: bool) -> None:
    life = action(peer_review=True)
    if waits:
        life.do("wait", by="bob", type="until", until=NOW + DAY)
    life.do("resolve", by="bob", outcome="complete", note="all read")
    assert (life.item.status, seen(life).in_review) == (Status.TO_DO, True)
    assert (life.item.wait, life.item.owner) == (None, None)
    life.advance(5 * DAY)
    assert life.last.note == "all read"


# A6: pass closes it complete
def test_pass_closes_it_complete() -> None:
    life = in_review()
    life.do("review", by="amy", verdict="pass")
    state = seen(life)
    assert state.status is Status.CLOSED
    assert state.resolution is not None
    assert (state.resolution.outcome, state.resolution.by) == ("complete", "amy")
    assert reported(life) == [("complete", "amy", None)]
    assert (life.last.command, life.last.reason) == ("review", "review: pass")


# A6: fail gives it back to the performer, To Do
@pytest.mark.parametrize("performer", ["bob", ROBOT, SERVICE])
def test_fail_gives_it_back_to_the_performer(performer: str) -> None:
    life = in_review(performer)
    change = life.do("review", by="amy", verdict="fail", comment="the sum is wrong")
    state = seen(life)
    assert (state.status, state.assignee, state.in_review) == (Status.TO_DO, performer, False)
    assert state.new_information
    assert [note.text for note in change.notes] == ["the sum is wrong"]
    assert life.last.note == "the sum is wrong"
    assert reported(life) == []
    life.do("start", by=performer)
    life.do("resolve", by=performer, outcome="complete")
    assert seen(life).in_review
    life.do("review", by="amy", verdict="pass")
    assert reported(life) == [("complete", "amy", None)]


# A6, Q3: a robot whose work is given back has a lease on it again
def test_a_robot_whose_work_failed_the_review_has_it_under_a_new_lease() -> None:
    life = in_review(ROBOT, lease="PT1H")
    assert life.item.lease is None
    life.do("review", by="amy", verdict="fail", comment="blurred")
    assert life.item.lease is not None
    life.advance(DAY)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, None)
    assert not seen(life).in_review


# A6: fail needs a comment; unable to complete as A3 needs a reason
@pytest.mark.parametrize("verdict", ["fail", "unable_to_complete"])
@pytest.mark.parametrize("comment", [None, "", "  "])
def test_a_verdict_that_is_no_pass_needs_a_comment(verdict: str, comment: str | None) -> None:
    life = in_review()
    optional = {} if comment is None else {"comment": comment}
    refusal = life.refused("review", by="amy", verdict=verdict, **optional)
    assert isinstance(refusal, InvalidCommand)
    assert refusal.fields == ("comment",)
    assert seen(life).in_review


# A6, A3
def test_unable_to_complete_ends_it_with_the_comment_as_reason() -> None:
    life = in_review()
    life.do("review", by="amy", verdict="unable_to_complete", comment="the supplier is gone")
    state = seen(life)
    assert state.status is Status.CLOSED
    assert state.resolution is not None
    assert (state.resolution.outcome, state.resolution.reason) == (
        "unable_to_complete",
        "the supplier is gone",
    )
    assert reported(life) == [("unable_to_complete", "amy", "the supplier is gone")]


# A6: another person: no robot, no service, not the performer
@pytest.mark.parametrize("verdict", ["pass", "fail", "unable_to_complete"])
@pytest.mark.parametrize("reviewer", ["bob", ROBOT, "robot:another", SERVICE, "system"])
def test_neither_the_performer_nor_a_robot_reviews(reviewer: str, verdict: str) -> None:
    life = in_review()
    refusal = life.refused("review", by=reviewer, verdict=verdict, comment="fine")
    assert isinstance(refusal, NotAllowed)
    assert (refusal.rule, refusal.fields) == ("A6", ("by",))
    assert "bob" in refusal.sentence
    assert life.signal("review", by=reviewer, verdict=verdict, comment="fine") is not None
    assert seen(life).in_review


# A6: nor may they be assigned in between
@pytest.mark.parametrize("actor", ["bob", ROBOT])
@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("start", {}),
        ("start", {"take_over": True}),
        ("edit", {"title": "mine"}),
        ("wait", {"type": "more_information"}),
        ("resolve", {"outcome": "unable_to_complete", "reason": "tired of it"}),
        ("resolve", {"outcome": "complete"}),
        ("answer_checklist", {"answers": {"signed": "no"}}),
    ],
)
def test_the_performer_and_robots_cannot_work_on_it_in_review(
    actor: str, name: str, fields: dict[str, Any]
) -> None:
    life = action(peer_review=True, checklist=["signed"])
    life.do("answer_checklist", by="bob", answers={"signed": "yes"})
    life.do("resolve", by="bob", outcome="complete")
    refusal = life.refused(name, by=actor, **fields)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "A6"


# A6
@pytest.mark.parametrize("to", ["bob", ROBOT])
def test_it_is_not_assigned_to_the_performer_or_a_robot_for_review(to: str) -> None:
    life = in_review()
    assert life.refused("assign", by="carol", to=to).rule == "A6"
    life.do("assign", by="carol", to="amy")
    assert (life.item.assignee, seen(life).in_review) == ("amy", True)


# A6, C3-C6: a reviewer may pick it up, wait and give it back; it stays in review
def test_it_stays_in_review_whoever_has_it() -> None:
    life = in_review()
    life.do("start", by="amy")
    assert (life.item.status, life.item.assignee) == (Status.IN_PROGRESS, "amy")
    life.do("wait", by="amy", type="until", until=NOW + DAY)
    assert life.refused("review", by="amy", verdict="pass").rule == "chapter 10"
    life.advance(2 * DAY)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")
    life.do("unassign", by="amy")
    life.do("start", by="carol")
    life.do("set_to_do", by="carol")
    assert seen(life).in_review
    life.do("start", by="carol")
    life.do("review", by="carol", verdict="fail", comment="no")
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "bob")


# A6, C8: review is none of the commands that need to take over
def test_another_person_than_the_one_who_has_it_may_review() -> None:
    life = in_review()
    life.do("start", by="amy")
    life.do("review", by="carol", verdict="pass")
    assert life.item.status is Status.CLOSED


# A6: complete is not said twice
def test_in_review_it_is_not_completed_but_reviewed() -> None:
    life = in_review()
    refusal = life.refused("resolve", by="amy", outcome="complete")
    assert refusal.rule == "A6"
    assert "review" in refusal.sentence
    life.do("resolve", by="amy", outcome="unable_to_complete", reason="gone")
    assert reported(life) == [("unable_to_complete", "amy", "gone")]


# A6
def test_what_is_not_in_review_is_not_reviewed() -> None:
    for life in (action(), action(peer_review=True)):
        refusal = life.refused("review", by="amy", verdict="pass")
        assert (refusal.type, refusal.rule) == ("NotAllowed", "A6")


# A6: unable to complete by the performer needs no review (A3)
def test_a_performer_who_is_unable_to_complete_ends_it() -> None:
    life = action(peer_review=True)
    life.do("resolve", by="bob", outcome="unable_to_complete", reason="no such supplier")
    assert reported(life) == [("unable_to_complete", "bob", "no such supplier")]


# A6, C7: a person worked on it, or a robot's work is to be looked at: not robot-rejected any more
def test_what_is_reviewed_is_not_robot_rejected() -> None:
    life = action(peer_review=True)
    life.do("start", by=ROBOT)
    life.do("reject", by=ROBOT, reason="blurred")
    life.do("resolve", by=SERVICE, outcome="complete")
    assert (seen(life).in_review, life.item.robot_rejected) == (True, False)


# A6, K4: the Case goes on when it is passed
def test_the_case_goes_on_once_it_is_passed() -> None:
    tree = CaseTree(case(definition=REVIEWED))
    tree.complete("read")
    assert [copy.key for copy in tree.case.actions] == ["read"]
    tree.act("read", "review", by="amy", verdict="fail", comment="no")
    tree.complete("read")
    tree.act("read", "review", by="amy", verdict="pass")
    assert [copy.key for copy in tree.case.actions] == ["read", "transfer"]
    assert tree.reported == ["C-7F3K9Q2D-A1"]


# A6, K7
def test_the_case_needs_attention_if_the_review_cannot_complete_it() -> None:
    tree = CaseTree(case(definition=REVIEWED))
    tree.complete("read")
    tree.act("read", "review", by="amy", verdict="unable_to_complete", comment="gone")
    assert [(why.action, why.reason) for why in tree.state.attention] == [("read", "gone")]


# A6, K10, K12: its Case ends it in review as at any time
@pytest.mark.parametrize("by_rework", [True, False])
def test_an_action_in_review_ends_with_its_case(*, by_rework: bool) -> None:
    tree = CaseTree(case(definition=REVIEWED))
    tree.complete("read")
    first = tree.action("read")
    if by_rework:
        tree.do("rework", step="check")
        assert not seen(tree.action("read")).in_review
    else:
        tree.do("cancel")
    assert seen(first).status is Status.CLOSED
    end = first.item.resolution
    assert end is not None
    assert end.outcome is Outcome.CANCELLED
    assert first.refused("review", by="amy", verdict="pass").rule == "C15"
