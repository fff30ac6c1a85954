"""The cost of a life in events: waiting costs none, and timers are touched only to be moved."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.workers import ONE_ACTION_DEFINITION, ItemHandle, WorkerEnvironment

DAY = timedelta(days=1)


def in_days(days: float) -> str:
    return (datetime.now(UTC) + days * DAY).isoformat()


async def waiting_item(host: WorkerEnvironment, kind: str) -> ItemHandle:
    """Start an item of this kind that waits until a moment far away."""
    if kind == "Ticket":
        item = await host.ticket()
    else:
        item = await host.case(ONE_ACTION_DEFINITION)
        if kind == "Action":
            item = await host.item(f"{item.reference}-A1").begun()
    await item.do("wait", type="until", until=in_days(30))
    return item


@pytest.mark.parametrize("kind", ["Ticket", "Case", "Action"])
async def test_ten_notes_to_a_waiting_item_touch_no_timer(
    host: WorkerEnvironment, kind: str
) -> None:
    item = await waiting_item(host, kind)
    before = await item.events()
    for number in range(10):
        await item.do("add_note", text=f"note {number}")
    written = (await item.events())[len(before) :]
    assert [event for event in written if event.startswith("TIMER")] == []
    assert len(written) <= 60, written


async def test_reading_writes_nothing(host: WorkerEnvironment) -> None:
    ticket = await waiting_item(host, "Ticket")
    before = await ticket.events()
    for _ in range(3):
        await ticket.state()
        await ticket.timeline()
        await ticket.handle.query("__temporal_workflow_metadata")
    assert await ticket.events() == before


async def test_a_timer_is_replaced_only_when_its_moment_moves(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    moment = in_days(30)
    for until in (moment, moment, in_days(31), in_days(31)):
        await ticket.do("wait", type="until", until=until)
        await ticket.do("assign", to="bob")
        await ticket.do("assign", to="carol")
    events = await ticket.events()
    assert (events.count("TIMER_STARTED"), events.count("TIMER_CANCELED")) == (3, 2)


async def test_the_nearest_of_several_deadlines_has_the_one_timer(host: WorkerEnvironment) -> None:
    due = {"within": "P10D", "at_risk": "P1D"}
    ticket = await host.ticket(settings={"due": due, "feedback_window": "P5D"})
    await ticket.do("wait", type="until", until=in_days(20))
    assert (await ticket.events()).count("TIMER_STARTED") == 1  # still at risk in 9 days
    await ticket.do("wait", type="until", until=in_days(3))
    events = await ticket.events()
    assert (events.count("TIMER_STARTED"), events.count("TIMER_CANCELED")) == (2, 1)
    await ticket.do("resolve", method="rejected")
    events = await ticket.events()
    assert (events.count("TIMER_STARTED"), events.count("TIMER_CANCELED")) == (3, 2)


async def test_a_closed_item_leaves_no_timer(host: WorkerEnvironment) -> None:
    ticket = await waiting_item(host, "Ticket")
    await ticket.do("resolve", method="rejected_as_spam")
    await ticket.result()
    events = await ticket.events()
    assert events.count("TIMER_STARTED") == events.count("TIMER_CANCELED") == 1


async def test_timers_say_what_they_wait_for(host: WorkerEnvironment) -> None:
    ticket = await waiting_item(host, "Ticket")
    history = await ticket.handle.fetch_history()
    summaries = [
        event.user_metadata.summary.data
        for event in history.events
        if event.HasField("timer_started_event_attributes")
    ]
    assert summaries == [b'"wait until the moment is over"']


async def test_search_attributes_are_written_only_when_they_move(host: WorkerEnvironment) -> None:
    ticket = await host.ticket()
    before = (await ticket.events()).count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")
    for number in range(3):
        await ticket.do("add_note", text=f"note {number}")
    await ticket.do("start")
    after = (await ticket.events()).count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")
    assert after == before + 1
