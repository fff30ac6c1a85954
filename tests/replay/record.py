"""Records lives of items on a real server: python -m tests.replay.record [LIFE ...].

A history is recorded once and kept for good: it stands for an item that is open somewhere when a
new version is deployed. What is there already is never written again; a new life, or one recorded
before and after a patch, is added under a new name. Files that end in `-first` are earlier
recordings of the same lives, from before the order of commands was final.
"""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.testing import WorkflowEnvironment

from activities.services import Endpoint
from domain.model.calendars import Opening, WorkingCalendar
from domain.model.definitions import CaseDefinition, ItemTerms
from tests.support.workers import (
    IDA,
    ONE_ACTION_DEFINITION,
    TEMPORAL,
    TICKET,
    TWO_STEP_DEFINITION,
    Fields,
    ItemHandle,
    WorkerEnvironment,
    assert_eventually,
    new_environment,
    new_reference,
    server_options,
)
from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.search_attributes import ALL

LOG: Final = logging.getLogger("tests.replay.record")
HISTORIES: Final = Path(__file__).parent / "histories"
RENEWED_AFTER: Final = 40
CALENDARS: Final = {
    name: WorkingCalendar(name=name, zone="Europe/Paris", week=((Opening(0, 1440),),) * 7)
    for name in ("always", "nights")
}
"""Catalog of the recorded lives."""
MAIL: Final = {"message_id": "<1@example.org>", "sender": "ida@example.org", "excerpt": "Hello."}


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@dataclass(frozen=True)
class Driver:
    """Driver of a life, by signals or by updates."""

    host: WorkerEnvironment
    mode: str

    async def give(self, item: ItemHandle, command: str, by: str = "amy", **fields: object) -> None:
        """Give a command and wait until the item has processed it."""
        before = len(item.entries)
        give = item.tell if self.mode == "signals" else item.do
        await give(command, by=by, **fields)

        async def check_taken() -> None:
            assert len(item.entries) > before

        await assert_eventually(check_taken)

    async def action(self, case: ItemHandle, number: int) -> ItemHandle:
        """Return the Case's Action of this number, once it answers."""
        return await self.host.item(f"{case.reference}-A{number}").begun()


Operation = WithStartWorkflowOperation[Any, Any]
Recorded = dict[str, ItemHandle | WorkflowHandle[Any, Any]]
Play = Callable[[Driver], Awaitable[Recorded]]


async def ticket_from_draft_to_closed(driver: Driver) -> Recorded:
    give, settings = driver.give, {"feedback_window": "PT1S", "resolution_evidence": True}
    empty = {"title": "", "description": "", "requester": None}
    ticket = await driver.host.ticket(submit=False, settings=settings, **empty)
    await give(ticket, "edit", requester=IDA)
    await give(ticket, "add_note", text="Typed on the phone.")
    await give(ticket, "send_email", to="ida@example.org", subject="Your call", body="Noted.")
    await give(ticket, "submit")
    await give(ticket, "start")
    await give(ticket, "edit", title="No invoice of May")
    await give(ticket, "set_to_do")
    await give(ticket, "assign", to="bob")
    await give(ticket, "start", take_over=True)
    await give(ticket, "unassign", queue="phones")
    await give(ticket, "wait", type="until", until=soon(1))
    await ticket.eventually(status="TO_DO")
    await give(ticket, "mark_read")
    await give(ticket, "wait", type="more_information", days_to_wait=2)
    await give(ticket, "wait", type="until", until=soon(86400))
    await give(ticket, "resume")
    await give(ticket, "wait", type="more_information")
    await give(ticket, "receive_email", by="system", **MAIL)
    await give(ticket, "resolve", method="rejected", note="Not ours.")
    await give(ticket, "feedback", by="service:survey", rating=1)
    await give(ticket, "resolve", method="rejected", note="Really not ours.")
    await give(ticket, "reopen")
    mail: Fields = {"to": "ida@example.org", "subject": "Your invoice", "body": "Here it is."}
    await give(ticket, "send_and_resolve", method="customer_response", **mail)
    await ticket.result()
    return {"Ticket": ticket}


async def ticket_refused_by_a_robot(driver: Driver) -> Recorded:
    ticket = await driver.host.ticket()
    await driver.give(ticket, "start", by="robot:ocr-1")
    await driver.give(ticket, "reject", by="robot:ocr-1", reason="illegible")
    await driver.give(ticket, "start", by="bob")
    await driver.give(ticket, "resolve", by="bob", method="rejected_as_spam")
    await ticket.result()
    return {"Ticket": ticket}


async def ticket_discarded(driver: Driver) -> Recorded:
    by_hand = await driver.host.ticket(submit=False)
    await driver.give(by_hand, "cancel")
    by_button = await driver.host.ticket(submit=False)
    await by_button.handle.cancel()
    for ticket in (by_hand, by_button):
        await ticket.result()
    return {"Ticket-by-hand": by_hand, "Ticket-by-button": by_button}


async def ticket_that_closes_itself(driver: Driver) -> Recorded:
    ticket = await driver.host.ticket()
    days = timedelta(seconds=1) / timedelta(days=1)
    wait: Fields = {"type": "more_information", "days_to_wait": days, "close_if_no_response": True}
    await driver.give(ticket, "wait", **wait)
    await ticket.result()
    return {"Ticket": ticket}


async def ticket_whose_mail_is_under_way(driver: Driver) -> Recorded:
    """Close two Tickets by timer, one after a look for mail and one delayed by a mail (M3)."""
    closed = await ticket_that_closes_itself(driver)
    ticket = await driver.host.ticket(settings={"feedback_window": "PT1S"})
    driver.host.mailroom.under_way.add(ticket.reference)
    await driver.give(ticket, "resolve", method="customer_response")
    received = (await ticket.state())["changed_at"]

    async def looked() -> None:
        assert "MARKER_RECORDED" in await ticket.events()

    await assert_eventually(looked)
    await driver.give(ticket, "receive_email", by="service:mailroom", received_at=received, **MAIL)
    driver.host.mailroom.under_way.discard(ticket.reference)
    await ticket.eventually(status="TO_DO")
    return {"Ticket": closed["Ticket"], "Ticket-reopened": ticket}


async def ticket_that_is_late(driver: Driver) -> Recorded:
    due = {"within": "PT3S", "at_risk": "PT2S", "add_wait_time": True, "waits": ["until"]}
    ticket = await driver.host.ticket(settings={"due": due})
    await driver.give(ticket, "start")
    await ticket.eventually(new_information=True)
    await driver.give(ticket, "mark_read")
    await driver.give(ticket, "wait", type="until", until=soon(1))
    await ticket.eventually(status="TO_DO")
    await driver.give(ticket, "mark_read")
    await ticket.eventually(new_information=True)
    return {"Ticket-open": ticket}


async def ticket_that_is_told_nonsense(driver: Driver) -> Recorded:
    ticket = await driver.host.ticket()
    await ticket.handle.signal("no_such_command", {"by": "mallory"})
    await ticket.handle.signal("add_note", args=[])
    await ticket.handle.signal("add_note", args=[{"by": "amy", "text": "x"}] * 2)
    await ticket.handle.signal("add_note", [])
    await ticket.tell("wait", type="until", until=soon(-1))
    await ticket.tell("reopen", command_id="1")
    await ticket.tell("reopen", command_id="1")
    await driver.give(ticket, "add_note", text="Once.", command_id="2")
    await ticket.do("add_note", text="Once.", command_id="2")
    await ticket.handle.cancel()
    for command in ("reopen", "no_such_command", "start"):
        with suppress(WorkflowUpdateFailedError):
            await ticket.do(command, expected_revision=99)
    await driver.give(ticket, "start", by="bob")
    return {"Ticket-open": ticket}


async def ticket_renewed(driver: Driver) -> Recorded:
    ticket = await driver.host.ticket(settings={"feedback_window": "P1D"})
    await driver.give(ticket, "wait", type="until", until=soon(86400))
    await driver.give(ticket, "add_note", text="Remembered.", command_id="kept")
    first = (await ticket.handle.describe()).run_id
    for number in range(30):
        await driver.give(ticket, "add_note", text=f"To fill the run {number}.")
    await driver.give(ticket, "resolve", method="customer_response")
    run = driver.host.client.get_workflow_handle(ticket.reference, run_id=first)
    return {"Ticket-first-run": run, "Ticket-open": ticket}


async def ticket_split(driver: Driver) -> Recorded:
    ticket = await driver.host.ticket()
    await driver.give(ticket, "add_note", text="She called twice.")
    parts = [{"title": title, "description": f"{title}."} for title in ("One", "Two")]
    await driver.give(ticket, "split", parts=parts)
    links = (await ticket.state())["links"]
    first, second = [await driver.host.item(link["reference"]).begun() for link in links]
    await driver.give(first, "resolve", method="rejected")
    await second.handle.terminate("an operator pressed the button")
    await ticket.result()
    return {"Ticket": ticket, "Ticket-part": first}


async def ticket_that_launches_a_case(driver: Driver) -> Recorded:
    ticket = await driver.host.ticket()
    await driver.give(ticket, "launch_case", definition=ONE_ACTION_DEFINITION)
    (link,) = (await ticket.state())["links"]
    case = await driver.host.item(link["reference"]).begun()
    run = await driver.action(case, 1)
    await driver.give(run, "resolve", by="bob", outcome="complete")
    await ticket.result()
    return {"Ticket": ticket, "Case": case, "Action": run}


async def ticket_merged(driver: Driver) -> Recorded:
    ticket, target = await driver.host.ticket(), await driver.host.ticket()
    draft = await driver.host.ticket(submit=False)
    if driver.mode == "signals":
        await driver.give(ticket, "merge", into=draft.reference)
        await driver.give(ticket, "merge", into=new_reference("Ticket"))
        await ticket.tell("merge", into=target.reference)
    else:
        for into in (draft.reference, new_reference("Ticket")):
            with suppress(WorkflowUpdateFailedError):
                await ticket.do("merge", into=into)
        await ticket.do("merge", into=target.reference)
    await ticket.result()
    case = await driver.host.case(ONE_ACTION_DEFINITION)
    await driver.give(target, "merge", into=case.reference)
    await target.result()
    return {"Ticket": ticket, "Ticket-target": target, "Case-open": case}


def _start_ticket(**action: object) -> Fields:
    return {"name": "alone", "steps": [{"key": "only", "actions": [{"key": "do", **action}]}]}


async def action_reviewed(driver: Driver) -> Recorded:
    case = await driver.host.case(_start_ticket(peer_review=True, checklist=["signed"]))
    action = await driver.action(case, 1)
    await driver.give(action, "answer_checklist", by="bob", answers={"signed": "no"})
    await driver.give(action, "resolve", by="bob", outcome="complete")
    await driver.give(action, "review", by="amy", verdict="fail", comment="It is signed.")
    await driver.give(action, "answer_checklist", by="bob", answers={"signed": "yes"})
    await driver.give(action, "resolve", by="bob", outcome="complete")
    await driver.give(action, "review", by="amy", verdict="pass")
    await case.result()
    return {"Case": case, "Action": action}


async def action_that_sends_a_mail(driver: Driver) -> Recorded:
    mail = {"to": "ida@example.org", "subject": "Your order", "body": "Which one?"}
    case = await driver.host.case(_start_ticket(kind="send_mail_and_wait", mail=mail))
    action = await driver.action(case, 1)
    await action.eventually(status="WAIT")
    await driver.give(action, "receive_email", by="system", **MAIL)
    await case.result()
    return {"Case": case, "Action": action}


@contextmanager
def _failing_mails(driver: Driver) -> Iterator[None]:
    """Fail every mail for good while the context lasts."""
    driver.host.posted.is_broken = True
    try:
        yield
    finally:
        driver.host.posted.is_broken = False


async def ticket_whose_mail_fails(driver: Driver) -> Recorded:
    ticket = await driver.host.ticket(settings={"feedback_window": "P1D"})

    async def check_noted() -> None:
        assert "was not delivered" in (ticket.entries[-1].reason or "")

    with _failing_mails(driver):
        await driver.give(ticket, "send_email", to="ida@example.org", subject="Your call")
        await assert_eventually(check_noted)
        mail: Fields = {"to": "ida@example.org", "method": "customer_response"}
        await driver.give(ticket, "send_and_resolve", **mail)
        await ticket.eventually(status="TO_DO")
    await driver.give(ticket, "resolve", method="rejected_as_spam")
    await ticket.result()
    return {"Ticket": ticket}


async def ticket_of_the_mailroom(driver: Driver) -> Recorded:
    ticket = await driver.host.ticket()
    await driver.give(ticket, "receive_email", by="system", **MAIL)
    run = (await ticket.state())["run"]
    check_noted: Fields = {"by": "system", "command_id": "a"}
    await ticket.tell("acknowledge", to="ida@example.org", **check_noted)
    await ticket.eventually(revision=3)
    mail = f"{ticket.reference}:3:0"
    await ticket.tell("mail_failed", run=run, mail=mail, reason="550", by="system", command_id="b")
    await ticket.eventually(revision=4)
    await driver.give(ticket, "assign", to="bob")
    await driver.give(ticket, "resolve", by="bob", method="rejected_as_spam")
    await ticket.result()
    return {"Ticket": ticket}


async def action_whose_mail_fails(driver: Driver) -> Recorded:
    with _failing_mails(driver):
        mail = {"to": "ida@example.org", "subject": "Your order"}
        case = await driver.host.case(_start_ticket(kind="send_mail", mail=mail))
        action = await driver.action(case, 1)
        await action.eventually(status="TO_DO")
    await driver.give(action, "resolve", by="bob", outcome="complete")
    await case.result()
    return {"Case": case, "Action": action}


async def action_that_calls_a_service(driver: Driver) -> Recorded:
    case = await driver.host.case(
        _start_ticket(kind="call_service", call={"service": "deaf", "retries": 0})
    )
    action = await driver.action(case, 1)
    await action.eventually(status="TO_DO")
    await driver.give(action, "resolve", by="bob", outcome="complete")
    await case.result()
    return {"Case": case, "Action": action}


async def case_with_sub_cases(driver: Driver) -> Recorded:
    order = {"definition": "errand"}
    waits = _start_ticket(kind="wait_for_sub_cases", cases=[order, order])
    waits["steps"].append(
        {"key": "then", "actions": [{"key": "go", "kind": "start_case", "case": order}]}
    )
    case = await driver.host.case(waits)
    action = await driver.action(case, 1)
    for link in (await action.state())["links"]:
        below = await driver.host.item(link["reference"]).begun()
        run = await driver.action(below, 1)
        await driver.give(run, "resolve", by="bob", outcome="complete")
    await case.result()
    again = await driver.host.case(waits)
    waiting = await driver.action(again, 1)
    await driver.give(again, "cancel")
    await again.result()
    await waiting.result()
    return {
        "Case": case,
        "Action": action,
        "Action-starting": await driver.action(case, 2),
        "Case-cancelled": again,
        "Action-cancelled": waiting,
    }


async def starts_that_fail(driver: Driver) -> Recorded:
    starts: dict[str, list[Any]] = {
        "nothing": [], "two": [TICKET, TICKET], "list": [[]], "missing": [{"submit": True}],
    }  # fmt: skip
    failed: Recorded = {}
    for name, start in starts.items():
        reference = new_reference("Ticket")
        operation: Operation = WithStartWorkflowOperation(
            "Ticket",
            args=start,
            id=reference,
            task_queue=driver.host.queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        note = {"by": "amy", "text": "With the start."}
        with suppress(WorkflowUpdateFailedError):
            await driver.host.client.execute_update_with_start_workflow(
                "add_note", note, start_workflow_operation=operation
            )
        failed[f"Ticket-{name}"] = driver.host.item(reference)
    stranger = {"by": "amy", "case": "C-1", "case_run": "r", "key": "k", "copy_number": 1}
    action = await driver.host.start("Action", stranger | {"title": "t", "queue": "q"})
    return failed | {"Action-of-a-stranger": action}


async def messages_with_a_start(driver: Driver) -> Recorded:
    reference = new_reference("Ticket")
    if driver.mode == "signals":
        await driver.host.client.start_workflow(
            "Ticket",
            TICKET,
            id=reference,
            task_queue=driver.host.queue,
            start_signal="start",
            start_signal_args=[{"by": "bob"}],
        )
    else:
        operation: Operation = WithStartWorkflowOperation(
            "Ticket",
            TICKET,
            id=reference,
            task_queue=driver.host.queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        await driver.host.client.execute_update_with_start_workflow(
            "start", {"by": "bob"}, start_workflow_operation=operation
        )
    ticket = await driver.host.item(reference).begun()
    await ticket.eventually(status="IN_PROGRESS")
    await driver.give(ticket, "add_note", by="bob", text="After it.")
    return {"Ticket-open": ticket}


async def case_from_draft_to_closed(driver: Driver) -> Recorded:
    give = driver.give
    settings = {"feedback_window": "PT1S"}
    case = await driver.host.case(TWO_STEP_DEFINITION, submit=False, settings=settings)
    await give(case, "edit", short_description="Invoice 4711", data={"amount": 12})
    await give(case, "submit")
    read, match = await driver.action(case, 1), await driver.action(case, 2)
    await give(case, "start")
    await give(case, "unassign", queue="accounts")
    await give(case, "assign", to="bob")
    await give(case, "start", take_over=True)
    await give(case, "set_to_do")
    await give(read, "resolve", by="bob", outcome="complete")
    await give(match, "resolve", by="bob", outcome="complete")
    transfer = await driver.action(case, 3)
    await give(transfer, "resolve", by="bob", outcome="complete")
    await case.eventually(status="RESOLVED")
    await give(case, "feedback", by="service:survey", rating=1)
    await give(case, "add_note", text="It was the wrong one.")
    await give(case, "resolve", note="It was the right one.")
    await give(case, "reopen")
    await give(case, "resolve")
    await case.result()
    return {"Case": case, "Action-1": read, "Action-3": transfer}


async def case_that_needs_attention(driver: Driver) -> Recorded:
    give = driver.give
    settings = {"notify": ["desk@example.org"]}
    case = await driver.host.case(TWO_STEP_DEFINITION, owner="carol", settings=settings)
    read, match = await driver.action(case, 1), await driver.action(case, 2)
    failed = {"outcome": "unable_to_complete", "reason": "illegible"}
    await give(read, "resolve", by="bob", **failed)
    await case.eventually(assignee="carol")
    await give(case, "start_action", by="carol", action="read")
    again = await driver.action(case, 3)
    await give(again, "resolve", by="bob", **failed)
    await case.eventually(status="TO_DO")
    await give(case, "reset_in_progress", by="carol")
    await give(case, "rework", by="carol", actions=["read"])
    await driver.action(case, 4)
    await give(case, "rework", by="carol", step="check", reason="another invoice")
    fifth = await driver.action(case, 6)
    await give(case, "start_action", by="carol", action={"title": "Call the supplier"})
    call = await driver.action(case, 8)
    await call.handle.terminate("an operator pressed the button")
    await case.eventually(status="TO_DO")
    await give(case, "cancel", by="carol", reason="not our invoice")
    for item in (case, match, fifth):
        await item.result()
    return {"Case": case, "Action-failed": read, "Action-reworked": match, "Action-6": fifth}


async def case_that_waits(driver: Driver) -> Recorded:
    give = driver.give
    case = await driver.host.case(ONE_ACTION_DEFINITION, by="carol", owner="carol")
    run = await driver.action(case, 1)
    await give(case, "start", by="robot:ocr-1")
    await give(case, "reject", by="robot:ocr-1", reason="not for me")
    await give(case, "wait", by="carol", type="pause")
    await give(case, "edit", by="carol", queue="errands")
    await give(case, "resume", by="carol")
    await give(case, "wait", by="carol", type="until", until=soon(1))
    await case.eventually(status="TO_DO")
    await give(case, "mark_read", by="carol")
    await give(case, "wait", by="carol", type="more_information", waiting_for="supplier")
    await give(run, "resolve", by="bob", outcome="complete")
    await give(case, "send_email", by="carol", to="ida@example.org", subject="Well?")
    await give(case, "receive_email", by="system", **MAIL)
    await case.result()
    return {"Case": case, "Action": run}


async def case_with_an_open_action(driver: Driver) -> Recorded:
    case = await driver.host.case(ONE_ACTION_DEFINITION)
    run = await driver.action(case, 1)
    await driver.give(run, "wait", by="bob", type="until", until=soon(86400))
    return {"Case-open": case, "Action-open": run}


async def case_cancelled_by_button(driver: Driver) -> Recorded:
    case = await driver.host.case(ONE_ACTION_DEFINITION)
    run = await driver.action(case, 1)
    await run.handle.cancel()
    await driver.give(run, "add_note", by="bob", text="Not by that button.")
    await case.handle.cancel()
    for item in (case, run):
        await item.result()
    return {"Case": case, "Action": run}


async def case_discarded(driver: Driver) -> Recorded:
    case = await driver.host.case(ONE_ACTION_DEFINITION, submit=False)
    await driver.give(case, "cancel")
    await case.result()
    return {"Case": case}


async def case_renewed(driver: Driver) -> Recorded:
    case = await driver.host.case(ONE_ACTION_DEFINITION)
    run = await driver.action(case, 1)
    first = (await case.handle.describe()).run_id
    for item in (case, run):
        for number in range(20):
            await driver.give(item, "add_note", text=f"To fill the run {number}.")
    await driver.give(run, "resolve", by="bob", outcome="complete")
    for item in (case, run):
        await item.result()
    first_run = driver.host.client.get_workflow_handle(case.reference, run_id=first)
    return {"Case-first-run": first_run, "Case": case, "Action": run}


async def action_from_to_do_to_closed(driver: Driver) -> Recorded:
    give = driver.give
    case = await driver.host.case(ONE_ACTION_DEFINITION)
    run = await driver.action(case, 1)
    await give(run, "edit", title="Run the other errand", queue="errands")
    await give(run, "set_to_do")
    await give(run, "start", by="robot:ocr-1")
    await give(run, "reject", by="robot:ocr-1", reason="no legs")
    await give(run, "assign", to="bob")
    await give(run, "start", by="bob")
    await give(run, "unassign")
    await give(run, "wait", by="bob", type="until", until=soon(1))
    await run.eventually(status="TO_DO")
    await give(run, "mark_read", by="bob")
    await give(run, "wait", by="bob", type="more_information")
    await give(run, "resume", by="bob")
    await give(run, "wait", by="bob", type="more_information")
    await give(run, "receive_email", by="system", **MAIL)
    await give(run, "add_note", by="bob", text="Answered.")
    await give(run, "send_email", by="bob", to="ida@example.org", subject="Done", body="Bye.")
    await give(run, "resolve", by="bob", outcome="complete", note="Ran it.")
    for item in (case, run):
        await item.result()
    return {"Case": case, "Action": run}


async def action_whose_case_is_gone(driver: Driver) -> Recorded:
    case = await driver.host.case(ONE_ACTION_DEFINITION)
    run = await driver.action(case, 1)
    await case.handle.terminate()
    await driver.give(run, "resolve", by="bob", outcome="complete")
    await run.result()
    return {"Case": case, "Action": run}


async def ticket_in_working_time(driver: Driver) -> Recorded:
    give, calendar = driver.give, {"calendar": "always"}
    due = {"within": "PT3S", "at_risk": "PT2S", "add_wait_time": True} | calendar
    settings = {"feedback_window": "PT1S", "due": due} | calendar
    ticket = await driver.host.ticket(submit=False, settings=settings)
    await give(ticket, "submit")
    await give(ticket, "start")
    await ticket.eventually(new_information=True)
    await give(ticket, "mark_read")
    days = timedelta(seconds=1) / timedelta(days=1)
    await give(ticket, "wait", type="more_information", days_to_wait=days)
    await ticket.eventually(status="TO_DO")
    await give(ticket, "mark_read")
    await ticket.eventually(new_information=True)
    await give(ticket, "resolve", method="customer_response")
    await ticket.result()
    return {"Ticket": ticket}


async def case_in_working_time(driver: Driver) -> Recorded:
    due = {"within": "PT4H", "calendar": "always"}
    steps = [{"key": "only", "actions": [{"key": "run", "due": due}]}]
    settings = {"calendar": "always", "feedback_window": "PT1S"}
    case = await driver.host.case({"name": "errand", "steps": steps}, settings=settings)
    run = await driver.action(case, 1)
    for title in ("Call the supplier", "Call again"):
        await driver.give(
            case, "start_action", action={"title": title, "due": due | {"calendar": "nights"}}
        )
    calls = [await driver.action(case, number) for number in (2, 3)]
    for action in (run, *calls):
        await driver.give(action, "resolve", by="bob", outcome="complete")
    await case.result()
    return {"Case": case, "Action": run, "Action-ad-hoc": calls[0]}


async def robots_under_leases(driver: Driver) -> Recorded:
    """Send a heartbeat too soon, one that renews, and none: a lease ends; its memo is a command."""
    give, robot = driver.give, "robot:ocr-1"
    settings = {"lease": "PT3S"}
    ticket = await driver.host.ticket(settings=settings)
    case = await driver.host.case(ONE_ACTION_DEFINITION, settings=settings)
    run = await driver.action(case, 1)
    for item in (ticket, run):
        await give(item, "start", by=robot)
        beat = item.tell if driver.mode == "signals" else item.do
        await beat("heartbeat", by=robot)
        await give(item, "add_note", by=robot, text="Half of it.")
        lease = (await item.state())["lease"]
        await asyncio.sleep(1.1)
        await beat("heartbeat", by=robot, lease=lease["token"])
        await give(item, "add_note", by=robot, text="All of it.", lease=lease["token"])
    await give(run, "resolve", by=robot, outcome="complete", lease=lease["token"])
    for item in (case, run):
        await item.result()
    await ticket.eventually(assignee=None)
    with suppress(WorkflowUpdateFailedError):
        await ticket.do("heartbeat", by=robot, lease=lease["token"])
    await ticket.tell("heartbeat", by=robot)
    await give(ticket, "resolve", method="customer_response")
    await ticket.result()
    return {"Ticket": ticket, "Case": case, "Action": run}


LIVES: Final[dict[str, Play]] = {
    play.__name__.replace("_", "-"): play
    for play in (
        ticket_from_draft_to_closed,
        ticket_refused_by_a_robot,
        ticket_discarded,
        ticket_that_closes_itself,
        ticket_whose_mail_is_under_way,
        ticket_that_is_late,
        ticket_that_is_told_nonsense,
        ticket_in_working_time,
        ticket_renewed,
        ticket_whose_mail_fails,
        ticket_of_the_mailroom,
        action_whose_mail_fails,
        ticket_split,
        ticket_that_launches_a_case,
        ticket_merged,
        action_reviewed,
        action_that_sends_a_mail,
        action_that_calls_a_service,
        case_with_sub_cases,
        starts_that_fail,
        messages_with_a_start,
        case_from_draft_to_closed,
        case_that_needs_attention,
        case_that_waits,
        case_with_an_open_action,
        case_cancelled_by_button,
        case_discarded,
        case_in_working_time,
        case_renewed,
        action_from_to_do_to_closed,
        action_whose_case_is_gone,
        robots_under_leases,
    )
}


@asynccontextmanager
async def recording_environment(renewed_after: int | None) -> AsyncIterator[WorkerEnvironment]:
    """Run a real server and a worker with the production settings."""
    options = server_options()
    if renewed_after is not None:
        suggestion = f"limit.historyCount.suggestContinueAsNew={renewed_after}"
        options += ["--dynamic-config-value", suggestion]
    async with await WorkflowEnvironment.start_local(
        data_converter=DATA_CONVERTER,
        search_attributes=ALL,
        dev_server_existing_path=str(TEMPORAL),
        dev_server_extra_args=options,
        dev_server_log_level="never",
        identity="recorder",
    ) as env:
        host = new_environment(env.client)
        known = {
            "errand": ItemTerms(
                definition=CaseDefinition.model_validate_json(json.dumps(ONE_ACTION_DEFINITION))
            )
        }
        nowhere = {"deaf": Endpoint("http://127.0.0.1:9", {})}
        async with host.working(
            cached=100, calendars=CALENDARS, definitions=known, services=nowhere
        ):
            yield host


async def record(lives: list[str]) -> None:
    """Play these lives by signals and by updates, and keep the histories that are new."""
    for renews in (False, True):
        async with recording_environment(RENEWED_AFTER if renews else None) as host:
            for life in lives:
                if life.endswith("renewed") is renews:
                    for mode in ("signals", "updates"):
                        await _write_history(
                            f"{life}-by-{mode}", await LIVES[life](Driver(host, mode))
                        )


async def _write_history(name: str, recorded: Recorded) -> None:
    for part, item in recorded.items():
        path = HISTORIES / f"{name}--{part}.json"
        if path.exists():
            LOG.info("%s: is kept as it is", path.name)
            continue
        handle = item.handle if isinstance(item, ItemHandle) else item
        history = await handle.fetch_history()
        events = _without_machine(json.loads(history.to_json()))
        content = {"workflow_id": history.workflow_id, "history": events}
        path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
        LOG.info("%s: %s events", path.name, len(history.events))


def _without_machine(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the value without traces of the machine that recorded it."""
    if isinstance(value, dict):
        return {name: _without_machine(v) for name, v in value.items() if name != "stackTrace"}
    return [_without_machine(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(record(sys.argv[1:] or list(LIVES)))
