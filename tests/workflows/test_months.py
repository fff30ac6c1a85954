"""Single items over months on the real server, which skips time for one workflow."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from catalog.loader import load_catalog
from tests.support.workers import (
    TEMPORAL,
    ItemHandle,
    WorkerEnvironment,
    new_environment,
    server_options,
)
from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.search_attributes import ALL

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """Start a real server with the embedded stack's limits that may skip time."""
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
async def desk(skipping_server: WorkflowEnvironment) -> AsyncIterator[WorkerEnvironment]:
    """Start a worker that replays every task, on that server."""
    host = new_environment(skipping_server.client)
    async with host.working():
        yield host


async def skip(env: WorkflowEnvironment, item: ItemHandle, span: timedelta) -> None:
    """Skip this much time for one item."""
    await env.fast_forward(item.handle, span)


async def test_a_ticket_waits_for_months_and_closes_after_its_window(
    desk: WorkerEnvironment, skipping_server: WorkflowEnvironment
) -> None:
    ticket = await desk.ticket(settings={"feedback_window": "P30D"})
    neighbour = await desk.ticket(settings={"feedback_window": "P1D"})
    await neighbour.do("resolve", method="rejected")
    until = datetime.now(UTC) + 200 * DAY
    await ticket.do("wait", type="until", until=until.isoformat())
    await skip(skipping_server, ticket, 199 * DAY)
    assert (await ticket.state())["status"] == "WAIT"
    await skip(skipping_server, ticket, 2 * DAY)
    back = await ticket.eventually(status="TO_DO")
    assert back["assignee"] == "amy"
    assert ticket.entries[-1].at == until
    await ticket.do("resolve", method="customer_response")
    await skip(skipping_server, ticket, 31 * DAY)
    assert (await ticket.result())["status"] == "CLOSED"
    assert (await neighbour.state())["status"] == "RESOLVED"


async def test_a_ticket_closes_itself_after_weeks_without_an_answer(
    desk: WorkerEnvironment, skipping_server: WorkflowEnvironment
) -> None:
    ticket = await desk.ticket()
    fields = {"type": "more_information", "days_to_wait": 21, "close_if_no_response": True}
    waiting = await ticket.do("wait", **fields)
    await skip(skipping_server, ticket, 22 * DAY)
    last = await ticket.result()
    assert last["resolution"]["method"] == "no_customer_response"
    assert last["resolution"]["at"] == waiting["wakes_at"]


PARIS = ZoneInfo("Europe/Paris")
CALENDARS = """
office:
  zone: Europe/Paris
  hours:
    weekdays: 09:00-12:30 13:30-18:00
    friday: 09:00-12:30 13:30-17:00
  holidays:
    dates: [{holiday}]
"""
CATEGORIES = """
billing:
  queue: accounts
  settings:
    calendar: office
    feedback_window: P1D
    due: {within: P6D, calendar: office, add_wait_time: true, at_risk: PT4H}
"""


def to_summer_time(after: date) -> date:
    """Return the next Sunday on which clocks in Paris go forward."""
    ends_of_march = (date(year, 3, 31) for year in (after.year, after.year + 1))
    sundays = [end - timedelta(days=(end.weekday() + 1) % 7) for end in ends_of_march]
    return next(sunday for sunday in sundays if sunday > after + 4 * DAY)


class Paris:
    """The clock in Paris, from the Thursday before it goes forward."""

    def __init__(self, env: WorkflowEnvironment, sunday: date) -> None:
        self.env = env
        self.sunday = sunday
        self.skipped = timedelta(0)

    def at(self, days: int, wall: str) -> datetime:
        """Return a moment this number of days after that Sunday."""
        there = datetime.combine(self.sunday + days * DAY, time.fromisoformat(wall), PARIS)
        return there.astimezone(UTC)

    def now(self) -> datetime:
        """Return the item's time."""
        return datetime.now(UTC) + self.skipped

    async def skip_to(self, item: ItemHandle, days: int, wall: str) -> None:
        """Skip the item's time until then."""
        span = self.at(days, wall) - self.now()
        await skip(self.env, item, span)
        self.skipped += span


# T5, T11, D1, D2, D5: the issue's own example
async def test_a_due_date_in_paris_working_time_is_right_to_the_minute(
    skipping_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    paris = Paris(skipping_server, to_summer_time(datetime.now(PARIS).date()))
    holiday = f"{paris.sunday + 8 * DAY}"
    (tmp_path / "calendars.yaml").write_text(CALENDARS.format(holiday=holiday))
    (tmp_path / "categories.yaml").write_text(CATEGORIES)
    catalog = load_catalog(tmp_path)
    host = new_environment(skipping_server.client)
    async with host.working(categories=catalog.categories, clock=paris.now):
        ticket = await host.ticket(submit=False)
        await paris.skip_to(ticket, -3, "16:40:20")  # a Thursday
        submitted = await ticket.do("submit")
        assert to_the_minute(submitted["submitted_at"]) == paris.at(-3, "16:40")
        assert to_the_minute(submitted["due_at"]) == paris.at(5, "16:40")
        await paris.skip_to(ticket, -2, "10:00")
        waiting = await ticket.do("wait", type="more_information", days_to_wait=3)
        assert to_the_minute(waiting["wakes_at"]) == paris.at(3, "10:00")
        assert (waiting["due_at"], await due_attribute(ticket)) == (None, None)
        assert waiting["due_text"] == "Due: paused 44 h 40 m before due"
        await paris.skip_to(ticket, 1, "10:00")  # three days later; the clock went forward between
        resumed = await ticket.do("resume")
        # 7 h of the wait were working time: 20 m of Friday, the holiday, 6 h 40 m of Tuesday
        due = paris.at(9, "16:40")
        assert to_the_minute(resumed["due_at"]) == due
        assert await due_attribute(ticket) == datetime.fromisoformat(resumed["due_at"])
        assert resumed["due_text"] == f"Due: {paris.sunday + 9 * DAY} 16:40 Europe/Paris"
        await paris.skip_to(ticket, 9, "18:00")
        times = {entry.command: to_the_minute(entry.at) for entry in ticket.entries}
        assert times["at_risk"] == paris.at(9, "11:40")
        assert times["overdue"] == due
        resolved = await ticket.do("resolve", method="customer_response")
        assert to_the_minute(resolved["closes_at"]) == paris.at(11, "09:00")


async def due_attribute(item: ItemHandle) -> Any:  # noqa: ANN401 - any value
    """Return the search attribute, as lists in Temporal's UI show it."""
    described = await item.handle.describe()
    return {
        attribute.key.name: attribute.value for attribute in described.typed_search_attributes
    }.get("ItemDue")


def to_the_minute(moment: str | datetime) -> datetime:
    instant = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return instant.replace(second=0, microsecond=0)
