"""Single items over months on the real server, which skips time for one workflow."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from tests.hosts import TEMPORAL, Host, Life, new_host, server_options
from workflows.attributes import ALL
from workflows.payloads import DATA_CONVERTER

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """A real server with the embedded stack's limits that may skip time."""
    skipping = ["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"]
    async with await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        data_converter=DATA_CONVERTER,
        search_attributes=ALL,
        dev_server_existing_path=str(TEMPORAL),
        dev_server_extra_args=[*server_options(), *skipping],
        dev_server_log_level="never",
    ) as env:
        yield env


@pytest.fixture
async def desk(skipping_server: WorkflowEnvironment) -> AsyncIterator[Host]:
    """A worker that replays every task, on that server."""
    host = new_host(skipping_server.client)
    async with host.working():
        yield host


async def later(env: WorkflowEnvironment, item: Life, span: timedelta) -> None:
    """Let this much time go by for one item."""
    await env.fast_forward(item.handle, span)


async def test_a_ticket_waits_for_months_and_closes_after_its_window(
    desk: Host, skipping_server: WorkflowEnvironment
) -> None:
    ticket = await desk.ticket(settings={"feedback_window": "P30D"})
    neighbour = await desk.ticket(settings={"feedback_window": "P1D"})
    await neighbour.do("resolve", method="rejected")
    until = datetime.now(UTC) + 200 * DAY
    await ticket.do("wait", type="until", until=until.isoformat())
    await later(skipping_server, ticket, 199 * DAY)
    assert (await ticket.state())["status"] == "WAIT"
    await later(skipping_server, ticket, 2 * DAY)
    back = await ticket.eventually(status="TO_DO")
    assert back["assignee"] == "amy"
    assert ticket.entries[-1].at == until
    await ticket.do("resolve", method="customer_response")
    await later(skipping_server, ticket, 31 * DAY)
    assert (await ticket.result())["status"] == "CLOSED"
    assert (await neighbour.state())["status"] == "RESOLVED"


async def test_a_ticket_closes_itself_after_weeks_without_an_answer(
    desk: Host, skipping_server: WorkflowEnvironment
) -> None:
    ticket = await desk.ticket()
    fields = {"type": "more_information", "days_to_wait": 21, "close_if_no_response": True}
    waiting = await ticket.do("wait", **fields)
    await later(skipping_server, ticket, 22 * DAY)
    last = await ticket.result()
    assert last["resolution"]["method"] == "no_customer_response"
    assert last["resolution"]["at"] == waiting["wakes_at"]
