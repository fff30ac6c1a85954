"""Cases that an Action waits for, or merely starts, with their cancel and rework (K10, K12, A8)."""

from typing import Any

import pytest

from domain.base.refusals import NotAllowed
from domain.base.values import Outcome, StartedBy, Status
from domain.engine.command_rules import lookup_for
from domain.engine.decide import decode
from domain.model.definitions import ItemTerms
from domain.model.effects import CancelCase
from domain.model.internal_messages import CaseCancelled
from domain.model.items import Case
from domain.model.states import ActionItemState, CaseState
from tests.support.builders import DAY, IDA, ONE_ACTION, as_json, case, case_draft
from tests.support.item_network import ItemNetwork, catalog_of

TOP = "C-TOP"


def waiting_for(name: str, *below: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a definition of one Action that waits for Cases of these definitions."""
    cases = [{"definition": each} | more for each in below]
    action = {"key": "wait", "kind": "wait_for_sub_cases", "cases": cases}
    return {"name": name, "steps": [{"key": "only", "actions": [action]}]}


def starting(name: str, below: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a definition whose first Action merely starts a Case, followed by one done by hand."""
    action = {"key": "launch", "kind": "start_case", "case": {"definition": below} | more}
    steps = [{"key": "first", "actions": [action]}, {"key": "then", "actions": [{"key": "look"}]}]
    return {"name": name, "steps": steps}


THREE = [waiting_for("top", "middle"), waiting_for("middle", "errand"), ONE_ACTION]


def top(*definitions: dict[str, Any], **fields: Any) -> ItemNetwork:  # noqa: ANN401
    network = ItemNetwork(catalog=catalog_of(*definitions))
    network.add(case(reference=TOP, definition=definitions[0], **fields))
    network.settle()
    return network


def subs(network: ItemNetwork, reference: str) -> list[str]:
    """Return the Cases that an item's Actions started, in order."""
    return [
        started
        for copy in network.case(reference).actions
        for started in network.linked(copy.reference, "started")
    ]


def chain(network: ItemNetwork) -> list[str]:
    """Return the Cases of three levels, from the top."""
    (middle,) = subs(network, TOP)
    (bottom,) = subs(network, middle)
    return [TOP, middle, bottom]


def statuses(network: ItemNetwork, references: list[str]) -> list[tuple[Status, Outcome | None]]:
    return [
        (item.status, item.resolution.outcome if item.resolution else None)
        for item in (network.item(reference) for reference in references)
    ]


def finish(network: ItemNetwork, reference: str) -> None:
    for copy in network.case(reference).open_actions:
        network.do(copy.reference, "resolve", by="bob", outcome="complete", take_over=True)


COMPLETE = (Status.CLOSED, Outcome.COMPLETE)
CANCELLED = (Status.CLOSED, Outcome.CANCELLED)


# A8, K1: wait for sub-Cases
def test_an_action_starts_its_sub_cases_and_waits_until_all_are_complete() -> None:
    network = top(waiting_for("top", "errand", "errand"), ONE_ACTION, primary_contact=IDA)
    action = f"{TOP}-A1"
    seen = network[action].state
    assert isinstance(seen, ActionItemState)
    assert (seen.status, seen.assignee) == (Status.IN_PROGRESS, "system")
    first, second = subs(network, TOP)
    assert [each.reference for each in seen.awaited] == [first, second]
    for sub in (first, second):
        state = network[sub].state
        assert (state.started_by, state.status) == (StartedBy.ACTION, Status.TO_DO)
        assert state.primary_contact is not None
        assert state.primary_contact.name == "Ida Berg"
        assert network.linked(sub, "started_from") == [TOP]
    finish(network, second)
    assert network.item(action).status is Status.IN_PROGRESS
    finish(network, first)
    assert statuses(network, [action, TOP]) == [COMPLETE, COMPLETE]
    assert network.end_messages == {(action, first): 1, (action, second): 1}
    assert not network.refusals


# A8: they begin with a copy of this Case's data
def test_a_sub_case_begins_with_a_copy_of_the_data_and_its_own_over_it() -> None:
    definition = waiting_for("top", "errand", data={"sum": 2, "new": [None]}, short_description="S")
    network = top(definition, ONE_ACTION, data={"sum": 1, "old": {"a": "b"}})
    (sub,) = subs(network, TOP)
    seen = network[sub].state
    assert isinstance(seen, CaseState)
    assert seen.data == {"sum": 2, "old": {"a": "b"}, "new": [None]}
    assert seen.title == "S"
    network.do(sub, "edit", data={"sum": 3})
    assert network.case(TOP).data == {"sum": 1, "old": {"a": "b"}}


# A8: data that cannot be carried are an error for people, never a task that fails without end
def test_data_that_would_be_too_large_for_a_sub_case_make_the_action_to_do() -> None:
    definition = waiting_for("top", "errand", data={"more": "y" * 10_000})
    network = top(definition, ONE_ACTION, data={"some": "x" * 20_000})
    seen = network[f"{TOP}-A1"].state
    assert (seen.status, seen.assignee, seen.new_information) == (Status.TO_DO, None, True)
    assert "cases.0" in (network[f"{TOP}-A1"].last.reason or "")
    assert subs(network, TOP) == []
    finish(network, TOP)
    assert network.item(TOP).status is Status.CLOSED


# A8: closed, not merely resolved
def test_a_sub_case_in_its_feedback_window_is_waited_for() -> None:
    window = ONE_ACTION | {"settings": {"feedback_window": "P2D"}}
    network = top(waiting_for("top", "errand"), window)
    (sub,) = subs(network, TOP)
    finish(network, sub)
    assert network.item(sub).status is Status.RESOLVED
    assert network.item(f"{TOP}-A1").status is Status.IN_PROGRESS
    network.advance(3 * DAY)
    assert network.item(TOP).status is Status.CLOSED


# A8: one that was not completed is a failure for good
@pytest.mark.parametrize("how", ["cancelled", "vanished"])
def test_a_sub_case_that_is_not_completed_makes_its_action_to_do(how: str) -> None:
    network = top(waiting_for("top", "errand", "errand"), ONE_ACTION)
    first, second = subs(network, TOP)
    if how == "cancelled":
        network.do(first, "cancel", reason="no use")
    else:
        network.terminate(first)
        network.settle()
    action = network[f"{TOP}-A1"]
    assert (action.item.status, action.item.assignee) == (Status.TO_DO, None)
    assert action.item.new_information
    assert first in (action.last.reason or "")
    assert how in (action.last.reason or "")
    assert network.item(TOP).status is Status.TO_DO
    finish(network, second)
    assert [each.how for each in network.action(f"{TOP}-A1").awaited] == [how, "complete"]
    assert action.item.status is Status.TO_DO
    network.do(f"{TOP}-A1", "resolve", by="bob", outcome="complete")
    assert network.item(TOP).status is Status.CLOSED


# A8
def test_a_sub_case_that_cannot_be_started_makes_its_action_to_do() -> None:
    network = top(waiting_for("top", "unheard of"))
    seen = network[f"{TOP}-A1"].state
    assert (seen.status, seen.assignee) == (Status.TO_DO, None)
    assert "unheard of" in (network[f"{TOP}-A1"].last.reason or "")


# K12: the sub-Cases an Action waits for follow, at every depth
def test_cancel_takes_sub_cases_of_sub_cases_along() -> None:
    network = top(*THREE)
    references = chain(network)
    network.do(TOP, "cancel", reason="not needed any more")
    assert statuses(network, references) == [CANCELLED] * 3
    actions = [f"{reference}-A1" for reference in references]
    assert statuses(network, actions) == [CANCELLED] * 3
    for reference in (*references, *actions):
        assert network.item(reference).cancelled
        assert not network.item(reference).outbox
    for reference in references[1:]:
        end = network.item(reference).resolution
        assert end is not None
        assert end.reason == "not needed any more"
    assert not network.pending


# K12
def test_cancel_without_a_reason_says_whence_it_came() -> None:
    network = top(*THREE)
    references = chain(network)
    network.do(TOP, "cancel")
    assert statuses(network, references) == [CANCELLED] * 3
    end = network.item(references[1]).resolution
    assert end is not None
    assert end.reason


# K12: also one that somebody owns, and one that waits
@pytest.mark.parametrize("wait", ["pause", "more_information"])
def test_a_sub_case_follows_whoever_owns_it_and_whatever_it_waits_for(wait: str) -> None:
    network = top(*THREE)
    references = chain(network)
    network.do(references[1], "start", by="carol")
    network.do(references[1], "wait", by="carol", type=wait)
    network.do(TOP, "cancel")
    assert statuses(network, references) == [CANCELLED] * 3


# K12: those that had ended are left as they are
def test_a_sub_case_that_had_ended_is_not_told() -> None:
    network = top(waiting_for("top", "errand", "errand"), ONE_ACTION)
    first, second = subs(network, TOP)
    finish(network, first)
    network.give(TOP, "cancel")
    network.perform_for(TOP)
    network.deliver()
    cancelled_cases = [
        e.sub_case for e in network.item(f"{TOP}-A1").outbox if isinstance(e, CancelCase)
    ]
    assert cancelled_cases == [second]
    network.settle()
    assert statuses(network, [first, second]) == [COMPLETE, CANCELLED]


# K12: Cases merely started go on
def test_cases_that_were_merely_started_go_on() -> None:
    network = top(starting("starter", "errand"), ONE_ACTION)
    (sub,) = subs(network, TOP)
    network.do(TOP, "cancel")
    assert statuses(network, [TOP, sub]) == [CANCELLED, (Status.TO_DO, None)]
    finish(network, sub)
    assert statuses(network, [sub]) == [COMPLETE]
    assert not network.end_messages


# A8, K1: start a Case
def test_an_action_that_starts_a_case_is_complete_once_it_is_started() -> None:
    network = top(starting("starter", "errand", data={"a": 1}), ONE_ACTION, data={"b": 2})
    assert statuses(network, [f"{TOP}-A1"]) == [COMPLETE]
    (sub,) = subs(network, TOP)
    assert network.item(sub).started_by is StartedBy.ACTION
    assert network.case(sub).data == {"a": 1, "b": 2}
    assert network.item(sub).waiter is None
    assert [copy.key for copy in network.case(TOP).actions] == ["launch", "look"]


# A8
def test_an_action_whose_case_cannot_be_started_is_to_do() -> None:
    network = top(starting("starter", "unheard of"))
    seen = network[f"{TOP}-A1"].state
    assert (seen.status, seen.assignee, seen.new_information) == (Status.TO_DO, None, True)
    assert "unheard of" in (network[f"{TOP}-A1"].last.reason or "")


# K10: rework closes the running Actions, so their sub-Cases follow, and copies start new ones
@pytest.mark.parametrize("whole_step", [True, False])
def test_rework_ends_the_sub_cases_and_copies_start_new_ones(*, whole_step: bool) -> None:
    definition = waiting_for("top", "middle")
    definition["steps"][0]["actions"].append({"key": "look"})
    network = top(definition, *THREE[1:])
    middle = subs(network, TOP)[0]
    bottom = subs(network, middle)[0]
    network.do(f"{TOP}-A2", "resolve", outcome="complete")
    chosen = {"step": "only"} if whole_step else {"actions": ["look"]}
    network.do(TOP, "rework", by="carol", reason="wrong sum", **chosen)
    assert statuses(network, [middle, bottom]) == [CANCELLED, CANCELLED]
    copies = network.case(TOP).actions
    assert [(copy.key, copy.copy_number) for copy in copies[2:]] == (
        [("wait", 2), ("look", 2)] if whole_step else [("look", 2), ("wait", 2)]
    )
    assert copies[0].outcome is Outcome.CANCELLED
    assert (network.item(TOP).status, network.item(TOP).assignee) == (Status.IN_PROGRESS, "carol")
    again = subs(network, TOP)
    assert len(again) == 2
    assert again[0] == middle
    assert network.item(again[1]).status is Status.TO_DO
    for reference in [*subs(network, again[1]), again[1]]:
        finish(network, reference)
    finish(network, TOP)
    assert network.item(TOP).status is Status.CLOSED
    assert network.case(TOP).attention == ()


# A8, K12: each end is told once, and counts once
def test_the_end_of_a_sub_case_that_is_told_twice_counts_once() -> None:
    network = top(waiting_for("top", "errand", "errand"), ONE_ACTION)
    first, _ = subs(network, TOP)
    finish(network, first)
    life = network[f"{TOP}-A1"]
    revision = life.item.revision
    end = {"waiter_run": life.item.run, "reference": first, "how": "cancelled"}
    assert life.signal("item_ended", by="system", **end) is None
    assert (life.item.revision, life.item.status) == (revision, Status.IN_PROGRESS)
    strange = life.signal("item_ended", by="system", **(end | {"waiter_run": "another"}))
    assert isinstance(strange, NotAllowed)
    assert life.item.status is Status.IN_PROGRESS


# K2, A8: what the catalog does not have is named by field, before anything starts
def test_a_definition_that_names_what_the_catalog_lacks_is_refused_at_submission() -> None:
    call = {"key": "call", "kind": "call_service", "call": {"service": "crm"}}
    definition = waiting_for("top", "errand", "unheard of")
    definition["steps"].append({"key": "then", "actions": [call]})
    life = case_draft(definition=definition)
    lookup = lookup_for(life.item, decode(life.item.kind, "submit", as_json({"by": "amy"})))
    assert lookup is not None
    assert (lookup.definitions, lookup.services) == (("errand", "unheard of"), ("crm",))
    life.terms = ItemTerms(unknown=("unheard of", "crm"))
    refusal = life.refused("submit")
    assert isinstance(refusal, NotAllowed)
    assert (refusal.rule, refusal.fields) == (
        "K2",
        (
            "definition.steps.0.actions.0.cases.1.definition",
            "definition.steps.1.actions.0.call.service",
        ),
    )
    assert "unheard of, crm" in refusal.sentence
    assert life.item.status is Status.DRAFT
    life.terms = ItemTerms()
    life.do("submit")
    assert life.item.outbox


# K10: a late report of a replaced copy is recorded and changes nothing
def test_a_late_end_of_a_reworked_sub_case_changes_nothing() -> None:
    network = top(waiting_for("top", "errand"), ONE_ACTION)
    (sub,) = subs(network, TOP)
    (copy,) = network.case(sub).actions
    network.give(copy.reference, "resolve", by="bob", outcome="complete")
    network.perform()
    network.deliver()
    network.perform()
    network.deliver()
    network.perform()
    (late,) = network.pending
    network.pending.clear()
    network.do(TOP, "rework", by="carol", step="only")
    before = network.case(TOP)
    network.receive(late)
    after = network.case(TOP)
    assert after.revision == before.revision + 1
    assert "nothing changes" in (network[TOP].last.reason or "")
    assert (after.actions, after.status, after.data) == (
        before.actions,
        before.status,
        before.data,
    )


# K10, K12: told to end by another Case than its own
def test_an_action_is_ended_by_its_own_case_alone() -> None:
    network = top(waiting_for("top", "errand"), ONE_ACTION)
    life = network[f"{TOP}-A1"]
    strange = CaseCancelled(by="carol", case_run="another")
    refusal = life.signal("case_cancelled", **strange.model_dump(exclude_none=True))
    assert isinstance(refusal, NotAllowed)
    assert life.item.status is Status.IN_PROGRESS


# A8, C8: a person may take it over while its sub-Cases run; they still end with the Case
def test_an_action_taken_over_is_told_of_its_sub_cases_and_not_completed_by_them() -> None:
    network = top(waiting_for("top", "errand", "errand"), ONE_ACTION)
    first, second = subs(network, TOP)
    assert network.refused(f"{TOP}-A1", "start", by="bob").rule == "C8"
    network.do(f"{TOP}-A1", "start", by="bob", take_over=True)
    finish(network, first)
    seen = network[f"{TOP}-A1"].state
    assert isinstance(seen, ActionItemState)
    assert (seen.status, seen.assignee) == (Status.IN_PROGRESS, "bob")
    assert [each.ended for each in seen.awaited] == ["complete", None]
    network.do(TOP, "cancel")
    assert statuses(network, [second]) == [CANCELLED]


# A8
def test_cases_start_cases_as_deep_as_their_definitions_say() -> None:
    network = top(starting("one", "two"), starting("two", "three"), starting("three", "unheard of"))
    cases = [
        item for item in (life.item for life in network.lives.values()) if isinstance(item, Case)
    ]
    assert len(cases) == 3


# A4, K12: cancelled before its sub-Case is there: told once it is
def test_a_case_cancelled_at_once_takes_along_what_is_only_being_started() -> None:
    network = ItemNetwork(catalog=catalog_of(*THREE))
    network.add(case(reference=TOP, definition=THREE[0]))
    network.give(TOP, "cancel")
    network.settle()
    assert {life.item.status for life in network.lives.values()} == {Status.CLOSED}
    assert not network.pending
