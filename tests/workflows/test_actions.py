"""Actions and their Case: who may start an Action, and the messages between the two."""

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    TWO_STEP_DEFINITION,
    ItemHandle,
    WorkerEnvironment,
    assert_eventually,
    new_reference,
)


async def started(case: ItemHandle, number: int = 1) -> ItemHandle:
    """Return the Case's Action of this number, once it answers."""
    return await case.env.item(f"{case.reference}-A{number}").begun()


async def wait_for_refused_entry(item: ItemHandle, command: str, rule: str) -> None:
    """Wait for a refused entry of this command and rule."""

    async def check() -> None:
        assert (command, rule) in [(e.command, e.rule) for e in item.entries if e.refused]

    await assert_eventually(check)


def strangers_start(case: str, **fields: object) -> dict[str, Any]:
    """Return the start of an Action as a client other than its Case would send it."""
    start = {"by": "amy", "case": case, "case_run": "r", "key": "run", "copy_number": 1}
    return start | {"title": "Run", "queue": "default"} | fields


@pytest.mark.parametrize("reference", ["{case}-A1", "{case}-A99", "{case}", "someone-A1"])
async def test_an_action_is_started_by_nobody_but_its_case(
    host: WorkerEnvironment, reference: str
) -> None:
    case = new_reference("Case")
    action = await host.start("Action", strangers_start(case), reference.format(case=case))
    with pytest.raises(WorkflowFailureError) as failure:
        await action.result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "InvalidCommand"
    assert failure.value.cause.details[0]["rule"] == "A1"
    assert host.ledger.references() == []


async def test_an_action_that_was_terminated_counts_as_unable_to_complete(
    host: WorkerEnvironment,
) -> None:
    case = await host.case(ONE_ACTION_DEFINITION, owner="carol")
    run = await started(case)
    await run.handle.terminate("an operator pressed the button")
    state = await case.eventually(status="TO_DO", assignee="carol")  # C21
    (why,) = state["attention"]
    assert (why["action"], "vanished" in why["reason"]) == ("run", True)
    assert [copy["outcome"] for copy in state["actions"]] == ["unable_to_complete"]
    await case.do("start_action", by="carol", action="run")
    again = await started(case, 2)
    await again.do("resolve", by="bob", outcome="complete")
    assert (await case.result())["resolution"]["outcome"] == "complete"


async def test_the_report_to_a_case_that_is_gone_is_final(host: WorkerEnvironment) -> None:
    case = await host.case(ONE_ACTION_DEFINITION)
    run = await started(case)
    await case.handle.terminate()
    await run.do("resolve", by="bob", outcome="complete")
    assert (await run.result())["status"] == "CLOSED"
    await wait_for_refused_entry(run, "action_ended", "A4")


async def test_a_stranger_case_of_the_same_reference_refuses_the_report(
    host: WorkerEnvironment,
) -> None:
    case = await host.case(ONE_ACTION_DEFINITION)
    run = await started(case)
    await case.handle.terminate()
    strangers_start = await host.start(
        "Case", {"by": "amy", "short_description": "Another", "submit": True}, case.reference
    )
    await strangers_start.begun()
    await run.do("resolve", by="bob", outcome="complete")
    assert (await run.result())["status"] == "CLOSED"
    await wait_for_refused_entry(strangers_start, "action_ended", "A4")
    assert (await strangers_start.state())["actions"] == []


async def test_an_action_hears_no_case_but_its_own(host: WorkerEnvironment) -> None:
    case = await host.case(ONE_ACTION_DEFINITION)
    run = await started(case)
    await run.tell("case_cancelled", by="mallory", case_run="another", reason="I say so")
    await wait_for_refused_entry(run, "case_cancelled", "A1")
    assert (await run.state())["status"] == "TO_DO"


async def test_a_second_report_of_the_same_end_is_taken_once(host: WorkerEnvironment) -> None:
    case = await host.case(TWO_STEP_DEFINITION)
    read = await started(case)
    await read.do("resolve", by="bob", outcome="complete")
    await read.result()
    state = await case.eventually(revision=2)
    key = f"{read.reference}:2:0"
    report = {"case_run": state["run"], "reference": read.reference, "outcome": "complete"}
    await case.tell("action_ended", by="bob", command_id=key, **report)
    await case.do("add_note", text="after it")
    assert case.commands == ["create", "action_ended", "add_note"]  # A4, C17


async def test_an_action_that_ends_while_its_case_ends_leaves_both_closed(
    host: WorkerEnvironment,
) -> None:
    case = await host.case(ONE_ACTION_DEFINITION)
    run = await started(case)
    await case.tell("cancel", reason="not needed any more")
    await run.tell("resolve", by="bob", outcome="unable_to_complete", reason="closed road")
    for item in (case, run):
        assert (await item.result())["status"] == "CLOSED"
    assert (await case.state())["cancelled"]


async def test_many_actions_side_by_side_all_report(host: WorkerEnvironment) -> None:
    actions = [{"key": f"part-{number}"} for number in range(12)]
    case = await host.case({"name": "wide", "steps": [{"key": "all", "actions": actions}]})
    for number in range(1, 13):
        run = await started(case, number)
        await run.tell("resolve", by="bob", outcome="complete")
    last = await case.result()
    assert {copy["outcome"] for copy in last["actions"]} == {"complete"}
    assert case.commands == ["create", *["action_ended"] * 12]


async def test_the_id_of_an_action_that_a_stranger_took_does_not_block_the_case(
    host: WorkerEnvironment,
) -> None:
    case = new_reference("Case")
    refusal = await host.start("Action", strangers_start(case), f"{case}-A1")
    with pytest.raises(WorkflowFailureError):
        await refusal.result()
    start = {
        "by": "amy",
        "short_description": "A case",
        "submit": True,
        "definition": ONE_ACTION_DEFINITION,
    }
    mine = await host.start("Case", start, case)
    run = await (await started(mine)).handle.describe()
    assert run.status is WorkflowExecutionStatus.RUNNING
    await host.item(run.id).do("resolve", by="bob", outcome="complete")
    assert (await mine.result())["status"] == "CLOSED"


async def test_a_title_as_long_as_may_be_starts_an_action(host: WorkerEnvironment) -> None:
    title = "😀" * 300
    action = {"key": "k" * 100, "title": title}
    case = await host.case({"name": "n" * 100, "steps": [{"key": "s" * 100, "actions": [action]}]})
    run = await started(case)
    assert (await run.state())["title"] == title
    await run.do("resolve", by="bob", outcome="complete")
    assert (await case.result())["status"] == "CLOSED"


async def test_the_actions_of_a_case_with_the_longest_reference_are_its_own(
    host: WorkerEnvironment,
) -> None:
    start = {
        "by": "amy",
        "short_description": "A case",
        "submit": True,
        "definition": ONE_ACTION_DEFINITION,
    }
    reference = new_reference("Case").ljust(64, "x")
    case = await host.start("Case", start, reference)
    await (await started(case)).do("resolve", by="bob", outcome="complete")
    await case.result()
    failed = await host.start("Case", start, f"{reference}x")
    with pytest.raises(WorkflowFailureError):
        await failed.result()


async def test_a_closed_reference_is_not_used_again(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    await ticket.do("resolve", method="rejected")
    await ticket.result()
    with pytest.raises(WorkflowAlreadyStartedError):
        await host.start("Ticket", {"by": "amy"}, ticket.reference)
