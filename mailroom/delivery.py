"""Gives accepted mails to their items, again and again until they have them (M2, M3, M4, M7)."""

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
from mailroom.routing import Reader, reference_for, shown
from starter.client import Desk, JustStarted, NoAnswer, UnknownItem
from starter.item_start import start_item
from store.errors import StoreFault
from store.mail import inbound_mail, mail_threads
from store.mail.inbound_mail import InboundMail
from store.mail.outbound_mail import MailKey, return_mail
from store.schema.tables import InboundMailState

LOG: Final = logging.getLogger("casekeep.mailroom")
MAILROOM: Final = "service:mailroom"
"""Who starts what a mail starts, and gives items their mails."""
AT_ONCE: Final = 64
LOOK_EVERY: Final = 5.0
"""Seconds between two looks for mails that another life of the mailroom left behind."""
PAUSES: Final = (0.1, 0.5, 2.0, 5.0, 15.0)
MOST_FAILURES: Final = 8
"""That neither the store nor Temporal is to blame for; then it is a dead letter."""
NO_CATEGORY: Final = "unknown address"
NO_SUBJECT: Final = "(no subject)"
NO_TEXT: Final = "(no text)"
NOBODY: Final = "unknown sender"
_LOST: Final = (RPCError, NoAnswer, StoreFault, OSError, TimeoutError)
_MOST_HOPS: Final = 20
T = TypeVar("T")


class _NotYet(Exception):
    """The item is about to be there."""


class _NoSuch(Exception):
    """There is no open item of this reference."""


class Deliverer:
    """Takes each accepted mail to its item, and notes in the store that it is there."""

    def __init__(self, desk: Desk, engine: Engine, reader: Reader) -> None:
        self._desk = desk
        self._engine = engine
        self._reader = reader
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._turns = WeakValueDictionary[str, asyncio.Lock]()
        self._ends: dict[str, str | None] = {}
        self._noting: asyncio.Task[None] | None = None

    def put(self, mail: InboundMail) -> None:
        """Have a mail delivered; one that is under way already is not taken again."""
        if mail.state is InboundMailState.ACCEPTED and mail.digest not in self._under_way:
            self._under_way[mail.digest] = asyncio.create_task(self._deliver(mail))

    async def serve(self) -> None:
        """Deliver also what is left behind, until cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_EVERY)
        finally:
            for task in self._under_way.values():
                task.cancel()

    async def look(self) -> None:
        """Take up what the store has that nobody delivers."""
        try:
            found = await asyncio.to_thread(
                inbound_mail.undelivered, self._engine, besides=tuple(self._under_way)[:1000]
            )
        except StoreFault as fault:
            LOG.warning("cannot look for mails: %s", fault)
            return
        for mail in found:
            self.put(mail)

    async def finish(self) -> None:
        """Wait until everything that is under way has ended."""
        while self._under_way:
            await asyncio.gather(*self._under_way.values())
        while self._noting is not None and not self._noting.done():
            await self._noting

    async def _deliver(self, mail: InboundMail) -> None:
        tries = failures = 0
        turn = self._turn(mail.reference or mail.digest)
        while True:
            try:
                async with turn, self._slots:
                    problem = await self._give(mail)
            except (*_LOST, _NotYet) as lost:
                LOG.warning("mail %s: not delivered yet: %s", mail.digest, lost)
            except Exception as error:
                failures += 1
                LOG.exception("mail %s: failed %d times", mail.digest, failures)
                if failures >= MOST_FAILURES:
                    problem = f"{type(error).__name__}: {error}"[:500]
                    break
            else:
                break
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
        self._end(mail.digest, problem)

    def _turn(self, reference: str) -> asyncio.Lock:
        """One mail at a time for an item: of more at once, Temporal refuses some for a while."""
        turn = self._turns.get(reference) or asyncio.Lock()
        self._turns[reference] = turn
        return turn

    def _end(self, digest: str, problem: str | None) -> None:
        self._ends[digest] = problem
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._note())

    async def _note(self) -> None:
        """Note ends, as many in a transaction as there are; what is not noted is done again."""
        while self._ends:
            ends, self._ends = self._ends, {}
            try:
                await asyncio.to_thread(inbound_mail.settle, self._engine, ends)
            except Exception as error:  # noqa: BLE001 - they are delivered again, and noted then
                LOG.warning("cannot note %d mails as delivered: %s", len(ends), error)
                await asyncio.sleep(PAUSES[2])
            for digest in ends:
                self._under_way.pop(digest, None)

    async def _give(self, mail: InboundMail) -> str | None:
        """Give the mail to its item, or start one with it; why it cannot be, if so."""
        own = reference_for(mail, self._reader.mailboxes)
        try:
            command = received(mail)
        except ValidationError as error:
            return f"cannot be made a command: {error.errors()[0]['msg']}"
        linked = mail.named
        if mail.reference not in {None, own}:
            at = await self._given(mail, command)
            if at is None:
                await self._came_back(mail)
                return None
            linked = mail.reference
        if mail.automatic is not None:
            await self._came_back(mail)
            closed = f"{mail.reference} is closed" if mail.reference else "belongs to no item"
            return f"automatic ({mail.automatic}), and {closed}"
        return await self._start(mail, own, linked, command)

    async def _given(self, mail: InboundMail, command: ReceiveEmail) -> str | None:
        """Give it to the item that it belongs to; None once it has it, else which one is closed."""
        target = mail.reference or ""
        if await self._stored(inbound_mail.is_duplicate, mail):
            return None
        for _ in range(_MOST_HOPS):
            try:
                await self._tell(target, command)
            except _NoSuch:
                # it may have taken the mail, and closed before we heard of it
                if await self._stored(inbound_mail.has_effect, target, mail.digest):
                    return None
            else:
                return None
            following = await asyncio.to_thread(self._reader.successor, target)
            following = following or self._reader.parent(mail, target)
            if following is None:
                return target
            target = following
            await self._stored(inbound_mail.retarget, mail.digest, target)
        return target

    async def _tell(self, reference: str, command: ReceiveEmail) -> None:
        try:
            await self._desk.do(reference, command.name, _json(command))
        except JustStarted as started:
            raise _NotYet(str(started)) from None
        except UnknownItem as unknown:
            if await self._is_coming(reference):
                raise _NotYet(str(unknown)) from None
            raise _NoSuch(reference) from None
        except ItemClosed:
            raise _NoSuch(reference) from None
        except CommandIdReused:
            pass  # it has this mail, as an older program read it (C17)

    async def _is_coming(self, reference: str) -> bool:
        """Whether a mail that was accepted before is about to start this item."""
        theirs = await self._stored(inbound_mail.mails_of, reference)
        return any(
            one.state is InboundMailState.ACCEPTED
            and reference_for(one, self._reader.mailboxes) == reference
            for one in theirs
        )

    async def _start(
        self, mail: InboundMail, own: str, linked: str | None, command: ReceiveEmail
    ) -> str | None:
        """M2: a new item, as the mailbox says; an address that is none starts a closed Ticket."""
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
        """M4, M5: the item tells who wrote that it arrived; once, however often it is told."""
        box = self._reader.mailboxes.get(mail.desk)
        told = Acknowledge(
            by=MAILROOM,
            command_id=f"acknowledge:{mail.digest}",
            to=mail.sender,
            language=None if box is None else box.language,
        )
        await self._notify(reference, told)

    async def _came_back(self, mail: InboundMail) -> None:
        """M5: tell the items whose mails a bounce brings back, each once."""
        for sent in await self._stored(mail_threads.our_mails, mail.bounced or ()):
            told = MailFailed(
                by=MAILROOM,
                command_id=f"bounce:{mail.digest}:{sent.key}"[:100],
                run=sent.run,
                mail=sent.key,
                reason=f"it came back: {mail.subject or mail.automatic}"[:1000],
            )
            await self._stored(returned, sent, told.reason)
            await self._notify(sent.reference, told)

    async def _notify(self, reference: str, told: InternalMessage) -> None:
        try:
            await self._desk.tell(reference, told.name, _json(told))
        except UnknownItem:
            LOG.info("%s is closed and cannot be told: %s", reference, told.name)

    def _start_of(self, mail: InboundMail, links: tuple[Link, ...]) -> PartStart | LaunchedStart:
        box = self._reader.mailboxes.get(mail.desk)
        title = mail.subject[:300] or NO_SUBJECT
        whom = contact(mail)
        if box is not None and box.case is not None:
            return LaunchedStart(
                by=MAILROOM,
                short_description=title,
                definition=box.case,
                queue=box.queue,
                primary_contact=whom,
                requester=whom,
                submit=True,
                started_by=StartedBy.EMAIL,
                links=links,
                mail=FirstMail(stored_as=mail.digest),
            )
        return PartStart(
            by=MAILROOM,
            title=title,
            description=mail.excerpt or NO_TEXT,
            category=NO_CATEGORY if box is None else box.ticket,
            queue=None if box is None else box.queue,
            primary_contact=whom,
            requester=whom,
            submit=True,
            started_by=StartedBy.EMAIL,
            links=links,
            mail=FirstMail(
                stored_as=mail.digest,
                unknown_address=mail.desk[:300] if box is None else None,
            ),
        )

    async def _stored(self, ask: Callable[..., T], *about: object) -> T:
        return await asyncio.to_thread(ask, self._engine, *about)


def contact(mail: InboundMail) -> Contact:
    """Who wrote, as a contact of the item."""
    email = mail.sender if is_address(mail.sender) else None
    name = mail.sender_name[:300].strip() or (None if email else NOBODY)
    return Contact(name=name, email=email)


def received(mail: InboundMail) -> ReceiveEmail:
    """The command that gives an item this mail: the same whenever it is made."""
    sender = shown(NamedAddress(name=mail.sender_name, address=mail.sender))
    return ReceiveEmail(
        by=MAILROOM,
        command_id=f"mail:{mail.digest}",
        message_id=mail.message_id,
        sender=sender or NOBODY,
        recipients=mail.recipients,
        subject=mail.subject,
        excerpt=mail.excerpt,
        received_at=mail.received_at,
        automatic=mail.automatic is not None,
        stored_as=mail.digest,
    )


def returned(engine: Engine, mail: MailKey, problem: str) -> None:
    """Note in the store that a mail of ours has come back."""
    return_mail(engine, mail.key, run=mail.run, problem=problem)


def _json(command: Command) -> dict[str, JsonValue]:
    fields: dict[str, JsonValue] = command.model_dump(mode="json", exclude_defaults=True)
    return fields
