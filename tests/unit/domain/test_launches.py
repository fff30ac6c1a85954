"""T15, C12: a Ticket that launches a Case waits until the Case is closed."""

from typing import Any

import pytest

from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.values import Outcome, StartedBy, Status
from domain.model.definitions import DEFINITION_LIMIT
from domain.model.effects import StartItem
from domain.model.starts import LaunchedStart
from domain.model.states import CaseState
from domain.rules.split_and_launch import PART_LIMIT
from tests.support.builders import (
    DAY,
    HOUR,
    IDA,
    NOW,
    ONE_ACTION,
    SERVICE,
    TWO_STEPS,
    draft,
    ticket,
)
from tests.support.item_network import World, defined

T = "T-ORIGINAL"
WITH_WINDOW: dict[str, Any] = ONE_ACTION | {"settings": {"feedback_window": "P2D"}}
PARTS = [{"title": title, "description": title} for title in ("One", "Two")]


def launched(definition: object = ONE_ACTION, **fields: Any) -> tuple[World, str]:  # noqa: ANN401
    world = World(catalog=defined(ONE_ACTION))
    world.add(ticket(reference=T, **fields))
    world.do(T, "launch_case", definition=definition)
    (case,) = world.linked(T, "launched")
    return world, case


def finish(world: World, case: str) -> None:
    for copy in world.case(case).open_actions:
        world.do(copy.reference, "resolve", outcome="complete")


# T15: started with the Ticket's contacts, notes and mails
def test_the_case_has_the_tickets_contacts_notes_and_mails() -> None:
    world = World()
    bob = {"name": "Bob", "email": "bob@example.org"}
    world.add(ticket(reference=T, requester=bob))
    world.do(T, "add_note", by="bob", text="She called twice.")
    world.do(T, "receive_email", message_id="<1@x.example>", sender="ida", excerpt="It is 4711.")
    world.do(T, "send_email", to="ida@example.org", subject="We are on it")
    world.do(T, "launch_case", definition=TWO_STEPS, short_description="Find the invoice")
    (case,) = world.linked(T, "launched")
    seen = world[case].state
    assert isinstance(seen, CaseState)
    assert (seen.title, seen.definition) == ("Find the invoice", "supplier invoice")
    assert (seen.primary_contact, seen.requester) == (
        world[T].state.primary_contact,
        world[T].state.requester,
    )
    assert world.linked(case, "launched_from") == [T]
    assert (seen.status, seen.created_by) == (Status.TO_DO, "amy")
    assert [copy.key for copy in seen.actions] == ["read", "match"]
    notes = [note for change in world[case].changes for note in change.notes]
    (note,) = [note for note in notes if note.kind == "communications"]
    for told in ("The invoice of May never came.", "She called twice.", "4711", "We are on it"):
        assert told in note.text


# T15
@pytest.mark.parametrize("text", ["", "   "])
def test_a_case_without_short_description_has_the_tickets_title(text: str) -> None:
    world = World()
    world.add(ticket(reference=T))
    world.do(T, "launch_case", definition=ONE_ACTION, short_description=text)
    assert world[world.linked(T, "launched")[0]].state.title == "No invoice"


# T15, K1: how it was started is recorded
@pytest.mark.parametrize(
    ("by", "origin"), [("amy", StartedBy.MANUAL), (SERVICE, StartedBy.SERVICE)]
)
def test_who_launched_the_case_is_recorded_and_it_is_submitted(by: str, origin: StartedBy) -> None:
    world = World()
    world.add(ticket(reference=T))
    world.do(T, "launch_case", by=by, definition=ONE_ACTION)
    seen = world[world.linked(T, "launched")[0]].state
    assert (seen.started_by, seen.created_by, seen.status) == (origin, by, Status.TO_DO)


# T15, K2
def test_the_case_may_be_of_a_definition_of_the_catalog() -> None:
    world, case = launched("errand")
    assert [copy.key for copy in world.case(case).actions] == ["run"]
    world = World()
    world.add(ticket(reference=T))
    refusal = world.refused(T, "launch_case", definition="unheard of")
    assert isinstance(refusal, NotAllowed)
    assert (refusal.rule, refusal.fields) == ("K2", ("definition",))
    assert "unheard of" in refusal.sentence
    assert world.item(T).status is Status.TO_DO


# T15
def test_the_ticket_waits_for_the_case_and_closes_with_it() -> None:
    world, case = launched(settings={"resolution_evidence": True, "feedback_window": "P10D"})
    seen = world[T].state
    assert (seen.status, seen.assignee, seen.owner) == (Status.WAIT, None, "amy")
    assert seen.wait is not None
    assert seen.wait.type == "case_launched"
    finish(world, case)
    seen = world[T].state
    assert seen.status is Status.CLOSED
    assert seen.resolution is not None
    assert (seen.resolution.method, seen.resolution.by) == ("case_launched", "system")
    assert seen.owner == "amy"
    assert world.told == {(T, case): 1}
    assert not world.refusals


# T15: closed, not merely resolved; a reopened Case is waited for
def test_a_case_in_its_feedback_window_is_waited_for() -> None:
    world, case = launched(WITH_WINDOW)
    finish(world, case)
    assert world.item(case).status is Status.RESOLVED
    assert world.item(T).status is Status.WAIT
    world.do(case, "reopen", by="bob")
    world.later(3 * DAY)
    assert world.item(T).status is Status.WAIT
    world.do(case, "resolve", by="bob")
    world.later(3 * DAY)
    assert (world.item(case).status, world.item(T).status) == (Status.CLOSED, Status.CLOSED)


# T15, K12: a Ticket waiting for a cancelled Case closes
def test_a_ticket_closes_with_a_cancelled_case() -> None:
    world, case = launched()
    world.do(case, "cancel", reason="not needed any more")
    seen = world[T].state
    assert seen.status is Status.CLOSED
    assert seen.resolution is not None
    assert seen.resolution.method == "case_launched"
    assert "not needed any more" in (world[T].last.reason or "")
    assert world.ticket(T).awaited[0].how == Outcome.CANCELLED


# T15, C21: it must not wait for ever
def test_a_ticket_comes_back_when_the_case_it_launched_vanished() -> None:
    world, case = launched()
    world.later(HOUR)
    world.vanish(case)
    world.settle()
    seen = world[T].state
    assert (seen.status, seen.assignee, seen.wait) == (Status.TO_DO, "amy", None)
    assert seen.new_information
    assert "vanished" in (world[T].last.reason or "")
    world.do(T, "launch_case", definition=ONE_ACTION)
    again = world.linked(T, "launched")[1]
    assert again != case
    finish(world, again)
    assert world.item(T).status is Status.CLOSED


# T15, K2: one that cannot be started, with a calendar that nobody knows
def test_a_ticket_comes_back_when_the_case_cannot_be_started() -> None:
    world, case = launched(ONE_ACTION | {"settings": {"calendar": "unheard of"}})
    assert case not in world.lives
    assert world.item(T).status is Status.TO_DO
    assert "unheard of" in (world[T].last.reason or "")


# T15: a second end of the Case that vanished changes nothing
def test_an_end_told_after_the_ticket_came_back_changes_nothing() -> None:
    world, case = launched()
    world.vanish(case)
    world.settle()
    revision = world.item(T).revision
    ended = {"waiter_run": "run-1", "reference": case, "how": "complete"}
    assert world[T].signal("item_ended", by="system", **ended) is None
    assert world.item(T).revision == revision


# C12
@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("edit", {"queue": "second"}),
        ("wait", {"type": "more_information"}),
        ("resume", {}),
        ("resolve", {"method": "rejected"}),
        ("send_and_resolve", {"to": "ida@example.org", "method": "rejected"}),
        ("split", {"parts": PARTS}),
        ("launch_case", {"definition": ONE_ACTION}),
        ("merge", {"into": "T-OTHER"}),
    ],
)
def test_nobody_ends_the_wait_for_a_launched_case(name: str, fields: dict[str, Any]) -> None:
    world, case = launched()
    refusal = world.refused(T, name, **fields)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "C12"
    assert case in refusal.sentence


# C8, C9
def test_a_ticket_that_somebody_else_has_launches_only_by_taking_it_over() -> None:
    world = World()
    world.add(ticket(reference=T))
    world.do(T, "start", by="bob")
    assert world.refused(T, "launch_case", definition=ONE_ACTION).rule == "C8"
    world.do(T, "launch_case", definition=ONE_ACTION, take_over=True)
    assert world.item(T).owner == "amy"


# chapter 10
def test_a_draft_launches_nothing() -> None:
    world = World()
    world.add(draft(reference=T))
    assert world.refused(T, "launch_case", definition=ONE_ACTION).rule == "chapter 10"


# T15, C11
def test_a_waiting_ticket_may_launch_and_its_timer_never_acts() -> None:
    world = World()
    world.add(ticket(reference=T))
    world.do(T, "wait", by="bob", type="more_information", days_to_wait=1)
    world.do(T, "launch_case", definition=ONE_ACTION)
    world.later(5 * DAY)
    assert (world.item(T).status, world.item(T).owner) == (Status.WAIT, "bob")


# D2: the wait for a Case stops the clock where the rule says so
def test_the_wait_for_a_case_may_stop_the_clock() -> None:
    rule = {"within": "P3D", "add_wait_time": True, "waits": ["case_launched"]}
    world, case = launched(settings={"due": rule})
    assert world[T].state.clock == "stopped"
    world.later(DAY)
    world.vanish(case)
    world.settle()
    assert world[T].state.due_at == NOW + 4 * DAY


# T15: a part of a split may launch a Case, and all close in turn
def test_a_part_that_launches_a_case_counts_once_the_case_is_closed() -> None:
    world = World()
    world.add(ticket(reference=T))
    world.do(T, "split", parts=PARTS)
    first, second = world.linked(T, "part")
    world.do(first, "launch_case", definition=ONE_ACTION)
    world.do(second, "resolve", method="rejected")
    assert world.item(T).status is Status.WAIT
    finish(world, world.linked(first, "launched")[0])
    assert [world.item(one).status for one in (first, T)] == [Status.CLOSED] * 2
    assert [one.how for one in world.ticket(T).awaited] == ["case_launched", "rejected"]


# T15, contract: a definition is bounded, and so is all that a launched Case is started with
def test_the_largest_launch_is_small_enough_to_be_started() -> None:
    wide = "\N{GRINNING FACE}"
    world = World()
    world.add(ticket(reference=T, primary_contact={"name": wide * 300}, requester=IDA))
    for number in range(12):
        world.give(T, "add_note", text=f"{number}{'x' * 15_000}.")
    actions = [{"key": f"{n}", "title": wide * 60} for n in range(110)]
    definition = {"name": "large", "steps": [{"key": "all", "actions": actions}]}
    world.give(T, "launch_case", definition=definition)
    (effect,) = world.item(T).outbox
    assert isinstance(effect, StartItem)
    assert isinstance(effect.begin, LaunchedStart)
    size = len(effect.begin.model_dump_json().encode())
    assert DEFINITION_LIMIT < size < PART_LIMIT
    actions *= 2
    refusal = world.refused(T, "launch_case", definition=definition | {"name": "larger"} | {
        "steps": [{"key": "all", "actions": [a | {"key": str(n)} for n, a in enumerate(actions)]}]
    })  # fmt: skip
    assert isinstance(refusal, InvalidCommand)
