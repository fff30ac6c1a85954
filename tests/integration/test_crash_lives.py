"""Items and clients survive the deaths of workers and servers: nothing lost, nothing repeated."""

import asyncio
import random
import sys
from asyncio.subprocess import PIPE, Process
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from domain.base.refusals import NotAllowed
from starter.item_reader import load_timeline
from store.items import queries
from tests.support.databases import PostgresServer
from tests.support.process_stack import Fields, RunningStack, assert_eventually, running_stack

WORKER: Final = Path(__file__).parents[2] / "worker.py"
TICKETS: Final = 60
MAX_DEATHS: Final = 20
DYING_FOR: Final = 90.0
"""Seconds: after more, a slow machine would make no progress between two deaths."""
RETRY_TIMEOUT: Final = 300.0
"""Seconds that a client retries: all deaths, and the tasks that each of them delayed."""
LIFE: Final[tuple[tuple[str, Fields], ...]] = (
    ("start", {}),
    ("edit", {"category": "reminders"}),
    ("wait", {"type": "more_information"}),
    ("resume", {}),
    ("add_note", {"text": "The invoice went to the old address."}),
    ("send_email", {"to": "ida@example.org", "subject": "Your invoice", "body": "Here it is."}),
    ("resolve", {"method": "customer_response"}),
)
CLOSED_AT: Final = 1 + len(LIFE)


async def close_ticket(desk: RunningStack, ticket: str, fields: Fields) -> None:
    """Close the Ticket; on retry, a client that lost the answer gets a closed Ticket's refusal."""
    try:
        await desk.do(ticket, "resolve", within=RETRY_TIMEOUT, **fields)
    except NotAllowed as refusal:
        if refusal.rule != "C15":
            raise


async def play_life(desk: RunningStack, ticket: str, number: int) -> None:
    """Give seven commands, every second one by signal; the last waits for its answer."""
    for at, (command, fields) in enumerate(LIFE):
        if command == "resolve":
            await close_ticket(desk, ticket, fields)
        elif (at + number) % 2:
            await desk.tell(ticket, command, **fields)
        else:
            await desk.do(ticket, command, within=RETRY_TIMEOUT, **fields)


@pytest.mark.soak
@pytest.mark.timeout(600, func_only=True)  # every death of a worker costs an item up to ten seconds
async def test_sixty_tickets_live_on_while_their_worker_is_killed_every_second_or_two(
    desk: RunningStack,
) -> None:
    tickets = await asyncio.gather(*(desk.ticket() for _ in range(TICKETS)))
    lives = [asyncio.create_task(play_life(desk, one, n)) for n, one in enumerate(tickets)]
    rhythm, deaths = random.Random(6), 0  # noqa: S311 - a rhythm, not a secret
    clock = asyncio.get_running_loop().time
    end = clock() + DYING_FOR
    while deaths < MAX_DEATHS and clock() < end and not all(life.done() for life in lives):
        await asyncio.wait(lives, timeout=rhythm.uniform(1, 2))
        if deaths == 2:
            await desk.kill_all()
        else:
            await desk.stack.kill_worker()
        await desk.revive()
        deaths += 1
    await asyncio.gather(*lives)
    assert deaths > 3
    await asyncio.gather(
        *(
            desk.eventually(each, status="CLOSED", revision=CLOSED_AT, within=RETRY_TIMEOUT)
            for each in tickets
        )
    )
    expected = ["create", *(command for command, _ in LIFE)]
    for ticket in tickets:
        logged = queries.load_entries(desk.engine, ticket).entries
        assert [entry.command for entry in logged] == expected
    await desk.recovers(tickets)


@pytest.mark.soak
@pytest.mark.timeout(300, func_only=True)  # two deaths, and ten seconds for what was under way
async def test_what_was_answered_is_there_after_the_server_died(desk: RunningStack) -> None:
    tickets = await asyncio.gather(*(desk.ticket() for _ in range(6)))
    answered: dict[str, list[str]] = {ticket: [] for ticket in tickets}
    is_over = asyncio.Event()

    async def note(ticket: str) -> None:
        while not is_over.is_set():
            text = f"note {len(answered[ticket])}"
            await desk.do(ticket, "add_note", text=text, within=60)
            answered[ticket].append(text)

    noting = [asyncio.create_task(note(ticket)) for ticket in tickets]
    for _ in range(2):
        before = [len(texts) for texts in answered.values()]
        await wait_for_more(answered, before)
        await desk.stack.kill_server()
        await desk.stack.start_server()
    await wait_for_more(answered, [len(texts) for texts in answered.values()])
    is_over.set()
    await asyncio.gather(*noting)
    await desk.recovers(tickets)
    for ticket in tickets:
        logged = load_timeline(desk.engine, ticket)
        assert [e.note for e in logged if e.command == "add_note"] == answered[ticket]


async def wait_for_more(answered: dict[str, list[str]], before: list[int]) -> None:
    async def check() -> None:
        now = [len(texts) for texts in answered.values()]
        assert all(b > a + 2 for a, b in zip(before, now, strict=True)), (before, now)

    await assert_eventually(check)


@pytest.mark.soak
async def test_a_deadline_that_passes_while_all_is_down_acts_at_its_own_moment(
    desk: RunningStack,
) -> None:
    """A wait, a window, and a mail in time that arrives late (C10, T13, C19, C20)."""
    window: Fields = {"settings": {"feedback_window": "PT5S"}}
    waiting, closing, reopening = await asyncio.gather(
        desk.ticket(), desk.ticket(**window), desk.ticket(**window)
    )
    until = datetime.now(UTC) + timedelta(seconds=5)
    await desk.do(waiting, "wait", type="until", until=until.isoformat())
    for ticket in (closing, reopening):
        await desk.do(ticket, "resolve", method="customer_response")
    ends = await asyncio.gather(*(closes_at(desk, each) for each in (closing, reopening)))
    await desk.kill_all()
    await asyncio.sleep(max(0.0, (max(*ends, until) - datetime.now(UTC)).total_seconds()) + 0.5)
    await desk.stack.start_server()
    mail = {"message_id": "<late@example.org>", "sender": "ida@example.org"}
    in_time = (ends[1] - timedelta(seconds=1)).isoformat()
    await desk.tell(reopening, "receive_email", **mail, received_at=in_time)
    await desk.stack.start_worker()

    await desk.eventually(closing, status="CLOSED")
    await desk.eventually(waiting, status="TO_DO", wait=None, new_information=True)
    await desk.eventually(reopening, status="TO_DO", assignee="amy", new_information=True)
    assert await last_entry(desk, closing) == ("system", "window_over", ends[0])
    assert await last_entry(desk, waiting) == ("system", "wait_over", until)
    await desk.recovers([waiting, closing, reopening])


async def closes_at(desk: RunningStack, ticket: str) -> datetime:
    return datetime.fromisoformat((await desk.desk.state(ticket))["closes_at"])


async def last_entry(desk: RunningStack, ticket: str) -> tuple[str, str, datetime]:
    entry = (await desk.timeline(ticket))[-1]
    return entry["by"], entry["command"], datetime.fromisoformat(entry["at"])


async def wait_until_polling(worker: Process) -> None:
    """Read the worker's output until it polls."""
    assert worker.stderr is not None
    async for line in worker.stderr:
        if b"polling" in line:
            return


@pytest.mark.soak
@pytest.mark.xdist_group("crash-postgresql")
@pytest.mark.timeout(300, func_only=True)  # what the dead worker had begun waits for ten seconds
async def test_a_second_worker_goes_on_where_the_first_was_killed(
    tmp_path: Path, postgresql: PostgresServer
) -> None:
    async with running_stack(tmp_path / "desk", postgresql.create_database(empty=True)) as desk:
        tickets = await asyncio.gather(*(desk.ticket() for _ in range(20)))
        first = await asyncio.create_subprocess_exec(
            *(sys.executable, str(WORKER)), env=desk.stack.environment, stderr=PIPE
        )
        await wait_until_polling(first)
        lives = [asyncio.create_task(play_life(desk, one, n)) for n, one in enumerate(tickets)]
        await asyncio.wait(lives, timeout=0.5)
        first.kill()
        await first.wait()
        await asyncio.gather(*lives)
        for ticket in tickets:
            await desk.eventually(ticket, status="CLOSED", revision=CLOSED_AT)
        await desk.recovers(tickets)
