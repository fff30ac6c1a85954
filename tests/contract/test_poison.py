"""No message, however malformed, blocks an item (issue 2, done when 3)."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from tests.contract.command_table import DETAILS, EVERY, well_formed
from tests.support.malformed_messages import (
    COSTLY_DEFINITIONS,
    FAR_TOO_LARGE,
    TOO_LARGE,
    UNDECODABLE,
    UNKNOWN_NAMES,
    malformed_messages,
    oversized,
    unusual_messages,
)
from tests.support.raw_messages import (
    Refusal,
    failure_of,
    json_payload,
    payload,
    query,
    signal,
    start,
    update,
)
from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    TICKET,
    ItemHandle,
    WorkerEnvironment,
    assert_eventually,
    new_environment,
    new_reference,
)

AT_ONCE: Final = 1.0
"""Seconds within which the next good command is answered."""
REFUSED_WITHIN: Final = 5.0
"""Seconds within which a bad message is refused; the server needs longer for large ones."""
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
STARTS: Final = {
    "Ticket": TICKET,
    "Case": {
        "by": "amy",
        "short_description": "A case",
        "definition": ONE_ACTION_DEFINITION,
        "submit": True,
    },
}


async def start_item(host: WorkerEnvironment, kind: str) -> ItemHandle:
    """Start a submitted item of this kind."""
    if kind == "Ticket":
        return await host.ticket()
    case = await host.case(ONE_ACTION_DEFINITION)
    return case if kind == "Case" else await host.item(f"{case.reference}-A1").begun()


async def next_command_problem(item: ItemHandle) -> str | None:
    """Return None if the next good command is answered in time, else the problem."""
    good = [json_payload(well_formed("Ticket", "add_note"))]
    try:
        async with asyncio.timeout(AT_ONCE):
            answer = await update(item.env, item.reference, "add_note", good)
    except TimeoutError:
        return f"no answer within {AT_ONCE} s"
    return answer.sentence if isinstance(answer, Refusal) else None


async def wait_for_refused_entries(item: ItemHandle, expected: list[str]) -> None:
    """Wait for the refused entries of the timeline and compare them by command."""

    async def check() -> None:
        page = await item.timeline()
        refused = [entry["command"] for entry in page["entries"] if entry["refused"]]
        assert refused == expected

    await assert_eventually(check)


async def problems_of(
    item: ItemHandle, command: str, cases: dict[str, list[Payload]]
) -> AsyncIterator[str]:
    """Send each case as a signal and an update and yield problems; the item has to answer."""
    for name, payloads in cases.items():
        refused = await signal(item.env, item.reference, command, payloads)
        if refused is not None:
            yield f"{name}, as a signal: {refused}"
        try:
            async with asyncio.timeout(REFUSED_WITHIN):
                answer = await update(item.env, item.reference, command, payloads)
        except TimeoutError:
            yield f"{name}, as an update after it as a signal: no answer in {REFUSED_WITHIN} s"
            return
        if not isinstance(answer, Refusal) or answer.type != "InvalidCommand":
            yield f"{name}, as an update: {answer}"
        elif answer.details is None or set(answer.details) != DETAILS:
            yield f"{name}, as an update, has details {answer.details}"


@pytest.mark.parametrize(("kind", "command"), EVERY)
async def test_a_poisoned_command_is_refused_and_the_next_good_one_is_answered(
    host: WorkerEnvironment, kind: str, command: str
) -> None:
    item = await start_item(host, kind)
    good = well_formed(kind, command)
    cases = malformed_messages(good)
    assert [wrong async for wrong in problems_of(item, command, cases)] == []
    assert await next_command_problem(item) is None
    large = [json_payload(good | {"reason": "x" * TOO_LARGE})]
    for send in (signal, update):
        refused = await send(host, item.reference, command, large)
        assert isinstance(refused, Refusal)
        assert refused.by_server
        assert await next_command_problem(item) is None
    await wait_for_refused_entries(item, [command] * len(cases))


@pytest.mark.parametrize(
    ("kind", "command"),
    [("Ticket", "add_note"), ("Case", "start_action"), ("Action", "wait")],
)
async def test_an_odd_command_is_refused_and_the_next_good_one_is_answered(
    host: WorkerEnvironment, kind: str, command: str
) -> None:
    item = await start_item(host, kind)
    cases = unusual_messages(well_formed(kind, command))
    assert [wrong async for wrong in problems_of(item, command, cases)] == []
    assert await next_command_problem(item) is None
    await wait_for_refused_entries(item, [command] * len(cases))


async def test_what_is_wrong_ten_thousand_times_over_is_refused_in_one_task(
    host: WorkerEnvironment,
) -> None:
    item = await host.start("Case", {"by": "amy", "short_description": "A case"})
    await item.begun()
    edits = {
        name: [json_payload({"by": "amy", "definition": one})]
        for name, one in COSTLY_DEFINITIONS.items()
    }
    assert [wrong async for wrong in problems_of(item, "edit", edits)] == []
    assert await next_command_problem(item) is None
    await wait_for_refused_entries(item, ["edit"] * len(edits))


@pytest.mark.parametrize("kind", ["Ticket", "Case", "Action"])
async def test_an_oversized_command_is_refused_by_the_server(
    host: WorkerEnvironment, kind: str
) -> None:
    item = await start_item(host, kind)
    for name, payloads in oversized(well_formed(kind, "add_note")).items():
        for send in (signal, update):
            refused = await send(host, item.reference, "add_note", payloads)
            assert isinstance(refused, Refusal), name
            assert refused.by_server, name
            assert await next_command_problem(item) is None, name
    await wait_for_refused_entries(item, [])


@pytest.mark.parametrize("kind", ["Ticket", "Case", "Action"])
async def test_an_unknown_name_is_refused_whatever_it_carries(
    host: WorkerEnvironment, kind: str
) -> None:
    item = await start_item(host, kind)
    good = json_payload({"by": "amy"})
    foreign = [command for other, command in EVERY if (kind, command) not in EVERY]
    names = [*UNKNOWN_NAMES, *dict.fromkeys(foreign)]
    wrong: list[str] = []
    for name in names:
        for payloads in ([good], [], [good, UNDECODABLE]):
            answer = await update(host, item.reference, name, payloads)
            if not isinstance(answer, Refusal) or answer.type != "InvalidCommand":
                wrong.append(f"{name!r} with {len(payloads)} payloads, as an update: {answer}")
        if (refused := await signal(host, item.reference, name, [good])) is not None:
            wrong.append(f"{name!r}, as a signal: {refused}")
        if (problem := await next_command_problem(item)) is not None:
            wrong.append(f"{name!r}: then {problem}")
            break
    assert wrong == []

    async def check_noted() -> None:
        refused = [entry for entry in item.entries if entry.refused]
        assert len(refused) == len(names)
        assert not any(CONTROL.search(f"{entry.command}{entry.reason}") for entry in refused)

    await assert_eventually(check_noted)


@pytest.mark.parametrize("kind", ["Case", "Action"])
async def test_a_notice_between_items_is_no_update(host: WorkerEnvironment, kind: str) -> None:
    item = await start_item(host, kind)
    notice = {"Case": "action_ended", "Action": "case_cancelled"}[kind]
    answer = await update(
        host, item.reference, notice, [json_payload({"by": "amy", "case_run": "x"})]
    )
    assert isinstance(answer, Refusal)
    assert answer.type == "InvalidCommand"
    cases = malformed_messages(
        {"by": "amy", "case_run": "x", "reference": "x", "outcome": "complete"}
    )
    for payloads in cases.values():
        assert await signal(host, item.reference, notice, payloads) is None
    assert await next_command_problem(item) is None
    await wait_for_refused_entries(item, [notice] * len(cases))


@pytest.mark.parametrize("kind", STARTS)
async def test_a_poisoned_start_fails_at_once_and_names_the_problem(
    host: WorkerEnvironment, kind: str
) -> None:
    cases = malformed_messages(STARTS[kind]) | unusual_messages(STARTS[kind])
    references = {name: new_reference(kind) for name in cases}
    for name, payloads in cases.items():
        assert await start(host, kind, references[name], payloads) is None, name
    wrong: list[str] = []
    for name, reference in references.items():
        handle = host.client.get_workflow_handle(reference)

        async def ended(handle: WorkflowHandle[Any, Any] = handle) -> None:
            assert (await handle.describe()).status is WorkflowExecutionStatus.FAILED

        try:
            await assert_eventually(ended, within=5)
        except AssertionError:
            wrong.append(f"{name}: is {(await handle.describe()).status}")
            continue
        failure = await failure_of(host, reference)
        if failure.type != "InvalidCommand" or not failure.sentence:
            wrong.append(f"{name}: {failure}")
    assert wrong == []
    assert not set(host.ledger.references()) & set(references.values())


@pytest.mark.parametrize("kind", STARTS)
async def test_a_start_tells_every_problem_at_once(host: WorkerEnvironment, kind: str) -> None:
    reference = new_reference(kind)
    fields = {"queue": 7, "links": "none", "settings": {"feedback_window": "P1Y"}, "colour": "red"}
    await start(host, kind, reference, [json_payload(fields)])

    async def check() -> None:
        failure = await failure_of(host, reference)
        assert failure.details is not None
        assert set(failure.details["fields"]) == {
            "by", "queue", "links", "settings.feedback_window", "colour",
        }  # fmt: skip

    await assert_eventually(check)


@pytest.mark.parametrize("kind", STARTS)
async def test_an_oversized_start_is_refused_by_the_server(
    host: WorkerEnvironment, kind: str
) -> None:
    for name, payloads in oversized(STARTS[kind]).items():
        refused = await start(host, kind, new_reference(kind), payloads)
        assert refused is not None, name
        assert refused.by_server, name


@pytest.mark.parametrize(
    "reference", ["-x", "x y", "x" * 65, "C-1-A7", "é", "a/b", "T\x001", "x\n"]
)
async def test_a_workflow_id_that_is_no_reference_fails_the_start(
    host: WorkerEnvironment, reference: str
) -> None:
    await start(host, "Ticket", reference, [json_payload(TICKET)])

    async def check() -> None:
        failure = await failure_of(host, reference)
        assert failure.type == "InvalidCommand"
        assert failure.details is not None
        assert set(failure.details) == DETAILS
        assert (failure.details["rule"], failure.details["fields"]) == (None, ["reference"])

    await assert_eventually(check)


async def test_updates_of_three_megabytes_do_not_freeze_the_item(host: WorkerEnvironment) -> None:
    item = await start_item(host, "Ticket")
    note = {"by": "amy", "text": "x" * FAR_TOO_LARGE}
    for payloads in ([json_payload(note)], [payload(b"\x00" * FAR_TOO_LARGE, b"binary/plain")]):
        for name in ("add_note", "no_such_command"):
            refused = await update(host, item.reference, name, payloads)
            assert isinstance(refused, Refusal)
            assert refused.by_server
            assert await next_command_problem(item) is None


async def test_forty_signals_of_a_megabyte_and_a_half_with_no_worker_up(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    item = await host.start("Ticket", TICKET)
    large = [json_payload({"by": "amy", "text": "x" * TOO_LARGE})]
    for _ in range(40):
        refused = await signal(host, item.reference, "add_note", large)
        assert refused is not None
        assert refused.by_server
    async with host.working(cached=10):
        await item.begun()
        assert await next_command_problem(item) is None


async def test_forty_notes_of_250_kilobytes_with_no_worker_up_are_all_kept(
    server: WorkflowEnvironment,
) -> None:
    host = new_environment(server.client)
    item = await host.start("Ticket", TICKET)
    texts = [f"{number} {'x' * 250_000}" for number in range(40)]
    for text in texts:
        assert (
            await signal(
                host, item.reference, "add_note", [json_payload({"by": "a", "text": text})]
            )
            is None
        )
    async with host.working(cached=10):
        await item.begun()
        await item.eventually(revision=41)
        assert await next_command_problem(item) is None
        notes = [note.text for note in host.ledger.notes(item.reference) if note.kind == "note"]
        assert notes[:40] == texts


async def test_a_note_of_250_kilobytes_is_carried_by_reference(host: WorkerEnvironment) -> None:
    item = await start_item(host, "Ticket")
    text = "Ein langer Text. " * 15_000
    assert 250_000 < len(text) < 256 * 1024
    await item.tell("add_note", text=text)
    await item.eventually(revision=2)
    page = await item.timeline()
    carried = page["entries"][-1]["note"]
    assert carried.startswith("Ein langer Text.")
    assert len(carried) < 2000
    assert host.ledger.notes(item.reference)[-1].text == text
    assert await next_command_problem(item) is None


async def test_a_description_of_200_kilobytes_is_carried_by_reference(
    host: WorkerEnvironment,
) -> None:
    text = "Ein langer Text. " * 12_000
    ticket = await host.ticket(description=text)
    assert len((await ticket.state())["description"]) < 2000
    assert host.ledger.notes(ticket.reference)[0].text == text
    assert await next_command_problem(ticket) is None


@pytest.mark.parametrize("kind", ["Ticket", "Case", "Action"])
async def test_a_poisoned_query_is_answered_and_changes_nothing(
    host: WorkerEnvironment, kind: str
) -> None:
    item = await start_item(host, kind)
    before = await item.state()
    wrong: list[str] = []
    for name in ("state", "timeline", "moves", "publication", "no_such_query", "😀", "\x00"):
        cases = malformed_messages({"by": "amy"})
        if name == "timeline":
            cases |= unusual_messages({"by": "amy"})
        for case, payloads in cases.items():
            answer = await query(host, item.reference, name, payloads)
            if name == "no_such_query" and not isinstance(answer, Refusal):
                wrong.append(f"{name} with {case}: {answer}")
            if len(payloads) > 1 and not isinstance(answer, Refusal):
                wrong.append(f"{name} with {case}: {answer}")
            if name == "state" and len(payloads) <= 1 and answer != before:
                wrong.append(f"{name} with {case}: {answer}")
        if (problem := await next_command_problem(item)) is not None:
            wrong.append(f"{name}: then {problem}")
            break
        before = await item.state()
    assert wrong == []
    assert [entry for entry in item.entries if entry.refused] == []
