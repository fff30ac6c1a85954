"""Leases on real timers: kept by heartbeats, lost without them, and replayed alike (Q3)."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.worker import Replayer

from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    ItemHandle,
    WorkerEnvironment,
    assert_eventually,
)
from tests.workflows.conftest import Clock
from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.runtime.payload_interceptor import OnePayloadInterceptor
from workflows.worker_config import SANDBOX, WORKFLOWS

HOUR = timedelta(hours=1)
LEASE = {"lease": "PT3H"}
ROBOT = "robot:ocr-1"


async def leased(desk: WorkerEnvironment, kind: str) -> ItemHandle:
    """Start an item of this kind that a robot has just started, with a lease of three hours."""
    if kind == "Ticket":
        item = await desk.ticket(settings=LEASE)
    else:
        case = await desk.case(ONE_ACTION_DEFINITION, settings=LEASE)
        item = await desk.item(f"{case.reference}-A1").begun()
    assert (await item.do("start", by=ROBOT))["lease"] is not None
    return item


# Q3
@pytest.mark.parametrize("kind", ["Ticket", "Action"])
@pytest.mark.parametrize("how", ["signal", "update"])
async def test_a_robot_has_its_item_until_a_lease_after_its_last_heartbeat(
    desk: WorkerEnvironment, clock: Clock, kind: str, how: str
) -> None:
    item = await leased(desk, kind)
    for _ in range(2):
        await clock.skip(2 * HOUR)
        await (item.tell if how == "signal" else item.do)("heartbeat", by=ROBOT)
        await item.do("add_note", by=ROBOT, text="Still at it.")
    state = await item.state()
    assert state["assignee"] == ROBOT
    await clock.skip(2 * HOUR)
    assert (await item.state())["assignee"] == ROBOT
    await clock.skip(HOUR)
    await item.eventually(status="TO_DO", assignee=None, lease=None)
    refused = await item.refusal("add_note", by=ROBOT, text="late", lease=state["lease"]["token"])
    assert (refused.type, refused.details[0]["rule"]) == ("Conflict", "Q3")
    assert item.commands == ["create", "start", "add_note", "add_note", "lease_over"]


# Q3: within a third of the lease nothing is written but the heartbeat itself
async def test_a_heartbeat_that_comes_too_soon_moves_no_timer(desk: WorkerEnvironment) -> None:
    item = await leased(desk, "Ticket")
    before = await item.events()
    for _ in range(3):
        await item.do("heartbeat", by=ROBOT)
    new = (await item.events())[len(before) :]
    assert not [event for event in new if event.startswith("TIMER")]


# Q3, ADR 8: core runs a signal's task without commands again as one with the update's after it
async def test_a_signalled_heartbeat_that_came_too_soon_is_replayed_as_such(
    host: WorkerEnvironment,
) -> None:
    ticket = await host.ticket(settings={"lease": "PT3S"})
    await ticket.do("start", by=ROBOT)
    await ticket.tell("heartbeat", by=ROBOT)
    began = datetime.now(UTC)

    async def a_third_is_over() -> None:
        assert datetime.now(UTC) - began > timedelta(seconds=1.2)

    await assert_eventually(a_third_is_over)
    lease = (await ticket.do("add_note", by=ROBOT, text="Still at it."))["lease"]
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=SANDBOX,
        interceptors=[OnePayloadInterceptor()],
        data_converter=DATA_CONVERTER,
    )
    await replayer.replay_workflow(await ticket.handle.fetch_history())
    assert (await ticket.state())["lease"] == lease


# Q3: what a run carries to the next
async def test_a_lease_goes_on_in_a_new_run(renewing: WorkerEnvironment) -> None:
    ticket = await renewing.ticket(settings={"lease": "PT1H"})
    lease = (await ticket.do("start", by=ROBOT))["lease"]
    first = (await ticket.handle.describe()).run_id
    for number in range(40):
        if (await ticket.handle.describe()).run_id != first:
            break
        await ticket.do(
            "add_note", by=ROBOT, text=f"To fill the run {number}.", lease=lease["token"]
        )
    assert (await ticket.handle.describe()).run_id != first
    assert (await ticket.state())["lease"] == lease
    await ticket.do("heartbeat", by=ROBOT, lease=lease["token"])
