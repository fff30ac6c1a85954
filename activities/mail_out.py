"""Activity that sends queued mails, or keeps them if no mail server is configured."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import Engine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.smtp_client import MailNotAccepted, SmtpReply
from domain.base.values import Template
from domain.model.items import Mail
from mail.address_book import AddressBook, Language, SenderIdentity, StaffContact, parse_language
from mail.composition import OutgoingMessage, compose, message_id_of
from store.errors import UnknownOutboundMail
from store.mail.outbound_mail import (
    MailOutcome,
    get_outbound_mail,
    load_message_ids,
    mark_mail_kept,
    record_attempt,
    record_outcome,
)
from store.mail.outbound_mail import OutboundMail as QueuedMail
from store.schema.tables import MailStatus

GIVE_UP_AFTER: Final = timedelta(hours=24)
"""Time after the first attempt at which a mail is given up (M5)."""
MAX_CONNECTIONS: Final = 8
"""Connections to the mail server at the same time."""


class Undeliverable(Exception):
    """A mail failed for good; the message gives the reason."""


class DeliverMail(Protocol):
    """Callable that delivers a queued mail."""

    async def __call__(self, key: str, *, run: str) -> str | None:
        """Deliver the mail; a repeated call changes nothing.

        Returns the recipients that were not reached, if others were. Raises UnknownMail or
        Undeliverable; any other error means that the delivery can be retried.
        """


Transmit = Callable[[bytes, str, tuple[str, ...]], Awaitable[SmtpReply]]
"""Transmits a mail: its bytes, the envelope sender, and the recipients."""


class MailSender:
    """Activity `send_mail`: delivers each queued mail once for its key."""

    def __init__(self, deliver: DeliverMail) -> None:
        """Deliver mails by `deliver`."""
        self._deliver = deliver

    @activity.defn(name="send_mail")
    async def send(self, run: str, key: str) -> str | None:
        """Deliver the mail of this run and effect key; a repeated call changes nothing (M5).

        Returns the recipients that were not reached, if others were.
        """
        try:
            async with _heartbeats():
                return await self._deliver(key, run=run)
        except (UnknownOutboundMail, Undeliverable) as error:
            name = type(error).__name__
            raise ApplicationError(str(error), type=name, non_retryable=True) from error


@asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    """Send heartbeats during the context, so that another worker soon retries after a crash."""
    timeout = activity.info().heartbeat_timeout if activity.in_activity() else None
    if timeout is None:
        yield
        return
    heartbeats = asyncio.create_task(_send_heartbeats(timeout.total_seconds() / 3))
    try:
        yield
    finally:
        heartbeats.cancel()


async def _send_heartbeats(interval: float) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(interval)


class StoreOnlyDelivery:
    """Delivery without a mail server: marks mails as kept and sends none."""

    def __init__(self, engine: Engine) -> None:
        """Keep the mails in this store."""
        self._engine = engine

    async def __call__(self, key: str, *, run: str) -> str | None:
        """Mark the mail as kept."""
        await asyncio.to_thread(mark_mail_kept, self._engine, key, run=run)
        return None


class SmtpDelivery:
    """Delivery through a mail server; records the outcome of each mail in the store."""

    def __init__(
        self,
        engine: Engine,
        transmit: Transmit,
        directory: AddressBook,
        secret: bytes,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`secret` signs our Message-IDs; `clock` decides when a mail is given up."""
        self._engine = engine
        self._transmit = transmit
        self._directory = directory
        self._secret = secret
        self._clock = clock
        self._connections = asyncio.Semaphore(MAX_CONNECTIONS)

    async def __call__(self, key: str, *, run: str) -> str | None:
        """Send the mail to the recipients who do not have it yet (M5)."""
        queued = await asyncio.to_thread(get_outbound_mail, self._engine, key, run=run)
        if queued.status in {MailStatus.FAILED, MailStatus.GIVEN_UP}:
            raise Undeliverable(queued.last_error or "the mail failed before")
        if queued.status is not MailStatus.QUEUED:
            return queued.last_error
        settled = dict(queued.settled or {})
        known = await asyncio.to_thread(
            load_message_ids, self._engine, (*queued.mail.thread, key), run=run
        )
        letter = self._letter(queued, known)
        if letter is None:
            return await self._end(queued, MailStatus.KEPT, settled)
        if not letter.to + letter.cc:
            names = ", ".join(queued.mail.accounts)
            problem = f"no mail address of {names} is known: add it to people.yaml of the catalog"
            return await self._end(queued, MailStatus.FAILED, settled, problem)
        raw = compose(letter, self._secret)
        first_tried_at = await asyncio.to_thread(
            record_attempt,
            self._engine,
            key,
            run=run,
            message_id=message_id_of(self._secret, letter),
            at=self._clock(),
        )
        pending = tuple(dict.fromkeys(to for to in letter.to + letter.cc if to not in settled))
        obstacle = await self._transmit_to(raw, letter, pending, settled)
        if obstacle is None:
            return await self._settle(queued, settled)
        if self._clock() - first_tried_at >= GIVE_UP_AFTER:
            hours = int(GIVE_UP_AFTER.total_seconds() // 3600)
            reason = f"given up after {hours} hours: {obstacle}"
            for recipient in pending:
                settled.setdefault(recipient, reason)
            return await self._settle(queued, settled, is_given_up=True)
        await self._record(queued, MailStatus.QUEUED, settled, obstacle)
        raise ApplicationError(f"not taken yet: {obstacle}", type="NotTakenYet")

    async def _transmit_to(
        self, raw: bytes, letter: OutgoingMessage, pending: tuple[str, ...], settled: dict[str, str]
    ) -> str | None:
        """Transmit the mail and add final results to `settled`; return a temporary problem."""
        if not pending:
            return None
        try:
            async with self._connections:
                reply = await self._transmit(raw, letter.envelope_sender, pending)
        except MailNotAccepted as error:
            if not error.is_final:
                return str(error)
            settled.update(dict.fromkeys(pending, str(error)))
            return None
        settled.update(dict.fromkeys(reply.accepted, ""))
        settled.update(reply.refused)
        return "; ".join(f"{address}: {why}" for address, why in reply.delayed.items()) or None

    async def _settle(
        self, queued: QueuedMail, settled: Mapping[str, str], *, is_given_up: bool = False
    ) -> str | None:
        problem = "; ".join(f"{address}: {why}" for address, why in settled.items() if why)
        is_sent = any(not why for why in settled.values())
        if is_sent:
            return await self._end(queued, MailStatus.SENT, settled, problem or None)
        status = MailStatus.GIVEN_UP if is_given_up else MailStatus.FAILED
        return await self._end(queued, status, settled, problem)

    async def _end(
        self,
        queued: QueuedMail,
        status: MailStatus,
        settled: Mapping[str, str],
        problem: str | None = None,
    ) -> str | None:
        await self._record(queued, status, settled, problem)
        if status in {MailStatus.FAILED, MailStatus.GIVEN_UP}:
            raise Undeliverable(problem)
        return problem

    async def _record(
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
            record_outcome, self._engine, queued.mail.key, run=queued.run, outcome=outcome
        )

    def _letter(self, queued: QueuedMail, known: Mapping[str, str]) -> OutgoingMessage | None:
        """Return the mail with its addresses and language; None if it need not be sent.

        An assignment mail to somebody without an address is not sent: the inbox shows the item.
        """
        mail = queued.mail
        accounts = [self._directory.people.get(account) for account in mail.accounts]
        people = [person for person in accounts if person is not None]
        if mail.template == Template.ASSIGNMENT and not people:
            return None
        head = self._directory.sender_for(category=queued.category, queue=queued.queue)
        return OutgoingMessage(
            mail=mail,
            run=queued.run,
            reference=queued.reference,
            kind=queued.kind,
            to=(*mail.to, *(person.email for person in people)),
            cc=mail.cc,
            sender=head,
            language=_language(mail, people, head),
            queued_at=queued.queued_at,
            ids=known,
        )


def _language(mail: Mail, people: list[StaffContact], head: SenderIdentity) -> Language:
    """Return the reader's language from the mail or the catalog, else the desk's."""
    of_reader = people[0].language if people else None
    return parse_language(mail.language) or of_reader or head.language
