"""Items that start, tell and ask other items, on a real server (T14-T16, A8, K12)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.services import Endpoint
from domain.model.definitions import CaseDefinition, ItemTerms
from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    Fields,
    ItemHandle,
    WorkerEnvironment,
    assert_eventually,
    new_environment,
    new_reference,
)

PARTS = [
    {"title": "The invoice", "description": "It never came."},
    {"title": "The reminder", "description": "It came twice."},
]


CACHED = 50
"""For tests with a catalog: an evicted item that waits for the catalog loses ten more seconds."""


def catalog_of(*definitions: Fields) -> dict[str, ItemTerms]:
    """Return a catalog of these case definitions."""
    read = [CaseDefinition.model_validate_json(json.dumps(fields)) for fields in definitions]
    return {each.name: ItemTerms(definition=each) for each in read}


def one_action(name: str, **action: object) -> Fields:
    """Return a case definition of one step with one Action."""
    return {"name": name, "steps": [{"key": "only", "actions": [{"key": "do", **action}]}]}


@dataclass
class Erp:
    """A real HTTP service that answers as the test says and records its requests."""

    answers: list[tuple[str, str]]
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        async with server:
            yield f"http://{host}:{port}/api"

    async def _answer(self, asks: asyncio.StreamReader, tells: asyncio.StreamWriter) -> None:
        head = (await asks.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await asks.readexactly(int(headers.get("content-length", "0")))
        self.requests.append((head[0], headers, json.loads(body) if body else None))
        status, text = self.answers.pop(0)
        answer = f"HTTP/1.1 {status}\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
        tells.write(answer.encode() + text.encode())
        await tells.drain()
        tells.close()


async def linked(item: ItemHandle, kind: str) -> list[ItemHandle]:
    """Wait for the item's links of this kind and return the linked items."""
    links = (await item.state())["links"]
    items = [item.env.item(link["reference"]) for link in links if link["kind"] == kind]
    return [await each.begun() for each in items]


async def test_a_split_ticket_closes_when_its_last_part_is_closed(
    host: WorkerEnvironment,
) -> None:  # T14
    ticket = await host.ticket()
    await ticket.do("add_note", text="She called twice.")
    await ticket.do("split", parts=PARTS)
    parts = await linked(ticket, "part")
    seen = [await part.state() for part in parts]
    assert [part["title"] for part in seen] == ["The invoice", "The reminder"]
    assert {part["started_by"] for part in seen} == {"split"}
    assert {part["status"] for part in seen} == {"TO_DO"}
    assert "She called twice." in (parts[0].entries[-1].note or "")
    assert (await ticket.refusal("resume")).details[0]["rule"] == "C12"
    await parts[0].do("resolve", method="rejected")
    await ticket.eventually(revision=4)
    await parts[1].do("resolve", method="customer_response")
    closed = await ticket.result()
    assert (closed["status"], closed["resolution"]["method"]) == ("CLOSED", "split")
    assert [each["ended"] for each in closed["awaited"]] == ["rejected", "customer_response"]


async def test_a_part_that_vanishes_is_not_waited_for(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    await ticket.do("split", parts=PARTS)
    first, second = await linked(ticket, "part")
    await first.handle.terminate("an operator pressed the button")
    await second.do("resolve", method="rejected")
    assert (await ticket.result())["resolution"]["method"] == "split"


async def test_a_ticket_closes_with_the_case_it_launched(server: WorkflowEnvironment) -> None:
    host = new_environment(server.client)
    async with host.working(cached=CACHED, definitions=catalog_of(ONE_ACTION_DEFINITION)):
        ticket = await host.ticket()
        refused = await ticket.refusal("launch_case", definition="nonsense")
        assert refused.details[0].items() >= {"rule": "K2", "fields": ["definition"]}.items()
        await ticket.do("launch_case", definition="errand")  # T15
        (case,) = await linked(ticket, "launched")
        state = await case.state()
        assert (state["title"], state["primary_contact"]["name"]) == ("No invoice", "Ida Berg")
        assert (await ticket.state())["wait"]["type"] == "case_launched"
        run = await host.item(f"{case.reference}-A1").begun()
        await run.do("resolve", by="bob", outcome="complete")
        assert (await ticket.result())["resolution"]["method"] == "case_launched"


async def test_a_ticket_comes_back_if_the_case_it_launched_vanishes(
    host: WorkerEnvironment,
) -> None:
    ticket = await host.ticket()
    await ticket.do("launch_case", definition=ONE_ACTION_DEFINITION)
    (case,) = await linked(ticket, "launched")
    await case.handle.terminate()
    back = await ticket.eventually(status="TO_DO")
    assert back["new_information"]


# T16
@pytest.mark.parametrize("how", ["do", "tell"])
async def test_a_merged_ticket_closes_once_its_target_took_it(
    host: WorkerEnvironment, how: str
) -> None:
    ticket, target = await host.ticket(), await host.ticket()
    await ticket.do("add_note", text="The number is 4711.")
    await target.do("wait", type="more_information")
    give = ticket.do if how == "do" else ticket.tell
    answer = await give("merge", into=target.reference)
    closed = await ticket.result()
    assert answer in (None, closed)
    assert closed["resolution"]["method"] == "merged"
    assert {"kind": "merged_into", "reference": target.reference} in closed["links"]
    woken = await target.eventually(status="TO_DO")
    assert woken["new_information"]
    assert "The number is 4711." in (target.entries[-1].note or "")


async def test_a_merge_that_its_target_refuses_changes_nothing(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    gone, draft = await host.ticket(), await host.ticket(submit=False)
    await gone.do("resolve", method="rejected_as_spam")
    before = await ticket.state()
    for into in (gone.reference, draft.reference, new_reference("Ticket"), ticket.reference):
        refused = await ticket.refusal("merge", into=into, command_id=into)
        assert refused.details[0].items() >= {"rule": "T16", "fields": ["into"]}.items()
        assert into in refused.message
    assert await ticket.state() == before
    again = await ticket.refusal("merge", into=draft.reference, command_id=draft.reference)
    assert again.type == "NotAllowed"  # C17
    await ticket.tell("merge", into=draft.reference)

    async def refused_too() -> None:
        assert [entry.rule for entry in ticket.entries if entry.refused] == ["T16"]  # C16

    await assert_eventually(refused_too)


async def test_of_two_merged_into_each_other_one_is_closed_and_one_open(
    host: WorkerEnvironment,
) -> None:
    one, other = await host.ticket(), await host.ticket()
    await asyncio.gather(
        one.tell("merge", into=other.reference), other.tell("merge", into=one.reference)
    )

    async def settled() -> None:
        closed = [(await item.handle.describe()).status for item in (one, other)]
        assert sorted(status.name for status in closed if status) == ["COMPLETED", "RUNNING"]

    await assert_eventually(settled)


# T16, C17: each caller hears what came of it, also where both questions come at once
async def test_who_merges_two_into_each_other_is_told_which_one_closed(
    host: WorkerEnvironment,
) -> None:
    one, other = await host.ticket(), await host.ticket()
    answers = await asyncio.gather(
        one.do("merge", into=other.reference),
        other.do("merge", into=one.reference),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, WorkflowUpdateFailedError)]
    merged = [answer for answer in answers if isinstance(answer, dict)]
    assert [state["resolution"]["method"] for state in merged] == ["merged"]
    assert [getattr(each.cause, "type", None) for each in refused] == ["NotAllowed"]


# T16, C15: a target that never answers holds up nobody
@pytest.mark.parametrize("later", [False, True])
async def test_a_ticket_that_closes_before_its_merge_is_answered_says_so(
    host: WorkerEnvironment, server: WorkflowEnvironment, *, later: bool
) -> None:
    deaf = await new_environment(server.client).start("Ticket", {"by": "amy"})  # no worker is there
    settings = {"feedback_window": "PT1S"} if later else {}
    ticket = await host.ticket(settings=settings)
    merging = asyncio.create_task(ticket.refusal("merge", into=deaf.reference))

    async def requests() -> None:
        assert (await ticket.refusal("merge", into="T-OTHER")).details[0]["rule"] == "T16"

    await assert_eventually(requests)
    await ticket.do("resolve", method="rejected" if later else "rejected_as_spam")
    assert (await merging).details[0].items() >= {"rule": "T16", "fields": ["into"]}.items()
    assert (await ticket.result())["status"] == "CLOSED"
    await deaf.handle.terminate()


# A8
async def test_an_action_sends_its_mail_and_waits_for_the_reply(host: WorkerEnvironment) -> None:
    mail = {"to": ["requester", "erp@example.org"], "subject": "Your order", "body": "Which one?"}
    definition = one_action("ask", kind="send_mail_and_wait", mail=mail)
    case = await host.case(definition, requester={"email": "ida@example.org"})
    action = await host.item(f"{case.reference}-A1").begun()
    await action.eventually(status="WAIT")
    (sent,) = host.ledger.mails(action.reference)
    assert (sent.to, sent.subject) == (("ida@example.org", "erp@example.org"), "Your order")
    reply = {"message_id": "<1@example.org>", "sender": "ida@example.org", "excerpt": "4711"}
    await action.do("receive_email", by="system", **reply)
    assert (await case.result())["actions"][0]["outcome"] == "complete"


async def test_a_mail_without_recipient_makes_the_action_to_do(host: WorkerEnvironment) -> None:
    definition = one_action("tell", kind="send_mail", mail={"to": "primary_contact"})
    case = await host.case(definition)
    action = await host.item(f"{case.reference}-A1").begun()
    state = await action.eventually(status="TO_DO", assignee=None)
    assert "primary_contact" in (await action.timeline())["entries"][-1]["reason"]
    await action.do("resolve", by="bob", outcome="complete")
    assert state["new_information"]
    await case.result()


CALL = {"service": "erp", "path": "/payments", "keep_as": "payment", "retries": 1}


@asynccontextmanager
async def calling(server: WorkflowEnvironment, erp: Erp) -> AsyncIterator[WorkerEnvironment]:
    """Start a worker that knows the service."""
    host = new_environment(server.client)
    async with erp.listening() as url:
        services = {"erp": Endpoint(url, {"authorization": "Bearer abc"})}
        async with host.working(services=services):
            yield host


async def test_a_service_is_called_until_it_answers(server: WorkflowEnvironment) -> None:
    erp = Erp([("503 Busy", ""), ("200 OK", '{"number": 7}')])
    async with calling(server, erp) as host:
        case = await host.case(one_action("pay", kind="call_service", call=CALL), data={"sum": 12})
        closed = await case.result()
        assert closed["data"] == {"sum": 12, "payment": {"number": 7}}
        assert [line for line, _, _ in erp.requests] == ["POST /api/payments HTTP/1.1"] * 2
        keys = {headers["idempotency-key"] for _, headers, _ in erp.requests}
        assert len(keys) == 1
        assert erp.requests[0][1]["authorization"] == "bearer abc"
        assert erp.requests[0][2]["data"] == {"sum": 12}


@pytest.mark.parametrize(
    ("answers", "call", "problem"),
    [
        ([("404 Nowhere", "no such payment")], CALL, "answered 404"),
        ([("500 Broken", "")] * 2, CALL, "answered 500"),
        ([("200 OK", "x" * 9000)], CALL, "at most 8192 are kept"),
    ],
    ids=["refused", "broken", "too large"],
)
async def test_a_call_that_fails_for_good_is_left_to_people(
    server: WorkflowEnvironment, answers: list[tuple[str, str]], call: Fields, problem: str
) -> None:
    async with calling(server, Erp(list(answers))) as host:
        case = await host.case(one_action("pay", kind="call_service", call=call))
        action = await host.item(f"{case.reference}-A1").begun()
        await action.eventually(status="TO_DO", assignee=None, new_information=True)
        assert problem in (await action.timeline())["entries"][-1]["reason"]


def nested(*names: str) -> list[Fields]:
    """Return definitions that each wait for a Case of the next; the last is done by hand."""
    waiting = [
        one_action(name, kind="wait_for_sub_cases", cases=[{"definition": below}])
        for name, below in pairwise(names)
    ]
    return [*waiting, one_action(names[-1])]


@asynccontextmanager
async def three_levels(
    server: WorkflowEnvironment,
) -> AsyncIterator[tuple[WorkerEnvironment, list[ItemHandle]]]:
    """Start a Case that waits for a Case that waits for a Case with an Action done by hand."""
    host = new_environment(server.client)
    async with host.working(
        cached=CACHED, definitions=catalog_of(*nested("top", "middle", "bottom"))
    ):
        cases = [await host.case("top", data={"sum": 12})]
        for _ in range(2):
            action = await host.item(f"{cases[-1].reference}-A1").begun()
            cases += await linked(action, "started")
        yield host, cases


async def test_a_case_is_done_when_its_sub_cases_are(server: WorkflowEnvironment) -> None:
    async with three_levels(server) as (host, cases):
        bottom = await cases[2].state()
        assert (bottom["data"], bottom["started_by"]) == ({"sum": 12}, "action")
        action = await host.item(f"{cases[2].reference}-A1").begun()
        await action.do("resolve", by="bob", outcome="complete")
        ended = [(await case.result())["resolution"]["outcome"] for case in cases]
        assert ended == ["complete"] * 3


async def test_a_cancelled_case_takes_its_sub_cases_along(server: WorkflowEnvironment) -> None:
    async with three_levels(server) as (_, cases):  # K12
        await cases[0].do("cancel", reason="not needed any more")
        ended = [(await case.result())["resolution"]["outcome"] for case in cases]
        assert ended == ["cancelled"] * 3


async def test_a_sub_case_that_is_cancelled_leaves_its_action_to_people(
    server: WorkflowEnvironment,
) -> None:
    async with three_levels(server) as (host, cases):
        await cases[2].do("cancel")
        action = host.item(f"{cases[1].reference}-A1")
        await action.eventually(status="TO_DO", assignee=None, new_information=True)


async def test_a_case_that_is_merely_started_goes_on_by_itself(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    starting = one_action("starter", kind="start_case", case={"definition": "errand"})
    starting["steps"].append({"key": "then", "actions": [{"key": "by-hand"}]})
    async with host.working(cached=CACHED, definitions=catalog_of(ONE_ACTION_DEFINITION)):
        case = await host.case(starting)
        action = await host.item(f"{case.reference}-A1").begun()
        assert (await action.result())["resolution"]["outcome"] == "complete"
        link = next(each for each in (await action.result())["links"] if each["kind"] == "started")
        await case.do("cancel")
        await case.result()
        started = await host.item(link["reference"]).begun()
        assert (await started.state())["status"] == "TO_DO"


# K2
@pytest.mark.parametrize(
    ("action", "field"),
    [
        ({"kind": "start_case", "case": {"definition": "nonsense"}}, "case.definition"),
        (
            {"kind": "wait_for_sub_cases", "cases": [{"definition": "nonsense"}]},
            "cases.0.definition",
        ),
        ({"kind": "call_service", "call": {"service": "nonsense"}}, "call.service"),
    ],
    ids=["case", "sub-case", "service"],
)
async def test_a_case_that_would_start_or_call_what_is_unknown_is_not_started(
    host: WorkerEnvironment, action: Fields, field: str
) -> None:
    start = {"by": "amy", "short_description": "A case", "submit": True}
    case = await host.start("Case", start | {"definition": one_action("one", **action)})
    with pytest.raises(WorkflowFailureError) as failed:
        await case.result()
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert "nonsense" in cause.message
    assert cause.details[0]["fields"] == [f"definition.steps.0.actions.0.{field}"]


@pytest.mark.parametrize("kind", ["Ticket", "Case"])
async def test_an_outsider_cannot_say_what_an_item_takes_over(
    host: WorkerEnvironment, kind: str
) -> None:
    inherited = {"waiter": {"reference": "T-1", "run": "r"}}
    item = await host.start(kind, {"by": "amy", "inherited": inherited})
    with pytest.raises(WorkflowFailureError) as failed:
        await item.result()
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.details[0]["fields"] == ["inherited"]
