"""A Ticket that is split waits until all its parts are closed (T14, C12)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.values import Method, StartedBy, Status, WaitType
from domain.model.definitions import ItemTerms
from domain.model.due_dates import due_at, is_clock_stopped
from domain.model.effects import StartItem
from domain.model.internal_messages import ItemEnded
from domain.model.items import Ticket
from domain.model.states import TicketState
from domain.rules.split_and_launch import COMMUNICATIONS_LIMIT, PART_LIMIT, PARTS_LIMIT
from tests.support.builders import (
    COMPLETE,
    DAY,
    HOUR,
    IDA,
    NOW,
    PARIS,
    ROBOT,
    SERVICE,
    draft,
    start_ticket,
    ticket,
)
from tests.support.item_network import ItemNetwork

T = "T-ORIGINAL"
PARTS = [
    {"title": "The invoice", "description": "It never came."},
    {"title": "The reminder", "description": "It came twice."},
]
LARGE = "\N{GRINNING FACE}"


def original(**fields: Any) -> ItemNetwork:  # noqa: ANN401
    network = ItemNetwork()
    network.add(ticket(reference=T, **fields))
    return network


def in_parts(**fields: Any) -> tuple[ItemNetwork, list[str]]:  # noqa: ANN401
    network = original(**fields)
    network.do(T, "split", parts=PARTS)
    return network, network.linked(T, "part")


def awaited(network: ItemNetwork) -> list[str | None]:
    seen = network[T].state
    assert isinstance(seen, TicketState)
    return [each.ended for each in seen.awaited]


# T14
def test_each_part_is_a_new_ticket_to_do_with_its_own_title_and_description() -> None:
    network, parts = in_parts()
    assert len(parts) == 2
    for reference, wish in zip(parts, PARTS, strict=True):
        seen = network[reference].state
        assert (seen.status, seen.assignee, seen.owner) == (Status.TO_DO, None, None)
        assert (seen.title, seen.description) == (wish["title"], wish["description"])
        assert seen.started_by is StartedBy.SPLIT
        assert seen.created_by == "amy"
        assert seen.submitted_at == network.now
        assert network.linked(reference, "split_from") == [T]


# T14: category, contacts, queue, due date, communications and the original start come along
def test_what_the_original_has_comes_along() -> None:
    bob = {"name": "Bob", "email": "bob@example.org"}
    settings_given: dict[str, Any] = {
        "feedback_window": "P3D",
        "due": {"within": "PT36H", "at_risk": "PT1H"},
        "notify": ["lead@example.org"],
    }
    network = original(
        queue="billing",
        requester=bob,
        settings=settings_given,
        links=[{"kind": "order", "reference": "4711"}],
    )
    network.advance(5 * HOUR)
    network.do(T, "add_note", by="bob", text="She called twice.")
    network.do(T, "receive_email", message_id="<1@x.example>", sender="ida", subject="And no text")
    network.do(T, "split", parts=PARTS)
    first = network.linked(T, "part")[0]
    seen = network[first].state
    assert (seen.category, seen.queue) == ("billing", "billing")
    assert (seen.primary_contact, seen.requester) == (
        network[T].state.primary_contact,
        network[T].state.requester,
    )
    assert seen.requester is not None
    assert seen.requester.name == "Bob"
    assert seen.started_at == NOW
    assert seen.due_at == NOW + 36 * HOUR
    assert network.item(first).settings == network.item(T).settings
    assert [link.kind for link in network.item(first).links] == ["order", "split_from"]
    notes = [note for change in network[first].changes for note in change.notes]
    assert [note.kind for note in notes] == ["submission", "communications"]
    for expected in ("The invoice of May never came.", "She called twice.", "bob", "And no text"):
        assert expected in notes[1].text
    assert [entry.command for entry in network[first].entries] == ["create", "communications"]


# T14: a new item must not wait for settings that the original was submitted with
def test_a_part_has_the_calendar_of_its_original() -> None:
    network = ItemNetwork()
    life = start_ticket(
        reference=T,
        **COMPLETE,
        submit=True,
        settings={"calendar": "paris", "due": {"within": "P1D", "calendar": "paris"}},
        terms=ItemTerms(calendars=(PARIS,)),
    )
    network.add(life)
    network.do(T, "split", parts=PARTS)
    first = network.item(network.linked(T, "part")[0])
    assert first.calendar == PARIS
    assert due_at(first) == due_at(network.item(T))


# T14, D2: the part's clock runs although the original's stands still
def test_a_parts_clock_runs_from_its_start_on() -> None:
    rule = {"within": "P3D", "add_wait_time": True, "waits": ["more_information"]}
    network = original(settings={"due": rule})
    network.advance(DAY)
    network.do(T, "wait", type="more_information")
    network.advance(DAY)
    network.do(T, "split", parts=PARTS)
    first = network.item(network.linked(T, "part")[0])
    assert not is_clock_stopped(first)
    assert due_at(first) == NOW + 4 * DAY
    assert not is_clock_stopped(network.item(T))


# T14
def test_the_original_waits_for_its_parts_and_closes_with_the_last_one() -> None:
    network, (first, second) = in_parts(settings={"resolution_evidence": True})
    seen = network[T].state
    assert (seen.status, seen.assignee, seen.owner) == (Status.WAIT, None, "amy")
    assert seen.wait is not None
    assert seen.wait.type == "split"
    assert awaited(network) == [None, None]
    network.do(second, "resolve", method="rejected", note="not ours")
    assert network.item(T).status is Status.WAIT
    assert awaited(network) == [None, "rejected"]
    network.do(first, "resolve", method="customer_response", note="sent again")
    seen = network[T].state
    assert seen.status is Status.CLOSED
    assert seen.resolution is not None
    assert (seen.resolution.method, seen.resolution.by) == ("split", "system")
    assert awaited(network) == ["customer_response", "rejected"]
    assert seen.owner == "amy"
    assert first in (network[T].last.reason or "")
    assert not network.refusals


# T14: closed, not merely resolved
def test_a_part_in_its_feedback_window_is_waited_for() -> None:
    network, (first, second) = in_parts(settings={"feedback_window": "P2D"})
    network.do(first, "resolve", method="customer_response")
    network.do(second, "resolve", method="customer_response")
    assert awaited(network) == [None, None]
    network.do(first, "reopen")
    network.advance(3 * DAY)
    assert awaited(network) == [None, "customer_response"]
    network.do(first, "resolve", method="customer_response")
    network.advance(3 * DAY)
    assert network.item(T).status is Status.CLOSED
    assert network.item(T).closes_at is None


# T14: any end of a part counts, a merge too
@pytest.mark.parametrize(
    ("how", "ending"),
    [
        ("rejected_as_spam", ("resolve", {"method": "rejected_as_spam"})),
        ("merged", ("merge", {"into": "T-OTHER"})),
        (
            "no_customer_response",
            (
                "wait",
                {"type": "more_information", "days_to_wait": 1, "close_if_no_response": True},
            ),
        ),
    ],
)
def test_a_part_counts_however_it_is_closed(how: str, ending: tuple[str, dict[str, Any]]) -> None:
    network, (first, second) = in_parts()
    network.add(ticket(reference="T-OTHER"))
    name, fields = ending
    for part in (first, second):
        network.do(part, name, **fields)
    network.advance(2 * DAY)
    assert awaited(network) == [how, how]
    end = network.item(T).resolution
    assert end is not None
    assert end.method is Method.SPLIT


# T14
def test_a_part_merged_into_its_sibling_counts() -> None:
    network, (first, second) = in_parts()
    network.do(first, "merge", into=second)
    assert awaited(network) == ["merged", None]
    network.do(second, "resolve", method="rejected")
    assert network.item(T).status is Status.CLOSED


# T14, T16: a part into its original is refused
def test_a_part_is_not_merged_into_its_original() -> None:
    network, (first, _) = in_parts()
    refusal = network.refused(first, "merge", into=T)
    assert (refusal.rule, refusal.fields) == ("T16", ("into",))


# T14: a part may itself be split; all of it has to be closed
def test_a_part_that_is_split_again_counts_once_its_own_parts_are_closed() -> None:
    network, (first, second) = in_parts()
    network.do(first, "split", by="bob", parts=PARTS)
    network.do(second, "resolve", method="rejected")
    inner = network.linked(first, "part")
    assert network.linked(inner[0], "split_from") == [T, first]
    for part in inner:
        assert network.item(T).status is Status.WAIT
        network.do(part, "resolve", method="rejected")
    assert network.item(first).status is Status.CLOSED
    assert network.item(T).status is Status.CLOSED
    assert awaited(network) == ["split", "rejected"]


# T14, C21: one that vanished is not waited for
def test_a_part_that_vanished_is_not_waited_for() -> None:
    network, (first, second) = in_parts()
    network.terminate(first)
    network.settle()
    assert awaited(network) == ["vanished", None]
    network.do(second, "resolve", method="rejected")
    assert network.item(T).status is Status.CLOSED


# T14: its end is told once, and counts once
def test_an_end_that_is_told_twice_counts_once() -> None:
    network, (first, second) = in_parts()
    network.give(first, "resolve", method="rejected")
    network.perform()
    (end,) = network.pending
    network.deliver()
    revision = network.item(T).revision
    network.receive(end)
    assert isinstance(end.command, ItemEnded)
    change = network[T].signal(
        "item_ended",
        by="system",
        waiter_run="run-1",
        reference=end.command.reference,
        how="vanished",
    )
    assert change is None
    assert network.item(T).revision == revision
    assert network.end_messages == {(T, first): 1}
    assert awaited(network) == ["rejected", None]
    assert network.item(second).status is Status.TO_DO


# T14: a stranger's end is refused
@pytest.mark.parametrize("strange", ["reference", "waiter_run"])
def test_the_end_of_a_stranger_is_refused(strange: str) -> None:
    network, (first, _) = in_parts()
    fields = {"waiter_run": "run-1", "reference": first, "how": "rejected"} | {strange: "x"}
    refusal = network[T].signal("item_ended", by="system", **fields)
    assert isinstance(refusal, NotAllowed)
    assert (refusal.rule, refusal.fields) == ("T14", ("reference",))
    assert awaited(network) == [None, None]


# C12
@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("edit", {"queue": "second"}),
        ("wait", {"type": "more_information"}),
        ("wait", {"type": "until", "until": NOW + DAY}),
        ("resume", {}),
        ("resolve", {"method": "rejected"}),
        ("send_and_resolve", {"to": "ida@example.org", "method": "rejected"}),
        ("split", {"parts": PARTS}),
        ("launch_case", {"definition": {"name": "errand", "steps": []}}),
        ("merge", {"into": "T-OTHER"}),
    ],
)
def test_nobody_ends_the_wait_of_a_split_ticket(name: str, fields: dict[str, Any]) -> None:
    network, parts = in_parts()
    taking: tuple[dict[str, Any], ...] = ({}, {"take_over": True})
    for more in taking:
        refusal = network.refused(T, name, **fields, **more)
        assert isinstance(refusal, NotAllowed)
        assert refusal.rule == "C12"
        for part in parts:
            assert part in refusal.sentence
    network.do(parts[0], "resolve", method="rejected")
    assert parts[0] not in network.refused(T, name, **fields).sentence


# C12, C13, chapter 10: what is not refused, as in any wait
def test_a_split_ticket_takes_notes_mails_and_owners() -> None:
    network, _ = in_parts()
    network.do(T, "add_note", text="done elsewhere")
    network.do(T, "receive_email", message_id="<1@x.example>", sender="ida")
    seen = network[T].state
    assert (seen.status, seen.new_information) == (Status.WAIT, True)
    network.do(T, "assign", to="bob")
    network.do(T, "mark_read", by="bob")
    assert (network.item(T).owner, network.item(T).new_information) == ("bob", False)
    network.do(T, "send_email", to="ida@example.org", subject="We are on it")
    assert [mail.to for _, mail in network.mails] == [("ida@example.org",)]


# T14, C9, C8
@pytest.mark.parametrize(
    ("holder", "actor", "owner"),
    [
        (None, "amy", "amy"),
        ("bob", "bob", "bob"),
        (None, SERVICE, None),
        (None, ROBOT, None),
        (ROBOT, ROBOT, None),
    ],
)
def test_who_splits_or_has_it_becomes_the_owner(
    holder: str | None, actor: str, owner: str | None
) -> None:
    network = original()
    if holder:
        network.do(T, "start", by=holder)
    network.do(T, "split", by=actor, parts=PARTS)
    assert network.item(T).owner == owner


# C8
def test_a_ticket_that_somebody_else_has_is_split_only_by_taking_it_over() -> None:
    network = original()
    network.do(T, "start", by="bob")
    refusal = network.refused(T, "split", parts=PARTS)
    assert refusal.rule == "C8"
    assert "bob" in refusal.sentence
    network.do(T, "split", parts=PARTS, take_over=True)
    assert network.item(T).owner == "amy"


# C11: another wait's owner stays, and its timer is gone
def test_a_waiting_ticket_may_be_split_and_its_timer_never_acts() -> None:
    network = original()
    network.do(T, "wait", by="bob", type="until", until=NOW + DAY)
    network.do(T, "split", parts=PARTS)
    assert (network.item(T).owner, network[T].state.wakes_at) == ("bob", None)
    network.advance(5 * DAY)
    assert network.item(T).status is Status.WAIT


# chapter 10
def test_a_draft_is_not_split() -> None:
    network = ItemNetwork()
    network.add(draft(reference=T))
    assert network.refused(T, "split", parts=PARTS).rule == "chapter 10"


# T14: two parts or more
@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([], "parts"),
        (PARTS[:1], "parts"),
        (PARTS * 11, "parts"),
        ([*PARTS, {"title": " ", "description": "x"}], "parts.2.title"),
        ([*PARTS, {"title": "x", "description": ""}], "parts.2.description"),
        ([*PARTS, {"title": "x"}], "parts.2.description"),
        ([*PARTS, {"title": "x", "description": "y", "queue": "z"}], "parts.2.queue"),
        ("two", "parts"),
    ],
)
def test_parts_that_are_none_are_refused_by_field(parts: object, field: str) -> None:
    network = original()
    refusal = network.refused(T, "split", parts=parts)
    assert isinstance(refusal, InvalidCommand)
    assert refusal.fields == (field,)


# T14, architecture: what one workflow task can carry
@pytest.mark.parametrize("character", ["x", '"', "\n", LARGE])
def test_twenty_parts_of_a_long_ticket_are_started_in_one_task(character: str) -> None:
    name = character.replace("\n", "x") * 100
    network = original(links=[{"kind": name, "reference": name}] * 70, requester=IDA)
    for number in range(12):
        network.give(
            T, "add_note", text=f"{number}{character * (15_000 // len(character.encode()))}."
        )
    parts = [
        {
            "title": f"{n}{name}",
            "description": f"{n}{character * (2_000 // len(character.encode()))}",
        }
        for n in range(20)
    ]
    network.give(T, "split", parts=parts)
    starts = [effect for effect in network.item(T).outbox if isinstance(effect, StartItem)]
    sizes = [len(effect.begin.model_dump_json().encode()) for effect in starts]
    assert len(sizes) == 20
    assert max(sizes) <= PART_LIMIT
    assert COMMUNICATIONS_LIMIT * 20 < sum(sizes) <= PARTS_LIMIT
    network.settle()
    assert len({part.reference for part in network.ticket(T).awaited}) == 20
    for each in network.ticket(T).awaited:
        assert isinstance(network.item(each.reference), Ticket)


# T14: the server takes no input that large, so the command is refused
def test_parts_too_large_to_be_started_are_refused_by_field() -> None:
    network = original()
    long = {"title": "long", "description": "x" * 210_000}
    refusal = network.refused(T, "split", parts=[PARTS[0], long])
    assert isinstance(refusal, InvalidCommand)
    assert (refusal.rule, refusal.fields) == ("T14", ("parts.1",))
    network = original(links=[{"kind": LARGE * 100, "reference": LARGE * 100}] * 100)
    for number in range(12):
        network.give(T, "add_note", text=f"{number}{'x' * 15_000}.")
    wide = [{"title": "wide", "description": "x" * 12_000}] * 20
    refusal = network.refused(T, "split", parts=wide)
    assert isinstance(refusal, InvalidCommand)
    assert (refusal.rule, refusal.fields) == ("T14", ("parts",))
    network.do(T, "split", parts=wide[:10])


# T14, C16: parts may end in any order
@given(order=st.permutations(range(6)), late=st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_original_closes_exactly_when_the_last_part_does(order: list[int], late: bool) -> None:  # noqa: FBT001 - hypothesis gives it by name
    network = original()
    network.do(T, "split", parts=PARTS * 3)
    parts = network.linked(T, "part")
    for done, which in enumerate(order, start=1):
        network.give(parts[which], "resolve", method="rejected")
        if not late:
            network.settle()
            assert (network.item(T).status is Status.CLOSED) == (done == len(parts))
    while network.pending or network.perform():
        network.deliver(len(network.pending) - 1)
    assert network.item(T).status is Status.CLOSED
    assert network.end_messages == {(T, part): 1 for part in parts}


# T14: the same split decided again starts the same parts
def test_the_references_of_parts_follow_from_the_ticket() -> None:
    one, again = original(), original()
    for network in (one, again):
        network.do(T, "split", parts=PARTS)
    assert one.linked(T, "part") == again.linked(T, "part")
    other = ItemNetwork()
    other.add(ticket(reference="T-ANOTHER"))
    other.do("T-ANOTHER", "split", parts=PARTS)
    assert not set(other.linked("T-ANOTHER", "part")) & set(one.linked(T, "part"))


def test_the_wait_of_a_split_ticket_is_no_wait_that_anybody_chooses() -> None:
    refusal = original().refused(T, "wait", type=WaitType.SPLIT)
    assert isinstance(refusal, InvalidCommand)
    assert refusal.fields == ("type",)
