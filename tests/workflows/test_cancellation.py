"""Temporal's own buttons: cancellation requests, timeouts and cron schedules (C21)."""

import json
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.model.definitions import ItemTerms
from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    TICKET,
    TWO_STEP_DEFINITION,
    ItemHandle,
    WorkerEnvironment,
    assert_eventually,
    new_environment,
    new_reference,
)

BILLING = {"billing": ItemTerms(queue="accounts")}


async def wait_for_refused_cancel(item: ItemHandle) -> None:
    """Wait for exactly one refused `cancel` by the system."""

    async def check() -> None:
        cancels = [entry for entry in item.entries if entry.command == "cancel"]
        assert [(entry.by, entry.refused) for entry in cancels] == [("system", True)]

    await assert_eventually(check)


async def test_a_request_to_cancel_a_ticket_is_refused_and_seen(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    await ticket.handle.cancel()
    await wait_for_refused_cancel(ticket)
    assert (await ticket.do("start"))["status"] == "IN_PROGRESS"
    await ticket.do("resolve", method="rejected")
    assert (await ticket.result())["cancelled"] is False


async def test_a_request_to_cancel_an_action_is_refused_and_seen(host: WorkerEnvironment) -> None:
    case = await host.case(ONE_ACTION_DEFINITION)
    run = await host.item(f"{case.reference}-A1").begun()
    await run.handle.cancel()
    await wait_for_refused_cancel(run)
    await run.do("resolve", by="bob", outcome="complete")
    assert (await case.result())["resolution"]["outcome"] == "complete"


async def test_a_request_to_cancel_a_draft_discards_it(host: WorkerEnvironment) -> None:
    draft = await host.ticket(submit=False)
    await draft.handle.cancel()
    last = await draft.result()
    assert (last["status"], last["resolution"]["method"]) == ("CLOSED", "discarded")
    assert (draft.entries[-1].command, draft.entries[-1].by) == ("cancel", "system")


async def test_a_request_to_cancel_a_case_cancels_it_with_its_actions(
    host: WorkerEnvironment,
) -> None:
    case = await host.case(TWO_STEP_DEFINITION, owner="carol")
    actions = [await host.item(f"{case.reference}-A{number}").begun() for number in (1, 2)]
    await case.handle.cancel()
    assert (await case.result())["cancelled"] is True
    for action in actions:
        assert (await action.result())["resolution"]["outcome"] == "cancelled"


async def test_a_request_to_cancel_a_draft_case_discards_it(host: WorkerEnvironment) -> None:
    case = await host.case(TWO_STEP_DEFINITION, submit=False)
    await case.handle.cancel()
    last = await case.result()
    assert (last["status"], last["actions"]) == ("CLOSED", [])


async def test_a_waiting_ticket_keeps_its_timer_when_asked_to_cancel(
    host: WorkerEnvironment,
) -> None:
    ticket = await host.ticket()
    waiting = await ticket.do("wait", type="more_information", days_to_wait=1)
    await ticket.handle.cancel()
    await wait_for_refused_cancel(ticket)
    assert await ticket.state() == waiting
    assert (await ticket.events()).count("TIMER_STARTED") == 1
    assert "TIMER_CANCELED" not in await ticket.events()


async def test_a_request_that_comes_with_the_start_is_taken_after_it(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    ticket = await host.start("Ticket", TICKET)  # its terms have to be looked up first
    case = await host.start("Case", {"by": "amy", "short_description": "A case", "submit": True})
    for item in (ticket, case):
        await item.handle.cancel()
    async with host.working(categories=BILLING):
        await wait_for_refused_cancel(ticket)
        assert (await ticket.state())["queue"] == "accounts"
        assert (await case.result())["cancelled"] is True


async def test_a_request_that_comes_while_a_submit_looks_up_its_terms_loses_nothing(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    async with host.working():
        ticket = await host.ticket(submit=False)
    await ticket.tell("submit")
    await ticket.tell("add_note", text="right after")
    await ticket.handle.cancel()
    async with host.working(categories=BILLING):
        await wait_for_refused_cancel(ticket)
        assert ticket.commands == ["create", "submit", "add_note"]


async def test_a_request_outlives_no_renewal(renewing: WorkerEnvironment) -> None:
    ticket = await renewing.ticket()
    await ticket.handle.cancel()
    await wait_for_refused_cancel(ticket)
    first = (await ticket.handle.describe()).run_id
    for number in range(40):
        await ticket.do("add_note", text=f"note {number}")
    assert (await ticket.handle.describe()).run_id != first
    await wait_for_refused_cancel(ticket)
    await ticket.handle.cancel()

    async def check() -> None:
        assert [entry.command for entry in ticket.entries if entry.refused] == ["cancel"] * 2

    await assert_eventually(check)


YEAR = timedelta(days=400)


@pytest.mark.parametrize("kind", ["Ticket", "Case"])
@pytest.mark.parametrize(
    ("execution_timeout", "run_timeout", "cron_schedule"),
    [(YEAR, None, ""), (None, YEAR, ""), (None, None, "@every 1s")],
    ids=["execution timeout", "run timeout", "cron schedule"],
)
async def test_a_start_that_would_be_ended_from_outside_is_refused(
    host: WorkerEnvironment,
    kind: str,
    execution_timeout: timedelta | None,
    run_timeout: timedelta | None,
    cron_schedule: str,
) -> None:
    handle = await host.client.start_workflow(
        kind,
        {"by": "amy"},
        id=new_reference(kind),
        task_queue=host.queue,
        execution_timeout=execution_timeout,
        run_timeout=run_timeout,
        cron_schedule=cron_schedule,
    )
    first = host.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)

    async def failed() -> None:
        last = [event async for event in first.fetch_history_events()][-1]
        failure = last.workflow_execution_failed_event_attributes.failure
        assert failure.application_failure_info.type == "InvalidCommand"
        (details,) = failure.application_failure_info.details.payloads
        assert json.loads(details.data).items() >= {"rule": "C21", "fields": []}.items()

    await assert_eventually(failed)
    assert host.ledger.references() == []
    if cron_schedule:
        await host.client.get_workflow_handle(handle.id).terminate()
