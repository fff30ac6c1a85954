"""Delivery of accepted mails to their items, with retries (M2, M3, M4, M7)."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from pydantic import JsonValue, ValidationError
from sqlalchemy import Engine
from temporalio.service import RPCError

from domain.base.refusals import CommandIdReused, Conflict, InvalidCommand, ItemClosed
from domain.base.values import StartedBy, is_address
from domain.model.commands import Command, ReceiveEmail
from domain.model.internal_messages import Acknowledge, InternalMessage, MailFailed
from domain.model.starts import Contact, FirstMail, LaunchedStart, Link, PartStart
from mail.headers import NamedAddress
from mailroom.routing import MailRouter, format_address, reference_for
from starter.client import CasekeepClient, ItemNotReady, NoAnswer, UnknownItem
from starter.item_start import start_item
from store.errors import StoreError
from store.mail import inbound_mail, mail_threads
from store.mail.inbound_mail import InboundMail
from store.mail.outbound_mail import MailKey, record_bounce
from store.schema.tables import InboundMailState

LOG: Final = logging.getLogger("casekeep.mailroom")
MAILROOM_ACTOR: Final = "service:mailroom"
"""Actor of commands and starts that come from mails."""
MAX_CONCURRENT_DELIVERIES: Final = 64
SWEEP_INTERVAL: Final = 5.0
"""Seconds between two searches for mails that an earlier run of the mailroom left undelivered."""
RETRY_DELAYS: Final = (0.1, 0.5, 2.0, 5.0, 15.0)
"""Seconds before each retry; the last one repeats."""
MAX_FAILURES: Final = 8
"""Unexpected errors of a mail before it is a dead letter; lost connections do not count."""
NO_CATEGORY: Final = "unknown address"
NO_SUBJECT: Final = "(no subject)"
NO_TEXT: Final = "(no text)"
UNKNOWN_SENDER: Final = "unknown sender"
_RETRYABLE_ERRORS: Final = (RPCError, NoAnswer, StoreError, OSError, TimeoutError)
_MAX_FORWARDS: Final = 20
T = TypeVar("T")


class _ItemNotStarted(Exception):
    """The item is being started: try again."""


class _NoOpenItem(Exception):
    """No open item has this reference."""


class Deliverer:
    """Delivers each accepted mail to its item, and records that in the store."""

    def __init__(self, desk: CasekeepClient, engine: Engine, router: MailRouter) -> None:
        self._desk = desk
        self._engine = engine
        self._router = router
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_DELIVERIES)
        self._locks = WeakValueDictionary[str, asyncio.Lock]()
        self._ends: dict[str, str | None] = {}
        self._settling: asyncio.Task[None] | None = None

    def start_delivery(self, mail: InboundMail) -> None:
        """Start the delivery of a mail, unless one is running."""
        if mail.state is InboundMailState.ACCEPTED and mail.digest not in self._tasks:
            self._tasks[mail.digest] = asyncio.create_task(self._deliver(mail))

    async def serve(self) -> None:
        """Deliver undelivered mails of the store, too, until cancelled."""
        try:
            while True:
                await self.sweep()
                await asyncio.sleep(SWEEP_INTERVAL)
        finally:
            for task in self._tasks.values():
                task.cancel()

    async def sweep(self) -> None:
        """Start the delivery of the store's undelivered mails."""
        try:
            mails = await asyncio.to_thread(
                inbound_mail.list_undelivered,
                self._engine,
                except_digests=tuple(self._tasks)[:1000],
            )
        except StoreError as error:
            LOG.warning("cannot search undelivered mails: %s; retry in %g s", error, SWEEP_INTERVAL)
            return
        for mail in mails:
            self.start_delivery(mail)

    async def finish(self) -> None:
        """Wait until all running deliveries have ended."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())
        while self._settling is not None and not self._settling.done():
            await self._settling

    async def _deliver(self, mail: InboundMail) -> None:
        tries = failures = 0
        lock = self._lock(mail.reference or mail.digest)
        while True:
            try:
                async with lock, self._slots:
                    problem = await self._deliver_once(mail)
            except (*_RETRYABLE_ERRORS, _ItemNotStarted) as error:
                LOG.warning("mail %s: not delivered yet, will retry: %s", mail.digest, error)
            except Exception as error:
                failures += 1
                LOG.exception("mail %s: unexpected error, failure %d", mail.digest, failures)
                if failures >= MAX_FAILURES:
                    problem = f"{type(error).__name__}: {error}"[:500]
                    break
            else:
                break
            await asyncio.sleep(RETRY_DELAYS[min(tries, len(RETRY_DELAYS) - 1)])
            tries += 1
        self._settle_later(mail.digest, problem)

    def _lock(self, reference: str) -> asyncio.Lock:
        # one mail at a time for an item: Temporal would refuse some of several for a while
        lock = self._locks.get(reference) or asyncio.Lock()
        self._locks[reference] = lock
        return lock

    def _settle_later(self, digest: str, problem: str | None) -> None:
        self._ends[digest] = problem
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        """Record the ends of deliveries, all that are there in one transaction."""
        while self._ends:
            ends, self._ends = self._ends, {}
            try:
                await asyncio.to_thread(inbound_mail.settle_mails, self._engine, ends)
            except Exception as error:  # noqa: BLE001 - delivered and recorded again
                LOG.warning("cannot record delivery of %d mails: %s", len(ends), error)
                await asyncio.sleep(RETRY_DELAYS[2])
            for digest in ends:
                self._tasks.pop(digest, None)

    async def _deliver_once(self, mail: InboundMail) -> str | None:
        """Deliver a mail to its item, or start an item; return why the mail is dead, else None."""
        own = reference_for(mail, self._router.mailboxes)
        try:
            command = receive_command(mail)
        except ValidationError as error:
            return f"cannot be made a command: {error.errors()[0]['msg']}"
        linked = mail.named
        if mail.reference not in {None, own}:
            closed_item = await self._deliver_to_item(mail, command)
            if closed_item is None:
                await self._report_bounces(mail)
                return None
            linked = mail.reference
        if mail.automatic is not None:
            await self._report_bounces(mail)
            status = f"{mail.reference} is closed" if mail.reference else "belongs to no item"
            return f"automatic ({mail.automatic}), and {status}"
        return await self._start(mail, own, linked, command)

    async def _deliver_to_item(self, mail: InboundMail, command: ReceiveEmail) -> str | None:
        """Deliver a mail to the item it belongs to; return the item's reference if it is closed."""
        target = mail.reference or ""
        if await self._query(inbound_mail.is_duplicate, mail):
            return None
        for _ in range(_MAX_FORWARDS):
            try:
                await self._receive(target, command)
            except _NoOpenItem:
                # the item may have taken the mail, and closed before its answer arrived
                if await self._query(inbound_mail.has_effect, target, mail.digest):
                    return None
            else:
                return None
            following = await asyncio.to_thread(self._router.successor, target)
            following = following or self._router.parent(mail, target)
            if following is None:
                return target
            target = following
            await self._query(inbound_mail.retarget, mail.digest, target)
        return target

    async def _receive(self, reference: str, command: ReceiveEmail) -> None:
        try:
            await self._desk.execute(reference, command.name, _json(command))
        except ItemNotReady as error:
            raise _ItemNotStarted(str(error)) from None
        except UnknownItem as error:
            if await self._will_be_started(reference):
                raise _ItemNotStarted(str(error)) from None
            raise _NoOpenItem(reference) from None
        except ItemClosed:
            raise _NoOpenItem(reference) from None
        except CommandIdReused:
            pass  # it has this mail, as an older version parsed it (C17)

    async def _will_be_started(self, reference: str) -> bool:
        """Return True if an accepted mail will start this item."""
        mails = await self._query(inbound_mail.list_mails_of_item, reference)
        return any(
            mail.state is InboundMailState.ACCEPTED
            and reference_for(mail, self._router.mailboxes) == reference
            for mail in mails
        )

    async def _start(
        self, mail: InboundMail, own: str, linked: str | None, command: ReceiveEmail
    ) -> str | None:
        """Start an item as the mailbox says (M2); return why the mail is dead, else None.

        Mail to an unknown address starts a closed Ticket.
        """
        if mail.reference != own:
            await asyncio.to_thread(
                inbound_mail.retarget, self._engine, mail.digest, own, named=linked
            )
        links = () if linked is None else (Link(kind="follows", reference=linked),)
        try:
            start = self._start_of(mail, links)
        except ValidationError as error:
            return f"cannot start an item: {error.errors()[0]['msg']}"
        try:
            is_unknown = start.mail is not None and start.mail.unknown_address is not None
            first = None if is_unknown else (command.name, _json(command))
            await start_item(self._desk, start, own, first=first)
        except (ItemClosed, CommandIdReused):
            pass  # it was started by this mail, and is closed by now (C15), or has it (C17)
        except (Conflict, InvalidCommand) as refusal:
            return f"cannot start an item: {refusal}"
        if mail.answered:
            await self._acknowledge(mail, own)
        return None

    async def _acknowledge(self, mail: InboundMail, reference: str) -> None:
        """Let the item send an acknowledgement; repeated calls send one (M4, M5)."""
        box = self._router.mailboxes.get(mail.desk)
        message = Acknowledge(
            by=MAILROOM_ACTOR,
            command_id=f"acknowledge:{mail.digest}",
            to=mail.sender,
            language=None if box is None else box.language,
        )
        await self._notify(reference, message)

    async def _report_bounces(self, mail: InboundMail) -> None:
        """Report a bounce to the items whose mails it returns (M5)."""
        for sent in await self._query(mail_threads.find_own_mails, mail.bounced or ()):
            message = MailFailed(
                by=MAILROOM_ACTOR,
                command_id=f"bounce:{mail.digest}:{sent.key}"[:100],
                run=sent.run,
                mail=sent.key,
                reason=f"it came back: {mail.subject or mail.automatic}"[:1000],
            )
            await self._query(record_bounce_of, sent, message.reason)
            await self._notify(sent.reference, message)

    async def _notify(self, reference: str, message: InternalMessage) -> None:
        try:
            await self._desk.signal(reference, message.name, _json(message))
        except UnknownItem:
            LOG.info("%s is closed: %s not delivered", reference, message.name)

    def _start_of(self, mail: InboundMail, links: tuple[Link, ...]) -> PartStart | LaunchedStart:
        box = self._router.mailboxes.get(mail.desk)
        title = mail.subject[:300] or NO_SUBJECT
        contact = sender_contact(mail)
        if box is not None and box.case is not None:
            return LaunchedStart(
                by=MAILROOM_ACTOR,
                short_description=title,
                definition=box.case,
                queue=box.queue,
                primary_contact=contact,
                requester=contact,
                submit=True,
                started_by=StartedBy.EMAIL,
                links=links,
                mail=FirstMail(stored_as=mail.digest),
            )
        return PartStart(
            by=MAILROOM_ACTOR,
            title=title,
            description=mail.excerpt or NO_TEXT,
            category=NO_CATEGORY if box is None else box.ticket,
            queue=None if box is None else box.queue,
            primary_contact=contact,
            requester=contact,
            submit=True,
            started_by=StartedBy.EMAIL,
            links=links,
            mail=FirstMail(
                stored_as=mail.digest,
                unknown_address=mail.desk[:300] if box is None else None,
            ),
        )

    async def _query(self, query: Callable[..., T], *arguments: object) -> T:
        return await asyncio.to_thread(query, self._engine, *arguments)


def sender_contact(mail: InboundMail) -> Contact:
    """Return the sender of a mail as a contact of an item."""
    email = mail.sender if is_address(mail.sender) else None
    name = mail.sender_name[:300].strip() or (None if email else UNKNOWN_SENDER)
    return Contact(name=name, email=email)


def receive_command(mail: InboundMail) -> ReceiveEmail:
    """Return the command that delivers a mail to an item; it is always the same."""
    sender = format_address(NamedAddress(name=mail.sender_name, address=mail.sender))
    return ReceiveEmail(
        by=MAILROOM_ACTOR,
        command_id=f"mail:{mail.digest}",
        message_id=mail.message_id,
        sender=sender or UNKNOWN_SENDER,
        recipients=mail.recipients,
        subject=mail.subject,
        excerpt=mail.excerpt,
        received_at=mail.received_at,
        automatic=mail.automatic is not None,
        stored_as=mail.digest,
    )


def record_bounce_of(engine: Engine, mail: MailKey, problem: str) -> None:
    """Record that a mail out has bounced."""
    record_bounce(engine, mail.key, run=mail.run, problem=problem)


def _json(command: Command) -> dict[str, JsonValue]:
    fields: dict[str, JsonValue] = command.model_dump(mode="json", exclude_defaults=True)
    return fields
