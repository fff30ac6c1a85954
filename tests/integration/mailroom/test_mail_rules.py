"""Mails on a real desk: the item that each belongs to, and its effect (M1, M2, C13, A5)."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from tests.support.mailrooms import (
    DESK,
    ERRANDS,
    EVE,
    HASTY,
    PARENT_FIRST,
    Mailroom,
    mailroom,
    make_mail,
    plus_address,
)
from tests.support.process_stack import assert_eventually

pytestmark = pytest.mark.xdist_group("mail-rules")


@pytest_asyncio.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mailroom]:
    """One desk for all of them: each has items of its own."""
    async with mailroom(tmp_path_factory.mktemp("mails")) as room:
        yield room


@pytest_asyncio.fixture
async def room(shared: Mailroom) -> Mailroom:
    await shared.running_stack.revive()
    return shared


# M1
async def test_a_thread_comes_before_an_address_and_that_before_a_subject(room: Mailroom) -> None:
    first = await room.send(subject="First")
    by_thread, by_address, by_subject = (
        first.reference,
        await room.start_item(),
        await room.start_item(),
    )
    own, words = plus_address(DESK, by_address), f"Re: [{by_subject}] about it"
    answer = {"In_Reply_To": f"<{first.message_id}>"}
    assert (await room.send(own, subject=words, **answer)).reference == by_thread
    older = {"References": f"<{first.message_id}> <unknown@example.org>"}
    assert (await room.send(own, subject=words, **older)).reference == by_thread
    assert (await room.send(own, subject=words)).reference == by_address
    assert (await room.send(subject=words)).reference == by_subject
    alone = await room.send(subject="First")
    assert alone.reference not in {by_thread, by_address, by_subject}
    assert await room.links(alone.reference or "") == []


# M1
@pytest.mark.parametrize("way", ["address", "subject"])
async def test_a_stranger_who_guesses_a_reference_starts_a_linked_item(
    room: Mailroom, way: str
) -> None:
    theirs = await room.start_item()
    if way == "address":
        guessed = await room.send(plus_address(DESK, theirs), sender=EVE)
    else:
        guessed = await room.send(subject=f"[{theirs}] let me in", sender=EVE)
    assert guessed.reference != theirs
    assert room.items_with(guessed) == [guessed.reference]
    assert await room.links(guessed.reference or "") == [("follows", theirs)]
    commands = [one["command"] for one in await room.running_stack.timeline(theirs)]
    assert commands == ["create", "receive_email"]


# M1, M3: one item a desk; what answers it goes to the item of the desk that it is sent to
async def test_a_mail_to_two_desks_makes_an_item_of_each_and_twice_makes_none(
    room: Mailroom,
) -> None:
    raw = make_mail(subject="To both")
    first, second = await room.accept(raw, DESK, HASTY)
    assert await room.accept(raw, HASTY, DESK) == []
    await room.deliver()
    assert first.reference != second.reference
    assert [room.items_with(first), room.items_with(second)] == [
        [first.reference],
        [second.reference],
    ]
    answer = {"In_Reply_To": f"<{first.message_id}>"}
    assert (await room.send(HASTY, **answer)).reference == second.reference
    assert (await room.send(DESK, **answer)).reference == first.reference


# M3: Temporal takes ten updates of an item at a time, and has others tried again much later
async def test_many_mails_for_one_item_are_given_to_it_in_their_order(
    room: Mailroom, caplog: pytest.LogCaptureFixture
) -> None:
    reference = await room.start_item()
    sent = []
    for number in range(40):
        (accepted,) = await room.accept(
            make_mail(subject=f"No. {number}"), plus_address(DESK, reference)
        )
        sent.append(f"mail from Ida Berg <ida@example.org>: {accepted.subject}")
    with caplog.at_level(logging.WARNING, "casekeep.mailroom"):
        await room.deliver()
    assert caplog.messages == []
    told = [one["reason"] for one in await room.running_stack.timeline(reference)]
    assert told[-40:] == sent


# M2, K1
async def test_a_mail_starts_what_its_mailbox_says(room: Mailroom) -> None:
    ticket = await room.running_stack.desk.state(
        await room.start_item(subject="My bill", body="Is wrong.")
    )
    assert (ticket["kind"], ticket["category"], ticket["title"]) == (
        "Ticket",
        "question",
        "My bill",
    )
    assert (ticket["status"], ticket["started_by"]) == ("TO_DO", "email")
    assert ticket["description"].strip() == "Is wrong."
    assert ticket["requester"] == {"name": "Ida Berg", "email": "ida@example.org"}
    reference = await room.start_item(ERRANDS, subject="Run for me")
    case = await room.running_stack.eventually(reference, step="only")
    assert (case["kind"], case["started_by"], case["title"]) == ("Case", "email", "Run for me")
    assert [one["key"] for one in case["actions"]] == ["run", "tell"]


# M2
async def test_a_mail_that_lacks_everything_starts_an_item_all_the_same(room: Mailroom) -> None:
    state = await room.running_stack.desk.state(
        await room.start_item(sender=None, subject=None, body="")
    )
    assert (state["title"], state["status"]) == ("(no subject)", "TO_DO")
    assert state["requester"]["name"] == "unknown sender"


# M2
async def test_an_address_that_no_mailbox_has_makes_a_ticket_that_is_closed(room: Mailroom) -> None:
    arrived = await room.send("nobody@desk.example")
    state = await room.running_stack.desk.wait_until_closed(arrived.reference or "")
    assert room.items_with(arrived) == [arrived.reference]
    assert (state["status"], state["closes_at"]) == ("CLOSED", None)
    assert state["resolution"]["method"] == "rejected_unknown_address"


# M2, T13
async def test_mail_to_a_closed_item_starts_a_new_one_linked_to_it(room: Mailroom) -> None:
    first = await room.send(HASTY, subject="Quickly")
    await room.running_stack.do(first.reference or "", "resolve", method="customer_response")
    closed = await room.running_stack.desk.wait_until_closed(first.reference or "")
    assert closed["status"] == "CLOSED"
    after = await room.send(HASTY, In_Reply_To=f"<{first.message_id}>")
    assert after.reference != first.reference
    assert room.items_with(after) == [after.reference]
    assert await room.links(after.reference or "") == [("follows", first.reference)]
    again = await room.send(HASTY, In_Reply_To=f"<{after.message_id}>")
    assert again.reference == after.reference


# M2, T16
async def test_mail_to_a_merged_item_goes_to_its_target_while_that_is_open(room: Mailroom) -> None:
    first = await room.send(subject="Twice")
    target = await room.start_item(HASTY, subject="Twice, too")
    await room.running_stack.do(first.reference or "", "merge", into=target)
    await room.running_stack.desk.wait_until_closed(first.reference or "")
    answer = {"In_Reply_To": f"<{first.message_id}>"}
    assert (await room.send(**answer)).reference == target
    await room.running_stack.do(target, "resolve", method="customer_response")
    await room.running_stack.desk.wait_until_closed(target)
    after = await room.send(**answer)
    assert after.reference not in {first.reference, target}
    assert room.items_with(after) == [after.reference]


async def _closed_action(room: Mailroom, box: str) -> tuple[str, str]:
    case = await room.start_item(box)
    state = await room.running_stack.eventually(case, step="only")
    action: str = state["actions"][0]["reference"]
    await room.running_stack.do(action, "resolve", outcome="complete")
    await room.running_stack.desk.wait_until_closed(action)
    return case, action


# A5
async def test_mail_to_a_closed_action_starts_a_new_item(room: Mailroom) -> None:
    case, action = await _closed_action(room, ERRANDS)
    arrived = await room.send(plus_address(ERRANDS, action))
    assert arrived.reference not in {case, action}
    assert room.items_with(arrived) == [arrived.reference]
    assert await room.links(arrived.reference or "") == [("follows", action)]


# A5
async def test_mail_to_a_closed_action_goes_to_its_open_case_where_the_mailbox_says_so(
    room: Mailroom,
) -> None:
    case, action = await _closed_action(room, PARENT_FIRST)
    arrived = await room.send(plus_address(PARENT_FIRST, action))
    assert (arrived.reference, room.items_with(arrived)) == (case, [case])
    assert (await room.running_stack.desk.state(case))["new_information"]
    await room.running_stack.do(case, "cancel", reason="no more")
    await room.running_stack.desk.wait_until_closed(case)
    after = await room.send(plus_address(PARENT_FIRST, action))
    assert after.reference not in {case, action}
    assert room.items_with(after) == [after.reference]


# C13
async def test_mail_to_an_item_that_is_worked_on_is_new_information(room: Mailroom) -> None:
    reference = await room.start_item()
    await room.running_stack.do(reference, "start")
    assert not (await room.running_stack.desk.state(reference))["new_information"]
    await room.send(plus_address(DESK, reference))
    state = await room.running_stack.desk.state(reference)
    assert (state["status"], state["assignee"]) == ("IN_PROGRESS", "amy")
    assert state["new_information"]


# C13, C9, T7
async def test_mail_ends_a_wait_for_it_and_the_timer_with_it(room: Mailroom) -> None:
    reference = await room.start_item()
    await room.running_stack.do(
        reference, "wait", type="more_information", days_to_wait=1, close_if_no_response=True
    )
    assert (await room.running_stack.desk.state(reference))["wakes_at"]
    await room.send(plus_address(DESK, reference))
    state = await room.running_stack.desk.state(reference)
    assert (state["status"], state["assignee"], state["wakes_at"]) == ("TO_DO", "amy", None)
    assert state["new_information"]


# C13, C19
async def test_mail_that_came_before_the_wait_and_is_handled_after_ends_it_too(
    room: Mailroom,
) -> None:
    reference = await room.start_item()
    await room.accept(make_mail(), plus_address(DESK, reference))
    await room.running_stack.do(reference, "wait", type="more_information")
    await room.deliver()
    assert (await room.running_stack.desk.state(reference))["status"] == "TO_DO"


# C13
async def test_mail_to_another_wait_is_in_the_owners_inbox_and_the_wait_goes_on(
    room: Mailroom,
) -> None:
    reference = await room.start_item()
    until = "2099-01-01T00:00:00Z"
    await room.running_stack.do(reference, "wait", type="until", until=until)
    await room.send(plus_address(DESK, reference))
    state = await room.running_stack.desk.state(reference)
    assert (state["status"], state["owner"], state["new_information"]) == ("WAIT", "amy", True)
    assert state["wait"]["until"].startswith("2099-01-01")


# T12, M4
async def test_mail_within_the_window_reopens_and_automatic_mail_does_not(room: Mailroom) -> None:
    reference = await room.start_item()
    await room.running_stack.do(reference, "resolve", method="customer_response")
    await room.running_stack.do(reference, "mark_read")
    absent = await room.send(plus_address(DESK, reference), Auto_Submitted="auto-replied")
    assert room.items_with(absent) == [reference]
    state = await room.running_stack.desk.state(reference)
    assert (state["status"], state["new_information"]) == ("RESOLVED", False)
    await room.send(plus_address(DESK, reference), subject="Still wrong")
    state = await room.running_stack.desk.state(reference)
    assert (state["status"], state["assignee"], state["resolution"]) == ("TO_DO", "amy", None)
    assert state["new_information"]


# C19, T12, T13: the worker is down when the window ends
async def test_mail_that_came_within_the_window_reopens_however_late_it_is_handled(
    room: Mailroom,
) -> None:
    reference = await room.start_item("brief@desk.example")
    resolved = await room.running_stack.do(reference, "resolve", method="customer_response")
    end = datetime.fromisoformat(resolved["closes_at"])
    (accepted,) = await room.accept(make_mail(), plus_address("brief@desk.example", reference))
    await room.running_stack.stack.kill_worker()
    assert accepted.received_at < end

    async def over() -> None:
        assert datetime.now(UTC) > end

    await assert_eventually(over)
    await room.running_stack.stack.start_worker()
    await room.deliver()
    state = await room.running_stack.desk.state(reference)
    assert (state["status"], state["resolution"]) == ("TO_DO", None)


# T4
async def test_the_first_mail_from_a_draft_gives_it_its_title(room: Mailroom) -> None:
    reference = await room.running_stack.ticket(title="", description="", submit=False)
    await room.running_stack.do(
        reference, "send_email", to="ida@example.org", subject="Your bill", body="Which one?"
    )
    state = await room.running_stack.desk.state(reference)
    assert (state["status"], state["title"]) == ("DRAFT", "Your bill")
    assert state["description"] == "Which one?"
