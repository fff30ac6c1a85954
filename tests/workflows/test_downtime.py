"""Items whose deadlines pass while no worker runs."""

from datetime import UTC, datetime, timedelta

from temporalio.testing import WorkflowEnvironment

from tests.support.workers import ItemHandle, WorkerEnvironment, assert_eventually, new_environment

SECOND = timedelta(seconds=1)
WINDOW = {"feedback_window": "PT1S"}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def wait_for_timer(item: ItemHandle) -> None:
    async def check() -> None:
        assert "TIMER_FIRED" in await item.events()

    await assert_eventually(check)


async def ticket_with_passed_window(host: WorkerEnvironment) -> tuple[ItemHandle, datetime]:
    """Return a Ticket whose window passed while no worker ran, and the end of that window."""
    async with host.working():
        ticket = await host.ticket(settings=WINDOW)
        closes_at = (await ticket.do("resolve", method="customer_response"))["closes_at"]
    await wait_for_timer(ticket)
    return ticket, instant(closes_at)


async def test_mail_received_before_the_window_ended_reopens_however_late_it_is_handled(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    ticket, end = await ticket_with_passed_window(host)
    mail = {"message_id": "<1@x>", "sender": "ida@example.org"}
    await ticket.tell(
        "receive_email", by="system", received_at=(end - SECOND / 10).isoformat(), **mail
    )
    async with host.working():
        back = await ticket.eventually(status="TO_DO")  # C19
        assert (back["resolution"], back["assignee"]) == (None, "amy")
        assert ticket.commands == ["create", "resolve", "receive_email"]


async def test_mail_received_after_the_window_ended_finds_the_ticket_closed(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    ticket, end = await ticket_with_passed_window(host)
    mail = {"message_id": "<1@x>", "sender": "ida@example.org"}
    await ticket.tell(
        "receive_email", by="system", received_at=(end + SECOND / 1000).isoformat(), **mail
    )
    async with host.working():
        assert (await ticket.result())["status"] == "CLOSED"  # C19, T13
        assert [entry.command for entry in ticket.entries[-2:]] == ["window_over", "receive_email"]
        assert ticket.entries[-1].rule == "C15"


async def test_feedback_handled_late_counts_by_its_own_time(server: WorkflowEnvironment) -> None:
    host = new_environment(server.client)
    ticket, end = await ticket_with_passed_window(host)
    fields = {"rating": 1, "received_at": (end - SECOND / 10).isoformat()}
    await ticket.tell("feedback", by="service:survey", **fields)
    async with host.working():
        await ticket.eventually(status="TO_DO")  # C19


async def test_what_arrived_while_nobody_worked_is_taken_in_the_order_of_its_own_time(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    ticket, end = await ticket_with_passed_window(host)
    await ticket.tell("add_note", text="sent last, and handled last")
    late = {"message_id": "<2@x>", "received_at": (end - SECOND / 10).isoformat()}
    early = {"message_id": "<1@x>", "received_at": (end - SECOND / 2).isoformat()}
    for mail in (late, early):
        await ticket.tell("receive_email", by="system", sender="ida@example.org", **mail)
    async with host.working():
        await ticket.eventually(revision=5)
        assert [entry.command for entry in ticket.entries[2:]] == [
            "receive_email", "receive_email", "add_note",
        ]  # fmt: skip
        assert [entry.after for entry in ticket.entries[2:]] == ["TO_DO"] * 3
        moments = [entry.at for entry in ticket.entries]
        assert moments == sorted(moments)


async def test_a_moment_that_passes_while_nobody_works_ends_the_wait_afterwards(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    async with host.working():
        ticket = await host.ticket()
        until = datetime.now(UTC) + SECOND
        await ticket.do("wait", type="until", until=until.isoformat())
    await wait_for_timer(ticket)
    async with host.working():
        await ticket.eventually(status="TO_DO")  # C10
        assert ticket.entries[-1].at == until


async def test_a_wait_whose_moment_passed_on_its_way_is_refused_and_raised(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    async with host.working():
        ticket = await host.ticket()
        before = await ticket.state()
    until = datetime.now(UTC) + SECOND / 10
    await ticket.tell("wait", type="until", until=until.isoformat())

    async def passed() -> None:
        assert datetime.now(UTC) > until

    await assert_eventually(passed)
    async with host.working():
        raised = await ticket.eventually(new_information=True)  # C10
        assert raised == before | {"new_information": True}
        assert (ticket.entries[-1].refused, ticket.entries[-1].rule) == (True, "C10")
