"""`casekeep fsck`: every sort of difference is found, named and mended, and then there is none."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import delete, select, update
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from domain.base.values import Status
from domain.model.items import Entry
from domain.model.publications import Publication
from reconciliation.fsck import Checker, Difference
from starter.client import NoAnswer
from store.engine import read_connection, write_connection
from store.items import queries
from store.projection.upserts import write_publications
from store.schema.tables import entry, item
from tests.support.process_stack import EVENTUAL_TIMEOUT, RunningStack, assert_eventually
from tests.support.workers import TICKET

Plant = Callable[[RunningStack, str], None]


def row_lost(desk: RunningStack, reference: str) -> None:
    with write_connection(desk.engine) as connection:
        connection.execute(delete(item).where(item.c.reference == reference))


def entries_lost(desk: RunningStack, reference: str) -> None:
    with write_connection(desk.engine) as connection:
        connection.execute(delete(entry).where(entry.c.reference == reference))


def all_lost(desk: RunningStack, reference: str) -> None:
    row_lost(desk, reference)
    entries_lost(desk, reference)


def row_behind(desk: RunningStack, reference: str) -> None:
    moved(desk, reference, by=-1)
    with write_connection(desk.engine) as connection:
        connection.execute(delete(entry).where(entry.c.reference == reference, entry.c.serial > 1))


def row_ahead(desk: RunningStack, reference: str) -> None:
    moved(desk, reference, by=3)


def phantom_entry(desk: RunningStack, reference: str) -> None:
    moved(desk, reference, by=0, entry_at=7)


def earlier_run(desk: RunningStack, reference: str) -> None:
    moved(desk, reference, by=4, run="run-of-an-earlier-item")


def moved(
    desk: RunningStack,
    reference: str,
    *,
    by: int,
    entry_at: int | None = None,
    run: str | None = None,
) -> None:
    """Write a row and an entry that the item never told."""
    kept = queries.find_item(desk.engine, reference)
    assert kept is not None
    state, serial = kept.state, kept.version.serial + by
    changed = state.model_copy(
        update={
            "revision": state.revision + by,
            "status": state.status if by <= 0 else Status.CLOSED,
            "run": run or state.run,
        }
    )
    told = Entry(
        serial=entry_at or serial,
        revision=serial,
        at=state.changed_at,
        by="nobody",
        command="edit",
        before=state.status,
        after=changed.status,
    )
    entries = (told,) if by >= 0 and (by or entry_at) else ()
    planted = Publication(serial=serial, state=changed, entries=entries, notes=(), mails=())
    with write_connection(desk.engine) as connection:
        write_publications(
            connection, [planted], writer="a crash", at=datetime.now(UTC), over_newer=True
        )


PLANTED: Final[dict[Plant, str]] = {
    row_lost: "no row; the item is at revision 2",
    entries_lost: "2 timeline entries missing or too many",
    all_lost: "no row; the item is at revision 2",
    row_behind: "the row is at revision 1 (IN_PROGRESS); the item at 2 (IN_PROGRESS)",
    row_ahead: "the row is at revision 5 (CLOSED); the item at 2 (IN_PROGRESS)",
    phantom_entry: "1 timeline entries missing or too many",
    earlier_run: "the row is of an earlier item of this reference",
}


async def test_every_sort_of_difference_is_found_named_and_mended(desk: RunningStack) -> None:
    planted = {await begun(desk): plant for plant in PLANTED}
    await desk.recovers(planted)
    for reference, plant in planted.items():
        await asyncio.to_thread(plant, desk, reference)
    found = await desk.differences()
    assert {one.reference: one.found for one in found} == {
        reference: PLANTED[plant] for reference, plant in planted.items()
    }
    assert {one.done for one in found} == {"row repaired"}
    assert await desk.differences() == []
    await desk.rows_agree(planted)


async def begun(desk: RunningStack) -> str:
    reference = await desk.ticket()
    await desk.do(reference, "start")
    return reference


async def test_an_item_that_an_operator_ended_is_closed_in_the_store(desk: RunningStack) -> None:
    reference = await begun(desk)
    await desk.desk.client.get_workflow_handle(reference).terminate()
    (found,) = await desk.differences()
    assert found.reference == reference
    assert found.done == "row repaired"
    row = queries.find_item(desk.engine, reference)
    assert row is not None
    assert row.state.status is Status.CLOSED
    last = queries.load_entries(desk.engine, reference).entries[-1]
    assert (last.by, last.command) == ("system", "vanished")
    assert last.reason == "its workflow was terminated in Temporal"
    assert await desk.differences() == []


async def test_an_action_that_vanished_while_its_case_slept_counts_as_unable_to_complete(
    desk: RunningStack,
) -> None:
    """C21, K7; the Case's watch over its children is lost when it continues as new."""
    case = await desk.case(owner="amy")
    await desk.eventually(case, revision=1)
    await desk.eventually(f"{case}-A1")
    await desk.desk.client.get_workflow_handle(f"{case}-A1").terminate()
    state = await desk.eventually(case, status="TO_DO", revision=2)
    assert [why["action"] for why in state["attention"]] == ["read"]
    found = {one.reference: one.done for one in await desk.differences()}
    assert found in ({f"{case}-A1": "row repaired"}, {})
    assert await desk.differences() == []
    ended = [e for e in await desk.timeline(case) if e["command"] == "action_ended"]
    assert len(ended) == 1


async def test_what_vanished_while_its_ticket_slept_is_told_for_it(desk: RunningStack) -> None:
    """T14, T15; the watch over what an item started is lost when it continues as new."""
    reference = await begun(desk)
    parts = [{"title": title, "description": title} for title in ("One", "Two")]
    split = await desk.do(reference, "split", parts=parts)
    first, second = [one["reference"] for one in split["awaited"]]
    await desk.eventually(first)
    await desk.desk.client.get_workflow_handle(first).terminate()
    await desk.eventually(reference, revision=split["revision"] + 1)
    assert {one.reference for one in await desk.differences()} <= {first}
    assert await desk.differences() == []
    await desk.eventually(second)
    await desk.do(second, "resolve", method="rejected")
    closed = await desk.desk.wait_until_closed(reference)
    assert [one["ended"] for one in closed["awaited"]] == ["vanished", "rejected"]


async def test_a_reference_that_was_started_again_shows_the_later_item(desk: RunningStack) -> None:
    reference = await begun(desk)
    await desk.desk.client.get_workflow_handle(reference).terminate()
    await desk.desk.client.start_workflow(
        "Ticket",
        TICKET,
        id=reference,
        task_queue=desk.desk.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    )
    await desk.eventually(reference, status="TO_DO", revision=1)
    await desk.rows_agree([reference])
    assert await desk.differences() == []


async def test_without_a_worker_it_ends_with_a_clear_error(desk: RunningStack) -> None:
    await begun(desk)
    await desk.stack.kill_worker()
    with pytest.raises(NoAnswer, match=r"no answer from .* within 3 s: is a worker running\?"):
        await desk.differences(answer_timeout=timedelta(seconds=3))


async def test_pointed_at_another_namespace_it_touches_nothing(desk: RunningStack) -> None:
    reference = await begun(desk)
    await desk.rows_agree([reference])
    elsewhere = Client(
        desk.desk.client.service_client,
        namespace="temporal-system",
        data_converter=desk.desk.client.data_converter,
    )
    before = await asyncio.to_thread(queries.find_item, desk.engine, reference)
    checker = Checker(elsewhere, desk.engine, f"fsck-{uuid.uuid4()}")
    assert [one async for one in checker.all()] == []
    assert await asyncio.to_thread(queries.find_item, desk.engine, reference) == before
    assert len(queries.load_entries(desk.engine, reference).entries) == 2


async def test_while_the_desk_is_busy_it_finds_nothing(desk: RunningStack) -> None:
    tickets = await asyncio.gather(*(begun(desk) for _ in range(8)))

    async def noted(ticket: str) -> None:
        for number in range(20):
            await desk.do(ticket, "add_note", text=f"note {number}")

    noting = [asyncio.create_task(noted(ticket)) for ticket in tickets]
    found: list[Difference] = []
    while not all(task.done() for task in noting):
        found += await desk.differences()
    await asyncio.gather(*noting)
    assert found == []
    for ticket in tickets:
        await desk.eventually(ticket, revision=22)


async def test_a_starting_worker_mends_what_the_dead_one_wrote_last(desk: RunningStack) -> None:
    """A row committed by a worker that died, with its server, before it told the server."""
    reference = await begun(desk)
    await desk.rows_agree([reference])
    await desk.stack.kill_worker()

    with read_connection(desk.engine) as connection:
        dead = connection.scalar(select(item.c.writer).where(item.c.reference == reference))
    await asyncio.to_thread(moved, desk, reference, by=1)
    with write_connection(desk.engine) as connection:
        connection.execute(update(item).where(item.c.reference == reference).values(writer=dead))
    await desk.stack.start_worker()
    await assert_eventually(lambda: desk.rows_agree([reference]), within=EVENTUAL_TIMEOUT)

    async def says_so() -> None:
        assert f"{reference}: the row is at revision 3" in desk.log

    await assert_eventually(says_so, within=EVENTUAL_TIMEOUT)  # the log comes after the mended row
