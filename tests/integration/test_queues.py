"""The next item of a queue, requested by many concurrent callers on a real stack (Q1, Q2)."""

import asyncio
import json
import os
import sys
import uuid
from asyncio.subprocess import PIPE
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import update

from domain.base.values import Kind
from domain.model.states import ActionItemState, State
from starter.next_item import QueueEmpty, take_next
from store.engine import open_engine, write_connection
from store.errors import DatabaseBusy
from store.items import queries
from store.items.claims import claim_next
from store.schema.tables import item
from tests.support.process_stack import RunningStack

CASEKEEP: Final = Path(sys.executable).with_name("casekeep")
TICKETS: Final = frozenset({Kind.TICKET})
ROBOT: Final = "robot:ocr-1"
ITEMS, ASKERS = 100, 200


def new_queue() -> str:
    """Return the name of a queue that no other test uses."""
    return f"q-{uuid.uuid4().hex[:8]}"


async def tickets(desk: RunningStack, queue: str, count: int, **fields: Any) -> list[str]:  # noqa: ANN401
    """Start this number of Tickets that wait in the queue, also according to the store."""
    references = await asyncio.gather(*(desk.ticket(queue=queue, **fields) for _ in range(count)))
    await asyncio.gather(*(desk.eventually(reference) for reference in references))
    return sorted(references)


async def take(desk: RunningStack, queue: str, by: str, **options: Any) -> State | None:  # noqa: ANN401
    """Return the item that this caller gets, or None."""
    try:
        return await take_next(desk.desk, desk.engine, queue, by=by, **options)
    except QueueEmpty:
        return None


async def run_casekeep(desk: RunningStack, *words: str) -> tuple[int | None, str, str]:
    """Run `casekeep` and return its exit code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        CASEKEEP, *words, env=os.environ | desk.stack.environment, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def starters(desk: RunningStack, reference: str) -> list[str]:
    """Return the actors of the item's starts, in order, from the store."""
    entries = queries.load_entries(desk.engine, reference).entries
    return [entry.by for entry in entries if entry.command == "start"]


# Q1
@pytest.mark.soak
async def test_of_two_hundred_who_ask_for_a_hundred_items_a_hundred_get_one_each(
    desk: RunningStack,
) -> None:
    queue = new_queue()
    there = await tickets(desk, queue, ITEMS)
    askers = [f"{'robot:' if number % 2 else ''}asker-{number}" for number in range(ASKERS)]
    answers = await asyncio.gather(*(take(desk, queue, by, robots=TICKETS) for by in askers))
    won = [(answer.reference, by) for by, answer in zip(askers, answers, strict=True) if answer]
    assert sorted(reference for reference, _ in won) == there
    for answer in filter(None, answers):
        assert (answer.assignee, answer.status) == (
            dict(won)[answer.reference],
            "IN_PROGRESS",
        )
    assert {reference: starters(desk, reference) for reference in there} == {
        reference: [by] for reference, by in won
    }


# Q1: by the command
async def test_processes_that_ask_at_once_are_given_one_item_each(desk: RunningStack) -> None:
    queue = new_queue()
    there = await tickets(desk, queue, 3)
    askers = [f"asker-{number}" for number in range(5)]
    ran = await asyncio.gather(
        *(run_casekeep(desk, "next", "--queue", queue, "--as", by, "--json") for by in askers)
    )
    assert sorted(code or 0 for code, _, _ in ran) == [0, 0, 0, 1, 1]
    for by, (code, out, err) in zip(askers, ran, strict=True):
        output = json.loads(out)
        if code:
            assert err == f"nothing waits in the queue {queue} for {by}\n"
            assert output["refused"]["type"] == "QueueEmpty"
        else:
            assert (output["assignee"], output["status"]) == (by, "IN_PROGRESS")
    assert sorted(json.loads(out)["reference"] for code, out, _ in ran if not code) == there


# Q1: in the order of the queue
async def test_the_next_item_is_the_first_of_the_queue(desk: RunningStack) -> None:
    queue = new_queue()
    (later,) = await tickets(desk, queue, 1, settings={"due": {"within": "P2D"}})
    (sooner,) = await tickets(desk, queue, 1, settings={"due": {"within": "P1D"}})
    (never,) = await tickets(desk, queue, 1)
    taken = [await take(desk, queue, "amy") for _ in range(4)]
    assert [each and each.reference for each in taken] == [sooner, later, never, None]


# Q2: of what robots rejected none is offered; people are, before the others
async def test_a_robot_is_not_offered_what_a_robot_rejected_and_a_person_is(
    desk: RunningStack,
) -> None:
    queue = new_queue()
    (ticket,) = await tickets(desk, queue, 1)
    taken = await take(desk, queue, ROBOT, robots=TICKETS)
    assert taken is not None
    await desk.do(ticket, "reject", by=ROBOT, reason="illegible")
    assert await take(desk, queue, "robot:other", robots=TICKETS) is None
    taken = await take(desk, queue, "amy")
    assert taken is not None
    assert (taken.reference, taken.assignee) == (ticket, "amy")


# Q2: Actions by default, and never one that is for people
async def test_a_robot_is_offered_the_actions_that_robots_may_do(desk: RunningStack) -> None:
    queue = new_queue()
    await tickets(desk, queue, 1)
    actions = [
        {"key": "sign", "queue": queue, "performer": "human"},
        {"key": "read", "queue": queue, "performer": "robot"},
        {"key": "file", "queue": queue},
    ]
    definition = {"name": "mixed", "steps": [{"key": "only", "actions": actions}]}
    case = await desk.case(definition=definition)
    for number in (1, 2, 3):
        await desk.eventually(f"{case}-A{number}")
    taken = [await take(desk, queue, ROBOT) for _ in range(3)]
    keys = [each.key if isinstance(each, ActionItemState) else None for each in taken]
    assert keys in (["read", "file", None], ["file", "read", None])


# Q1: a claim by somebody who died before the start
@pytest.mark.parametrize("again", ["given back", "noted"])
async def test_an_item_is_offered_again_as_soon_as_anything_happened_to_it(
    desk: RunningStack, again: str
) -> None:
    queue = new_queue()
    (ticket,) = await tickets(desk, queue, 1)
    if again == "given back":
        assert await take(desk, queue, "amy")
        await desk.do(ticket, "unassign")
    else:
        claimed = await asyncio.to_thread(claim_next, desk.engine, queue, by="dead")
        assert claimed is not None
        assert await take(desk, queue, "amy") is None
        await desk.do(ticket, "add_note", text="The asker died.")
    taken = await take(desk, queue, "bob")
    assert taken is not None
    assert taken.reference == ticket


# Q1, C17: the item decides; an item that differs from its row is skipped
async def test_an_item_that_moved_on_behind_its_row_is_passed_over(desk: RunningStack) -> None:
    queue = new_queue()
    first, second = await tickets(desk, queue, 2, settings={"due": {"within": "P2D"}})
    row = await asyncio.to_thread(queries.find_item, desk.engine, first)
    assert row is not None
    await desk.do(first, "assign", to="bob")
    with write_connection(desk.engine) as connection:  # a database that was restored
        connection.execute(
            update(item)
            .where(item.c.reference == first)
            .values(assignee=None, revision=row.state.revision, serial=row.version.serial)
        )
    taken = [await take(desk, queue, "amy") for _ in range(2)]
    assert [each and each.reference for each in taken] == [second, None]
    assert await desk.differences()


async def test_a_database_that_another_writer_holds_is_asked_a_few_times(
    desk: RunningStack, sqlite_url: str
) -> None:
    engine, other = open_engine(sqlite_url, busy_timeout=10), open_engine(sqlite_url)
    with_lock = replace(desk, engine=engine)
    with write_connection(other), pytest.raises(DatabaseBusy):
        await take(with_lock, "q", "amy")
    assert await take(with_lock, "q", "amy") is None
    engine.dispose()
    other.dispose()


# the command waits where it is asked to
async def test_next_waits_until_there_is_something(desk: RunningStack) -> None:
    queue = new_queue()
    words = ("next", "--queue", queue, "--as", "amy", "--wait", "--poll", "100ms", "--json")
    waiting = asyncio.create_task(run_casekeep(desk, *words))
    (ticket,) = await tickets(desk, queue, 1)
    code, out, err = await waiting
    assert (code, err) == (0, "")
    assert json.loads(out)["reference"] == ticket
