"""The commands that an item offers are those that it then takes (chapter 10, C8, K8, T9)."""

from typing import Any

import pytest

from domain.base.refusals import Refused
from domain.base.values import Kind, Status
from domain.engine.allowed_commands import AllowedCommand, AllowedCommands, list_allowed_commands
from tests.support.builders import (
    COMPLETE,
    DAY,
    TWO_STEPS,
    WINDOW,
    CaseTree,
    Life,
    action,
    case,
    case_draft,
    case_tree,
    draft,
    start_ticket,
    submitted,
    ticket,
)

SHARED = frozenset({"add_note", "assign", "mark_read", "send_email", "unassign"})
FIELDS: dict[str, dict[str, Any]] = {
    "add_note": {"text": "Looked at it."},
    "assign": {"to": "amy"},
    "launch_case": {"definition": TWO_STEPS},
    "merge": {"into": "T-OTHER"},
    "send_and_resolve": {"to": "ida@example.org", "method": "customer_response"},
    "send_email": {"to": "ida@example.org"},
    "split": {
        "parts": [{"title": "one", "description": "a"}, {"title": "two", "description": "b"}]
    },
}


def allowed(moves: AllowedCommands) -> set[str]:
    return {move.command for move in moves.moves if move.allowed}


def allowed_of(life: Life, by: str = "amy") -> AllowedCommands:
    return list_allowed_commands(life.item, by, life.now)


def move(moves: AllowedCommands, command: str, variant: str | None = None) -> AllowedCommand:
    (match,) = (m for m in moves.moves if (m.command, m.variant) == (command, variant))
    return match


def in_status(status: Status) -> Life:
    life = ticket(settings=WINDOW) if status is not Status.DRAFT else draft()
    if status in {Status.DRAFT, Status.TO_DO}:
        return life
    life.do("start")
    if status is Status.WAIT:
        life.do("wait", type="more_information")
    if status in {Status.RESOLVED, Status.CLOSED}:
        life.do("resolve", method="customer_response")
    if status is Status.CLOSED:
        life.advance(DAY * 20)
    return life


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            Status.DRAFT,
            {"add_note", "cancel", "edit", "mark_read", "resolve", "send_and_resolve", "send_email"}
            | {"submit", "wait"},
        ),
        (
            Status.TO_DO,
            SHARED - {"mark_read"}
            | {"edit", "launch_case", "merge", "resolve", "send_and_resolve", "set_to_do", "split"}
            | {"start", "wait"},
        ),
        (
            Status.IN_PROGRESS,
            SHARED
            | {"edit", "launch_case", "merge", "resolve", "send_and_resolve", "set_to_do", "split"}
            | {"start", "wait"},
        ),
        (
            Status.WAIT,
            SHARED
            | {"edit", "launch_case", "merge", "resolve", "resume", "send_and_resolve", "split"}
            | {"wait"},
        ),
        (Status.RESOLVED, SHARED | {"reopen"}),
        (Status.CLOSED, set()),
    ],
)
def test_a_ticket_allows_its_holder_what_chapter_10_says(
    status: Status, expected: set[str]
) -> None:  # C15, C18, T17
    assert allowed(allowed_of(in_status(status))) == expected


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("by", ["amy", "bob", "robot:ocr-1"])
def test_what_is_allowed_is_done_and_what_is_not_is_refused_as_was_said(
    kind: Kind, by: str
) -> None:
    unsubmitted = submitted(kind)
    unsubmitted.do("start")
    for each in allowed_of(unsubmitted, by).moves:
        if each.command not in FIELDS and each.command not in {"start", "set_to_do", "mark_read"}:
            continue
        life = Life(unsubmitted.item, unsubmitted.now)
        fields = dict(FIELDS.get(each.command, {}))
        if each.command == "assign":
            fields["to"] = by
        if each.takes_over:
            refusal = life.refusal_of(each.command, by=by, **fields)
            assert refusal is not None
            assert refusal.rule == "C8"
            fields["take_over"] = True
        refused = life.refusal_of(each.command, by=by, **fields)
        assert (refused is None) is each.allowed
        if isinstance(refused, Refused):
            assert (refused.rule, refused.sentence) == (each.rule, each.sentence)


def test_another_persons_item_says_that_it_has_to_be_taken_over() -> None:  # C8
    life = ticket()
    life.do("start")
    mine, theirs = allowed_of(life), allowed_of(life, "bob")
    assert not move(mine, "resolve", "rejected").takes_over
    assert move(theirs, "resolve", "rejected").takes_over
    assert not move(theirs, "add_note").takes_over


def test_asking_changes_nothing() -> None:
    life = ticket()
    before = life.item
    assert allowed_of(life) == allowed_of(life)
    assert life.item == before


def test_a_draft_names_what_submitting_still_needs() -> None:  # T2
    life = start_ticket(title="No invoice")
    moves = allowed_of(life)
    assert moves.missing == ("description", "category", "primary_contact", "requester")
    assert move(moves, "submit").rule == "T2"
    assert allowed_of(draft()).missing == ()
    assert allowed_of(ticket()).missing == ()


def test_a_draft_whose_settings_the_catalog_has_to_tell_may_be_submitted() -> None:  # D1, K2
    life = start_ticket(**COMPLETE, settings={"calendar": "paris"})
    assert move(allowed_of(life), "submit").allowed
    assert move(allowed_of(case_draft(definition="supplier-invoice")), "submit").allowed


def test_missing_evidence_is_told_before_anybody_resolves() -> None:  # T9
    life = ticket(settings={"resolution_evidence": True})
    life.do("start")
    moves = allowed_of(life)
    assert not moves.has_evidence
    assert move(moves, "resolve", "customer_response").rule == "T9"
    assert move(moves, "resolve", "rejected_as_spam").allowed
    life.do("add_note", text="Sent the invoice again.", resolution=True)
    moves = allowed_of(life)
    assert moves.has_evidence
    assert move(moves, "resolve", "customer_response").allowed


def test_only_a_case_can_be_paused() -> None:  # A2, K6
    for life, waits in (
        (ticket(), {"more_information", "until"}),
        (case(), {"more_information", "until", "pause"}),
        (action(), {"more_information", "until"}),
    ):
        variants = {m.variant for m in allowed_of(life).moves if m.command == "wait" and m.allowed}
        assert variants == waits


def failed() -> CaseTree:
    tree = case_tree()
    tree.life.do("start")
    tree.complete("read")
    tree.fail("match")
    return tree


def test_a_case_that_needs_attention_offers_its_ways_out_to_its_owner_alone() -> None:  # K7-K9
    life = failed().life
    mine, theirs = allowed_of(life), allowed_of(life, "bob")
    for command, variant in (
        ("rework", "check"),
        ("rework", "match"),
        ("start_action", "match"),
        ("reset_in_progress", None),
        ("cancel", None),
    ):
        assert move(mine, command, variant).allowed, command
        assert move(theirs, command, variant).rule == "K8"
    assert not move(mine, "rework", "pay").allowed
    assert move(mine, "resolve").allowed is (life.refusal_of("resolve") is None)


def test_an_action_in_review_offers_the_verdicts_to_somebody_else() -> None:  # A6, A7
    life = action(peer_review=True, checklist=["amount", "date"])
    life.do("start", by="bob")
    assert move(allowed_of(life, "bob"), "answer_checklist").allowed
    assert move(allowed_of(life, "bob"), "resolve", "complete").rule == "A7"
    assert move(allowed_of(life, "bob"), "resolve", "unable_to_complete").allowed
    life.do("answer_checklist", by="bob", answers={"amount": "yes", "date": "no"})
    life.do("resolve", by="bob", outcome="complete")
    assert move(allowed_of(life, "bob"), "review", "pass").rule == "A6"
    assert {
        verdict for verdict in ("pass", "fail") if move(allowed_of(life), "review", verdict).allowed
    } == {
        "pass",
        "fail",
    }


def test_a_case_without_a_definition_has_no_step_to_rework() -> None:
    moves = allowed_of(case(definition=None))
    assert "rework" not in {each.command for each in moves.moves}
