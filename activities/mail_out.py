"""Mails on their way out: kept where there is no mail server, else sent until they are taken."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import Engine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.smtp_client import Answer, NotTaken
from domain.base.values import Template
from domain.model.items import Mail
from mail.address_book import Directory, Language, Letterhead, Person, language_named
from mail.composition import Letter, compose, id_of
from store.errors import UnknownMail
from store.mail.outbound_mail import MailOut as QueuedMail
from store.mail.outbound_mail import (
    MailOutcome,
    keep_mail,
    mail_named,
    message_ids,
    note_mail,
    try_mail,
)
from store.schema.tables import MailStatus

TRIED_FOR: Final = timedelta(hours=24)
"""M5: how long after its first try a mail is given up; while nobody can try, no time runs."""
AT_ONCE: Final = 8
"""Connections to the mail server."""


class Undeliverable(Exception):
    """A mail that is not tried any more; says why."""


class Delivers(Protocol):
    """What takes a queued mail in hand."""

    async def __call__(self, key: str, *, run: str) -> str | None:
        """Take it in hand; again changes nothing. What it did not reach, if it reached others.

        Raises UnknownMail, or Undeliverable; anything else means that it is to be tried again.
        """


Transmit = Callable[[bytes, str, tuple[str, ...]], Awaitable[Answer]]
"""Hand a mail over: its bytes, the address that bounces go to, and the recipients."""


class MailOut:
    """Takes each queued mail in hand, once for its key."""

    def __init__(self, deliver: Delivers) -> None:
        """Have mails delivered, or kept, by this."""
        self._deliver = deliver

    @activity.defn(name="send_mail")
    async def send(self, run: str, key: str) -> str | None:
        """Take the mail of this item and effect key in hand; again changes nothing (M5).

        Answers which recipients it could not reach, if it reached others.
        """
        try:
            async with _beating():
                return await self._deliver(key, run=run)
        except (UnknownMail, Undeliverable) as error:
            name = type(error).__name__
            raise ApplicationError(str(error), type=name, non_retryable=True) from error


@asynccontextmanager
async def _beating() -> AsyncIterator[None]:
    """Tell Temporal meanwhile that somebody is at it: if a worker dies, another soon goes on."""
    within = activity.info().heartbeat_timeout if activity.in_activity() else None
    if within is None:
        yield
        return
    beats = asyncio.create_task(_beat(within.total_seconds() / 3))
    try:
        yield
    finally:
        beats.cancel()


async def _beat(every: float) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(every)


class Keeping:
    """Keeps mails in the store and sends none: there is no mail server."""

    def __init__(self, engine: Engine) -> None:
        """Keep them in this store."""
        self._engine = engine

    async def __call__(self, key: str, *, run: str) -> str | None:
        """Mark it as kept."""
        await asyncio.to_thread(keep_mail, self._engine, key, run=run)
        return None


class Sending:
    """Sends mails through a mail server, and notes in the store what became of each."""

    def __init__(
        self,
        engine: Engine,
        transmit: Transmit,
        directory: Directory,
        secret: bytes,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`secret` signs our Message-IDs; the clock tells when a mail is given up."""
        self._engine = engine
        self._transmit = transmit
        self._directory = directory
        self._secret = secret
        self._clock = clock
        self._doors = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, key: str, *, run: str) -> str | None:
        """Send it to those who have not got it yet (M5)."""
        queued = await asyncio.to_thread(mail_named, self._engine, key, run=run)
        if queued.status in {MailStatus.FAILED, MailStatus.GIVEN_UP}:
            raise Undeliverable(queued.last_error or "it failed before")
        if queued.status is not MailStatus.QUEUED:
            return queued.last_error
        settled = dict(queued.settled or {})
        known = await asyncio.to_thread(
            message_ids, self._engine, (*queued.mail.thread, key), run=run
        )
        letter = self._letter(queued, known)
        if letter is None:
            return await self._end(queued, MailStatus.KEPT, settled)
        if not letter.to + letter.cc:
            names = ", ".join(queued.mail.accounts)
            problem = f"no mail address of {names} is known: add it to people.yaml of the catalog"
            return await self._end(queued, MailStatus.FAILED, settled, problem)
        raw = compose(letter, self._secret)
        first = await asyncio.to_thread(
            try_mail,
            self._engine,
            key,
            run=run,
            message_id=id_of(self._secret, letter),
            at=self._clock(),
        )
        left = tuple(dict.fromkeys(one for one in letter.to + letter.cc if one not in settled))
        obstacle = await self._handed_over(raw, letter, left, settled)
        if obstacle is None:
            return await self._settle(queued, settled)
        if self._clock() - first >= TRIED_FOR:
            hours = int(TRIED_FOR.total_seconds() // 3600)
            told = f"given up after {hours} hours: {obstacle}"
            for one in left:
                settled.setdefault(one, told)
            return await self._settle(queued, settled, given_up=told)
        await self._note(queued, MailStatus.QUEUED, settled, obstacle)
        raise ApplicationError(f"not taken yet: {obstacle}", type="NotTakenYet")

    async def _handed_over(
        self, raw: bytes, letter: Letter, left: tuple[str, ...], settled: dict[str, str]
    ) -> str | None:
        """What stands in the way for now, if anything does; notes what is settled."""
        if not left:
            return None
        try:
            async with self._doors:
                answer = await self._transmit(raw, letter.sender, left)
        except NotTaken as error:
            if not error.is_final:
                return str(error)
            settled.update(dict.fromkeys(left, str(error)))
            return None
        settled.update(dict.fromkeys(answer.taken, ""))
        settled.update(answer.refused)
        waiting = [f"{address}: {why}" for address, why in answer.delayed.items()]
        return "; ".join(waiting) or None

    async def _settle(
        self, queued: QueuedMail, settled: Mapping[str, str], *, given_up: str | None = None
    ) -> str | None:
        problem = "; ".join(f"{address}: {why}" for address, why in settled.items() if why)
        reached = any(not why for why in settled.values())
        if reached:
            return await self._end(queued, MailStatus.SENT, settled, problem or None)
        status = MailStatus.GIVEN_UP if given_up else MailStatus.FAILED
        return await self._end(queued, status, settled, problem)

    async def _end(
        self,
        queued: QueuedMail,
        status: MailStatus,
        settled: Mapping[str, str],
        problem: str | None = None,
    ) -> str | None:
        await self._note(queued, status, settled, problem)
        if status in {MailStatus.FAILED, MailStatus.GIVEN_UP}:
            raise Undeliverable(problem)
        return problem

    async def _note(
        self,
        queued: QueuedMail,
        status: MailStatus,
        settled: Mapping[str, str],
        problem: str | None,
    ) -> None:
        outcome = MailOutcome(
            status=status,
            settled=settled,
            problem=problem,
            sent_at=self._clock() if status is MailStatus.SENT else None,
        )
        await asyncio.to_thread(
            note_mail, self._engine, queued.mail.key, run=queued.run, outcome=outcome
        )

    def _letter(self, queued: QueuedMail, known: Mapping[str, str]) -> Letter | None:
        """The mail with what is known of its readers; None if it need not be sent.

        Who is only told of an assignment, and has no address, looks into the inbox.
        """
        mail = queued.mail
        found = [self._directory.people.get(account) for account in mail.accounts]
        people = [person for person in found if person is not None]
        if mail.template == Template.ASSIGNMENT and not people:
            return None
        head = self._directory.letterhead_for(category=queued.category, queue=queued.queue)
        return Letter(
            mail=mail,
            run=queued.run,
            reference=queued.reference,
            kind=queued.kind,
            to=(*mail.to, *(person.email for person in people)),
            cc=mail.cc,
            head=head,
            language=_language(mail, people, head),
            queued_at=queued.queued_at,
            ids=known,
        )


def _language(mail: Mail, people: list[Person], head: Letterhead) -> Language:
    """The reader's, where the mail or the catalog says it; else the desk's."""
    theirs = people[0].language if people else None
    return language_named(mail.language) or theirs or head.language
