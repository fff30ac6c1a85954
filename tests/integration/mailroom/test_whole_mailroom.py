"""Mail end to end: through Postfix to an item, and from the item through Postfix into Dovecot."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from catalog.loader import load_catalog
from mail.limits import MAX_RAW_BYTES
from mailroom.acceptance import AcceptanceQueue
from mailroom.delivery import Deliverer
from mailroom.imap_poller import TAKEN_KEYWORD, TOO_LARGE_KEYWORD, ImapAccount, poll_once
from mailroom.routing import ReceivedMessage, create_router
from store.mail import inbound_mail
from store.schema.tables import InboundMailState
from tests.support.mail_desks import IDA, SUPPORT, mail_desk, make_plain_mail
from tests.support.process_stack import RunningStack, assert_eventually

pytestmark = pytest.mark.mail_server

POOL: Final = "pool@example.org"


# M1, M2, M3, M5, T1, T12, C13
async def test_a_mail_becomes_a_ticket_whose_answers_come_back_to_it(tmp_path: Path) -> None:
    async with mail_desk(tmp_path) as desk:
        await desk.host.send(make_plain_mail("a1@example.org"), IDA, SUPPORT)
        first = await desk.arrived("a1@example.org")
        assert first.state is InboundMailState.HANDLED
        reference = first.reference or ""
        state = await desk.running_stack.eventually(reference, status="TO_DO", new_information=True)
        assert (state["title"], state["category"]) == ("Where is my invoice?", "question")
        assert state["primary_contact"]["email"] == IDA
        (acknowledgement,) = await desk.answered(IDA, 1)
        assert acknowledgement["in-reply-to"] == "<a1@example.org>"
        assert acknowledgement["auto-submitted"] == "auto-replied"
        assert reference in acknowledgement["subject"]

        answer = make_plain_mail(
            "a2@example.org",
            f"In-Reply-To: {acknowledgement['message-id']}",
            f"References: <a1@example.org> {acknowledgement['message-id']}",
            to=str(acknowledgement["reply-to"]),
        )
        await desk.host.send(answer, IDA, str(acknowledgement["reply-to"].addresses[0].addr_spec))
        second = await desk.arrived("a2@example.org")
        assert second.reference == reference
        assert desk.effects() == [(reference, first.digest), (reference, second.digest)]
        await desk.running_stack.do(
            reference,
            "send_and_resolve",
            method="customer_response",
            to=IDA,
            subject="Your invoice",
            body="Here it is.",
        )
        _, sent = await desk.answered(IDA, 2)
        assert sent["references"].split()[-1] == "<a2@example.org>"
        await desk.host.send(
            make_plain_mail("a3@example.org", f"In-Reply-To: {sent['message-id']}"), IDA, SUPPORT
        )
        await desk.running_stack.eventually(reference, status="TO_DO", assignee="amy")
        assert desk.items() == [reference]
        await desk.running_stack.recovers([reference])


# M4, M5
async def test_a_mail_that_comes_back_is_told_to_its_item_and_nobody_answers_it(
    tmp_path: Path,
) -> None:
    async with mail_desk(tmp_path) as desk:
        reference = await desk.running_stack.ticket(category="question")
        await desk.running_stack.do(reference, "send_email", to="gone@example.org", subject="Hello")
        await desk.running_stack.eventually(reference, new_information=True)
        (entry,) = [
            each
            for each in await desk.running_stack.timeline(reference)
            if each["command"] == "mail_failed"
        ]
        assert "came back" in entry["reason"]
        await desk.settled()
        assert desk.items() == [reference]
        assert desk.written() == [(reference, "message", "failed")]


# M4, M7
async def test_what_nobody_wrote_and_no_item_waits_for_is_a_dead_letter(tmp_path: Path) -> None:
    async with mail_desk(tmp_path) as desk:
        await desk.host.send(
            make_plain_mail("r1@example.org", "Auto-Submitted: auto-replied"), IDA, SUPPORT
        )
        dead = await desk.arrived("r1@example.org")
        assert dead.state is InboundMailState.DEAD
        assert desk.items() == []
        assert await desk.host.mails(IDA) == []


# M3: a mailbox that is polled
async def test_a_mailbox_is_polled_and_its_mails_are_taken_once(tmp_path: Path) -> None:
    users = (IDA, POOL)
    async with mail_desk(tmp_path, users, polled=POOL, mailroom=False) as desk:
        await desk.host.send(make_plain_mail("p1@example.org"), IDA, POOL)
        strange = make_plain_mail("p2@example.org", to="undisclosed", body="caf\xe9").replace(
            b"\xc3\xa9", b"\xe9"
        )
        await desk.host.send(strange, IDA, POOL)
        await desk.host.append_mail(
            POOL, make_plain_mail("p3@example.org", body="x" * (MAX_RAW_BYTES + 1))
        )

        async def there() -> None:
            assert len(await desk.host.flags(POOL)) == 3

        await assert_eventually(there)
        await desk.running_stack.stack.start_mailroom()
        first, second = await desk.arrived("p1@example.org"), await desk.arrived("p2@example.org")
        assert first.state is second.state is InboundMailState.HANDLED
        raw = inbound_mail.load_source(desk.running_stack.engine, second.digest)
        assert raw is not None
        assert raw.endswith(b"caf\xe9\r\n")

        async def marked() -> None:
            flags = sorted(await desk.host.flags(POOL))
            assert flags == [TAKEN_KEYWORD, TAKEN_KEYWORD, TOO_LARGE_KEYWORD], flags

        await assert_eventually(marked)
        assert len(desk.items()) == 2
        acceptance = _reception(desk.running_stack)
        account = ImapAccount.parse(f"{desk.host.imap_url(POOL)}?to={SUPPORT}")
        assert await poll_once(acceptance, account, [SUPPORT]) == 0
        acceptance.close()


# M3: the mailbox's own time is when a mail was received, not what its sender wrote
async def test_a_polled_mail_was_received_when_it_came_to_the_mailbox(tmp_path: Path) -> None:
    async with mail_desk(tmp_path, (POOL,), mailroom=False) as desk:
        began = datetime.now(UTC)
        await desk.host.append_mail(POOL, make_plain_mail("p1@example.org"))
        acceptance = _reception(desk.running_stack)
        account = ImapAccount.parse(f"{desk.host.imap_url(POOL)}?to={SUPPORT}")
        assert await poll_once(acceptance, account, [SUPPORT]) == 1
        acceptance.close()
        (stored,) = inbound_mail.list_undelivered(desk.running_stack.engine)
        assert stored.desk == SUPPORT
        assert abs(stored.received_at - began) < timedelta(minutes=5)


def _reception(running_stack: RunningStack) -> AcceptanceQueue:
    reader = create_router(
        running_stack.engine, load_catalog(running_stack.stack.settings.catalog).mailboxes
    )
    return AcceptanceQueue(running_stack.engine, reader, budget=3)


# M3, C19, T6, T12
async def test_a_mail_accepted_in_time_keeps_its_item_open_however_late_it_is_delivered(
    tmp_path: Path,
) -> None:
    """The deliverer is stopped while a feedback window and days to wait end."""
    async with mail_desk(tmp_path, mailroom=False) as desk:
        resolved, waiting = await _overdue_with_mails_under_way(desk.running_stack)
        reader = create_router(desk.running_stack.engine, {})
        delivering = asyncio.create_task(
            Deliverer(desk.running_stack.desk, desk.running_stack.engine, reader).serve()
        )
        for item in (resolved, waiting):
            await desk.running_stack.eventually(
                item, status="TO_DO", assignee="amy", new_information=True
            )
            commands = [each["command"] for each in await desk.running_stack.timeline(item)]
            assert commands[-1] == "receive_email"
            assert not {"window_over", "days_to_wait_over"} & set(commands)
        await desk.settled()
        delivering.cancel()
        assert sorted(desk.items()) == sorted([resolved, waiting])


# M3, M7, T13
async def test_a_mail_that_became_a_dead_letter_keeps_no_item_open(tmp_path: Path) -> None:
    async with mail_desk(tmp_path, mailroom=False) as desk:
        resolved, waiting = await _overdue_with_mails_under_way(desk.running_stack)
        dead = {
            each.digest: "no item takes it"
            for each in inbound_mail.list_undelivered(desk.running_stack.engine)
        }
        inbound_mail.settle_mails(desk.running_stack.engine, dead)
        for item in (resolved, waiting):
            await desk.running_stack.eventually(item, status="CLOSED")


async def _overdue_with_mails_under_way(running_stack: RunningStack) -> tuple[str, str]:
    """Make two overdue items that mails accepted before their deadlines keep as they are."""
    resolved, waiting, over = await _about_to_close(running_stack)
    acceptance = _reception(running_stack)
    for item in (resolved, waiting):
        await acceptance.accept(_mail_from_ida(item))
    acceptance.close()
    await _wait_until_passed(over)
    assert (await running_stack.desk.state(resolved))["status"] == "RESOLVED"
    assert (await running_stack.desk.state(waiting))["status"] == "WAIT"
    return resolved, waiting


async def _about_to_close(running_stack: RunningStack) -> tuple[str, str, datetime]:
    """Return a Ticket in its feedback window, one that waits for an answer, and a deadline."""
    resolved = await running_stack.ticket(settings={"feedback_window": "PT5S"})
    waiting = await running_stack.ticket()
    await running_stack.do(resolved, "resolve", method="customer_response")
    await running_stack.do(
        waiting,
        "wait",
        type="more_information",
        days_to_wait=5 / 86_400,
        close_if_no_response=True,
    )
    return resolved, waiting, datetime.now(UTC) + timedelta(seconds=5)


def _mail_from_ida(item: str) -> ReceivedMessage:
    address = SUPPORT.replace("@", f"+{item}@")
    raw = make_plain_mail(f"{item}@example.org", to=address)
    return ReceivedMessage(raw=raw, addresses=(address,))


async def _wait_until_passed(over: datetime) -> None:
    """Wait until a moment is well in the past."""
    await asyncio.sleep(max(0.0, (over - datetime.now(UTC)).total_seconds()) + 2)
