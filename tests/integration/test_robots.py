"""Robots as processes: programs in two languages work on a queue's items and crash (Q2, Q3)."""

import asyncio
import json
import os
import signal
import sys
import textwrap
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from catalog.queues import DEFAULT_ROBOT_KINDS
from domain.base.refusals import Conflict
from domain.base.values import Kind
from robots.runner import JobResult, Robot, RobotJob
from starter.next_item import QueueEmpty
from starter.orphan_guard import kill_process_group
from store.engine import open_engine
from store.errors import SchemaOutdated
from tests.support.process_stack import EVENTUAL_TIMEOUT, RunningStack, assert_eventually

CASEKEEP: Final = Path(sys.executable).with_name("casekeep")
NAME, ROBOT = "ocr-1", "robot:ocr-1"
COMPLETE: Final = """cat > /dev/null; echo '{"outcome": "complete", "note": "Read it."}'"""
REJECTED: Final = {
    "echo scan is blurred >&2; echo >&2; exit 3": "failed (exit code 3): scan is blurred",
    "kill -9 $$": "failed (signal 9): no word",
    "echo done": "gave no answer: is no JSON",
    "true": "gave no answer: is no JSON",
    """echo '{"outcome": "finished"}'""": "gave no answer: outcome: must be 'complete'",
    """echo '{"outcome": "reject"}'""": "gave no answer: reason: outcome reject needs one",
    """echo '{"outcome": "reject", "reason": "two pages"}'""": "two pages",
    "head -c 3000000 /dev/zero": "bytes of JSON: at most",
}
"""Programs, and the part of the reason that each leads to."""
# one kind of database is enough: what robots ask of it is tested on both in test_queues.py
pytestmark = pytest.mark.parametrize(
    "shared_stack",
    [pytest.param("postgresql", marks=pytest.mark.xdist_group("crash-postgresql"))],
    indirect=True,
)


def new_queue() -> str:
    """Return the name of a queue that no other test uses."""
    return f"q-{uuid.uuid4().hex[:8]}"


def shell_program(script: str) -> tuple[str, ...]:
    """Write a program as a shell script."""
    return ("/bin/sh", "-c", script)


def python_program(script: str) -> tuple[str, ...]:
    """Write a program in Python; it has the item as `item` and answers with `answer(...)`."""
    head = """
        import json, sys
        item = json.load(sys.stdin)
        def answer(**fields):
            print(json.dumps(fields))
    """
    return (sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(script))


def blocking_program(folder: Path, *, name: str = "go") -> tuple[str, ...]:
    """Write a program that saves its input in `item` and completes once `go` exists."""
    return shell_program(
        f"cat > {folder}/item.new; echo $$ > {folder}/pid; mv {folder}/item.new {folder}/item; "
        f"while [ ! -e {folder}/{name} ]; do sleep 0.05; done; {COMPLETE}"
    )


@dataclass(frozen=True)
class RobotProcess:
    """A robot's process and its output so far."""

    process: Process

    async def next_outcome(self) -> dict[str, Any]:
        """Wait for the outcome of the next item."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        assert line, await self.remaining_output()
        outcome: dict[str, Any] = json.loads(line)
        return outcome

    async def remaining_output(self) -> str:
        """Return the rest of its output, to the end."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    async def exit_code(self) -> int:
        """Wait for the end of the process and return its exit code."""
        return await self.process.wait()


@dataclass(frozen=True)
class RobotInProcess:
    """A robot in this process, with the events, lines and requests so far."""

    robot: Robot
    working: asyncio.Task[None]
    news: asyncio.Queue[JobResult]
    lines: list[str]
    requests: list[bytes]

    async def next_outcome(self) -> dict[str, Any]:
        """Wait for the outcome of the next item."""
        return (await asyncio.wait_for(self.news.get(), EVENTUAL_TIMEOUT)).model_dump()


@asynccontextmanager
async def running_robot(
    desk: RunningStack,
    queue: str,
    program: Sequence[str],
    *,
    once: bool = True,
    robots: frozenset[Kind] = DEFAULT_ROBOT_KINDS,
) -> AsyncIterator[RobotInProcess]:
    """Run a robot in this process; at the end it is asked to stop."""
    news: asyncio.Queue[JobResult] = asyncio.Queue()
    lines: list[str] = []
    requests: list[bytes] = []
    job = RobotJob(by=ROBOT, queue=queue, robots=robots, program=program, poll=0.1)
    robot = Robot(
        desk.desk,
        desk.engine,
        job,
        on_result=news.put_nowait,
        on_problem=lines.append,
        on_stderr=requests.append,
    )
    working = asyncio.create_task(robot.work(once=once))
    yield RobotInProcess(robot, working, news, lines, requests)
    if not once:
        robot.stop()
    await asyncio.wait_for(working, EVENTUAL_TIMEOUT)


@asynccontextmanager
async def robot(
    desk: RunningStack, queue: str, program: Sequence[str], *options: str, **variables: str
) -> AsyncIterator[RobotProcess]:
    """Run `casekeep robot`, killed at the end if it still runs."""
    words = ("robot", "--as", NAME, "--queue", queue, "--poll", "100ms", "--json", *options)
    process = await asyncio.create_subprocess_exec(
        CASEKEEP,
        *(*words, "--", *program),
        env=os.environ | desk.stack.environment | variables,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    try:
        yield RobotProcess(process)
    finally:
        await kill_process_group(process)


async def action(desk: RunningStack, queue: str, **settings: object) -> str:
    """Start an Action that waits in the queue for a robot."""
    steps = [{"key": "only", "actions": [{"key": "read", "queue": queue, "performer": "robot"}]}]
    case = await desk.case(definition={"name": "errand", "steps": steps}, settings=settings)
    await desk.eventually(f"{case}-A1")
    return f"{case}-A1"


async def commands(desk: RunningStack, reference: str) -> list[tuple[str, str]]:
    """Return command and actor of every entry that is not a refusal."""
    timeline = await desk.timeline(reference)
    return [(entry["command"], entry["by"]) for entry in timeline if not entry["refused"]]


async def wait_for_content(path: Path) -> str:
    """Wait until a file has content and return it."""

    async def check() -> None:
        assert await asyncio.to_thread(path.exists), f"there is no {path}"

    await assert_eventually(check)
    return await asyncio.to_thread(path.read_text)


# Q2: any language, an item in, an answer out
async def test_a_shell_script_does_an_action(desk: RunningStack) -> None:
    queue = new_queue()
    read = await action(desk, queue)
    async with running_robot(desk, queue, shell_program(COMPLETE)) as running:
        assert await running.next_outcome() == {
            "reference": read,
            "did": "complete",
            "reason": None,
        }
    assert running.lines == []
    state = await desk.eventually(read, status="CLOSED")
    assert (state["resolution"]["outcome"], state["resolution"]["by"]) == ("complete", ROBOT)
    assert await commands(desk, read) == [
        ("create", "system"),
        ("start", ROBOT),
        ("resolve", ROBOT),
    ]


# Q2: the kinds that the catalog allows its queue
async def test_a_python_program_does_a_ticket_where_the_queue_allows_tickets(
    desk: RunningStack, tmp_path: Path
) -> None:
    queue = new_queue()
    ticket = await desk.ticket(queue=queue, settings={"resolution_evidence": True})
    await desk.eventually(ticket)
    program = python_program("""
        assert item["lease"] is None and item["kind"] == "Ticket"
        answer(outcome="complete", method="customer_response", note=item["title"])
    """)
    async with robot(desk, queue, program, "--once") as running:
        assert await running.exit_code() == 1
        assert f"nothing waits in the queue {queue} for {ROBOT}" in await running.remaining_output()
    (tmp_path / "queues.yaml").write_text(f"{queue}:\n  robots: [Ticket]\n")
    async with robot(desk, queue, program, "--once", CASEKEEP_CATALOG=str(tmp_path)) as running:
        assert await running.next_outcome() == {
            "reference": ticket,
            "did": "complete",
            "reason": None,
        }
    state = await desk.eventually(ticket, status="CLOSED")
    assert (state["resolution"]["method"], state["resolution"]["by"]) == (
        "customer_response",
        ROBOT,
    )


# A3
async def test_a_robot_that_is_unable_to_complete_an_action_says_why(desk: RunningStack) -> None:
    queue = new_queue()
    read = await action(desk, queue)
    program = python_program("""answer(outcome="unable_to_complete", reason="no such supplier")""")
    async with running_robot(desk, queue, program) as running:
        assert (await running.next_outcome())["did"] == "unable_to_complete"
    state = await desk.eventually(read, status="CLOSED")
    assert state["resolution"]["outcome"] == "unable_to_complete"
    assert state["resolution"]["reason"] == "no such supplier"


# C7: an item that a program cannot do goes to a person
async def test_what_a_program_cannot_do_or_say_rejects_its_item(desk: RunningStack) -> None:
    queue = new_queue()
    actions = [
        {"key": f"a{number}", "title": script, "queue": queue}
        for number, script in enumerate(REJECTED)
    ]
    steps = [{"key": "only", "actions": actions}]
    settings = {"lease": "PT10M"}
    case = await desk.case(definition={"name": "many", "steps": steps}, settings=settings)
    references = {f"{case}-A{number}": script for number, script in enumerate(REJECTED, start=1)}
    runs_its_title = python_program("""
        import os
        os.execv("/bin/sh", ["sh", "-c", item["title"]])
    """)
    async with running_robot(desk, queue, runs_its_title, once=False) as running:
        for _ in references:
            outcome = await running.next_outcome()
            assert outcome["did"] == "reject"
            assert REJECTED[references[outcome["reference"]]] in outcome["reason"]
            entry = (await desk.timeline(outcome["reference"]))[-1]
            assert (entry["command"], entry["reason"]) == ("reject", outcome["reason"])
    assert b"scan is blurred\n" in b"".join(running.requests)
    for reference in references:
        state = await desk.desk.state(reference)
        assert (state["status"], state["robot_rejected"]) == ("TO_DO", True)
        assert (state["assignee"], state["lease"]) == (None, None)


# Q3: while its program runs, a robot keeps its item
async def test_a_robot_keeps_its_lease_for_as_long_as_its_program_runs(
    desk: RunningStack, tmp_path: Path
) -> None:
    queue = new_queue()
    read = await action(desk, queue, lease="PT3S")
    async with running_robot(desk, queue, blocking_program(tmp_path)) as running:
        item = json.loads(await wait_for_content(tmp_path / "item"))
        assert item["assignee"] == ROBOT

        async def renewed_beyond_its_length() -> None:
            lease = (await desk.desk.state(read))["lease"]
            assert lease["token"] == item["lease"]["token"]
            lease_length = datetime.fromisoformat(lease["until"]) - datetime.fromisoformat(
                item["lease"]["until"]
            )
            assert lease_length.total_seconds() > 3

        await assert_eventually(renewed_beyond_its_length)
        assert await desk.differences() == []  # what heartbeats move is none
        (tmp_path / "go").touch()
        assert (await running.next_outcome())["did"] == "complete"
    await desk.eventually(read, status="CLOSED", revision=3)


# Q3, done when 3: with its program, which a killed robot does not leave behind
async def test_a_robot_that_is_killed_loses_its_item_and_its_late_answer_is_refused(
    desk: RunningStack, tmp_path: Path
) -> None:
    queue = new_queue()
    read = await action(desk, queue, lease="PT2S")
    async with robot(desk, queue, blocking_program(tmp_path)) as running:
        item = json.loads(await wait_for_content(tmp_path / "item"))
        running.process.send_signal(signal.SIGKILL)
        assert await running.exit_code() == -signal.SIGKILL
    state = await desk.eventually(read, status="TO_DO", assignee=None)
    assert (state["lease"], state["robot_rejected"]) == (None, False)
    late = {"by": ROBOT, "outcome": "complete", "lease": item["lease"]["token"]}
    with pytest.raises(Conflict) as refused:
        await desk.desk.execute(read, "resolve", late)
    assert (refused.value.rule, refused.value.fields) == ("Q3", ("lease",))
    assert (await commands(desk, read))[-1] == ("lease_over", "system")
    program = int(await wait_for_content(tmp_path / "pid"))

    async def is_gone() -> None:
        assert not psutil.pid_exists(program)

    await assert_eventually(is_gone)
    async with robot(desk, queue, shell_program(COMPLETE), "--once") as running:
        assert (await running.next_outcome())["reference"] == read
    await desk.eventually(read, status="CLOSED")


# Q3: told that it lost an item, a robot says so and goes on
async def test_a_robot_that_slept_through_its_lease_says_so_and_takes_the_next_item(
    desk: RunningStack, tmp_path: Path
) -> None:
    queue = new_queue()
    read = await action(desk, queue, lease="PT2S")
    async with robot(desk, queue, blocking_program(tmp_path)) as running:
        await wait_for_content(tmp_path / "item")
        running.process.send_signal(signal.SIGSTOP)
        await desk.eventually(read, status="TO_DO", assignee=None)
        await desk.do(read, "start", by="amy")
        (tmp_path / "go").touch()
        running.process.send_signal(signal.SIGCONT)
        outcome = await running.next_outcome()
        assert (outcome["reference"], outcome["did"]) == (read, "lost")
        assert "stale" in outcome["reason"]
        other = await action(desk, queue, lease="PT2S")
        assert await running.next_outcome() == {
            "reference": other,
            "did": "complete",
            "reason": None,
        }
    await desk.eventually(read, status="IN_PROGRESS", assignee="amy")


# Q3, C8: a person may take it over; the robot's program is ended
async def test_a_robot_whose_item_was_taken_over_ends_its_program(
    desk: RunningStack, tmp_path: Path
) -> None:
    queue = new_queue()
    read = await action(desk, queue, lease="PT3S")
    async with running_robot(desk, queue, blocking_program(tmp_path)) as running:
        await wait_for_content(tmp_path / "item")
        await desk.do(read, "start", by="amy", take_over=True)
        assert (await running.next_outcome())["did"] == "lost"
        assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
    await desk.eventually(read, status="IN_PROGRESS", assignee="amy")


# Q3, C8: with a lease its token is stale, without one somebody else has the item
@pytest.mark.parametrize("settings", [{"lease": "PT10M"}, {}], ids=["leased", "not leased"])
async def test_an_answer_to_what_somebody_took_over_meanwhile_is_refused(
    desk: RunningStack, tmp_path: Path, settings: dict[str, str]
) -> None:
    queue = new_queue()
    read = await action(desk, queue, **settings)
    async with running_robot(desk, queue, blocking_program(tmp_path)) as running:
        await wait_for_content(tmp_path / "item")
        await desk.do(read, "start", by="amy", take_over=True)
        (tmp_path / "go").touch()
        outcome = await running.next_outcome()
        assert (outcome["reference"], outcome["did"]) == (read, "lost")
    state = await desk.eventually(read, status="IN_PROGRESS", assignee="amy")
    assert state["resolution"] is None


async def test_a_robot_goes_on_asking_a_store_that_is_not_ready(
    desk: RunningStack, tmp_path: Path
) -> None:
    unready = replace(desk, engine=open_engine(f"sqlite:///{tmp_path / 'empty.db'}"))
    async with running_robot(unready, "q", shell_program(COMPLETE), once=False) as running:

        async def said_so_twice() -> None:
            assert len(running.lines) > 1

        await assert_eventually(said_so_twice)
    assert "lacks tables" in running.lines[0]
    with pytest.raises(SchemaOutdated):
        async with running_robot(unready, "q", shell_program(COMPLETE)):
            pass


# C5: an orderly stop
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_a_robot_that_is_told_to_end_gives_its_item_back(
    desk: RunningStack, tmp_path: Path, sign: signal.Signals
) -> None:
    queue = new_queue()
    read = await action(desk, queue, lease="PT10M")
    async with robot(desk, queue, blocking_program(tmp_path)) as running:
        await wait_for_content(tmp_path / "item")
        running.process.send_signal(sign)
        assert await running.next_outcome() == {
            "reference": read,
            "did": "given back",
            "reason": None,
        }
        assert (await running.exit_code(), await running.remaining_output()) == (0, "")
        assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
    await desk.eventually(read, status="TO_DO", assignee=None, robot_rejected=False)


# C5: the same, without a process in between
async def test_a_robot_that_is_stopped_gives_its_item_back_and_takes_none(
    desk: RunningStack, tmp_path: Path
) -> None:
    queue = new_queue()
    async with running_robot(desk, queue, blocking_program(tmp_path), once=False) as running:
        read = await action(desk, queue)
        await wait_for_content(tmp_path / "item")
        running.robot.stop()
        assert await running.next_outcome() == {
            "reference": read,
            "did": "given back",
            "reason": None,
        }
    assert running.news.empty()
    await desk.eventually(read, status="TO_DO", assignee=None)


# C5: an item that was taken over in between is not given back
async def test_a_robot_that_is_stopped_leaves_what_it_lost_alone(
    desk: RunningStack, tmp_path: Path
) -> None:
    queue = new_queue()
    read = await action(desk, queue)
    async with running_robot(desk, queue, blocking_program(tmp_path)) as running:
        await wait_for_content(tmp_path / "item")
        await desk.do(read, "resolve", by="amy", outcome="complete", take_over=True)
        running.robot.stop()
        assert (await running.next_outcome())["did"] == "lost"
    await desk.eventually(read, status="CLOSED")


async def test_a_program_that_cannot_be_started_gives_the_item_back_and_ends_the_robot(
    desk: RunningStack, tmp_path: Path
) -> None:
    queue = new_queue()
    read = await action(desk, queue)
    with pytest.raises(PermissionError):
        async with running_robot(desk, queue, (str(tmp_path),)) as running:
            assert (await running.next_outcome())["did"] == "given back"
    await desk.eventually(read, status="TO_DO", assignee=None, robot_rejected=False)


# Q1
@pytest.mark.parametrize("once", [True, False])
async def test_where_nothing_waits_a_robot_ends_or_waits(desk: RunningStack, once: bool) -> None:  # noqa: FBT001
    queue = new_queue()
    if once:
        with pytest.raises(QueueEmpty, match=f"nothing waits in the queue {queue} for {ROBOT}"):
            async with running_robot(desk, queue, shell_program(COMPLETE)):
                pass
    else:
        async with running_robot(desk, queue, shell_program(COMPLETE), once=False) as running:
            read = await action(desk, queue)
            assert (await running.next_outcome())["reference"] == read


# C17: an answer that nobody took is given again, and counts once
async def test_an_answer_outlives_the_death_of_the_worker(
    desk: RunningStack, tmp_path: Path
) -> None:
    queue = new_queue()
    read = await action(desk, queue, lease="PT10M")
    async with running_robot(desk, queue, blocking_program(tmp_path)) as running:
        await wait_for_content(tmp_path / "item")
        await desk.stack.kill_worker()
        (tmp_path / "go").touch()
        await desk.revive()
        assert (await running.next_outcome())["did"] == "complete"
    await desk.eventually(read, status="CLOSED", revision=3)


# T9: what a rule is against a person has to see to
async def test_an_answer_that_a_rule_refuses_rejects_the_item(desk: RunningStack) -> None:
    queue = new_queue()
    ticket = await desk.ticket(queue=queue, settings={"resolution_evidence": True})
    await desk.eventually(ticket)
    program = python_program("""answer(outcome="complete", method="customer_response")""")
    async with running_robot(desk, queue, program, robots=frozenset({Kind.TICKET})) as running:
        outcome = await running.next_outcome()
        assert outcome["did"] == "reject"
    state = await desk.eventually(ticket, status="TO_DO", robot_rejected=True)
    assert "needs evidence" in outcome["reason"]
    assert state["assignee"] is None


async def test_a_robot_without_a_program_is_wrong_use(desk: RunningStack) -> None:
    async with robot(desk, new_queue(), ("no-such-program",)) as running:
        assert await running.exit_code() == 2
        assert "no-such-program: there is no such command" in await running.remaining_output()
