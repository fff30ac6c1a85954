"""An item closes by timer only after the mails that were accepted before have arrived (M3, C19)."""

import asyncio

from tests.support.workers import ItemHandle, WorkerEnvironment, assert_eventually

SOON = {"feedback_window": "PT1S"}
MAIL = {"message_id": "1@x", "sender": "ida@example.org"}


async def wait_for_checks(host: WorkerEnvironment, times: int = 1) -> None:
    """Wait until items have asked the mailroom this number of times."""

    async def check() -> None:
        assert host.mailroom.looked >= times

    await assert_eventually(check)


async def resolved_with_mail_under_way(host: WorkerEnvironment) -> tuple[ItemHandle, str]:
    """Return a Ticket whose window ended with an earlier mail under way, and the mail's time."""
    ticket = await host.ticket(settings=SOON)
    host.mailroom.under_way.add(ticket.reference)
    state = await ticket.do("resolve", method="customer_response")
    await wait_for_checks(host)
    return ticket, state["changed_at"]


async def test_a_window_that_is_over_waits_for_a_mail_that_is_under_way(
    host: WorkerEnvironment,
) -> None:
    ticket, received = await resolved_with_mail_under_way(host)
    assert (await ticket.state())["status"] == "RESOLVED"  # M3
    back = await ticket.do("receive_email", by="service:mailroom", received_at=received, **MAIL)
    assert (back["status"], back["assignee"]) == ("TO_DO", "amy")  # C19, T12
    assert "window_over" not in ticket.commands


async def test_it_closes_once_no_mail_is_under_way(host: WorkerEnvironment) -> None:
    """The Ticket is closed as soon as no earlier mail is under way (T13, M3)."""
    ticket, _ = await resolved_with_mail_under_way(host)
    host.mailroom.under_way.clear()
    last = await ticket.result()
    assert last["status"] == "CLOSED"
    assert ticket.commands[-1] == "window_over"


async def test_what_came_in_after_the_closing_waits_until_it_is_clear(
    host: WorkerEnvironment,
) -> None:
    """A note after the window finds the Ticket closed, or reopened by an earlier mail (M3, C15)."""
    ticket, received = await resolved_with_mail_under_way(host)
    noting = asyncio.create_task(ticket.do("add_note", by="bob", text="And?"))
    await ticket.do("receive_email", by="service:mailroom", received_at=received, **MAIL)
    assert (await noting)["status"] == "TO_DO"
    assert ticket.commands[-2:] == ["receive_email", "add_note"]


async def test_a_mail_received_after_the_window_keeps_nothing_open(host: WorkerEnvironment) -> None:
    """The mail arrives after the window's end but was accepted before (C19, T13)."""
    ticket = await host.ticket(settings=SOON)
    await ticket.do("resolve", method="customer_response")
    await ticket.result()
    assert host.mailroom.looked >= 1


async def test_days_to_wait_that_close_ask_as_well_and_others_need_not(
    host: WorkerEnvironment,
) -> None:
    """Days to wait end only after earlier mails have arrived (T6, T7, M3)."""
    wait = {"type": "more_information", "days_to_wait": 0.5 / 86_400}
    ticket = await host.ticket()
    await ticket.do("wait", **wait)
    await ticket.eventually(status="TO_DO")
    assert host.mailroom.looked == 0
    closing = await host.ticket()
    host.mailroom.under_way.add(closing.reference)
    state = await closing.do("wait", **wait, close_if_no_response=True)
    await wait_for_checks(host)
    received = state["changed_at"]
    back = await closing.do("receive_email", by="service:mailroom", received_at=received, **MAIL)
    assert back["status"] == "TO_DO"
