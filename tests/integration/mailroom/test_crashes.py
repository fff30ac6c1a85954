"""No mail is lost, and none is there twice, whatever dies on its way in (M3)."""

import asyncio
import random
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiosmtplib
import pytest

from store.schema.tables import InboundMailState
from tests.support.databases import PostgresServer
from tests.support.dying_mailroom import KillPoint
from tests.support.mail_desks import IDA, SUPPORT, MailDesk, mail_desk, make_plain_mail
from tests.support.mail_host import free_port
from tests.support.process_stack import assert_eventually

pytestmark = pytest.mark.mail_server

LATER: Final = range(400, 500)
MAILS: Final = 1000
NEW: Final = 200
"""Of them, that start a Ticket; the others answer one."""
TICKETS: Final = 50
CONNECTIONS: Final = 10
MAX_DEATHS: Final = 12
"""A slow machine would otherwise get from one death to the next, and hardly anywhere."""


@dataclass(frozen=True)
class Posting:
    """A mail, and whom it is for."""

    message_id: str
    raw: bytes
    to: str = SUPPORT
    sender: str = IDA
    starts: bool = True
    """True if a Ticket begins with the mail."""
    follows: str | None = None
    """The closed one that it answers, if it does."""

    @classmethod
    def new(cls, name: str, sender: str = IDA) -> "Posting":
        """One that starts a Ticket."""
        message_id = f"{name}@example.org"
        return cls(
            message_id, make_plain_mail(message_id, sender=sender, subject=name), sender=sender
        )

    @classmethod
    def answer(cls, name: str, reference: str, *, closed: bool = False) -> "Posting":
        """One that belongs to a Ticket, by the Ticket's own address."""
        message_id, to = f"{name}@example.org", SUPPORT.replace("@", f"+{reference}@")
        raw = make_plain_mail(message_id, to=to, subject=name)
        return cls(message_id, raw, to, starts=closed, follows=reference if closed else None)


@dataclass
class Sender:
    """Sends as a mail server does: what it was not told OK of, it sends again."""

    port: int
    told: Counter[str] = field(default_factory=Counter)
    """Answers of the mailroom: `OK`, a code, or `lost`."""
    _door: aiosmtplib.SMTP | None = None

    async def sends(self, mail: Posting) -> bool:
        """Return True if the answer was OK; else the mail was deferred, or the connection lost."""
        try:
            if self._door is None:
                self._door = aiosmtplib.SMTP(
                    hostname="127.0.0.1", port=self.port, start_tls=False, timeout=60
                )
                await self._door.connect()
            await self._door.sendmail(mail.sender, [mail.to], mail.raw)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            told = str(refused.recipients[0].code)
        except aiosmtplib.SMTPResponseException as answer:
            told = str(answer.code)
        except (aiosmtplib.SMTPException, OSError):
            told, self._door = "lost", None
        else:
            told = "OK"
        self.told[told] += 1
        assert told in {"OK", "lost"} or int(told) in LATER, told
        return told == "OK"

    async def until_taken(self, mail: Posting) -> None:
        """Send it until it is told OK."""

        async def check() -> None:
            assert await self.sends(mail)

        await assert_eventually(check, within=120)


async def dying(desk: MailDesk, point: KillPoint, mails: Sequence[Posting]) -> list[Posting]:
    """Send these to a mailroom that dies at this point; those that were not told OK."""
    async with mailroom_by_itself(desk, "tests.support.dying_mailroom", point.value) as mailroom:
        left = await asyncio.gather(*(_sent_once(desk, mailroom, mail) for mail in mails))
        assert await asyncio.wait_for(mailroom.wait(), 60) == -signal.SIGKILL, point
    return [mail for mail in left if mail is not None]


@asynccontextmanager
async def mailroom_by_itself(
    desk: MailDesk, module: str = "mailroom", *arguments: str, **variables: str
) -> AsyncIterator[Process]:
    """A mailroom that is no part of the stack, until it is killed at the end."""
    stack = desk.running_stack.stack
    with (stack.folder / "mailroom-by-itself.log").open("ab") as log:
        mailroom = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            stdout=log,
            stderr=log,
            env=stack.environment | variables,
        )
    try:
        yield mailroom
    finally:
        if mailroom.returncode is None:
            mailroom.kill()
            await mailroom.wait()


async def _sent_once(desk: MailDesk, mailroom: Process, mail: Posting) -> Posting | None:
    """Send it as soon as there is somebody to take it; itself, if it was not told OK."""
    while mailroom.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", _port(desk))
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return None if await Sender(_port(desk)).sends(mail) else mail
    return mail


def _port(desk: MailDesk) -> int:
    return int(desk.running_stack.stack.settings.mail_listen.rpartition(":")[2])


async def each_has_one_effect(desk: MailDesk, mails: Sequence[Posting]) -> None:
    """Assert that each of these mails is on one item, once, and has no other effect."""
    effects = Counter(digest for _, digest in desk.effects())
    assert set(effects.values()) <= {1}, effects.most_common(3)
    on = {digest: reference for reference, digest in desk.effects()}
    own: list[str] = []
    for mail in mails:
        (kept,) = desk.all_with(mail.message_id)
        assert kept.state is InboundMailState.HANDLED, kept.reason
        assert kept.reference is not None
        assert on[kept.digest] == kept.reference
        if mail.starts:
            own.append(kept.reference)
        else:
            assert f"+{kept.reference}@" in mail.to
        if mail.follows is not None:
            (link,) = (await desk.running_stack.desk.state(kept.reference))["links"]
            assert (link["kind"], link["reference"]) == ("follows", mail.follows)
    assert len(on) == len(mails)
    assert len(set(own)) == len(own)

    async def each_is_acknowledged_once() -> None:  # by a signal: soon after its mail is handled
        written = desk.written()
        told = Counter(one for one, template, _ in written if template == "acknowledgement")
        assert told == Counter(own)

    await assert_eventually(each_is_acknowledged_once)


# M3
@pytest.mark.timeout(
    300, func_only=True
)  # sixteen lives of a mailroom, each of which takes a while to begin
async def test_a_mailroom_killed_anywhere_between_data_and_ok_loses_nothing_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    async with mail_desk(tmp_path, mailroom=False, mail_answers=1000) as desk:
        ticket = await desk.running_stack.ticket(category="question")
        await desk.running_stack.eventually(ticket, status="TO_DO")
        closed = await desk.running_stack.ticket(category="question")
        await desk.running_stack.do(closed, "resolve", method="rejected_as_spam")
        mails: list[Posting] = []
        again: list[Posting] = []
        for number, point in enumerate(KillPoint):
            fresh = [
                Posting.new(f"new-{number}"),
                Posting.answer(f"answer-{number}", ticket),
                Posting.answer(f"late-{number}", closed, closed=True),
            ]
            mails += fresh
            sent = [*fresh, *again]
            again = await dying(desk, point, sent)
            if number < list(KillPoint).index(KillPoint.AFTER_OK):
                assert again == sent, point
            elif point is KillPoint.AFTER_OK:
                assert len(again) < len(sent)
        await desk.running_stack.stack.start_mailroom()
        sender = Sender(_port(desk))
        for mail in mails:  # also those that were told OK: their OK may have been lost
            await sender.until_taken(mail)
        await desk.settled()
        await each_has_one_effect(desk, mails)
        await desk.running_stack.recovers(desk.items())


# M3
@pytest.mark.timeout(300, func_only=True)  # three outages, each with its recovery
async def test_what_is_down_delays_mails_and_loses_none(
    tmp_path: Path, stoppable_postgresql: PostgresServer
) -> None:
    """Postfix sends them on: put off while there is no database, taken while there is one."""
    url = stoppable_postgresql.create_database(empty=True)
    async with mail_desk(tmp_path, database_url=url, mail_answers=1000) as desk:
        stack, ticket = (
            desk.running_stack.stack,
            await desk.running_stack.ticket(category="question"),
        )
        await desk.running_stack.eventually(ticket, status="TO_DO")  # then the store knows of it
        mails: list[Posting] = []

        async def post(why: str) -> list[Posting]:
            fresh = [Posting.new(f"new-{why}"), Posting.answer(f"answer-{why}", ticket)]
            mails.extend(fresh)
            for mail in fresh:
                await desk.host.send(mail.raw, mail.sender, mail.to)
            return fresh

        await asyncio.to_thread(stoppable_postgresql.stop)
        await post("without-database")
        await logged(desk, "status=deferred", "451 4.3.0 cannot be stored now", 2)
        await asyncio.to_thread(stoppable_postgresql.start)
        await logged(desk, "status=sent", "stored until it is delivered", 2)

        await stack.kill_server()
        await post("without-temporal")
        await logged(desk, "status=sent", "stored until it is delivered", 4)
        await stack.kill_mailroom()
        async with mailroom_by_itself(desk):
            await post("with-a-new-mailroom")
            await logged(desk, "status=sent", "stored until it is delivered", 6)
            await stack.start_server()

            await stack.kill_worker()
            await post("without-worker")
            await logged(desk, "status=sent", "stored until it is delivered", 8)
            await stack.start_worker()

            await desk.settled()
        await each_has_one_effect(desk, mails)
        await desk.running_stack.recovers(desk.items())


async def logged(desk: MailDesk, status: str, answer: str, count: int) -> None:
    """Wait until Postfix has written of so many mails to the desk that they got this answer."""

    async def check() -> None:
        told = [
            line.split(": ")[1]  # the mail's name in Postfix's queue
            for line in desk.host.log.splitlines()
            if "@desk.example>" in line and status in line and answer in line
        ]
        assert len(set(told)) == count, desk.host.log[-3000:]

    await assert_eventually(check)


# M3
@pytest.mark.timeout(300, func_only=True)
async def test_two_mailrooms_that_take_the_same_mails_at_once_give_each_one_effect(
    tmp_path: Path, postgresql: PostgresServer
) -> None:
    url = postgresql.create_database(empty=True)
    async with (
        mail_desk(tmp_path, database_url=url, sends=False, mail_answers=1000) as desk,
        mailroom_by_itself(desk, CASEKEEP_MAIL_LISTEN=f"127.0.0.1:{(other := free_port())}"),
    ):
        ticket = await desk.running_stack.ticket(category="question")
        await desk.running_stack.eventually(ticket, status="TO_DO")
        mails = [Posting.new(f"new-{number}") for number in range(20)]
        mails += [Posting.answer(f"answer-{number}", ticket) for number in range(20)]
        await Sender(other).until_taken(mails[0])
        senders = [Sender(port) for port in (_port(desk), other) for _ in range(3)]
        await asyncio.gather(*(_post_all(sender, mails) for sender in senders))
        await desk.settled(within=120)
        await each_has_one_effect(desk, mails)
        await desk.running_stack.recovers(desk.items())


# M3
@pytest.mark.soak
@pytest.mark.timeout(600, func_only=True)
async def test_a_thousand_mails_sent_twice_have_a_thousand_effects_whatever_is_killed_meanwhile(
    tmp_path: Path, stoppable_postgresql: PostgresServer
) -> None:
    url = stoppable_postgresql.create_database(empty=True)
    async with mail_desk(tmp_path, database_url=url, sends=False, mail_answers=1000) as desk:
        references = [f"T-{number}" for number in range(TICKETS)]
        await asyncio.gather(
            *(desk.running_stack.ticket(reference, category="question") for reference in references)
        )
        await asyncio.gather(
            *(desk.running_stack.eventually(one, status="TO_DO") for one in references)
        )
        mails = [
            Posting.new(f"new-{number}", f"sender-{number}@example.org") for number in range(NEW)
        ] + [
            Posting.answer(f"answer-{number}", references[number % TICKETS])
            for number in range(MAILS - NEW)
        ]
        rhythm = random.Random(8)  # noqa: S311 - an order, not a secret
        deliveries = [*mails, *mails]
        rhythm.shuffle(deliveries)
        senders = [Sender(_port(desk)) for _ in range(CONNECTIONS)]
        posting = [
            asyncio.create_task(_post_all(sender, deliveries[number::CONNECTIONS]))
            for number, sender in enumerate(senders)
        ]
        deaths = 0
        while deaths < MAX_DEATHS and not all(task.done() for task in posting):
            await asyncio.wait(posting, timeout=rhythm.uniform(0.7, 1.3))
            deaths += 1
            await desk.running_stack.stack.kill_mailroom()
            if deaths == 2:
                await desk.running_stack.stack.kill_server()
            if deaths == 4:
                await desk.running_stack.stack.kill_worker()
            await desk.running_stack.revive()
            await desk.running_stack.stack.start_mailroom()
        await asyncio.gather(*posting)
        assert deaths > 4
        assert sum(sender.told["OK"] for sender in senders) == 2 * MAILS
        await desk.settled(within=300)
        await each_has_one_effect(desk, mails)
        assert len(desk.items()) == TICKETS + NEW
        await desk.running_stack.recovers(desk.items())


async def _post_all(sender: Sender, mails: Sequence[Posting]) -> None:
    """One connection's mails; each until it is told OK, and the others meanwhile."""
    left = deque(mails)
    while left:
        if await sender.sends(left[0]):
            left.popleft()
        else:
            left.rotate(-1)
            await asyncio.sleep(0.1)
