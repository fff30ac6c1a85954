"""The plain `temporal` command, as operators have it, drives one item of each kind (issue 2)."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.contract.command_table import ATTRIBUTES
from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    TEMPORAL,
    WorkerEnvironment,
    assert_eventually,
    new_reference,
)

WINDOW = {"settings": {"feedback_window": "PT1S"}}


class CommandFailed(Exception):
    """The command exited with another code than 0; the message is its stderr."""


@dataclass(frozen=True)
class Shell:
    """Shell that runs `temporal workflow …` for one server and task queue."""

    address: str
    queue: str

    async def workflow(self, *words: str) -> str:
        """Run the command and return its stdout."""
        process = await asyncio.create_subprocess_exec(
            *(str(TEMPORAL), "workflow", *words, "--address", self.address),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        written, complaints = await process.communicate()
        if process.returncode:
            raise CommandFailed(complaints.decode())
        return written.decode()

    async def start(self, kind: str, reference: str, fields: dict[str, Any]) -> None:
        place = ("--task-queue", self.queue, "--workflow-id", reference)
        await self.workflow("start", "--type", kind, *place, "--input", json.dumps(fields))

    async def signal(self, reference: str, name: str, **fields: object) -> None:
        arguments = ("--name", name, "--input", json.dumps({"by": "amy"} | fields))
        await self.workflow("signal", "--workflow-id", reference, *arguments)

    async def update(self, reference: str, name: str, **fields: object) -> dict[str, Any]:
        arguments = ("--name", name, "--input", json.dumps({"by": "amy"} | fields))
        place = ("--workflow-id", reference, "--output", "json")
        answer = await self.workflow("update", "execute", *arguments, *place)
        state: dict[str, Any] = json.loads(answer)["result"]
        return state

    async def state(self, reference: str) -> dict[str, Any]:
        place = ("--workflow-id", reference, "--type", "state", "--output", "json")
        state: dict[str, Any] = json.loads(await self.workflow("query", *place))["queryResult"][0]
        return state

    async def wait_until(self, reference: str, **expected: object) -> None:
        """Query the state until these fields have these values."""

        async def check() -> None:
            try:
                state = await self.state(reference)
            except CommandFailed as error:
                raise AssertionError(str(error)) from None
            assert {name: state[name] for name in expected} == expected

        await assert_eventually(check)

    async def assert_listed(self, reference: str, query: str) -> None:
        """Wait until Visibility, which lags behind, lists the item for this query."""

        async def check() -> None:
            executions = json.loads(
                await self.workflow("list", "--query", query, "--output", "json")
            )
            assert reference in [execution["execution"]["workflowId"] for execution in executions]

        await assert_eventually(check)

    async def wait_for_result(self, reference: str) -> dict[str, Any]:
        """Wait until the workflow is completed and return its result."""
        answer = await self.workflow("result", "--workflow-id", reference, "--output", "json")
        result: dict[str, Any] = json.loads(answer)
        assert result["status"] == "COMPLETED", result
        state: dict[str, Any] = result["result"]
        return state


@pytest.fixture
def shell(server: WorkflowEnvironment, host: WorkerEnvironment) -> Shell:
    """Return a shell for the server and the worker of these tests."""
    return Shell(server.client.service_client.config.target_host, host.queue)


async def test_the_command_drives_a_ticket(shell: Shell) -> None:
    reference = new_reference("Ticket")
    ida = {"name": "Ida Berg", "email": "ida@example.org"}
    draft = {"by": "amy", "title": "No invoice", "description": "It never came."} | WINDOW
    await shell.start("Ticket", reference, draft)
    await shell.wait_until(reference, status="DRAFT")
    fields = {"category": "billing", "primary_contact": ida, "requester": ida}
    assert (await shell.update(reference, "edit", **fields))["category"] == "billing"
    await shell.signal(reference, "submit")
    await shell.wait_until(reference, status="TO_DO", assignee=None)
    assert (await shell.update(reference, "start"))["assignee"] == "amy"
    with pytest.raises(CommandFailed, match="is IN_PROGRESS: cannot reopen"):
        await shell.update(reference, "reopen")
    await shell.signal(reference, "wait", type="until", until="2126-01-01T00:00:00Z")
    await shell.wait_until(reference, status="WAIT", owner="amy")
    await shell.update(reference, "resume")
    mail = {"to": "ida@example.org", "subject": "Your invoice", "body": "Here it is."}
    state = await shell.update(reference, "send_and_resolve", method="customer_response", **mail)
    assert state["status"] == "RESOLVED"
    last = await shell.wait_for_result(reference)
    assert (last["status"], last["resolution"]["method"]) == ("CLOSED", "customer_response")
    with pytest.raises(CommandFailed, match="already completed"):
        await shell.signal(reference, "reopen")


async def test_the_command_drives_a_case_and_its_actions(shell: Shell) -> None:
    reference = new_reference("Case")
    start = {"by": "carol", "owner": "carol", "short_description": "An errand"}
    await shell.start("Case", reference, start | {"definition": ONE_ACTION_DEFINITION} | WINDOW)
    await shell.wait_until(reference, status="DRAFT", title="An errand")
    assert (await shell.update(reference, "submit", by="carol"))["step"] == "only"
    first, second = f"{reference}-A1", f"{reference}-A2"
    await shell.wait_until(first, status="TO_DO", case=reference)
    assert (await shell.update(first, "start", by="bob"))["assignee"] == "bob"
    failed = {"outcome": "unable_to_complete", "reason": "closed road"}
    await shell.signal(first, "resolve", by="bob", **failed)
    assert (await shell.wait_for_result(first))["resolution"]["outcome"] == "unable_to_complete"
    await shell.wait_until(reference, attention=[{"action": "run", "reason": "closed road"}])
    await shell.signal(reference, "start_action", by="carol", action="run")
    await shell.wait_until(second, status="TO_DO", copy=2)
    assert (await shell.update(second, "resolve", by="bob", outcome="complete"))["status"] == (
        "CLOSED"
    )
    last = await shell.wait_for_result(reference)
    assert (last["status"], last["resolution"]["outcome"]) == ("CLOSED", "complete")


async def test_the_list_finds_items_by_each_search_attribute(
    shell: Shell, host: WorkerEnvironment
) -> None:
    mark = new_reference("q")
    due = {"due": {"within": "P10D"}}
    ticket = await host.ticket(queue=mark, settings=due | WINDOW["settings"])
    case = await host.case(ONE_ACTION_DEFINITION, queue=mark, owner="carol")
    run = await host.item(f"{case.reference}-A1").begun()
    await ticket.do("start", by=f"amy-{mark}")
    execution: dict[str, str] = {
        "ItemStatus": "ItemStatus = 'IN_PROGRESS'",
        "ItemQueue": f"ItemQueue = '{mark}'",
        "ItemAssignee": f"ItemAssignee = 'amy-{mark}'",
        "ItemCategory": "ItemCategory = 'billing'",
        "ItemDue": "ItemDue > '2026-01-01T00:00:00Z'",
        "NewInformation": "NewInformation = false",
    }
    in_queue = f"ItemQueue = '{mark}' AND WorkflowType = 'Ticket'"
    for query in execution.values():
        await shell.assert_listed(ticket.reference, f"{query} AND {in_queue}")
    await ticket.do("wait", by=f"amy-{mark}", type="until", until="2126-01-01T00:00:00Z")
    waiting = {
        "ItemWait": "ItemWait = 'until'",
        "ItemOwner": f"ItemOwner = 'amy-{mark}'",
        "ItemWakesAt": "ItemWakesAt BETWEEN '2125-12-31T00:00:00Z' AND '2126-01-02T00:00:00Z'",
    }
    for query in waiting.values():
        await shell.assert_listed(ticket.reference, f"{query} AND {in_queue}")
    await run.do("resolve", outcome="unable_to_complete", reason="closed road")
    attention = {"NeedsAttention": "NeedsAttention = true AND NewInformation = true"}
    await shell.assert_listed(
        case.reference, f"{attention['NeedsAttention']} AND ItemQueue = '{mark}'"
    )
    await ticket.do("resolve", by=f"amy-{mark}", method="rejected")
    await ticket.result()
    ended = {"ItemResolution": "ItemResolution = 'rejected' AND ItemStatus = 'CLOSED'"}
    await shell.assert_listed(ticket.reference, f"{ended['ItemResolution']} AND {in_queue}")
    assert set(execution | waiting | attention | ended) == set(ATTRIBUTES)


async def test_the_command_sends_nonsense_and_the_item_goes_on(
    shell: Shell, host: WorkerEnvironment
) -> None:
    ticket = await host.ticket()
    place = ("--workflow-id", ticket.reference)
    await shell.workflow("signal", *place, "--name", "add_note")
    await shell.workflow("signal", *place, "--name", "add_note", "--input", "1", "--input", "2")
    await shell.workflow("signal", *place, "--name", "no_such_command", "--input", "{}")
    for words in (("--name", "start"), ("--name", "start", "--input", "[]"), ("--name", "nothing")):
        with pytest.raises(CommandFailed, match=r"start|nothing|JSON"):
            await shell.workflow("update", "execute", *place, *words)
    assert (await shell.update(ticket.reference, "start"))["status"] == "IN_PROGRESS"
    assert [entry.command for entry in ticket.entries if entry.refused] == [
        "add_note",
        "add_note",
        "no_such_command",
    ]
