"""T16: Tickets that are merged into others, with every order in which their messages may come."""

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
from tests.support.item_network import PendingMessage, World

A, B, C = "T-A", "T-B", "T-C"
WINDOW: dict[str, Any] = {"feedback_window": "P10D"}
PARTS = [{"title": title, "description": f"{title} never came."} for title in ("One", "Two")]


def tickets(*references: str, **fields: Any) -> World:  # noqa: ANN401
    world = World()
    for reference in references:
        world.add(ticket(reference=reference, **fields))
    return world


def merged(world: World, reference: str) -> bool:
    end = world.item(reference).resolution
    return end is not None and end.method is Method.MERGED


# T16
def test_a_merged_ticket_is_closed_at_once() -> None:
    world = tickets(A, B, settings=WINDOW | {"resolution_evidence": True})
    world.do(A, "start")
    world.do(A, "merge", into=B)
    seen = world[A].state
    assert (seen.status, seen.assignee, seen.owner) == (Status.CLOSED, None, "amy")
    assert seen.resolution is not None
    assert (seen.resolution.method, seen.resolution.by) == ("merged", "amy")
    assert world.linked(A, "merged_into") == [B]
    assert world.linked(B, "merged_from") == [A]
    assert (world[A].last.command, world[A].last.before) == ("merge_answered", Status.IN_PROGRESS)
    assert not world.refusals


# T16: its communications appear on the target
@pytest.mark.parametrize("target", ["Ticket", "Case"])
def test_its_communications_appear_on_the_target_as_new_information(target: str) -> None:
    world = tickets(A)
    into = B if target == "Ticket" else "C-B"
    world.add(ticket(reference=B) if target == "Ticket" else case(reference="C-B"))
    world.do(A, "add_note", text="The number is 4711.")
    world.do(A, "receive_email", message_id="<1@x.example>", sender="ida", subject="Only a subject")
    world.do(A, "merge", into=into)
    seen = world[into].state
    assert (seen.status, seen.new_information) == (Status.TO_DO, True)
    (change,) = [change for change in world[into].changes if change.notes and not change.mails][-1:]
    (note,) = change.notes
    assert note.kind == "merged"
    for told in ("The invoice of May never came.", "4711", "Only a subject", "amy", "ida"):
        assert told in note.text
    assert world[into].last.reason == f"{A} (No invoice) was merged into this"


# T16, C13: wakes the target as a mail would
@pytest.mark.parametrize("wait", ["more_information", "until", "pause"])
@pytest.mark.parametrize("kind", ["Ticket", "Case"])
def test_a_waiting_target_wakes_as_by_a_mail(kind: str, wait: str) -> None:
    if (kind, wait) == ("Ticket", "pause"):
        into, fields = B, {"type": "more_information", "days_to_wait": 3}
    else:
        into = B if kind == "Ticket" else "C-B"
        fields = {"type": wait} | ({"until": NOW + DAY} if wait == "until" else {})
    world = tickets(A)
    world.add(ticket(reference=B) if kind == "Ticket" else case(reference="C-B"))
    world.do(into, "wait", by="bob", **fields)
    before = world.item(into).wait
    world.do(A, "merge", into=into)
    seen = world[into].state
    assert seen.new_information
    if fields["type"] == "more_information":
        assert (seen.status, seen.assignee, seen.wait) == (Status.TO_DO, "bob", None)
    else:
        assert (seen.status, seen.owner) == (Status.WAIT, "bob")
        assert world.item(into).wait == before
    assert merged(world, A)


# T16, C12: nothing ends a split before its parts do
def test_a_target_that_waits_for_its_parts_goes_on_waiting() -> None:
    world = tickets(A, B)
    world.do(B, "split", parts=PARTS)
    world.do(A, "merge", into=B)
    assert merged(world, A)
    seen = world[B].state
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
    world = tickets(A)
    into = B if kind == "Ticket" else "C-B"
    if kind == "Ticket":
        world.add(ticket(reference=B, settings=chosen))
        world.do(B, "resolve", by="bob", method="customer_response")
    else:
        world.add(case(reference="C-B", settings=chosen, definition=None))
        world.do("C-B", "resolve", by="bob")
    closes_at = world.item(into).closes_at
    world.do(A, "merge", into=into)
    assert merged(world, A)
    seen = world[into].state
    assert (seen.status, seen.new_information) == (status, True)
    assert seen.assignee == ("bob" if status is Status.TO_DO else None)
    assert seen.closes_at == (None if status is Status.TO_DO else closes_at)


# T16
def test_the_target_is_asked_first_and_nothing_is_written_before_it_answers() -> None:
    world = tickets(A, B)
    before = world[A].state
    world.give(A, "merge", into=B)
    assert world[A].state == before
    assert len(world[A].entries) == 1
    world.perform()
    assert world[A].state == before
    (parcel,) = world.post
    assert isinstance(parcel.command, MergeAsked)
    world.settle()
    assert merged(world, A)


# T16
@pytest.mark.parametrize(
    ("into", "told"),
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
def test_a_merge_that_cannot_be_is_refused_and_changes_nothing(into: str, told: str) -> None:
    world = tickets("T-ORIGINAL", "T-GONE")
    world.add(draft(reference="T-DRAFT"))
    world.add(case_draft(reference="C-DRAFT"))
    world.do("T-GONE", "resolve", method="rejected_as_spam")
    world.do("T-ORIGINAL", "split", parts=PARTS)
    reference = world.linked("T-ORIGINAL", "part")[0]
    into = reference if into == A else into
    before = world[reference].state
    refusal = world.tried(reference, "merge", into=into, command_id="once")
    answers: list[str | None] = []
    if refusal is None:
        world.perform()
        world.deliver()
        world.perform()
        answers = [p.command.reason for p in world.post if isinstance(p.command, MergeAnswered)]
        world.settle()
        refusal = world.refused(reference, "merge", into=into, command_id="once")
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "T16"
    assert told in (answers[0] or "" if answers else refusal.sentence)
    assert world[reference].state == before
    assert world.ticket(reference).merging is None


# T16: also one that closes while its own messages are still under way answers no
def test_a_closed_target_that_still_lives_says_no() -> None:
    world = tickets(A, B)
    world.give(A, "merge", into=B)
    world.perform_for(A)
    (parcel,) = world.post
    world.give(B, "resolve", method="rejected_as_spam")
    revision = world.item(B).revision
    world.arrive(parcel)
    assert world.item(B).revision == revision
    world.post.clear()
    world.settle()
    assert world.item(A).status is Status.TO_DO
    assert world.ticket(A).merging is None


# T16: an item that is itself being merged
def test_a_ticket_that_is_being_merged_takes_no_other_one() -> None:
    world = tickets(A, B, C)
    world.give(B, "merge", into=C)
    world.perform_for(B)
    world.give(A, "merge", into=B)
    world.perform_for(A)
    world.deliver(1)
    world.settle()
    assert [merged(world, one) for one in (A, B, C)] == [False, True, False]


# T16
def test_a_ticket_that_asked_asks_nobody_else_before_it_is_answered() -> None:
    world = tickets(A, B, C)
    world.give(A, "merge", into=B)
    refusal = world.refused(A, "merge", into=C)
    assert (refusal.rule, refusal.fields) == ("T16", ("into",))
    assert B in refusal.sentence
    world.settle()
    assert world.linked(A, "merged_into") == [B]


# T16, T14, T15: what is asked may close it at any moment, so nothing may wait for other ends
@pytest.mark.parametrize(
    ("command", "fields"),
    [("split", {"parts": PARTS}), ("launch_case", {"definition": ONE_ACTION})],
)
def test_a_ticket_that_is_being_merged_is_neither_split_nor_launches(
    command: str, fields: dict[str, Any]
) -> None:
    world = tickets(A, B)
    world.give(A, "merge", into=B)
    refusal = world.refused(A, command, **fields)
    assert refusal.rule == "T16"
    assert B in refusal.sentence
    world.do(B, "resolve", method="rejected_as_spam")
    world.settle()


# T16, C8
def test_a_ticket_that_somebody_else_has_is_merged_only_by_taking_it_over() -> None:
    world = tickets(A, B)
    world.do(A, "start", by="bob")
    refusal = world.refused(A, "merge", into=B)
    assert refusal.rule == "C8"
    assert "bob" in refusal.sentence
    world.do(A, "merge", into=B, take_over=True)
    assert world.item(A).owner == "amy"


# T16, C9: of a robot's merge nobody is owner
@pytest.mark.parametrize("actor", [ROBOT, SERVICE])
def test_robots_and_services_may_merge_and_never_own(actor: str) -> None:
    world = tickets(A, B)
    world.do(A, "merge", by=actor, into=B)
    assert merged(world, A)
    assert world.item(A).owner is None


# T16, C17
def test_the_same_merge_given_twice_asks_once_and_is_answered_alike() -> None:
    world = tickets(A, B)
    world.give(A, "merge", into=B, command_id="once")
    world.give(A, "merge", into=B, command_id="once")
    asked = [effect for effect in world.item(A).outbox if isinstance(effect, AskMerge)]
    assert len(asked) == 1
    assert isinstance(world.refused(A, "merge", into=C, command_id="once"), InvalidCommand)
    world.settle()
    before = world[A].state
    world.give(A, "merge", into=B, command_id="once")
    assert world[A].state == before
    assert merged(world, A)
    assert len([entry for entry in world[B].entries if entry.command == "merge_asked"]) == 1


# T16, C17
def test_a_merge_that_was_refused_stays_refused_under_its_id_and_may_be_asked_anew() -> None:
    world = tickets(A, B)
    world.add(draft(reference=C))
    world.do(A, "merge", into=C, command_id="once")
    refusal = world.refused(A, "merge", into=C, command_id="once")
    assert (refusal.type, refusal.rule) == ("NotAllowed", "T16")
    world.do(C, "submit")
    world.do(A, "merge", into=C, command_id="twice")
    assert merged(world, A)


# T16, C17: also one that nobody gave an id is answered
def test_a_refused_merge_without_id_leaves_the_ticket_as_it_was() -> None:
    world = tickets(A)
    world.do(A, "merge", into=B)
    assert world.ticket(A).merging is None
    assert world.item(A).revision == 1


# T16, C16: the same question arriving again adds nothing
def test_a_question_and_an_answer_that_arrive_twice_count_once() -> None:
    world = tickets(A, B)
    world.give(A, "merge", into=B)
    world.perform_for(A)
    (question,) = world.post
    world.arrive(question)
    world.arrive(question)
    assert len(world[B].entries) == 2
    world.perform_for(B)
    (answer,) = world.post[1:]
    world.arrive(answer)
    revision = world.item(A).revision
    world.arrive(answer)
    assert world.item(A).revision == revision
    assert not world.refusals


# T16, C15: a late yes after the Ticket closed otherwise
def test_a_late_yes_finds_a_ticket_that_closed_otherwise_closed() -> None:
    world = tickets(A, B)
    world.give(A, "merge", into=B, command_id="once")
    world.perform_for(A)
    world.deliver()
    world.perform_for(B)
    (yes,) = world.post
    world.give(A, "resolve", method="rejected_as_spam")
    before = world[A].state
    assert world.ticket(A).merging is None
    refusal = world.arrive(yes)
    assert refusal is not None
    assert refusal.rule == "C15"
    assert world[A].state == before
    assert world.refused(A, "merge", into=B, command_id="once").rule == "T16"


# T16: also when a timer closed it
def test_a_ticket_that_closes_by_itself_gives_its_question_up() -> None:
    world = tickets(A, B, settings=WINDOW)
    world.give(A, "merge", into=B)
    world.give(A, "resolve", method="rejected")
    world[A].later(11 * DAY)
    assert world.item(A).status is Status.CLOSED
    assert world.ticket(A).merging is None


# T16, T11: the window of one that is resolved meanwhile ends with the yes
def test_a_ticket_that_was_resolved_meanwhile_is_closed_by_the_yes() -> None:
    world = tickets(A, B, settings=WINDOW)
    world.give(A, "merge", into=B)
    world.give(A, "resolve", by="bob", method="rejected")
    first = world.item(A).first_resolution
    world.settle()
    assert merged(world, A)
    assert world.item(A).closes_at is None
    assert world.item(A).first_resolution == first


# T16
def test_an_answer_to_another_question_changes_nothing() -> None:
    world = tickets(A, B)
    world.give(A, "merge", into=B)
    strange = {"asker_run": "run-1", "ask": "T-A:merge:7", "accepted": True}
    assert world[A].signal("merge_answered", by="system", **strange) is None
    strange = {"asker_run": "another", "ask": "T-A:merge:1", "accepted": True}
    assert world[A].signal("merge_answered", by="system", **strange) is None
    assert world.item(A).status is Status.TO_DO
    assert world.ticket(A).merging is not None


# T16, C17
def test_a_merge_of_another_revision_is_a_conflict() -> None:
    world = tickets(A, B)
    assert isinstance(world.refused(A, "merge", into=B, expected_revision=7), Conflict)


# T16, M6: what goes along is bounded, and says that it is
@pytest.mark.parametrize("letter", ["x", '"', "\n", "ä", "\N{GRINNING FACE}"])
def test_long_communications_go_along_as_far_as_can_be_carried(letter: str) -> None:
    world = tickets(A, B)
    for number in range(12):
        text = f"{number}{letter * (15_000 // len(letter.encode()))}."
        world.give(A, "add_note", text=text)
    world.give(A, "merge", into=B)
    (ask,) = world[A].item.outbox
    assert isinstance(ask, AskMerge)
    question = MergeAsked(
        by="amy", asker=A, asker_run="r", ask="a", title="", communications=ask.communications
    )
    assert len(question.model_dump_json().encode()) < COMMUNICATIONS_LIMIT + 500
    assert ask.communications.endswith("… (whole in the store)")
    assert "0xx" in ask.communications or letter != "x"
    world.settle()
    assert merged(world, A)
    assert len(dump_item(world.item(B))) <= CARRIED_LIMIT


def _ways(world: World, done: int = 0) -> int:
    """Every order in which messages may come: how many there are; each ends as it must."""
    moves: list[tuple[str, Any]] = [("perform", one) for one in (A, B) if world.item(one).outbox]
    moves += [("deliver", at) for at in range(len(world.post))]
    if not moves:
        closed = sorted(one for one in (A, B) if world.item(one).status is Status.CLOSED)
        assert len(closed) == 1, f"{closed} closed"
        assert merged(world, closed[0])
        still_open = B if closed == [A] else A
        assert world.ticket(still_open).merging is None
        assert world.linked(closed[0], "merged_into") == [still_open]
        assert closed[0] in world.linked(still_open, "merged_from")
        return done + 1
    for what, which in moves:
        branch = _copy(world)
        if what == "perform":
            branch.perform_for(which)
        else:
            branch.deliver(which)
        done = _ways(branch, done)
    return done


def _copy(world: World) -> World:
    other = World()
    for life in world.lives.values():
        other.add(type(life)(life.item, life.now, None, list(life.changes)))
    other.post = [_for(other, parcel) for parcel in world.post]
    return other


def _for(world: World, parcel: PendingMessage) -> PendingMessage:
    """The same message in another world; a question to one that is gone is answered there."""
    asked = parcel.command
    if not isinstance(asked, MergeAsked):
        return parcel
    nobody = MergeAnswered(
        by="system",
        command_id=f"{asked.ask}:answer",
        asker_run=asked.asker_run,
        ask=asked.ask,
        accepted=False,
        reason="it is closed",
    )
    return PendingMessage(
        parcel.to, asked, lambda: world.post.append(PendingMessage(asked.asker, nobody))
    )


# T16
def test_of_two_merged_into_each_other_one_is_closed_and_one_open_in_every_order() -> None:
    world = tickets(A, B)
    world.give(A, "merge", into=B)
    world.give(B, "merge", into=A)
    assert _ways(world) > 10


# T16: and when the second asks anywhere between
@pytest.mark.parametrize("first", [A, B])
@pytest.mark.parametrize("steps", range(5))
def test_of_two_one_is_closed_and_one_open_whenever_the_second_asks(first: str, steps: int) -> None:
    second = B if first == A else A
    world = tickets(A, B)
    world.give(first, "merge", into=second)
    for step in range(steps):
        if step % 2:
            world.deliver()
        else:
            world.perform()
    world.tried(second, "merge", into=first)
    assert _ways(world) >= 1


# T16
@pytest.mark.parametrize("order", list(permutations((A, B, C))))
@given(choices=st.lists(st.integers(0, 20), max_size=30))
@settings(max_examples=40, deadline=None)
def test_of_three_merged_in_a_ring_one_stays_open(
    order: tuple[str, str, str], choices: list[int]
) -> None:
    world = tickets(A, B, C)
    asks = list(zip(order, (*order[1:], order[0]), strict=True))
    for choice in choices:
        moves = [*range(len(world.post)), *(one for one in order if world.item(one).outbox), "ask"]
        move = moves[choice % len(moves)]
        if isinstance(move, int):
            world.deliver(move)
        elif move == "ask":
            asker, into = asks[choice % 3]
            world.tried(asker, "merge", into=into)
        else:
            world.perform_for(move)
    world.settle()
    still_open = [one for one in order if world.item(one).status is not Status.CLOSED]
    assert still_open
    assert all(world.ticket(one).merging is None for one in order)
    for one in order:
        if merged(world, one):
            (into,) = world.linked(one, "merged_into")
            assert one in world.linked(into, "merged_from")


# T16: the flow of a Case goes on as its communications wake it (K5)
def test_a_case_woken_by_a_merge_goes_on_with_its_flow() -> None:
    world = tickets(A)
    world.add(case(reference="C-B", definition=TWO_STEPS, owner="carol"))
    world.settle()
    world.do("C-B", "wait", by="carol", type="more_information")
    for copy in world.case("C-B").actions:
        world.do(copy.reference, "resolve", outcome="complete")
    assert len(world.case("C-B").actions) == 2
    world.do(A, "merge", into="C-B")
    assert [copy.key for copy in world.case("C-B").actions] == ["read", "match", "transfer"]
    assert 'Step "pay" begins' in (world["C-B"].last.reason or "")
    world.later(HOUR)
