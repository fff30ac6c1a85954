"""Mail loops between two automatic senders stop (M4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from store.schema.tables import InboundMailState
from tests.support.mail_desks import BILLING, IDA, SUPPORT, MailDesk, mail_desk, make_plain_mail
from tests.support.process_stack import assert_eventually

pytestmark = pytest.mark.mail_server

ROBOT: Final = "robot@example.org"
BUDGET: Final = 3


# M4
async def test_two_desks_that_acknowledge_each_other_exchange_one_mail(tmp_path: Path) -> None:
    """Two desks are each other's correspondents, and both send acknowledgements."""
    async with mail_desk(tmp_path, mail_answers=BUDGET) as desk:
        for name, sender, to in (("b1", BILLING, SUPPORT), ("s1", SUPPORT, BILLING)):
            raw = make_plain_mail(f"{name}@elsewhere.example", sender=sender, to=to)
            await desk.host.send(raw, sender, to)
            await desk.arrived(f"{name}@elsewhere.example", desk=to)
        await assert_loop_stopped(desk, mails=4, answered=2)
        items = desk.items()
        assert len(items) == 2
        for item in items:
            received = [
                entry["reason"]
                for entry in await desk.running_stack.timeline(item)
                if entry["command"] == "receive_email"
            ]
            assert len(received) == 2, received
            assert received[1].startswith("automatic mail"), received
            assert (await desk.running_stack.desk.state(item))["status"] == "TO_DO"


# M4
async def test_an_out_of_office_robot_without_any_mark_gets_the_budgeted_answers(
    tmp_path: Path,
) -> None:
    """The robot answers each mail to its sender, without auto-reply headers and threading."""
    async with (
        mail_desk(tmp_path, (IDA, ROBOT), mail_answers=BUDGET) as desk,
        answering_robot(desk),
    ):
        await desk.host.send(make_plain_mail("first@example.org", sender=ROBOT), ROBOT, SUPPORT)
        await desk.answered(ROBOT, BUDGET)
        await assert_loop_stopped(desk, mails=1 + BUDGET, answered=BUDGET)
        assert len(await desk.host.mails(ROBOT)) == BUDGET
        assert len(desk.items()) == 1 + BUDGET
        await desk.host.send(make_plain_mail("ida@example.org"), IDA, SUPPORT)
        await desk.answered(IDA, 1)


# M4
async def test_an_out_of_office_robot_that_says_so_is_answered_once(tmp_path: Path) -> None:
    async with (
        mail_desk(tmp_path, (ROBOT,), mail_answers=BUDGET) as desk,
        answering_robot(desk, "Auto-Submitted: auto-replied"),
    ):
        await desk.host.send(make_plain_mail("first@example.org", sender=ROBOT), ROBOT, SUPPORT)
        await desk.answered(ROBOT, 1)
        away = await desk.arrived("away-1@example.org")
        await assert_loop_stopped(desk, mails=2, answered=1)
        assert away.state is InboundMailState.DEAD
        assert len(await desk.host.mails(ROBOT)) == 1
        assert len(desk.items()) == 1


# M1, M4
async def test_a_robot_that_answers_within_the_thread_is_not_answered_again(
    tmp_path: Path,
) -> None:
    async with mail_desk(tmp_path, (ROBOT,), mail_answers=BUDGET) as desk:
        async with answering_robot(desk, in_thread=True):
            await desk.host.send(make_plain_mail("first@example.org", sender=ROBOT), ROBOT, SUPPORT)
            await desk.arrived("away-1@example.org")
            await assert_loop_stopped(desk, mails=2, answered=1)
        (item,) = desk.items()
        assert len(await desk.host.mails(ROBOT)) == 1
        assert {reference for reference, _ in desk.effects()} == {item}


async def assert_loop_stopped(desk: MailDesk, *, mails: int, answered: int) -> None:
    """Assert that this number of mails came and only this number of them is answered."""

    async def check() -> None:
        came = desk.arrivals()
        assert len(came) == mails, came
        assert InboundMailState.ACCEPTED not in {each.state for each in came}
        assert sum(mail.answered for mail in came) == answered
        statuses = [
            status for _, template, status in desk.written() if template == "acknowledgement"
        ]
        assert statuses == ["sent"] * answered

    await assert_eventually(check)


@asynccontextmanager
async def answering_robot(
    desk: MailDesk, *headers: str, in_thread: bool = False
) -> AsyncIterator[None]:
    """Run a robot that answers each mail to its mailbox while the context lasts."""
    task = asyncio.create_task(_answer_all(desk, headers, in_thread=in_thread))
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()


async def _answer_all(desk: MailDesk, headers: tuple[str, ...], *, in_thread: bool) -> None:
    for number in count(1):
        got = await _mail(desk, number)
        to = _address(got, "reply-to" if in_thread else "from")
        thread = (f"In-Reply-To: {got['message-id']}",) if in_thread else ()
        away = make_plain_mail(
            f"away-{number}@example.org",
            *headers,
            *thread,
            sender=ROBOT,
            to=to,
            subject=f"I am at the sea ({number})",
            body="Back in August.",
        )
        await desk.host.send(away, ROBOT, to)


async def _mail(desk: MailDesk, number: int) -> EmailMessage:
    """Return the robot's mail of this number, once it has arrived."""
    while True:
        mails = await desk.host.mails(ROBOT)
        if len(mails) >= number:
            return mails[number - 1]
        await asyncio.sleep(0.05)


def _address(mail: EmailMessage, header: str) -> str:
    return str(mail[header].addresses[0].addr_spec)
