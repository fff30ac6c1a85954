"""Continue-as-new: a new run carries everything on and loses no message."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    TWO_STEP_DEFINITION,
    ItemHandle,
    WorkerEnvironment,
    assert_eventually,
    new_environment,
)

DAY = timedelta(days=1)


async def run_of(item: ItemHandle) -> str:
    """Return the id of the current run."""
    run = (await item.handle.describe()).run_id
    assert run is not None
    return run


async def renew(item: ItemHandle, by: str = "amy") -> None:
    """Add notes until there is a new run."""
    first = await run_of(item)
    for number in range(80):
        await item.do("add_note", by=by, text=f"to fill the run {number}")
        if number % 10 == 9 and await run_of(item) != first:
            return
    raise AssertionError(f"{item.reference} was not renewed")


async def test_a_new_run_has_the_whole_state(renewing: WorkerEnvironment) -> None:
    due = {"within": "P10D", "at_risk": "P1D", "add_wait_time": True}
    ticket = await renewing.ticket(settings={"due": due, "feedback_window": "P2D"})
    await ticket.do("start")
    await ticket.do("wait", type="more_information", days_to_wait=3, waiting_for="customer")
    before = await ticket.state()
    await renew(ticket)
    after = await ticket.state()
    moved = {"revision", "changed_at"}
    assert {name for name in after if after[name] != before[name]} == moved
    page = await ticket.timeline()
    assert [entry["revision"] for entry in page["entries"]] == list(range(1, after["revision"] + 1))


async def test_a_new_run_remembers_the_ids_it_was_told(renewing: WorkerEnvironment) -> None:
    ticket = await renewing.ticket()
    await ticket.do("add_note", text="once", command_id="kept")
    await ticket.tell("reopen", command_id="refused")
    await renew(ticket)
    before = await ticket.state()
    assert await ticket.do("add_note", text="once", command_id="kept") == before  # C17
    await ticket.tell("add_note", text="once", command_id="kept")
    await ticket.tell("reopen", command_id="refused")
    assert (await ticket.refusal("reopen", command_id="refused")).type == "NotAllowed"
    other = await ticket.refusal("add_note", text="other", command_id="kept")
    assert (other.type, other.details[0]["rule"]) == ("InvalidCommand", "C17")
    assert await ticket.state() == before
    assert [entry.command for entry in ticket.entries if entry.refused] == ["reopen"]


async def test_a_new_run_sets_its_timer_from_the_moment_it_was_given(
    renewing: WorkerEnvironment,
) -> None:
    ticket = await renewing.ticket()
    until = datetime.now(UTC) + timedelta(seconds=4)
    await ticket.do("wait", type="until", until=until.isoformat())
    await renew(ticket)
    back = await ticket.eventually(status="TO_DO")
    woken = next(entry for entry in ticket.entries if entry.command == "wait_over")
    assert woken.at == until
    assert (back["wait"], back["assignee"]) == (None, "amy")


async def test_a_new_run_has_one_timer(renewing: WorkerEnvironment) -> None:
    ticket = await renewing.ticket()
    await ticket.do("wait", type="until", until=(datetime.now(UTC) + DAY).isoformat())
    await renew(ticket)
    for number in range(5):
        await ticket.do("add_note", text=f"note {number}")
    events = await ticket.events()
    assert [event for event in events if event.startswith("TIMER")] == ["TIMER_STARTED"]


async def test_an_actions_report_reaches_the_run_that_is_current(
    renewing: WorkerEnvironment,
) -> None:
    case = await renewing.case(TWO_STEP_DEFINITION)
    actions = [await renewing.item(f"{case.reference}-A{number}").begun() for number in (1, 2)]
    await renew(case)
    await renew(actions[0])
    for action in actions:
        await action.do("resolve", by="bob", outcome="complete")
        assert (await action.result())["status"] == "CLOSED"
    transfer = await renewing.item(f"{case.reference}-A3").begun()
    await renew(case)
    await transfer.do("resolve", by="bob", outcome="complete")
    last = await case.result()
    assert {copy["outcome"] for copy in last["actions"]} == {"complete"}
    assert case.commands.count("action_ended") == 3  # A4: once each


async def test_a_new_run_can_cancel_the_actions_of_an_earlier_one(
    renewing: WorkerEnvironment,
) -> None:
    case = await renewing.case(ONE_ACTION_DEFINITION)
    run = await renewing.item(f"{case.reference}-A1").begun()
    await renew(case)
    await case.do("cancel", reason="not needed any more")
    assert (await case.result())["cancelled"]
    assert (await run.result())["resolution"]["outcome"] == "cancelled"


async def test_a_new_run_knows_why_it_needs_attention_and_its_copies(
    renewing: WorkerEnvironment,
) -> None:
    case = await renewing.case(ONE_ACTION_DEFINITION, owner="carol")
    run = await renewing.item(f"{case.reference}-A1").begun()
    await run.do("resolve", by="bob", outcome="unable_to_complete", reason="closed road")
    attention = (await case.eventually(assignee="carol"))["attention"]
    assert attention
    await renew(case)
    assert (await case.state())["attention"] == attention
    await case.do("start_action", by="carol", action="run")
    again = await renewing.item(f"{case.reference}-A2").begun()
    assert (await again.state())["copy"] == 2
    await again.do("resolve", by="bob", outcome="complete")
    assert (await case.result())["status"] == "CLOSED"


async def test_a_mail_that_waits_for_its_way_out_survives_renewals(
    renewing: WorkerEnvironment,
) -> None:
    ticket = await renewing.ticket()
    renewing.posted.is_slow = True
    await ticket.do("send_email", to="ida@example.org", subject="Hello", body="How are you?")
    await renew(ticket)
    await renew(ticket)
    renewing.posted.is_slow = False
    (mail,) = renewing.ledger.mails(ticket.reference)

    async def sent() -> None:
        assert renewing.posted.taken == [mail.key]

    await assert_eventually(sent)
    await ticket.do("resolve", method="rejected")
    assert (await ticket.result())["status"] == "CLOSED"
    assert not [entry for entry in ticket.entries if entry.refused]


async def test_signals_and_updates_during_renewals_are_all_taken(
    renewing: WorkerEnvironment,
) -> None:
    ticket = await renewing.ticket()
    first = await run_of(ticket)

    async def signals(name: str) -> None:
        for number in range(60):
            await ticket.tell("add_note", text=f"signal {name} {number}")

    async def update(text: str) -> None:
        try:
            await ticket.do("add_note", text=text, command_id=text)
        except RPCError as error:
            if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
            await update(text)  # the task that had it met a signal while it renewed the run

    async def updates(name: str) -> None:
        for number in range(40):
            await update(f"update {name} {number}")

    await asyncio.gather(*(signals(name) for name in "ab"), *(updates(name) for name in "cd"))
    await ticket.eventually(revision=201)
    assert await run_of(ticket) != first
    texts = [note.text for note in renewing.ledger.notes(ticket.reference) if note.kind == "note"]
    assert len(set(texts)) == len(texts) == 200


async def test_a_flood_of_garbage_is_counted_and_kept_bounded(
    renewing_server: WorkflowEnvironment,
) -> None:
    flood = 1000
    host = new_environment(renewing_server.client)
    async with host.working(cached=20):
        ticket = await host.ticket()
        await ticket.do("wait", type="until", until=(datetime.now(UTC) + DAY).isoformat())
        first = await run_of(ticket)
        garbage: list[tuple[str, Any]] = [
            ("no_such_command", {"by": "mallory"}), ("add_note", []), ("wait", {"by": "mallory"}),
        ]  # fmt: skip

        async def pour(part: int) -> None:
            for number in range(part, flood, 10):
                await ticket.handle.signal(*garbage[number % len(garbage)])

        await asyncio.gather(*(pour(part) for part in range(10)))

        async def counted() -> None:
            page = await ticket.timeline()
            refused = [entry for entry in page["entries"] if entry["refused"]]
            assert (len(refused), page["refused_dropped"]) == (100, flood - 100)  # C16

        await assert_eventually(counted, within=40)
        assert await run_of(ticket) != first
        assert (await ticket.state())["status"] == "WAIT"
        assert len([entry for entry in ticket.entries if entry.refused]) == flood
        assert (await ticket.do("resume"))["revision"] == 3


async def test_an_item_as_full_as_it_may_be_is_renewed(
    renewing_server: WorkflowEnvironment,
) -> None:
    host = new_environment(renewing_server.client)
    wide = "\N{GRINNING FACE}" * 100
    links = [{"kind": wide, "reference": wide}] * 50
    async with host.working(cached=20):
        contact = {"name": wide * 3, "email": "ida@example.org"}
        ticket = await host.ticket(
            by=wide,
            title=wide * 3,
            description="x" * 16_000,
            category=wide,
            queue=wide,
            primary_contact=contact,
            requester=contact,
            links=links,
        )
        first = await run_of(ticket)

        async def fill(part: int) -> None:
            for number in range(part, 120, 4):
                name = f"{part} {number}"
                await ticket.tell("add_note", by=wide, text="€" * 5000, command_id=name)
                await ticket.handle.signal(f"{wide}{name}", {"by": wide})
                await ticket.tell("reopen", by=wide, command_id=f"{name} refused")

        await asyncio.gather(*(fill(part) for part in range(4)))
        await ticket.eventually(revision=121)
        for number in range(40):
            await ticket.do("add_note", by=wide, text=f"{number}")
        assert await run_of(ticket) != first
        page = await ticket.timeline()
        refused = [entry for entry in page["entries"] if entry["refused"]]
        assert len(refused) + page["refused_dropped"] == 240
        assert (await ticket.do("start", by=wide))["assignee"] == wide


@pytest.mark.soak
async def test_3600_notes_to_a_case_with_an_open_action_are_all_kept(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    async with host.working(cached=20):
        case = await host.case(ONE_ACTION_DEFINITION)
        run = await host.item(f"{case.reference}-A1").begun()
        first = await run_of(case)

        async def notes(part: int) -> None:
            for number in range(part, 3600, 4):
                await case.tell("add_note", text=f"note {number}")

        await asyncio.gather(*(notes(part) for part in range(4)))
        await run.do("resolve", by="bob", outcome="complete")
        last = await asyncio.wait_for(case.handle.result(), 40)
        assert last["revision"] == 3602
        assert last["actions"][0]["outcome"] == "complete"
        stored_notes = {note.text for note in host.ledger.notes(case.reference)}
        assert stored_notes == {f"note {number}" for number in range(3600)}
        assert await run_of(case) != first


@pytest.mark.parametrize("kind", ["Ticket", "Case"])
async def test_a_run_that_nobody_carried_on_is_refused(host: WorkerEnvironment, kind: str) -> None:
    """The carried state is not a valid start: nobody can forge an item from it."""
    item = await host.start(kind, {"reference": "x", "run": "y", "status": "CLOSED"})
    with pytest.raises(WorkflowFailureError):
        await item.result()
