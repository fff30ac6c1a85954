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
"""What the catalog has while lives are recorded."""
MAIL: Final = {"message_id": "<1@example.org>", "sender": "ida@example.org", "excerpt": "Hello."}


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@dataclass(frozen=True)
class Stage:
    """Where a life is played: by signals or by updates."""

    host: WorkerEnvironment
    how: str

    async def give(self, item: ItemHandle, command: str, by: str = "amy", **fields: object) -> None:
        """Give a command and wait until it was taken."""
        before = len(item.entries)
        give = item.tell if self.how == "signals" else item.do
        await give(command, by=by, **fields)

        async def taken() -> None:
            assert len(item.entries) > before

        await assert_eventually(taken)

    async def action(self, case: ItemHandle, number: int) -> ItemHandle:
        """The Case's Action of this number, once it answers."""
        return await self.host.item(f"{case.reference}-A{number}").begun()


Operation = WithStartWorkflowOperation[Any, Any]
Recorded = dict[str, ItemHandle | WorkflowHandle[Any, Any]]
Play = Callable[[Stage], Awaitable[Recorded]]


async def ticket_from_draft_to_closed(stage: Stage) -> Recorded:
    give, settings = stage.give, {"feedback_window": "PT1S", "resolution_evidence": True}
    empty = {"title": "", "description": "", "requester": None}
    ticket = await stage.host.ticket(submit=False, settings=settings, **empty)
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


async def ticket_refused_by_a_robot(stage: Stage) -> Recorded:
    ticket = await stage.host.ticket()
    await stage.give(ticket, "start", by="robot:ocr-1")
    await stage.give(ticket, "reject", by="robot:ocr-1", reason="illegible")
    await stage.give(ticket, "start", by="bob")
    await stage.give(ticket, "resolve", by="bob", method="rejected_as_spam")
    await ticket.result()
    return {"Ticket": ticket}


async def ticket_discarded(stage: Stage) -> Recorded:
    by_hand = await stage.host.ticket(submit=False)
    await stage.give(by_hand, "cancel")
    by_button = await stage.host.ticket(submit=False)
    await by_button.handle.cancel()
    for ticket in (by_hand, by_button):
        await ticket.result()
    return {"Ticket-by-hand": by_hand, "Ticket-by-button": by_button}


async def ticket_that_closes_itself(stage: Stage) -> Recorded:
    ticket = await stage.host.ticket()
    days = timedelta(seconds=1) / timedelta(days=1)
    wait: Fields = {"type": "more_information", "days_to_wait": days, "close_if_no_response": True}
    await stage.give(ticket, "wait", **wait)
    await ticket.result()
    return {"Ticket": ticket}


async def ticket_whose_mail_is_under_way(stage: Stage) -> Recorded:
    """M3: two closings by themselves, one after a look, one put off by a mail that then came."""
    closed = await ticket_that_closes_itself(stage)
    ticket = await stage.host.ticket(settings={"feedback_window": "PT1S"})
    stage.host.mailroom.under_way.add(ticket.reference)
    await stage.give(ticket, "resolve", method="customer_response")
    received = (await ticket.state())["changed_at"]

    async def looked() -> None:
        assert "MARKER_RECORDED" in await ticket.events()

    await assert_eventually(looked)
    await stage.give(ticket, "receive_email", by="service:mailroom", received_at=received, **MAIL)
    stage.host.mailroom.under_way.discard(ticket.reference)
    await ticket.eventually(status="TO_DO")
    return {"Ticket": closed["Ticket"], "Ticket-reopened": ticket}


async def ticket_that_is_late(stage: Stage) -> Recorded:
    due = {"within": "PT3S", "at_risk": "PT2S", "add_wait_time": True, "waits": ["until"]}
    ticket = await stage.host.ticket(settings={"due": due})
    await stage.give(ticket, "start")
    await ticket.eventually(new_information=True)
    await stage.give(ticket, "mark_read")
    await stage.give(ticket, "wait", type="until", until=soon(1))
    await ticket.eventually(status="TO_DO")
    await stage.give(ticket, "mark_read")
    await ticket.eventually(new_information=True)
    return {"Ticket-open": ticket}


async def ticket_that_is_told_nonsense(stage: Stage) -> Recorded:
    ticket = await stage.host.ticket()
    await ticket.handle.signal("no_such_command", {"by": "mallory"})
    await ticket.handle.signal("add_note", args=[])
    await ticket.handle.signal("add_note", args=[{"by": "amy", "text": "x"}] * 2)
    await ticket.handle.signal("add_note", [])
    await ticket.tell("wait", type="until", until=soon(-1))
    await ticket.tell("reopen", command_id="1")
    await ticket.tell("reopen", command_id="1")
    await stage.give(ticket, "add_note", text="Once.", command_id="2")
    await ticket.do("add_note", text="Once.", command_id="2")
    await ticket.handle.cancel()
    for command in ("reopen", "no_such_command", "start"):
        with suppress(WorkflowUpdateFailedError):
            await ticket.do(command, expected_revision=99)
    await stage.give(ticket, "start", by="bob")
    return {"Ticket-open": ticket}


async def ticket_renewed(stage: Stage) -> Recorded:
    ticket = await stage.host.ticket(settings={"feedback_window": "P1D"})
    await stage.give(ticket, "wait", type="until", until=soon(86400))
    await stage.give(ticket, "add_note", text="Remembered.", command_id="kept")
    first = (await ticket.handle.describe()).run_id
    for number in range(30):
        await stage.give(ticket, "add_note", text=f"To fill the run {number}.")
    await stage.give(ticket, "resolve", method="customer_response")
    run = stage.host.client.get_workflow_handle(ticket.reference, run_id=first)
    return {"Ticket-first-run": run, "Ticket-open": ticket}


async def ticket_split(stage: Stage) -> Recorded:
    ticket = await stage.host.ticket()
    await stage.give(ticket, "add_note", text="She called twice.")
    parts = [{"title": title, "description": f"{title}."} for title in ("One", "Two")]
    await stage.give(ticket, "split", parts=parts)
    links = (await ticket.state())["links"]
    first, second = [await stage.host.item(link["reference"]).begun() for link in links]
    await stage.give(first, "resolve", method="rejected")
    await second.handle.terminate("an operator pressed the button")
    await ticket.result()
    return {"Ticket": ticket, "Ticket-part": first}


async def ticket_that_launches_a_case(stage: Stage) -> Recorded:
    ticket = await stage.host.ticket()
    await stage.give(ticket, "launch_case", definition=ONE_ACTION_DEFINITION)
    (link,) = (await ticket.state())["links"]
    case = await stage.host.item(link["reference"]).begun()
    run = await stage.action(case, 1)
    await stage.give(run, "resolve", by="bob", outcome="complete")
    await ticket.result()
    return {"Ticket": ticket, "Case": case, "Action": run}


async def ticket_merged(stage: Stage) -> Recorded:
    ticket, target = await stage.host.ticket(), await stage.host.ticket()
    draft = await stage.host.ticket(submit=False)
    if stage.how == "signals":
        await stage.give(ticket, "merge", into=draft.reference)
        await stage.give(ticket, "merge", into=new_reference("Ticket"))
        await ticket.tell("merge", into=target.reference)
    else:
        for into in (draft.reference, new_reference("Ticket")):
            with suppress(WorkflowUpdateFailedError):
                await ticket.do("merge", into=into)
        await ticket.do("merge", into=target.reference)
    await ticket.result()
    case = await stage.host.case(ONE_ACTION_DEFINITION)
    await stage.give(target, "merge", into=case.reference)
    await target.result()
    return {"Ticket": ticket, "Ticket-target": target, "Case-open": case}


def _alone(**action: object) -> Fields:
    return {"name": "alone", "steps": [{"key": "only", "actions": [{"key": "do", **action}]}]}


async def action_reviewed(stage: Stage) -> Recorded:
    case = await stage.host.case(_alone(peer_review=True, checklist=["signed"]))
    action = await stage.action(case, 1)
    await stage.give(action, "answer_checklist", by="bob", answers={"signed": "no"})
    await stage.give(action, "resolve", by="bob", outcome="complete")
    await stage.give(action, "review", by="amy", verdict="fail", comment="It is signed.")
    await stage.give(action, "answer_checklist", by="bob", answers={"signed": "yes"})
    await stage.give(action, "resolve", by="bob", outcome="complete")
    await stage.give(action, "review", by="amy", verdict="pass")
    await case.result()
    return {"Case": case, "Action": action}


async def action_that_sends_a_mail(stage: Stage) -> Recorded:
    mail = {"to": "ida@example.org", "subject": "Your order", "body": "Which one?"}
    case = await stage.host.case(_alone(kind="send_mail_and_wait", mail=mail))
    action = await stage.action(case, 1)
    await action.eventually(status="WAIT")
    await stage.give(action, "receive_email", by="system", **MAIL)
    await case.result()
    return {"Case": case, "Action": action}


@contextmanager
def _refusing(stage: Stage) -> Iterator[None]:
    """Every mail fails for good meanwhile."""
    stage.host.posted.is_broken = True
    try:
        yield
    finally:
        stage.host.posted.is_broken = False


async def ticket_whose_mail_fails(stage: Stage) -> Recorded:
    ticket = await stage.host.ticket(settings={"feedback_window": "P1D"})

    async def told() -> None:
        assert "was not delivered" in (ticket.entries[-1].reason or "")

    with _refusing(stage):
        await stage.give(ticket, "send_email", to="ida@example.org", subject="Your call")
        await assert_eventually(told)
        mail: Fields = {"to": "ida@example.org", "method": "customer_response"}
        await stage.give(ticket, "send_and_resolve", **mail)
        await ticket.eventually(status="TO_DO")
    await stage.give(ticket, "resolve", method="rejected_as_spam")
    await ticket.result()
    return {"Ticket": ticket}


async def ticket_of_the_mailroom(stage: Stage) -> Recorded:
    ticket = await stage.host.ticket()
    await stage.give(ticket, "receive_email", by="system", **MAIL)
    run = (await ticket.state())["run"]
    told: Fields = {"by": "system", "command_id": "a"}
    await ticket.tell("acknowledge", to="ida@example.org", **told)
    await ticket.eventually(revision=3)
    mail = f"{ticket.reference}:3:0"
    await ticket.tell("mail_failed", run=run, mail=mail, reason="550", by="system", command_id="b")
    await ticket.eventually(revision=4)
    await stage.give(ticket, "assign", to="bob")
    await stage.give(ticket, "resolve", by="bob", method="rejected_as_spam")
    await ticket.result()
    return {"Ticket": ticket}


async def action_whose_mail_fails(stage: Stage) -> Recorded:
    with _refusing(stage):
        mail = {"to": "ida@example.org", "subject": "Your order"}
        case = await stage.host.case(_alone(kind="send_mail", mail=mail))
        action = await stage.action(case, 1)
        await action.eventually(status="TO_DO")
    await stage.give(action, "resolve", by="bob", outcome="complete")
    await case.result()
    return {"Case": case, "Action": action}


async def action_that_calls_a_service(stage: Stage) -> Recorded:
    case = await stage.host.case(
        _alone(kind="call_service", call={"service": "deaf", "retries": 0})
    )
    action = await stage.action(case, 1)
    await action.eventually(status="TO_DO")
    await stage.give(action, "resolve", by="bob", outcome="complete")
    await case.result()
    return {"Case": case, "Action": action}


async def case_with_sub_cases(stage: Stage) -> Recorded:
    order = {"definition": "errand"}
    waits = _alone(kind="wait_for_sub_cases", cases=[order, order])
    waits["steps"].append(
        {"key": "then", "actions": [{"key": "go", "kind": "start_case", "case": order}]}
    )
    case = await stage.host.case(waits)
    action = await stage.action(case, 1)
    for link in (await action.state())["links"]:
        below = await stage.host.item(link["reference"]).begun()
        run = await stage.action(below, 1)
        await stage.give(run, "resolve", by="bob", outcome="complete")
    await case.result()
    again = await stage.host.case(waits)
    waiting = await stage.action(again, 1)
    await stage.give(again, "cancel")
    await again.result()
    await waiting.result()
    return {
        "Case": case,
        "Action": action,
        "Action-starting": await stage.action(case, 2),
        "Case-cancelled": again,
        "Action-cancelled": waiting,
    }


async def starts_that_fail(stage: Stage) -> Recorded:
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
            task_queue=stage.host.queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        note = {"by": "amy", "text": "With the start."}
        with suppress(WorkflowUpdateFailedError):
            await stage.host.client.execute_update_with_start_workflow(
                "add_note", note, start_workflow_operation=operation
            )
        failed[f"Ticket-{name}"] = stage.host.item(reference)
    stranger = {"by": "amy", "case": "C-1", "case_run": "r", "key": "k", "copy_number": 1}
    action = await stage.host.start("Action", stranger | {"title": "t", "queue": "q"})
    return failed | {"Action-of-a-stranger": action}


async def messages_with_a_start(stage: Stage) -> Recorded:
    reference = new_reference("Ticket")
    if stage.how == "signals":
        await stage.host.client.start_workflow(
            "Ticket",
            TICKET,
            id=reference,
            task_queue=stage.host.queue,
            start_signal="start",
            start_signal_args=[{"by": "bob"}],
        )
    else:
        operation: Operation = WithStartWorkflowOperation(
            "Ticket",
            TICKET,
            id=reference,
            task_queue=stage.host.queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        await stage.host.client.execute_update_with_start_workflow(
            "start", {"by": "bob"}, start_workflow_operation=operation
        )
    ticket = await stage.host.item(reference).begun()
    await ticket.eventually(status="IN_PROGRESS")
    await stage.give(ticket, "add_note", by="bob", text="After it.")
    return {"Ticket-open": ticket}


async def case_from_draft_to_closed(stage: Stage) -> Recorded:
    give = stage.give
    settings = {"feedback_window": "PT1S"}
    case = await stage.host.case(TWO_STEP_DEFINITION, submit=False, settings=settings)
    await give(case, "edit", short_description="Invoice 4711", data={"amount": 12})
    await give(case, "submit")
    read, match = await stage.action(case, 1), await stage.action(case, 2)
    await give(case, "start")
    await give(case, "unassign", queue="accounts")
    await give(case, "assign", to="bob")
    await give(case, "start", take_over=True)
    await give(case, "set_to_do")
    await give(read, "resolve", by="bob", outcome="complete")
    await give(match, "resolve", by="bob", outcome="complete")
    transfer = await stage.action(case, 3)
    await give(transfer, "resolve", by="bob", outcome="complete")
    await case.eventually(status="RESOLVED")
    await give(case, "feedback", by="service:survey", rating=1)
    await give(case, "add_note", text="It was the wrong one.")
    await give(case, "resolve", note="It was the right one.")
    await give(case, "reopen")
    await give(case, "resolve")
    await case.result()
    return {"Case": case, "Action-1": read, "Action-3": transfer}


async def case_that_needs_attention(stage: Stage) -> Recorded:
    give = stage.give
    settings = {"notify": ["desk@example.org"]}
    case = await stage.host.case(TWO_STEP_DEFINITION, owner="carol", settings=settings)
    read, match = await stage.action(case, 1), await stage.action(case, 2)
    failed = {"outcome": "unable_to_complete", "reason": "illegible"}
    await give(read, "resolve", by="bob", **failed)
    await case.eventually(assignee="carol")
    await give(case, "start_action", by="carol", action="read")
    again = await stage.action(case, 3)
    await give(again, "resolve", by="bob", **failed)
    await case.eventually(status="TO_DO")
    await give(case, "reset_in_progress", by="carol")
    await give(case, "rework", by="carol", actions=["read"])
    await stage.action(case, 4)
    await give(case, "rework", by="carol", step="check", reason="another invoice")
    fifth = await stage.action(case, 6)
    await give(case, "start_action", by="carol", action={"title": "Call the supplier"})
    call = await stage.action(case, 8)
    await call.handle.terminate("an operator pressed the button")
    await case.eventually(status="TO_DO")
    await give(case, "cancel", by="carol", reason="not our invoice")
    for item in (case, match, fifth):
        await item.result()
    return {"Case": case, "Action-failed": read, "Action-reworked": match, "Action-6": fifth}


async def case_that_waits(stage: Stage) -> Recorded:
    give = stage.give
    case = await stage.host.case(ONE_ACTION_DEFINITION, by="carol", owner="carol")
    run = await stage.action(case, 1)
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


async def case_with_an_open_action(stage: Stage) -> Recorded:
    case = await stage.host.case(ONE_ACTION_DEFINITION)
    run = await stage.action(case, 1)
    await stage.give(run, "wait", by="bob", type="until", until=soon(86400))
    return {"Case-open": case, "Action-open": run}


async def case_cancelled_by_button(stage: Stage) -> Recorded:
    case = await stage.host.case(ONE_ACTION_DEFINITION)
    run = await stage.action(case, 1)
    await run.handle.cancel()
    await stage.give(run, "add_note", by="bob", text="Not by that button.")
    await case.handle.cancel()
    for item in (case, run):
        await item.result()
    return {"Case": case, "Action": run}


async def case_discarded(stage: Stage) -> Recorded:
    case = await stage.host.case(ONE_ACTION_DEFINITION, submit=False)
    await stage.give(case, "cancel")
    await case.result()
    return {"Case": case}


async def case_renewed(stage: Stage) -> Recorded:
    case = await stage.host.case(ONE_ACTION_DEFINITION)
    run = await stage.action(case, 1)
    first = (await case.handle.describe()).run_id
    for item in (case, run):
        for number in range(20):
            await stage.give(item, "add_note", text=f"To fill the run {number}.")
    await stage.give(run, "resolve", by="bob", outcome="complete")
    for item in (case, run):
        await item.result()
    begun = stage.host.client.get_workflow_handle(case.reference, run_id=first)
    return {"Case-first-run": begun, "Case": case, "Action": run}


async def action_from_to_do_to_closed(stage: Stage) -> Recorded:
    give = stage.give
    case = await stage.host.case(ONE_ACTION_DEFINITION)
    run = await stage.action(case, 1)
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


async def action_whose_case_is_gone(stage: Stage) -> Recorded:
    case = await stage.host.case(ONE_ACTION_DEFINITION)
    run = await stage.action(case, 1)
    await case.handle.terminate()
    await stage.give(run, "resolve", by="bob", outcome="complete")
    await run.result()
    return {"Case": case, "Action": run}


async def ticket_in_working_time(stage: Stage) -> Recorded:
    give, calendar = stage.give, {"calendar": "always"}
    due = {"within": "PT3S", "at_risk": "PT2S", "add_wait_time": True} | calendar
    settings = {"feedback_window": "PT1S", "due": due} | calendar
    ticket = await stage.host.ticket(submit=False, settings=settings)
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


async def case_in_working_time(stage: Stage) -> Recorded:
    due = {"within": "PT4H", "calendar": "always"}
    steps = [{"key": "only", "actions": [{"key": "run", "due": due}]}]
    settings = {"calendar": "always", "feedback_window": "PT1S"}
    case = await stage.host.case({"name": "errand", "steps": steps}, settings=settings)
    run = await stage.action(case, 1)
    for title in ("Call the supplier", "Call again"):
        await stage.give(
            case, "start_action", action={"title": title, "due": due | {"calendar": "nights"}}
        )
    calls = [await stage.action(case, number) for number in (2, 3)]
    for action in (run, *calls):
        await stage.give(action, "resolve", by="bob", outcome="complete")
    await case.result()
    return {"Case": case, "Action": run, "Action-ad-hoc": calls[0]}


async def robots_under_leases(stage: Stage) -> Recorded:
    """A heartbeat too soon, one that renews, and one that is missing; its memo is a command."""
    give, robot = stage.give, "robot:ocr-1"
    settings = {"lease": "PT3S"}
    ticket = await stage.host.ticket(settings=settings)
    case = await stage.host.case(ONE_ACTION_DEFINITION, settings=settings)
    run = await stage.action(case, 1)
    for item in (ticket, run):
        await give(item, "start", by=robot)
        beat = item.tell if stage.how == "signals" else item.do
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
async def hosting(renewed_after: int | None) -> AsyncIterator[WorkerEnvironment]:
    """A real server, and a worker as production has it."""
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
        async with hosting(RENEWED_AFTER if renews else None) as host:
            for life in lives:
                if life.endswith("renewed") is renews:
                    for how in ("signals", "updates"):
                        await _keep(f"{life}-by-{how}", await LIVES[life](Stage(host, how)))


async def _keep(name: str, recorded: Recorded) -> None:
    for part, item in recorded.items():
        path = HISTORIES / f"{name}--{part}.json"
        if path.exists():
            LOG.info("%s: is kept as it is", path.name)
            continue
        handle = item.handle if isinstance(item, ItemHandle) else item
        history = await handle.fetch_history()
        events = _without_traces(json.loads(history.to_json()))
        content = {"workflow_id": history.workflow_id, "history": events}
        path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
        LOG.info("%s: %s events", path.name, len(history.events))


def _without_traces(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without what tells only of the machine that recorded it."""
    if isinstance(value, dict):
        return {name: _without_traces(v) for name, v in value.items() if name != "stackTrace"}
    return [_without_traces(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(record(sys.argv[1:] or list(LIVES)))
