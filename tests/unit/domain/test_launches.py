"""A Ticket that launches a Case waits until the Case is closed (T15, C12)."""

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
from tests.support.item_network import ItemNetwork, catalog_of

T = "T-ORIGINAL"
WITH_WINDOW: dict[str, Any] = ONE_ACTION | {"settings": {"feedback_window": "P2D"}}
PARTS = [{"title": title, "description": title} for title in ("One", "Two")]


def launched(definition: object = ONE_ACTION, **fields: Any) -> tuple[ItemNetwork, str]:  # noqa: ANN401
    network = ItemNetwork(catalog=catalog_of(ONE_ACTION))
    network.add(ticket(reference=T, **fields))
    network.do(T, "launch_case", definition=definition)
    (case,) = network.linked(T, "launched")
    return network, case


def finish(network: ItemNetwork, case: str) -> None:
    for copy in network.case(case).open_actions:
        network.do(copy.reference, "resolve", outcome="complete")


# T15: started with the Ticket's contacts, notes and mails
def test_the_case_has_the_tickets_contacts_notes_and_mails() -> None:
    network = ItemNetwork()
    bob = {"name": "Bob", "email": "bob@example.org"}
    network.add(ticket(reference=T, requester=bob))
    network.do(T, "add_note", by="bob", text="She called twice.")
    network.do(T, "receive_email", message_id="<1@x.example>", sender="ida", excerpt="It is 4711.")
    network.do(T, "send_email", to="ida@example.org", subject="We are on it")
    network.do(T, "launch_case", definition=TWO_STEPS, short_description="Find the invoice")
    (case,) = network.linked(T, "launched")
    seen = network[case].state
    assert isinstance(seen, CaseState)
    assert (seen.title, seen.definition) == ("Find the invoice", "supplier invoice")
    assert (seen.primary_contact, seen.requester) == (
        network[T].state.primary_contact,
        network[T].state.requester,
    )
    assert network.linked(case, "launched_from") == [T]
    assert (seen.status, seen.created_by) == (Status.TO_DO, "amy")
    assert [copy.key for copy in seen.actions] == ["read", "match"]
    notes = [note for change in network[case].changes for note in change.notes]
    (note,) = [note for note in notes if note.kind == "communications"]
    for expected in ("The invoice of May never came.", "She called twice.", "4711", "We are on it"):
        assert expected in note.text


# T15
@pytest.mark.parametrize("text", ["", "   "])
def test_a_case_without_short_description_has_the_tickets_title(text: str) -> None:
    network = ItemNetwork()
    network.add(ticket(reference=T))
    network.do(T, "launch_case", definition=ONE_ACTION, short_description=text)
    assert network[network.linked(T, "launched")[0]].state.title == "No invoice"


# T15, K1: how it was started is recorded
@pytest.mark.parametrize(
    ("by", "origin"), [("amy", StartedBy.MANUAL), (SERVICE, StartedBy.SERVICE)]
)
def test_who_launched_the_case_is_recorded_and_it_is_submitted(by: str, origin: StartedBy) -> None:
    network = ItemNetwork()
    network.add(ticket(reference=T))
    network.do(T, "launch_case", by=by, definition=ONE_ACTION)
    seen = network[network.linked(T, "launched")[0]].state
    assert (seen.started_by, seen.created_by, seen.status) == (origin, by, Status.TO_DO)


# T15, K2
def test_the_case_may_be_of_a_definition_of_the_catalog() -> None:
    network, case = launched("errand")
    assert [copy.key for copy in network.case(case).actions] == ["run"]
    network = ItemNetwork()
    network.add(ticket(reference=T))
    refusal = network.refused(T, "launch_case", definition="unheard of")
    assert isinstance(refusal, NotAllowed)
    assert (refusal.rule, refusal.fields) == ("K2", ("definition",))
    assert "unheard of" in refusal.sentence
    assert network.item(T).status is Status.TO_DO


# T15
def test_the_ticket_waits_for_the_case_and_closes_with_it() -> None:
    network, case = launched(settings={"resolution_evidence": True, "feedback_window": "P10D"})
    seen = network[T].state
    assert (seen.status, seen.assignee, seen.owner) == (Status.WAIT, None, "amy")
    assert seen.wait is not None
    assert seen.wait.type == "case_launched"
    finish(network, case)
    seen = network[T].state
    assert seen.status is Status.CLOSED
    assert seen.resolution is not None
    assert (seen.resolution.method, seen.resolution.by) == ("case_launched", "system")
    assert seen.owner == "amy"
    assert network.end_messages == {(T, case): 1}
    assert not network.refusals


# T15: closed, not merely resolved; a reopened Case is waited for
def test_a_case_in_its_feedback_window_is_waited_for() -> None:
    network, case = launched(WITH_WINDOW)
    finish(network, case)
    assert network.item(case).status is Status.RESOLVED
    assert network.item(T).status is Status.WAIT
    network.do(case, "reopen", by="bob")
    network.advance(3 * DAY)
    assert network.item(T).status is Status.WAIT
    network.do(case, "resolve", by="bob")
    network.advance(3 * DAY)
    assert (network.item(case).status, network.item(T).status) == (Status.CLOSED, Status.CLOSED)


# T15, K12: a Ticket waiting for a cancelled Case closes
def test_a_ticket_closes_with_a_cancelled_case() -> None:
    network, case = launched()
    network.do(case, "cancel", reason="not needed any more")
    seen = network[T].state
    assert seen.status is Status.CLOSED
    assert seen.resolution is not None
    assert seen.resolution.method == "case_launched"
    assert "not needed any more" in (network[T].last.reason or "")
    assert network.ticket(T).awaited[0].how == Outcome.CANCELLED


# T15, C21: it must not wait without end
def test_a_ticket_comes_back_when_the_case_it_launched_vanished() -> None:
    network, case = launched()
    network.advance(HOUR)
    network.terminate(case)
    network.settle()
    seen = network[T].state
    assert (seen.status, seen.assignee, seen.wait) == (Status.TO_DO, "amy", None)
    assert seen.new_information
    assert "vanished" in (network[T].last.reason or "")
    network.do(T, "launch_case", definition=ONE_ACTION)
    again = network.linked(T, "launched")[1]
    assert again != case
    finish(network, again)
    assert network.item(T).status is Status.CLOSED


# T15, K2: one that cannot be started, with a calendar that nobody knows
def test_a_ticket_comes_back_when_the_case_cannot_be_started() -> None:
    network, case = launched(ONE_ACTION | {"settings": {"calendar": "unheard of"}})
    assert case not in network.lives
    assert network.item(T).status is Status.TO_DO
    assert "unheard of" in (network[T].last.reason or "")


# T15: a second end of the Case that vanished changes nothing
def test_an_end_told_after_the_ticket_came_back_changes_nothing() -> None:
    network, case = launched()
    network.terminate(case)
    network.settle()
    revision = network.item(T).revision
    ended = {"waiter_run": "run-1", "reference": case, "how": "complete"}
    assert network[T].signal("item_ended", by="system", **ended) is None
    assert network.item(T).revision == revision


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
    network, case = launched()
    refusal = network.refused(T, name, **fields)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "C12"
    assert case in refusal.sentence


# C8, C9
def test_a_ticket_that_somebody_else_has_launches_only_by_taking_it_over() -> None:
    network = ItemNetwork()
    network.add(ticket(reference=T))
    network.do(T, "start", by="bob")
    assert network.refused(T, "launch_case", definition=ONE_ACTION).rule == "C8"
    network.do(T, "launch_case", definition=ONE_ACTION, take_over=True)
    assert network.item(T).owner == "amy"


# chapter 10
def test_a_draft_launches_nothing() -> None:
    network = ItemNetwork()
    network.add(draft(reference=T))
    assert network.refused(T, "launch_case", definition=ONE_ACTION).rule == "chapter 10"


# T15, C11
def test_a_waiting_ticket_may_launch_and_its_timer_never_acts() -> None:
    network = ItemNetwork()
    network.add(ticket(reference=T))
    network.do(T, "wait", by="bob", type="more_information", days_to_wait=1)
    network.do(T, "launch_case", definition=ONE_ACTION)
    network.advance(5 * DAY)
    assert (network.item(T).status, network.item(T).owner) == (Status.WAIT, "bob")


# D2: the wait for a Case stops the clock where the rule says so
def test_the_wait_for_a_case_may_stop_the_clock() -> None:
    rule = {"within": "P3D", "add_wait_time": True, "waits": ["case_launched"]}
    network, case = launched(settings={"due": rule})
    assert network[T].state.clock == "stopped"
    network.advance(DAY)
    network.terminate(case)
    network.settle()
    assert network[T].state.due_at == NOW + 4 * DAY


# T15: a part of a split may launch a Case, and all close in turn
def test_a_part_that_launches_a_case_counts_once_the_case_is_closed() -> None:
    network = ItemNetwork()
    network.add(ticket(reference=T))
    network.do(T, "split", parts=PARTS)
    first, second = network.linked(T, "part")
    network.do(first, "launch_case", definition=ONE_ACTION)
    network.do(second, "resolve", method="rejected")
    assert network.item(T).status is Status.WAIT
    finish(network, network.linked(first, "launched")[0])
    assert [network.item(each).status for each in (first, T)] == [Status.CLOSED] * 2
    assert [awaited.how for awaited in network.ticket(T).awaited] == ["case_launched", "rejected"]


# T15, contract: a definition is bounded, and so is all that a launched Case is started with
def test_the_largest_launch_is_small_enough_to_be_started() -> None:
    wide = "\N{GRINNING FACE}"
    network = ItemNetwork()
    network.add(ticket(reference=T, primary_contact={"name": wide * 300}, requester=IDA))
    for number in range(12):
        network.give(T, "add_note", text=f"{number}{'x' * 15_000}.")
    actions = [{"key": f"{n}", "title": wide * 60} for n in range(110)]
    definition = {"name": "large", "steps": [{"key": "all", "actions": actions}]}
    network.give(T, "launch_case", definition=definition)
    (effect,) = network.item(T).outbox
    assert isinstance(effect, StartItem)
    assert isinstance(effect.begin, LaunchedStart)
    size = len(effect.begin.model_dump_json().encode())
    assert DEFINITION_LIMIT < size < PART_LIMIT
    actions *= 2
    refusal = network.refused(T, "launch_case", definition=definition | {"name": "larger"} | {
        "steps": [{"key": "all", "actions": [a | {"key": str(n)} for n, a in enumerate(actions)]}]
    })  # fmt: skip
    assert isinstance(refusal, InvalidCommand)
