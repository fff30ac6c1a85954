"""The shapes of all answers: states, timelines, refusals, results and search attributes."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from tests.contract.command_table import ATTRIBUTES, ENTRY, EVERY, STATE_OF, well_formed
from tests.contract.test_poison import next_command_problem, start_item
from tests.support.raw_messages import Refusal, json_payload, payload, query, start, update
from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    TWO_STEP_DEFINITION,
    WorkerEnvironment,
    assert_eventually,
    new_reference,
)

WRONG: tuple[Any, ...] = ({"x\x00": {}}, [[]], "\x00")
"""Values that no field of any command takes."""
KINDS = ["Ticket", "Case", "Action"]


def is_utc(text: str) -> bool:
    return datetime.fromisoformat(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_state_has_the_fields_of_the_contract(host: WorkerEnvironment, kind: str) -> None:
    item = await start_item(host, kind)
    first_serial, answered = await item.state(), await item.do("start")
    for state in (first_serial, answered):
        assert set(state) >= STATE_OF[kind]
    assert (first_serial["reference"], first_serial["kind"]) == (item.reference, kind)
    assert (first_serial["status"], answered["status"]) == ("TO_DO", "IN_PROGRESS")
    assert (first_serial["wait"], first_serial["resolution"], first_serial["attention"]) == (
        None,
        None,
        [],
    )
    assert (first_serial["clock"], first_serial["due_at"], first_serial["links"]) == (
        "running",
        None,
        [],
    )
    assert answered == await item.state()


async def test_a_wait_a_resolution_and_a_due_date_have_their_shapes(
    host: WorkerEnvironment,
) -> None:
    due = {"within": "P10D", "add_wait_time": True, "waits": ["until"]}
    ticket = await host.ticket(settings={"due": due, "feedback_window": "P1D"})
    state = await ticket.do("wait", type="more_information", days_to_wait=1.5, waiting_for="Ida")
    assert state["wait"] == {
        "type": "more_information", "until": None, "days_to_wait": 1.5,
        "close_if_no_response": False, "waiting_for": "Ida",
    }  # fmt: skip
    assert is_utc(state["wakes_at"])
    assert state["clock"] == "running"
    assert is_utc(state["due_at"])
    until = "2126-01-01T01:00:00+01:00"
    state = await ticket.do("wait", type="until", until=until)
    assert state["wait"]["until"] == state["wakes_at"] == "2126-01-01T00:00:00Z"
    assert (state["clock"], state["due_at"]) == ("stopped", None)
    assert state["due_text"].startswith("Due: paused 9 d 23 h 59 m before due")  # D5
    state = await ticket.do("resolve", method="rejected")
    assert set(state["resolution"]) >= {"method", "reason", "by", "at"}
    assert (state["resolution"]["method"], state["resolution"]["by"]) == ("rejected", "amy")
    assert set(state["first_resolution"]) == {"by", "at"}
    assert is_utc(state["closes_at"])
    assert (await ticket.do("reopen"))["resolution"] is None


async def test_the_actions_of_a_case_have_their_shape(host: WorkerEnvironment) -> None:
    case = await host.case(ONE_ACTION_DEFINITION, owner="carol")
    run = await host.item(f"{case.reference}-A1").begun()
    await run.do("resolve", outcome="unable_to_complete", reason="illegible")
    state = await case.eventually(assignee="carol")
    assert state["attention"] == [{"action": "run", "reason": "illegible"}]
    state = await case.do("start_action", by="carol", action="run")
    shown = [{k: action[k] for k in ("key", "reference", "copy", "status", "outcome")}
            for action in state["actions"]]  # fmt: skip
    assert shown == [
        {"key": "run", "reference": run.reference, "copy": 1, "status": "CLOSED",
         "outcome": "unable_to_complete"},
        {"key": "run", "reference": f"{case.reference}-A2", "copy": 2, "status": "TO_DO",
         "outcome": None},
    ]  # fmt: skip
    assert (state["step"], state["title"]) == ("only", "A case")
    action = await run.state()
    assert (action["case"], action["in_review"], action["lease"]) == (case.reference, False, None)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_timeline_has_the_lines_of_the_contract(host: WorkerEnvironment, kind: str) -> None:
    item = await start_item(host, kind)
    await item.do("start")
    await item.do("add_note", text="A note.")
    await item.tell("reopen")
    page: dict[str, Any] = {}

    async def refused() -> None:
        page.update(await item.timeline())
        assert len(page["entries"]) == 4

    await assert_eventually(refused)
    assert page["next"] is None
    assert all(set(entry) >= ENTRY for entry in page["entries"])
    shown = [
        (e["revision"], e["command"], e["from"], e["to"], e["refused"]) for e in page["entries"]
    ]
    assert shown == [
        (1, "create", None, "TO_DO", False),
        (2, "start", "TO_DO", "IN_PROGRESS", False),
        (3, "add_note", "IN_PROGRESS", "IN_PROGRESS", False),
        (3, "reopen", "IN_PROGRESS", "IN_PROGRESS", True),
    ]
    assert page["entries"][2]["note"] == "A note."


async def test_a_timeline_is_read_page_by_page(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    for number in range(24):
        await ticket.do("add_note", text=f"note {number}")
    seen, first_serial, pages = [], 0, 0
    while first_serial is not None:
        page = await ticket.timeline(from_revision=first_serial, limit=10)
        seen += [entry["revision"] for entry in page["entries"]]
        first_serial, pages = page["next"], pages + 1
    assert seen == list(range(1, 26))
    assert pages == 3
    assert [e["revision"] for e in (await ticket.timeline(from_revision=25))["entries"]] == [25]
    assert (await ticket.timeline(from_revision=99))["entries"] == []
    nothing = await query(host, ticket.reference, "timeline", [])
    assert isinstance(nothing, dict)
    assert len(nothing["entries"]) == 25
    for wrong in ({"limit": 0}, {"limit": 201}, {"from_revision": -1}, {"page": 2}):
        assert isinstance(
            await query(host, ticket.reference, "timeline", [json_payload(wrong)]), Refusal
        )


async def test_an_item_carries_at_least_its_last_200_entries(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    for number in range(230):
        await ticket.tell("add_note", text=f"note {number}")
    await ticket.eventually(revision=231)
    seen: list[int] = []
    first_serial = 0
    while first_serial is not None:
        page = await ticket.timeline(from_revision=first_serial)
        seen += [entry["revision"] for entry in page["entries"]]
        first_serial = page["next"]
    assert seen[-200:] == list(range(32, 232))


async def test_a_refusal_has_type_sentence_rule_and_fields(host: WorkerEnvironment) -> None:
    draft = await host.ticket(submit=False, title="", category=None, requester=None)
    refused = await draft.refusal("submit")
    assert refused.type == "NotAllowed"
    assert refused.details[0] == {
        "rule": "T2",
        "fields": ["title", "category", "requester"],
        "reason": "fields_missing",
        "message": "submit.missing",
        "parameters": {
            "item": {"message": "noun.ticket", "parameters": {"reference": draft.reference}},
            "fields": "title, category, requester",
        },
    }
    assert draft.reference in refused.message
    assert refused.message[0].islower()
    refused = await draft.refusal("wait", by="", type="never", until="tomorrow", colour="red")
    assert refused.type == "InvalidCommand"
    assert set(refused.details[0]["fields"]) == {"by", "type", "until", "colour"}
    for field in ("by", "type", "until", "colour"):
        assert field in refused.message
    refused = await draft.refusal("edit", title="x", expected_revision=7)
    assert refused.type == "Conflict"
    details = refused.details[0]
    assert (details["rule"], details["fields"]) == ("C17", ["expected_revision"])
    refused = await draft.refusal("add_note", text="x", lease="stale")
    assert (refused.type, refused.details[0]["fields"]) == ("Conflict", ["lease"])


@pytest.mark.parametrize(("kind", "command"), EVERY)
async def test_each_field_of_a_command_is_named_when_it_is_wrong(
    host: WorkerEnvironment, kind: str, command: str
) -> None:
    item = await start_item(host, kind)
    good = well_formed(kind, command)
    wrong: list[str] = []
    for field in good:
        for value in WRONG:
            fields = [json_payload(good | {field: value})]
            answer = await update(host, item.reference, command, fields)
            if not isinstance(answer, Refusal) or answer.type != "InvalidCommand":
                wrong.append(f"{field} = {value!r}: {answer}")
            elif not any(
                named.split(".")[0] == field for named in (answer.details or {})["fields"]
            ):
                wrong.append(f"{field} = {value!r} is not named: {answer.details}")
    assert wrong == []


@pytest.mark.parametrize(
    "instant", ["2126-01-01T00:00:00", "2126-01-01", "tomorrow", 4922942400, ""]
)
async def test_an_instant_without_a_zone_is_refused(
    host: WorkerEnvironment, instant: object
) -> None:
    ticket = await host.ticket()
    refused = await ticket.refusal("wait", type="until", until=instant)
    assert (refused.type, refused.details[0]["fields"]) == ("InvalidCommand", ["until"])


async def test_a_reference_of_ones_own_makes_a_start_idempotent(host: WorkerEnvironment) -> None:
    reference = new_reference("Ticket")
    one = [json_payload({"by": "amy", "title": "Once"})]
    assert await start(host, "Ticket", reference, one) is None
    await host.item(reference).begun()
    with pytest.raises(RPCError) as again:
        await start(host, "Ticket", reference, one)
    assert again.value.status is RPCStatusCode.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("by", "fields", "started_by", "status"),
    [
        ("amy", {}, "manual", "DRAFT"),
        ("amy", {"submit": True}, "manual", "TO_DO"),
        ("service:erp", {}, "service", "TO_DO"),
        ("service:erp", {"submit": False}, "service", "DRAFT"),
        ("system", {"started_by": "email"}, "email", "TO_DO"),
    ],
)
async def test_how_an_item_was_started_decides_whether_it_is_submitted(
    host: WorkerEnvironment, by: str, fields: dict[str, Any], started_by: str, status: str
) -> None:
    case = await host.start("Case", {"by": by, "short_description": "A case"} | fields)
    state = await (await case.begun()).state()
    assert (state["started_by"], state["status"]) == (started_by, status)
    assert state["queue"] == "default"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_closed_item_completed_with_its_last_state(
    host: WorkerEnvironment, kind: str
) -> None:
    item = await start_item(host, kind)
    if kind == "Case":
        await item.do("cancel")
    elif kind == "Ticket":
        await item.do("resolve", method="rejected")
    else:
        await item.do("resolve", outcome="complete")
    last = await item.result()
    assert set(last) >= STATE_OF[kind]
    assert last["status"] == "CLOSED"
    assert last == await item.state()
    described = await item.handle.describe()
    assert described.status is WorkflowExecutionStatus.COMPLETED
    for command in ("start", "no_such_command"):
        refused = await update(host, item.reference, command, [json_payload({"by": "amy"})])
        assert isinstance(refused, Refusal)
        assert (refused.by_server, refused.type) == (True, "NOT_FOUND")
        with pytest.raises(RPCError) as error:
            await item.tell(command)
        assert error.value.status is RPCStatusCode.NOT_FOUND


async def test_the_search_attributes_are_those_of_the_contract(host: WorkerEnvironment) -> None:
    request = ListSearchAttributesRequest(namespace="default")
    attributes = await host.client.operator_service.list_search_attributes(request)
    types = {name: str(attributes.custom_attributes[name]) for name in ATTRIBUTES}
    numbers = {"Keyword": "2", "Datetime": "6", "Bool": "5"}
    assert types == {name: numbers[kind] for name, kind in ATTRIBUTES.items()}


async def test_the_search_attributes_tell_the_state_and_nobody_outside_it(
    host: WorkerEnvironment,
) -> None:
    case = await host.case(TWO_STEP_DEFINITION, owner="carol", settings={"due": {"within": "P10D"}})
    read = await host.item(f"{case.reference}-A1").begun()
    await read.do("resolve", by="bob", outcome="unable_to_complete", reason="illegible")
    state = await case.eventually(assignee="carol")
    described = await case.handle.describe()
    shown = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert {name: shown.get(name) for name in ATTRIBUTES} == {
        "ItemStatus": "TO_DO", "ItemQueue": "default", "ItemAssignee": "carol",
        "ItemOwner": "carol", "ItemWait": None, "ItemCategory": None, "ItemResolution": None,
        "ItemDue": datetime.fromisoformat(state["due_at"]), "ItemWakesAt": None,
        "NeedsAttention": True, "NewInformation": True,
    }  # fmt: skip
    assert not [value for value in shown.values() if "Ida" in str(value) or "@" in str(value)]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_ui_is_told_the_card_and_every_command(
    host: WorkerEnvironment, kind: str
) -> None:
    item = await start_item(host, kind)
    metadata = await item.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert item.reference in metadata.current_details
    definition = metadata.definition
    for messages in (definition.signal_definitions, definition.update_definitions):
        described = {entry.name: entry.description for entry in messages}
        for other, command in EVERY:
            if other == kind:
                assert described.get(command), command


@pytest.mark.parametrize("depth", [40, 60, 190, 250, 2000])
async def test_free_data_of_any_depth_freezes_nothing(host: WorkerEnvironment, depth: int) -> None:
    deep = b'{"by": "amy", "short_description": "Deep", "submit": true, "data": {"x": %b%b}}'
    reference = new_reference("Case")
    await start(host, "Case", reference, [payload(deep % (b"[" * depth, b"]" * depth))])
    case = host.item(reference)

    async def answered() -> None:
        description = await case.handle.describe()
        if description.status is WorkflowExecutionStatus.RUNNING:
            state = await query(host, reference, "publication", [json_payload({})])
            assert isinstance(state, dict)
            assert await next_command_problem(case) is None
        else:
            assert description.status is WorkflowExecutionStatus.FAILED
            assert depth > 50

    await assert_eventually(answered)


@pytest.mark.parametrize(
    "number", ["1e308", "-0.0", "9" * 300, "1E400", "NaN", "-Infinity", "1" + "0" * 5000]
)
async def test_free_data_of_any_number_freezes_nothing(
    host: WorkerEnvironment, number: str
) -> None:
    text = '{"by": "amy", "short_description": "Numbers", "submit": true, "data": {"n": %s}}'
    reference = new_reference("Case")
    await start(host, "Case", reference, [payload((text % number).encode())])
    case = host.item(reference)

    async def answered() -> None:
        description = await case.handle.describe()
        if description.status is WorkflowExecutionStatus.RUNNING:
            assert await next_command_problem(case) is None
            json.dumps((await case.state())["data"], allow_nan=False)
        else:
            assert description.status is WorkflowExecutionStatus.FAILED

    await assert_eventually(answered)


async def test_a_key_that_comes_twice_freezes_nothing(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    twice = payload(b'{"by": "amy", "text": "one", "text": "two", "by": "bob"}')
    await update(host, ticket.reference, "add_note", [twice])
    assert await next_command_problem(ticket) is None


async def test_items_of_other_people_are_not_slowed_by_a_flood_of_garbage(
    host: WorkerEnvironment,
) -> None:
    flooded, calm = await host.ticket(), await host.ticket()

    async def pour() -> None:
        for _ in range(150):
            await flooded.handle.signal("no_such_command", {"by": "mallory"})

    pouring = asyncio.create_task(pour())
    while not pouring.done():
        assert await next_command_problem(calm) is None
    await pouring
    assert await next_command_problem(flooded) is None
    assert datetime.now(UTC) > datetime.fromisoformat((await calm.state())["changed_at"])
