"""`casekeep next` and `casekeep robot` as they are typed (Q1)."""

import uuid

import pytest

from tests.cli.conftest import PERSON, CommandRunner, run_command


async def create_waiting_ticket(shell: CommandRunner, queue: str) -> str:
    """Create a Ticket in the queue; return its reference."""
    told = await shell.run_checked(
        *("new", "ticket", "No invoice", "--description", "Where is it?", "--queue", queue),
        *("--primary-contact", PERSON["email"], "--requester", PERSON["email"]),
        *("--category", "letters", "--submit", "--json"),
    )
    reference: str = told.json["reference"]
    return reference


@pytest.fixture
def queue() -> str:
    return f"q-{uuid.uuid4().hex[:8]}"


# Q1
async def test_next_starts_the_next_item_for_who_asks_and_shows_it(
    shell: CommandRunner, queue: str
) -> None:
    reference = await create_waiting_ticket(shell, queue)
    ran = await shell.run_checked("next", "--queue", queue, "--as", "amy")
    assert reference in ran.out
    assert "amy has it" in ran.out
    assert (await shell.run_checked("show", reference, "--json")).json["assignee"] == "amy"


async def test_next_says_that_there_is_nothing(shell: CommandRunner, queue: str) -> None:
    ran = await shell("next", "--queue", queue, "--as", "amy", "--json")
    assert (ran.code, ran.err) == (1, f"nothing waits in the queue {queue} for amy\n")
    assert ran.json["refused"]["type"] == "QueueEmpty"


async def test_next_waits_where_it_is_asked_to(shell: CommandRunner, queue: str) -> None:
    reference = await create_waiting_ticket(shell, queue)
    ran = await shell.run_checked("next", "--queue", queue, "--as", "amy", "--wait", "--json")
    assert (ran.json["reference"], ran.json["status"]) == (reference, "IN_PROGRESS")


@pytest.mark.parametrize("poll", ["soon", "0s", "-1", "2 days", ""])
def test_a_span_that_cannot_be_read_is_wrong_use(poll: str) -> None:
    ran = run_command("next", "--queue", "q", "--poll", poll)
    assert (ran.code, ran.out) == (2, "")
    assert "write 2s, 500ms or 1m" in " ".join(ran.err.replace("│", " ").split())


def test_a_robots_program_has_to_be_there() -> None:
    ran = run_command(
        "robot", "--as", "ocr-1", "--queue", "q", "--poll", "1m", "--", "no-such-program"
    )
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "no-such-program: there is no such command; give one behind --\n"
