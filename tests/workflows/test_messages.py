"""Messages that come with a start, twice, concurrently, or with an old revision (C16, C17)."""

import asyncio
from typing import Any

import pytest
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from tests.support.workers import (
    EVENTUAL_TIMEOUT,
    TICKET,
    Fields,
    ItemHandle,
    WorkerEnvironment,
    assert_eventually,
    new_environment,
    new_reference,
)

BAD_STARTS: dict[str, list[Any]] = {
    "a missing field": [{}],
    "an unknown field": [TICKET | {"colour": "red"}],
    "a submit without a title": [TICKET | {"title": ""}],
    "a list": [[]],
    "null": [None],
    "two objects": [TICKET, TICKET],
    "nothing": [],
}


def with_start(
    host: WorkerEnvironment, reference: str, *start: object
) -> WithStartWorkflowOperation[Any, dict[str, Any]]:
    return WithStartWorkflowOperation(
        "Ticket",
        args=start,
        id=reference,
        task_queue=host.queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )


async def update_with_start(
    host: WorkerEnvironment, reference: str, start: list[Any], command: str, **fields: object
) -> Fields:
    answer: Fields = await asyncio.wait_for(
        host.client.execute_update_with_start_workflow(
            command,
            {"by": "amy"} | fields,
            start_workflow_operation=with_start(host, reference, *start),
        ),
        EVENTUAL_TIMEOUT,
    )
    return answer


async def test_a_start_may_bring_its_first_command_as_an_update(host: WorkerEnvironment) -> None:
    reference = new_reference("Ticket")
    state = await update_with_start(host, reference, [TICKET], "start", by="bob")
    assert (state["status"], state["assignee"]) == ("IN_PROGRESS", "bob")
    again = await update_with_start(host, reference, [TICKET], "add_note", text="no second start")
    assert again["revision"] == 3
    assert host.item(reference).commands == ["create", "start", "add_note"]


async def test_items_that_are_asked_for_while_they_ask_the_catalog_are_told_all_the_same(
    host: WorkerEnvironment,
) -> None:
    # a query ends the first task before the catalog's answer is taken; nothing is cached
    tickets = await asyncio.gather(*(host.ticket() for _ in range(10)))
    assert [ticket.commands for ticket in tickets] == [["create"]] * 10


async def test_a_refused_update_that_came_with_a_start_leaves_the_item_as_started(
    host: WorkerEnvironment,
) -> None:
    reference = new_reference("Ticket")
    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await update_with_start(host, reference, [TICKET], "reopen")
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "NotAllowed"
    ticket = await host.item(reference).begun()
    assert (await ticket.state())["status"] == "TO_DO"


async def test_a_start_may_bring_its_first_command_as_a_signal(host: WorkerEnvironment) -> None:
    reference = new_reference("Ticket")
    await host.client.start_workflow(
        "Ticket",
        TICKET,
        id=reference,
        task_queue=host.queue,
        start_signal="add_note",
        start_signal_args=[{"by": "amy", "text": "with the start"}],
    )
    ticket = await host.item(reference).begun()
    await ticket.eventually(revision=2)
    assert ticket.commands == ["create", "add_note"]


@pytest.mark.parametrize("start", BAD_STARTS.values(), ids=BAD_STARTS)
async def test_an_update_that_came_with_a_bad_start_is_answered(
    host: WorkerEnvironment, start: list[Any]
) -> None:
    reference = new_reference("Ticket")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await update_with_start(host, reference, start, "add_note", text="x")
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "InvalidCommand"
    with pytest.raises(WorkflowFailureError) as failure:
        await host.item(reference).result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "InvalidCommand"


@pytest.mark.parametrize("start", BAD_STARTS.values(), ids=BAD_STARTS)
async def test_a_bad_start_that_brought_a_signal_fails_at_once(
    host: WorkerEnvironment, start: list[Any]
) -> None:
    handle = await host.client.start_workflow(
        "Ticket",
        args=start,
        id=new_reference("Ticket"),
        task_queue=host.queue,
        start_signal="add_note",
        start_signal_args=[{"by": "amy", "text": "x"}],
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(handle.result(), EVENTUAL_TIMEOUT)
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "InvalidCommand"


async def test_a_start_that_failed_may_be_corrected(host: WorkerEnvironment) -> None:
    failed = await host.start("Ticket", {"by": ""})
    with pytest.raises(WorkflowFailureError):
        await failed.result()
    ticket = await (await host.start("Ticket", TICKET, failed.reference)).begun()
    assert (await ticket.state())["status"] == "TO_DO"


async def test_updates_that_wait_for_a_worker_are_all_answered_in_order(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    ticket = await host.start("Ticket", TICKET)
    texts = [f"note {number}" for number in range(5)]
    tasks = [asyncio.create_task(ticket.do("add_note", text=text)) for text in texts]
    await ticket.tell("start", by="bob")
    async with host.working():
        answers = await asyncio.gather(*tasks)
    assert sorted(answer["revision"] for answer in answers) >= [2, 3, 4, 5, 6]
    notes = host.ledger.notes(ticket.reference)
    assert sorted(note.text for note in notes if note.kind == "note") == texts


async def test_updates_at_the_same_time_each_make_one_revision(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    answers = await asyncio.gather(
        *(ticket.do("add_note", text=f"note {number}") for number in range(8))
    )
    revisions = [entry.revision for entry in ticket.entries]
    assert revisions == list(range(1, 10))
    assert max(answer["revision"] for answer in answers) == 9


async def twice(ticket: ItemHandle, how: str, command: str, **fields: object) -> None:
    """Give the same command, with the same id, twice."""
    for _ in range(2):
        await (ticket.tell if how == "signal" else ticket.do)(command, command_id="1", **fields)


@pytest.mark.parametrize("how", ["signal", "update"])
async def test_the_same_id_is_applied_once(host: WorkerEnvironment, how: str) -> None:
    ticket = await host.ticket()
    await twice(ticket, how, "add_note", text="once")
    state = await ticket.do("add_note", text="once", command_id="1")
    assert state["revision"] == 2  # C17: first outcome, current state
    assert [entry.command for entry in ticket.entries] == ["create", "add_note"]


@pytest.mark.parametrize("how", ["signal", "update"])
async def test_the_same_id_with_other_content_is_malformed(
    host: WorkerEnvironment, how: str
) -> None:
    ticket = await host.ticket()
    await twice(ticket, how, "add_note", text="once")
    refusal = await ticket.refusal("add_note", text="other", command_id="1")
    assert refusal.type == "InvalidCommand"
    assert refusal.details[0].items() >= {"rule": "C17", "fields": ["command_id"]}.items()
    assert (await ticket.refusal("start", command_id="1")).type == "InvalidCommand"


async def test_an_id_that_was_refused_is_refused_again_and_noted_once(
    host: WorkerEnvironment,
) -> None:
    ticket = await host.ticket()
    await ticket.tell("reopen", command_id="1")
    await ticket.tell("reopen", command_id="1")
    assert (await ticket.refusal("reopen", command_id="1")).type == "NotAllowed"
    assert [entry.command for entry in ticket.entries] == ["create", "reopen"]


async def test_an_old_revision_is_a_conflict(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    await ticket.do("start", expected_revision=1)
    refusal = await ticket.refusal("resolve", method="rejected", expected_revision=1)
    assert (refusal.type, "revision 2" in refusal.message) == ("Conflict", True)
    await ticket.tell("resolve", method="rejected", expected_revision=1)

    async def noted() -> None:
        assert [(e.command, e.rule) for e in ticket.entries if e.refused] == [("resolve", "C17")]

    await assert_eventually(noted)
    assert (await ticket.state())["status"] == "IN_PROGRESS"


async def test_a_refused_update_leaves_no_event_and_no_entry(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    await ticket.do("start")
    before = await ticket.events()
    assert (await ticket.refusal("reopen")).type == "NotAllowed"
    assert (await ticket.refusal("start", by="")).type == "InvalidCommand"
    assert (await ticket.refusal("no_such_command")).type == "InvalidCommand"
    assert await ticket.events() == before
    assert [entry.refused for entry in ticket.entries] == [False, False]


async def test_commands_to_a_closing_item_are_refused_and_none_is_lost(
    host: WorkerEnvironment,
) -> None:
    ticket = await host.ticket()
    tasks = [
        asyncio.create_task(ticket.do("resolve", method="rejected")),
        *(asyncio.create_task(ticket.do("add_note", text=f"note {n}")) for n in range(5)),
    ]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    last = await ticket.result()
    assert last["status"] == "CLOSED"
    stored_notes = [
        note.text for note in host.ledger.notes(ticket.reference) if note.kind == "note"
    ]
    answered = [f"note {n}" for n, answer in enumerate(done[1:]) if isinstance(answer, dict)]
    assert sorted(stored_notes) == answered
