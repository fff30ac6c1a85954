"""Actions without their Case: waits, ends and mail (A1-A5)."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.values import Kind, Outcome, Performer, StartedBy, Status
from domain.engine.deadlines import next_deadline
from domain.engine.decide import decide_signal, decode
from domain.engine.start_item import create_item
from domain.model.commands import Cancel
from domain.model.effects import ReportEnd
from domain.model.internal_messages import CaseCancelled
from domain.model.starts import ActionStart
from domain.model.states import ActionItemState
from tests.support.builders import DAY, NOW, ROBOT, WINDOW, Life, action, as_json, case_tree

MAIL: dict[str, Any] = {"message_id": "<1@example.org>", "sender": "ida@example.org"}
FAILURE: dict[str, Any] = {"outcome": "unable_to_complete", "reason": "no such supplier"}


def reports(life: Life) -> list[tuple[str, str, str, str, str | None]]:
    return [
        (effect.case, effect.case_run, effect.by, effect.outcome, effect.reason)
        for effect in life.item.outbox
        if isinstance(effect, ReportEnd)
    ]


def cancel_by_case(life: Life, *, case_run: str = "run-1", reason: str | None = None) -> None:
    message = CaseCancelled(by="carol", case_run=case_run, reason=reason)
    change, _ = decide_signal(life.item, message, life.now)
    life.apply(change)


# A1
def test_an_action_starts_to_do_in_its_queue() -> None:
    life = action()
    state = life.state
    assert isinstance(state, ActionItemState)
    assert (state.kind, state.status, state.assignee) == (Kind.ACTION, Status.TO_DO, None)
    assert (state.queue, state.title) == ("invoices", "Read the invoice")
    assert (state.case, state.case_run, state.key, state.copy_number) == (
        "C-7F3K9Q2D",
        "run-1",
        "read",
        1,
    )
    assert state.started_by is StartedBy.ACTION
    assert state.submitted_at == NOW
    (entry,) = life.entries
    assert (entry.before, entry.after, entry.revision) == (None, Status.TO_DO, 1)


# A1, contract: an Action is `<case>-A<n>`
@pytest.mark.parametrize(
    "reference",
    ["C-7F3K9Q2D", "C-OTHER-A1", "C-7F3K9Q2D-A", "C-7F3K9Q2D-a1", "C-7F3K9Q2D-A1x", "", "-A1"],
)
def test_an_action_is_started_by_its_case_alone(reference: str) -> None:
    with pytest.raises(InvalidCommand) as caught:
        action(reference=reference)
    assert caught.value.rule == "A1"


# A1
@pytest.mark.parametrize(
    "field", ["case", "case_run", "key", "copy_number", "title", "queue", "by"]
)
def test_a_start_that_no_case_made_fails(field: str) -> None:
    fields = {
        "by": "amy",
        "case": "C-7F3K9Q2D",
        "case_run": "run-1",
        "key": "read",
        "copy_number": 1,
        "title": "Read the invoice",
        "queue": "invoices",
    }
    ActionStart.model_validate_json(as_json(fields))
    with pytest.raises(ValidationError):
        ActionStart.model_validate_json(as_json({k: v for k, v in fields.items() if k != field}))
    with pytest.raises(ValidationError):
        ActionStart.model_validate_json(as_json({**fields, "submit": True}))


# A2, K6
@pytest.mark.parametrize(
    "fields",
    [
        {"type": "pause"},
        {"type": "more_information", "days_to_wait": 2},
        {"type": "more_information", "days_to_wait": 2, "close_if_no_response": True},
    ],
)
def test_an_action_knows_no_pause_and_no_days_to_wait(fields: dict[str, Any]) -> None:
    life = action()
    life.do("start")
    refusal = life.refused("wait", **fields)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "A2"
    assert life.item.status is Status.IN_PROGRESS


# A2
def test_an_action_waits_for_information_or_until_a_moment() -> None:
    life = action()
    life.do("start")
    life.do("wait", type="more_information", waiting_for="third party")
    life.do("receive_email", by="system", **MAIL)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")
    life.do("wait", type="until", until=NOW + DAY)
    life.advance(DAY)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")


# A3
@pytest.mark.parametrize("status", [Status.TO_DO, Status.IN_PROGRESS, Status.WAIT])
@pytest.mark.parametrize("fields", [{"outcome": "complete"}, FAILURE])
def test_either_outcome_closes_an_action(status: Status, fields: dict[str, Any]) -> None:
    life = action()
    if status is not Status.TO_DO:
        life.do("start")
    if status is Status.WAIT:
        life.do("wait", type="until", until=NOW + DAY)
    (entry,) = life.do("resolve", note="as agreed", **fields).entries
    assert (entry.before, entry.after, entry.note) == (status, Status.CLOSED, "as agreed")
    resolution = life.state.resolution
    assert resolution
    assert (resolution.outcome, resolution.reason, resolution.method) == (
        fields["outcome"],
        fields.get("reason"),
        None,
    )
    assert (resolution.by, resolution.at) == ("amy", NOW)
    assert (life.item.assignee, life.item.wait, life.state.closes_at) == (None, None, None)
    assert next_deadline(life.item) is None


# A3
@pytest.mark.parametrize("reason", [None, "", "  \n", "x" * 1001, "bell\a", 7])
def test_unable_to_complete_needs_a_reason(reason: object) -> None:
    refusal = action().refused("resolve", outcome="unable_to_complete", reason=reason)
    assert isinstance(refusal, InvalidCommand)
    assert "reason" in refusal.sentence


# A3
@pytest.mark.parametrize("outcome", [None, "cancelled", "rejected", "COMPLETE", 1])
def test_no_other_outcome_is_chosen_by_hand(outcome: object) -> None:
    refusal = action().refused("resolve", outcome=outcome)
    assert isinstance(refusal, InvalidCommand)
    assert refusal.fields == ("outcome",)


# A3
def test_a_closed_action_is_not_reopened() -> None:
    life = action()
    life.do("resolve", outcome="complete")
    assert isinstance(life.refused("reopen"), InvalidCommand)
    assert life.refused("start").rule == "C15"
    assert life.advance(900 * DAY).item.status is Status.CLOSED


# A3: a Ticket's evidence and window are no matter of Actions
def test_an_action_needs_no_evidence_and_has_no_window() -> None:
    tree = case_tree(settings={**WINDOW, "resolution_evidence": True})
    tree.complete("read")
    assert tree.action("read").item.status is Status.CLOSED


# A4
@pytest.mark.parametrize(
    ("fields", "reason"), [({"outcome": "complete"}, None), (FAILURE, "no such supplier")]
)
def test_an_action_reports_its_end_to_its_case_exactly_once(
    fields: dict[str, Any], reason: str | None
) -> None:
    life = action()
    life.do("start", by=ROBOT)
    assert reports(life) == []
    life.do("resolve", by=ROBOT, **fields)
    assert reports(life) == [("C-7F3K9Q2D", "run-1", ROBOT, fields["outcome"], reason)]
    life.signal("resolve", by=ROBOT, **fields)
    life.signal("add_note", text="too late")
    cancel_by_case(life)
    life.advance(900 * DAY)
    assert len(reports(life)) == 1


# A4, K10, K12
@pytest.mark.parametrize("status", [Status.TO_DO, Status.IN_PROGRESS, Status.WAIT])
def test_an_action_that_its_case_ended_is_cancelled_and_reports_once(status: Status) -> None:
    life = action()
    if status is not Status.TO_DO:
        life.do("start", by="bob")
    if status is Status.WAIT:
        life.do("wait", by="bob", type="until", until=NOW + DAY)
    cancel_by_case(life, reason="rework: wrong invoice")
    entry = life.last
    assert (entry.before, entry.after, entry.by) == (status, Status.CLOSED, "carol")
    resolution = life.state.resolution
    assert resolution
    assert (resolution.outcome, resolution.reason) == ("cancelled", "rework: wrong invoice")
    assert (life.item.assignee, life.item.wait) == (None, None)
    assert [report[3] for report in reports(life)] == ["cancelled"]
    cancel_by_case(life, reason="once more")
    assert len(reports(life)) == 1
    assert life.last.refused


# A4: a stranger under the Case's reference ends nothing
def test_an_action_is_not_ended_by_another_run_of_its_case() -> None:
    life = action()
    cancel_by_case(life, case_run="run-0")
    assert life.item.status is Status.TO_DO
    assert life.last.refused
    assert reports(life) == []


# A5
def test_mail_to_a_closed_action_is_refused() -> None:
    life = action()
    life.do("resolve", outcome="complete")
    refusal = life.refused("receive_email", by="system", **MAIL)
    assert refusal.rule == "C15"
    assert "mail to it starts a new item" in refusal.sentence


# contract: an Action's state says what later parts will fill
def test_an_actions_state_has_no_review_and_checklist_yet() -> None:
    state = action().state
    assert isinstance(state, ActionItemState)
    assert (state.in_review, state.checklist) == (False, ())


# C2, Q2: who may do it is part of its state
@pytest.mark.parametrize("performer", Performer)
def test_an_actions_state_says_who_may_do_it(performer: Performer) -> None:
    state = action(performer=performer).state
    assert isinstance(state, ActionItemState)
    assert state.performer is performer


# A1, D1
def test_an_actions_due_date_counts_from_its_start() -> None:
    life = action(due={"within": "P1D"})
    assert life.state.due_at == NOW + DAY


# C7, performer: robots and people do Actions
@pytest.mark.parametrize("actor", ["bob", ROBOT])
def test_a_human_or_a_robot_does_an_action(actor: str) -> None:
    life = action()
    life.do("start", by=actor)
    life.do("resolve", by=actor, outcome="complete")
    assert life.item.resolution
    assert life.item.resolution.outcome is Outcome.COMPLETE


# contract, starting: performer
def test_a_robot_does_no_action_that_is_meant_for_a_human() -> None:
    life = action(performer="human")
    for name, fields in (
        ("start", {}),
        ("edit", {"queue": "second"}),
        ("wait", {"type": "more_information"}),
        ("resolve", {"outcome": "complete"}),
    ):
        refusal = life.refused(name, by=ROBOT, **fields)
        assert isinstance(refusal, NotAllowed)
        assert "human" in refusal.sentence
    life.do("wait", by="bob", type="until", until=NOW + DAY)
    assert isinstance(life.refused("resume", by=ROBOT), NotAllowed)
    life.do("resume", by="bob")
    life.do("resolve", by="bob", outcome="complete")


# contract, starting: performer
def test_a_person_may_do_what_is_meant_for_a_robot() -> None:
    life = action(performer="robot")
    life.do("start", by="bob")
    assert life.item.assignee == "bob"


# C21: Temporal's own button
def test_an_action_is_not_cancelled_by_itself() -> None:
    life = action()
    with pytest.raises(InvalidCommand):
        decode(Kind.ACTION, "cancel", as_json({"by": "system"}))
    change, refusal = decide_signal(life.item, Cancel(by="system"), NOW)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "C21"
    assert [entry.refused for entry in change.entries] == [True]
    assert change.item.status is Status.TO_DO


# contract, identifiers and values
def test_references_of_starts_and_actions_are_told_apart() -> None:
    start = ActionStart.model_validate_json(
        as_json(
            {
                "by": "amy",
                "case": "C-1-A7",
                "case_run": "run-1",
                "key": "read",
                "copy_number": 1,
                "title": "Read",
                "queue": "invoices",
            }
        )
    )
    with pytest.raises(InvalidCommand):
        create_item(start, reference="C-1-A7", run="run-2", at=NOW)
