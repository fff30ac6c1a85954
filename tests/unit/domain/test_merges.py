"""Tickets that are merged into others, with every order of their messages (T16)."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base.refusals import Conflict, InvalidCommand, NotAllowed
from domain.base.values import Method, Status, WaitType
from domain.model.effects import AskMerge
from domain.model.internal_messages import MergeAnswered, MergeAsked
from domain.model.serialization import CARRIED_LIMIT, dump_item
from domain.rules.split_and_launch import COMMUNICATIONS_LIMIT
from tests.support.builders import (
    DAY,
    HOUR,
    NOW,
    ONE_ACTION,
    ROBOT,
    SERVICE,
    TWO_STEPS,
    case,
    case_draft,
    draft,
    ticket,
)
from tests.support.item_network import ItemNetwork, PendingMessage

A, B, C = "T-A", "T-B", "T-C"
WINDOW: dict[str, Any] = {"feedback_window": "P10D"}
PARTS = [{"title": title, "description": f"{title} never came."} for title in ("One", "Two")]


def tickets(*references: str, **fields: Any) -> ItemNetwork:  # noqa: ANN401
    network = ItemNetwork()
    for reference in references:
        network.add(ticket(reference=reference, **fields))
    return network


def merged(network: ItemNetwork, reference: str) -> bool:
    end = network.item(reference).resolution
    return end is not None and end.method is Method.MERGED


# T16
def test_a_merged_ticket_is_closed_at_once() -> None:
    network = tickets(A, B, settings=WINDOW | {"resolution_evidence": True})
    network.do(A, "start")
    network.do(A, "merge", into=B)
    seen = network[A].state
    assert (seen.status, seen.assignee, seen.owner) == (Status.CLOSED, None, "amy")
    assert seen.resolution is not None
    assert (seen.resolution.method, seen.resolution.by) == ("merged", "amy")
    assert network.linked(A, "merged_into") == [B]
    assert network.linked(B, "merged_from") == [A]
    assert (network[A].last.command, network[A].last.before) == (
        "merge_answered",
        Status.IN_PROGRESS,
    )
    assert not network.refusals


# T16: its communications appear on the target
@pytest.mark.parametrize("target", ["Ticket", "Case"])
def test_its_communications_appear_on_the_target_as_new_information(target: str) -> None:
    network = tickets(A)
    into = B if target == "Ticket" else "C-B"
    network.add(ticket(reference=B) if target == "Ticket" else case(reference="C-B"))
    network.do(A, "add_note", text="The number is 4711.")
    network.do(
        A, "receive_email", message_id="<1@x.example>", sender="ida", subject="Only a subject"
    )
    network.do(A, "merge", into=into)
    seen = network[into].state
    assert (seen.status, seen.new_information) == (Status.TO_DO, True)
    (change,) = [change for change in network[into].changes if change.notes and not change.mails][
        -1:
    ]
    (note,) = change.notes
    assert note.kind == "merged"
    for expected in ("The invoice of May never came.", "4711", "Only a subject", "amy", "ida"):
        assert expected in note.text
    assert network[into].last.reason == f"{A} (No invoice) was merged into this"


# T16, C13: wakes the target as a mail would
@pytest.mark.parametrize("wait", ["more_information", "until", "pause"])
@pytest.mark.parametrize("kind", ["Ticket", "Case"])
def test_a_waiting_target_wakes_as_by_a_mail(kind: str, wait: str) -> None:
    if (kind, wait) == ("Ticket", "pause"):
        into, fields = B, {"type": "more_information", "days_to_wait": 3}
    else:
        into = B if kind == "Ticket" else "C-B"
        fields = {"type": wait} | ({"until": NOW + DAY} if wait == "until" else {})
    network = tickets(A)
    network.add(ticket(reference=B) if kind == "Ticket" else case(reference="C-B"))
    network.do(into, "wait", by="bob", **fields)
    before = network.item(into).wait
    network.do(A, "merge", into=into)
    seen = network[into].state
    assert seen.new_information
    if fields["type"] == "more_information":
        assert (seen.status, seen.assignee, seen.wait) == (Status.TO_DO, "bob", None)
    else:
        assert (seen.status, seen.owner) == (Status.WAIT, "bob")
        assert network.item(into).wait == before
    assert merged(network, A)


# T16, C12: nothing ends a split before its parts do
def test_a_target_that_waits_for_its_parts_goes_on_waiting() -> None:
    network = tickets(A, B)
    network.do(B, "split", parts=PARTS)
    network.do(A, "merge", into=B)
    assert merged(network, A)
    seen = network[B].state
    assert (seen.status, seen.wait and seen.wait.type) == (Status.WAIT, WaitType.SPLIT)
    assert seen.new_information


# T16, T12
@pytest.mark.parametrize(
    ("reopen_on", "status"),
    [
        (None, Status.TO_DO),
        (["mail"], Status.TO_DO),
        (["feedback"], Status.RESOLVED),
        ([], Status.RESOLVED),
    ],
)
@pytest.mark.parametrize("kind", ["Ticket", "Case"])
def test_a_resolved_target_reopens_as_by_a_mail(
    kind: str, reopen_on: list[str] | None, status: Status
) -> None:
    chosen = WINDOW | ({} if reopen_on is None else {"reopen_on": reopen_on})
    network = tickets(A)
    into = B if kind == "Ticket" else "C-B"
    if kind == "Ticket":
        network.add(ticket(reference=B, settings=chosen))
        network.do(B, "resolve", by="bob", method="customer_response")
    else:
        network.add(case(reference="C-B", settings=chosen, definition=None))
        network.do("C-B", "resolve", by="bob")
    closes_at = network.item(into).closes_at
    network.do(A, "merge", into=into)
    assert merged(network, A)
    seen = network[into].state
    assert (seen.status, seen.new_information) == (status, True)
    assert seen.assignee == ("bob" if status is Status.TO_DO else None)
    assert seen.closes_at == (None if status is Status.TO_DO else closes_at)


# T16
def test_the_target_is_asked_first_and_nothing_is_written_before_it_answers() -> None:
    network = tickets(A, B)
    before = network[A].state
    network.give(A, "merge", into=B)
    assert network[A].state == before
    assert len(network[A].entries) == 1
    network.perform()
    assert network[A].state == before
    (message,) = network.pending
    assert isinstance(message.command, MergeAsked)
    network.settle()
    assert merged(network, A)


# T16
@pytest.mark.parametrize(
    ("into", "expected"),
    [
        (A, "into itself"),
        ("T-DRAFT", "is a Draft"),
        ("C-DRAFT", "is a Draft"),
        ("T-GONE", "is closed"),
        ("T-NOBODY", "is closed"),
        ("C-X-A1", "is an Action"),
        ("no reference", "no reference"),
        ("T-ORIGINAL", "part of T-ORIGINAL"),
    ],
)
def test_a_merge_that_cannot_be_is_refused_and_changes_nothing(into: str, expected: str) -> None:
    network = tickets("T-ORIGINAL", "T-GONE")
    network.add(draft(reference="T-DRAFT"))
    network.add(case_draft(reference="C-DRAFT"))
    network.do("T-GONE", "resolve", method="rejected_as_spam")
    network.do("T-ORIGINAL", "split", parts=PARTS)
    reference = network.linked("T-ORIGINAL", "part")[0]
    into = reference if into == A else into
    before = network[reference].state
    refusal = network.refusal_of(reference, "merge", into=into, command_id="once")
    answers: list[str | None] = []
    if refusal is None:
        network.perform()
        network.deliver()
        network.perform()
        answers = [
            p.command.reason for p in network.pending if isinstance(p.command, MergeAnswered)
        ]
        network.settle()
        refusal = network.refused(reference, "merge", into=into, command_id="once")
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "T16"
    assert expected in (answers[0] or "" if answers else refusal.sentence)
    assert network[reference].state == before
    assert network.ticket(reference).merging is None


# T16: also one that closes while its own messages are still under way answers no
def test_a_closed_target_that_still_lives_says_no() -> None:
    network = tickets(A, B)
    network.give(A, "merge", into=B)
    network.perform_for(A)
    (message,) = network.pending
    network.give(B, "resolve", method="rejected_as_spam")
    revision = network.item(B).revision
    network.receive(message)
    assert network.item(B).revision == revision
    network.pending.clear()
    network.settle()
    assert network.item(A).status is Status.TO_DO
    assert network.ticket(A).merging is None


# T16: an item that is itself being merged
def test_a_ticket_that_is_being_merged_takes_no_other_one() -> None:
    network = tickets(A, B, C)
    network.give(B, "merge", into=C)
    network.perform_for(B)
    network.give(A, "merge", into=B)
    network.perform_for(A)
    network.deliver(1)
    network.settle()
    assert [merged(network, each) for each in (A, B, C)] == [False, True, False]


# T16
def test_a_ticket_that_asked_asks_nobody_else_before_it_is_answered() -> None:
    network = tickets(A, B, C)
    network.give(A, "merge", into=B)
    refusal = network.refused(A, "merge", into=C)
    assert (refusal.rule, refusal.fields) == ("T16", ("into",))
    assert B in refusal.sentence
    network.settle()
    assert network.linked(A, "merged_into") == [B]


# T16, T14, T15: what is asked may close it at any moment, so nothing may wait for other ends
@pytest.mark.parametrize(
    ("command", "fields"),
    [("split", {"parts": PARTS}), ("launch_case", {"definition": ONE_ACTION})],
)
def test_a_ticket_that_is_being_merged_is_neither_split_nor_launches(
    command: str, fields: dict[str, Any]
) -> None:
    network = tickets(A, B)
    network.give(A, "merge", into=B)
    refusal = network.refused(A, command, **fields)
    assert refusal.rule == "T16"
    assert B in refusal.sentence
    network.do(B, "resolve", method="rejected_as_spam")
    network.settle()


# T16, C8
def test_a_ticket_that_somebody_else_has_is_merged_only_by_taking_it_over() -> None:
    network = tickets(A, B)
    network.do(A, "start", by="bob")
    refusal = network.refused(A, "merge", into=B)
    assert refusal.rule == "C8"
    assert "bob" in refusal.sentence
    network.do(A, "merge", into=B, take_over=True)
    assert network.item(A).owner == "amy"


# T16, C9: a robot's merge leaves no owner
@pytest.mark.parametrize("actor", [ROBOT, SERVICE])
def test_robots_and_services_may_merge_and_never_own(actor: str) -> None:
    network = tickets(A, B)
    network.do(A, "merge", by=actor, into=B)
    assert merged(network, A)
    assert network.item(A).owner is None


# T16, C17
def test_the_same_merge_given_twice_asks_once_and_is_answered_alike() -> None:
    network = tickets(A, B)
    network.give(A, "merge", into=B, command_id="once")
    network.give(A, "merge", into=B, command_id="once")
    requests = [effect for effect in network.item(A).outbox if isinstance(effect, AskMerge)]
    assert len(requests) == 1
    assert isinstance(network.refused(A, "merge", into=C, command_id="once"), InvalidCommand)
    network.settle()
    before = network[A].state
    network.give(A, "merge", into=B, command_id="once")
    assert network[A].state == before
    assert merged(network, A)
    assert len([entry for entry in network[B].entries if entry.command == "merge_asked"]) == 1


# T16, C17
def test_a_merge_that_was_refused_stays_refused_under_its_id_and_may_be_asked_anew() -> None:
    network = tickets(A, B)
    network.add(draft(reference=C))
    network.do(A, "merge", into=C, command_id="once")
    refusal = network.refused(A, "merge", into=C, command_id="once")
    assert (refusal.type, refusal.rule) == ("NotAllowed", "T16")
    network.do(C, "submit")
    network.do(A, "merge", into=C, command_id="twice")
    assert merged(network, A)


# T16, C17: a merge without a command id is answered, too
def test_a_refused_merge_without_id_leaves_the_ticket_as_it_was() -> None:
    network = tickets(A)
    network.do(A, "merge", into=B)
    assert network.ticket(A).merging is None
    assert network.item(A).revision == 1


# T16, C16: the same question arriving again adds nothing
def test_a_question_and_an_answer_that_arrive_twice_count_once() -> None:
    network = tickets(A, B)
    network.give(A, "merge", into=B)
    network.perform_for(A)
    (question,) = network.pending
    network.receive(question)
    network.receive(question)
    assert len(network[B].entries) == 2
    network.perform_for(B)
    (answer,) = network.pending[1:]
    network.receive(answer)
    revision = network.item(A).revision
    network.receive(answer)
    assert network.item(A).revision == revision
    assert not network.refusals


# T16, C15: a late yes after the Ticket closed otherwise
def test_a_late_yes_finds_a_ticket_that_closed_otherwise_closed() -> None:
    network = tickets(A, B)
    network.give(A, "merge", into=B, command_id="once")
    network.perform_for(A)
    network.deliver()
    network.perform_for(B)
    (yes,) = network.pending
    network.give(A, "resolve", method="rejected_as_spam")
    before = network[A].state
    assert network.ticket(A).merging is None
    refusal = network.receive(yes)
    assert refusal is not None
    assert refusal.rule == "C15"
    assert network[A].state == before
    assert network.refused(A, "merge", into=B, command_id="once").rule == "T16"


# T16: also when a timer closed it
def test_a_ticket_that_closes_by_itself_gives_its_question_up() -> None:
    network = tickets(A, B, settings=WINDOW)
    network.give(A, "merge", into=B)
    network.give(A, "resolve", method="rejected")
    network[A].advance(11 * DAY)
    assert network.item(A).status is Status.CLOSED
    assert network.ticket(A).merging is None


# T16, T11: the window of a Ticket that is resolved in between ends with the yes
def test_a_ticket_that_was_resolved_meanwhile_is_closed_by_the_yes() -> None:
    network = tickets(A, B, settings=WINDOW)
    network.give(A, "merge", into=B)
    network.give(A, "resolve", by="bob", method="rejected")
    first = network.item(A).first_resolution
    network.settle()
    assert merged(network, A)
    assert network.item(A).closes_at is None
    assert network.item(A).first_resolution == first


# T16
def test_an_answer_to_another_question_changes_nothing() -> None:
    network = tickets(A, B)
    network.give(A, "merge", into=B)
    strange = {"asker_run": "run-1", "ask": "T-A:merge:7", "accepted": True}
    assert network[A].signal("merge_answered", by="system", **strange) is None
    strange = {"asker_run": "another", "ask": "T-A:merge:1", "accepted": True}
    assert network[A].signal("merge_answered", by="system", **strange) is None
    assert network.item(A).status is Status.TO_DO
    assert network.ticket(A).merging is not None


# T16, C17
def test_a_merge_of_another_revision_is_a_conflict() -> None:
    network = tickets(A, B)
    assert isinstance(network.refused(A, "merge", into=B, expected_revision=7), Conflict)


# T16, M6: what goes along is bounded, and says that it is
@pytest.mark.parametrize("character", ["x", '"', "\n", "ä", "\N{GRINNING FACE}"])
def test_long_communications_go_along_as_far_as_can_be_carried(character: str) -> None:
    network = tickets(A, B)
    for number in range(12):
        text = f"{number}{character * (15_000 // len(character.encode()))}."
        network.give(A, "add_note", text=text)
    network.give(A, "merge", into=B)
    (ask,) = network[A].item.outbox
    assert isinstance(ask, AskMerge)
    question = MergeAsked(
        by="amy", asker=A, asker_run="r", ask="a", title="", communications=ask.communications
    )
    assert len(question.model_dump_json().encode()) < COMMUNICATIONS_LIMIT + 500
    assert ask.communications.endswith("… (whole in the store)")
    assert "0xx" in ask.communications or character != "x"
    network.settle()
    assert merged(network, A)
    assert len(dump_item(network.item(B))) <= CARRIED_LIMIT


def _orders_of(network: ItemNetwork, done: int = 0) -> int:
    """Try every order of messages, check each final state, and return the number of orders."""
    moves: list[tuple[str, Any]] = [
        ("perform", each) for each in (A, B) if network.item(each).outbox
    ]
    moves += [("deliver", at) for at in range(len(network.pending))]
    if not moves:
        closed = sorted(
            reference for reference in (A, B) if network.item(reference).status is Status.CLOSED
        )
        assert len(closed) == 1, f"{closed} closed"
        assert merged(network, closed[0])
        still_open = B if closed == [A] else A
        assert network.ticket(still_open).merging is None
        assert network.linked(closed[0], "merged_into") == [still_open]
        assert closed[0] in network.linked(still_open, "merged_from")
        return done + 1
    for what, which in moves:
        branch = _copy_of(network)
        if what == "perform":
            branch.perform_for(which)
        else:
            branch.deliver(which)
        done = _orders_of(branch, done)
    return done


def _copy_of(network: ItemNetwork) -> ItemNetwork:
    other = ItemNetwork()
    for life in network.lives.values():
        other.add(type(life)(life.item, life.now, None, list(life.changes)))
    other.pending = [_message_in(other, message) for message in network.pending]
    return other


def _message_in(network: ItemNetwork, message: PendingMessage) -> PendingMessage:
    """Return the same message in another network; answers to a vanished item go there, too."""
    question = message.command
    if not isinstance(question, MergeAsked):
        return message
    nobody = MergeAnswered(
        by="system",
        command_id=f"{question.ask}:answer",
        asker_run=question.asker_run,
        ask=question.ask,
        accepted=False,
        reason="it is closed",
    )
    return PendingMessage(
        message.to, question, lambda: network.pending.append(PendingMessage(question.asker, nobody))
    )


# T16
def test_of_two_merged_into_each_other_one_is_closed_and_one_open_in_every_order() -> None:
    network = tickets(A, B)
    network.give(A, "merge", into=B)
    network.give(B, "merge", into=A)
    assert _orders_of(network) > 10


# T16: and when the second asks anywhere between
@pytest.mark.parametrize("first", [A, B])
@pytest.mark.parametrize("steps", range(5))
def test_of_two_one_is_closed_and_one_open_whenever_the_second_asks(first: str, steps: int) -> None:
    second = B if first == A else A
    network = tickets(A, B)
    network.give(first, "merge", into=second)
    for step in range(steps):
        if step % 2:
            network.deliver()
        else:
            network.perform()
    network.refusal_of(second, "merge", into=first)
    assert _orders_of(network) >= 1


# T16
@pytest.mark.parametrize("order", list(permutations((A, B, C))))
@given(choices=st.lists(st.integers(0, 20), max_size=30))
@settings(max_examples=40, deadline=None)
def test_of_three_merged_in_a_ring_one_stays_open(
    order: tuple[str, str, str], choices: list[int]
) -> None:
    network = tickets(A, B, C)
    asks = list(zip(order, (*order[1:], order[0]), strict=True))
    for choice in choices:
        moves = [
            *range(len(network.pending)),
            *(reference for reference in order if network.item(reference).outbox),
            "ask",
        ]
        move = moves[choice % len(moves)]
        if isinstance(move, int):
            network.deliver(move)
        elif move == "ask":
            asker, into = asks[choice % 3]
            network.refusal_of(asker, "merge", into=into)
        else:
            network.perform_for(move)
    network.settle()
    still_open = [
        reference for reference in order if network.item(reference).status is not Status.CLOSED
    ]
    assert still_open
    assert all(network.ticket(reference).merging is None for reference in order)
    for each in order:
        if merged(network, each):
            (into,) = network.linked(each, "merged_into")
            assert each in network.linked(into, "merged_from")


# T16: the flow of a Case goes on as its communications wake it (K5)
def test_a_case_woken_by_a_merge_goes_on_with_its_flow() -> None:
    network = tickets(A)
    network.add(case(reference="C-B", definition=TWO_STEPS, owner="carol"))
    network.settle()
    network.do("C-B", "wait", by="carol", type="more_information")
    for copy in network.case("C-B").actions:
        network.do(copy.reference, "resolve", outcome="complete")
    assert len(network.case("C-B").actions) == 2
    network.do(A, "merge", into="C-B")
    assert [copy.key for copy in network.case("C-B").actions] == ["read", "match", "transfer"]
    assert 'Step "pay" begins' in (network["C-B"].last.reason or "")
    network.advance(HOUR)
