"""The loop that the three kinds share: obey the domain, for as long as the item lives."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.catalog import CatalogTerms
    from domain.base.refusals import InvalidCommand, NotAllowed, Refused
    from domain.base.values import SYSTEM, Kind, Status
    from domain.engine import decide
    from domain.engine.allowed_commands import Moves, MovesRequest, moves_of
    from domain.engine.command_rules import lookup_for
    from domain.engine.deadlines import closing_before, elapse, next_deadline
    from domain.engine.start_item import lookup_of_start, open_item
    from domain.model import serialization
    from domain.model.commands import Assign, Cancel, Command, Heartbeat
    from domain.model.definitions import Lookup, Terms
    from domain.model.effects import Effect, SendMail
    from domain.model.info_card import info_card
    from domain.model.items import AnyItem, Change
    from domain.model.publications import (
        CarriedPublication,
        PublicationRequest,
        carried_publication,
        publication_of,
    )
    from domain.model.starts import Start
    from domain.model.states import State, state_of
    from domain.model.timeline import TimelinePage, TimelineRequest, page
    from domain.rules.notification_mails import with_assignment_mail
    from workflows import item_mail
    from workflows.deadline_timer import Alarm
    from workflows.handlers import Strays
    from workflows.inbox import Inbox
    from workflows.messages import NOBODY, Message, message_of
    from workflows.outbox import Outbox
    from workflows.runtime.payload_converter import answer_of, json_of, value_of
    from workflows.runtime.row_outbox import publish
    from workflows.search_attributes import Attributes

M = TypeVar("M", bound=BaseModel)
LOOKUP_WITHIN: Final = timedelta(seconds=5)
"""How long one question to the catalog, which is in the worker's memory, may take."""
MAIL_FAILED: Final = "mail-failed"
"""Patch: a mail that failed is told to the item; before, it was only noted."""
ASSIGNMENT_MAIL: Final = "assignment-mail"
"""Patch: who is assigned an item by somebody else is told by mail."""
LOOK_AGAIN: Final = timedelta(seconds=5)
"""M3: how long a mail that is under way is waited for before it is looked for again."""
LOOKS_FOR_MAIL: Final = "mail-under-way"
"""Patch: an item that is about to close by itself looks for such a mail first."""


class Durable(Strays):
    """One work item as a workflow: handlers fill the inbox, `live` empties it."""

    kind: ClassVar[Kind]
    start_model: ClassVar[type[BaseModel]]

    def __init__(self) -> None:
        """There is no item yet; messages that come before it wait in the inbox."""
        self._item: AnyItem | None = None
        self._bad_start: ApplicationError | None = None
        self._inbox = Inbox()
        self._news: list[Change] = []
        self._was_cancelled = False
        self._told: tuple[datetime, datetime] | None = None
        self._alarm = Alarm()
        self._outbox = Outbox(self.perform)
        self._attributes = Attributes(workflow.info().typed_search_attributes)

    async def live(self, start: RawValue) -> State:
        """The life of an item, from its start to its last state."""
        await self._begin(start)
        while not self._is_over:
            self._publish()
            self._outbox.begin(self.item)
            self._set_alarm()
            await self._until(lambda: self._is_called)
            await self._await_mail()
            await self._take_messages()
            self._take_deadlines()
            self._take_done()
            self._renew_if_due()
        return state_of(self.item)

    def on_signal(self, name: str, raw: RawValue) -> None:
        """Take a command that nobody waits for."""
        self._inbox.put(message_of(self.kind, name, raw))

    def on_stray(self, name: str, problem: str) -> None:
        """Keep a signal that is no command as a refused entry."""
        self._inbox.put(Message(name=name, by=NOBODY, refusal=InvalidCommand(problem)))

    def on_check(self, name: str, raw: RawValue) -> None:
        """Refuse an update before anything is written, unless what is pending may change that."""
        message = message_of(self.kind, name, raw)
        if message.refusal is not None:
            raise answer_of(message.refusal)
        command, item = message.command, self._item
        if command is None or item is None or self._inbox or lookup_for(item, command):
            return
        if closing_before(item, workflow.now()) is not None:
            return  # a mail that is under way may keep it open (M3)
        try:
            decide.decide(item, command, workflow.now())
        except Refused as refusal:
            raise answer_of(refusal) from None

    async def on_update(self, name: str, raw: RawValue) -> State:
        """Take a command and answer with the new state, or with the refusal."""
        message = message_of(self.kind, name, raw)
        message.answered = True
        self._inbox.put(message)
        await workflow.wait_condition(lambda: message.is_done or self._bad_start is not None)
        if self._bad_start is not None:
            raise self._bad_start
        if message.refusal is not None:
            raise answer_of(message.refusal)
        return message.state or state_of(self.item)

    async def on_bad_start(self, refusal: Refused) -> ApplicationError:
        """What to fail with, once whoever waits for an answer has it."""
        self._bad_start = answer_of(refusal)
        await self._until(workflow.all_handlers_finished)
        return self._bad_start

    @workflow.query(name="state", description="The item as it is now")
    def state(self, _nothing: RawValue | None = None) -> State:
        """The state of the contract."""
        return state_of(self.item)

    @workflow.query(name="timeline", description="What happened: {from_revision, limit} or nothing")
    def timeline(self, asked: RawValue | None = None) -> TimelinePage:
        """A page of what the item still carries."""
        if asked is None or asked.payload.metadata.get("encoding") == b"binary/null":
            return page(self.item)
        request = _asked(TimelineRequest, asked)
        return page(self.item, request.from_revision, request.limit)

    @workflow.query(name="moves", description="What somebody may do with it now: {by}")
    def moves(self, asked: RawValue) -> Moves:
        """Every command, and whether it is allowed; what work pages offer."""
        return moves_of(self.item, _asked(MovesRequest, asked).by, workflow.now())

    @workflow.query(name="publication", description="For `casekeep fsck`: {from_serial}")
    def publication(self, asked: RawValue) -> CarriedPublication:
        """What the item publishes, with its entries from a serial on, as far as it has them."""
        return carried_publication(self.item, _asked(PublicationRequest, asked).from_serial)

    def perform(self, effect: Effect) -> Awaitable[None]:
        """Do one effect; kinds that have more of them extend this."""
        if isinstance(effect, SendMail):
            return self._send(effect)
        msg = f"a {self.kind} has no such effect: {effect.key}"
        raise TypeError(msg)

    def check_origin(self, start: Start) -> None:
        """Refuse a start that comes from nobody who may; any client may start most kinds."""

    def note_refused(self, name: str, problem: str, rule: str, *, by: str = SYSTEM) -> None:
        """Leave an entry of something that could not be done."""
        refusal = NotAllowed(problem, rule=rule)
        change = decide.refuse(self.item, workflow.now(), by=by, command=name, refusal=refusal)
        self._keep(change)

    def replace_item(self, item: AnyItem) -> None:
        """Go on with an item that differs in nothing that is published."""
        self._item = item

    @property
    def item(self) -> AnyItem:
        """The item; refuses to answer while there is none."""
        if self._item is None:
            raise self._bad_start or answer_of(
                InvalidCommand("the item is not started yet: ask again")
            )
        return self._item

    async def _begin(self, raw: RawValue) -> None:
        try:
            if workflow.info().continued_run_id is None:
                await self._open(raw)
            else:
                self._item = serialization.read(self.kind, json_of(raw))
                workflow.set_current_details(info_card(self._item))
        except Refused as refusal:
            raise await self.on_bad_start(refusal) from None
        except ValidationError:
            raise await self.on_bad_start(InvalidCommand("no carried item")) from None

    async def _open(self, raw: RawValue) -> None:
        info = workflow.info()
        if info.execution_timeout or info.run_timeout or info.cron_schedule:
            sentence = (
                "an item lives until it is closed: start it without timeout and cron schedule"
            )
            raise InvalidCommand(sentence, rule="C21")
        start: Any = value_of(self.start_model, raw)
        self.check_origin(start)
        change = open_item(
            start,
            reference=info.workflow_id,
            run=info.first_execution_run_id,
            at=info.workflow_start_time,
            terms=await self.terms(lookup_of_start(start)),
        )
        self._keep(change)

    async def terms(self, lookup: Lookup | None) -> Terms | None:
        """What the catalog says; nothing is asked without a lookup."""
        if lookup is None:
            return None
        asking = workflow.start_local_activity_method(
            CatalogTerms.terms, args=[lookup], start_to_close_timeout=LOOKUP_WITHIN
        )
        await self._until(asking.done)
        answer = asking.result()
        self._told = (workflow.now(), answer.at)
        return answer.terms

    @property
    def _now(self) -> datetime:
        """The time of what is decided: the workflow task's, but the catalog's where it answered.

        Core may replay a task that waits for a local activity as one with the task after it, and so
        at that one's time; when the catalog answered is recorded.
        """
        now = workflow.now()
        return self._told[1] if self._told and self._told[0] == now else now

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Wait for it; a cancellation request meanwhile becomes a message (C21)."""
        while True:
            try:
                await workflow.wait_condition(is_so)
            except asyncio.CancelledError:
                if self._was_cancelled or workflow.cancellation_reason() is None:
                    raise  # the worker forgets this instance: nothing was asked of the item
                self._was_cancelled = True
                command = Cancel(by=SYSTEM, reason="a cancellation request to Temporal")
                self._inbox.put(Message(name=Cancel.name, by=SYSTEM, command=command))
            else:
                return

    async def _await_mail(self) -> None:
        """M3: before it closes by itself, every mail accepted by then has to be here (ADR 0013).

        Meanwhile mails are taken, and whatever else came in waits: it is later than the closing.
        """
        while (closing := closing_before(self.item, self._moment)) is not None:
            if not workflow.patched(LOOKS_FOR_MAIL):
                return
            asking = item_mail.look(self.item.reference, closing)
            await self._until(asking.done)
            looked = asking.result()
            self._told = (workflow.now(), max(closing, looked.at))
            if not looked.is_under_way:
                return
            await self._until_mail(closing)
            await self._take_messages(until=closing)

    async def _until_mail(self, closing: datetime) -> None:
        """Until a message of before the closing is here, or it is time to look again."""
        again = asyncio.create_task(workflow.sleep(LOOK_AGAIN, summary="a mail is under way"))
        await self._until(lambda: again.done() or self._inbox.has(self._now, closing))
        again.cancel()

    @property
    def _moment(self) -> datetime:
        """The time up to which deadlines are over: now, or that of the alarm that rang."""
        now = self._now
        if self._alarm.rang and self._alarm.at is not None:
            return max(now, self._alarm.at)
        return now

    async def _take_messages(self, until: datetime | None = None) -> None:
        for message in self._inbox.taken(self._now, until):
            await self.take(message)
            message.is_done = True

    async def take(self, message: Message) -> None:
        """Decide on one message, and note in it what came of it."""
        command = message.command
        if command is None:
            refusal = message.refusal or InvalidCommand("no command")
            change = decide.refuse(
                self.item, self._now, by=message.by, command=message.name, refusal=refusal
            )
            self._keep(change)
            return
        terms = await self.terms(lookup_for(self.item, command))
        if message.answered:
            try:
                change = decide.decide(self.item, command, self._now, terms=terms)
                self._keep(_telling(command, change))
                message.state = state_of(self.item)
            except Refused as refusal:
                message.refusal = refusal
        else:
            change, refused = decide.receive(self.item, command, self._now, terms=terms)
            self._keep(_telling(command, change))
            if isinstance(command, Heartbeat) and refused is None:
                # core may run a signal's task that wrote no command again as one with the task
                # after it, at that one's time: late enough for a heartbeat that came too soon to
                # count. So this task has one (docs/adr/0008)
                workflow.upsert_memo({"heartbeat": self.item.revision})

    def _take_deadlines(self) -> None:
        now = self._moment
        while (change := elapse(self.item, now)) is not None:
            self._keep(change)

    def _take_done(self) -> None:
        if self._outbox.has_done:
            self._item = self._outbox.without_done(self.item)

    def _keep(self, change: Change) -> None:
        self._item = change.item
        if change.entries:
            self._news.append(change)

    def _publish(self) -> None:
        """The one place where changes become visible outside (docs/adr/0003)."""
        if not self._news:
            return
        news, self._news = self._news, []
        publish(publication_of(news))
        moved = self._attributes.moved(self.item)
        if moved:
            workflow.upsert_search_attributes(moved)
        workflow.set_current_details(info_card(self.item))

    def _set_alarm(self) -> None:
        deadline = next_deadline(self.item)
        if deadline is None:
            self._alarm.set(None, "")
        else:
            self._alarm.set(deadline.at, deadline.summary)

    @property
    def _is_called(self) -> bool:
        return (
            bool(self._inbox)
            or self._alarm.rang
            or self._outbox.has_done
            or self._renewal_is_due
            or self._is_over
        )

    @property
    def _is_over(self) -> bool:
        item = self.item
        closed = item.status is Status.CLOSED and not (item.outbox or self._inbox or self._news)
        return closed and workflow.all_handlers_finished()

    @property
    def _renewal_is_due(self) -> bool:
        return (
            workflow.info().is_continue_as_new_suggested()
            and not (self._inbox or self._news)
            and self._outbox.is_quiet
            and workflow.all_handlers_finished()
        )

    def _renew_if_due(self) -> None:
        if self._renewal_is_due:
            carried = workflow.payload_converter().to_payload(None)
            carried.metadata["encoding"] = b"json/plain"
            carried.data = serialization.carried(self.item)
            workflow.continue_as_new(RawValue(carried))

    async def _send(self, effect: SendMail) -> None:
        problem = await item_mail.send(effect, self.item.run)
        if problem is None:
            self.on_mail(effect.key, None)
        elif workflow.patched(MAIL_FAILED):
            self.on_mail(effect.key, problem)
        else:
            problem = f"mail {effect.key} was given up: {problem}"
            self.note_refused("send_mail", problem, "M5")
            self.on_mail_given_up(effect.key, problem)

    def on_mail(self, key: str, problem: str | None) -> None:
        """A mail is sent, or not everybody can be reached by it."""

    def on_mail_given_up(self, key: str, problem: str) -> None:
        """As items did before they were told that a mail failed."""


def _telling(command: Command, change: Change) -> Change:
    """The change, which tells whom it assigned the item to; asked of none that is older."""
    told = with_assignment_mail(change) if isinstance(command, Assign) else None
    return told if told is not None and workflow.patched(ASSIGNMENT_MAIL) else change


def _asked(model: type[M], raw: RawValue) -> M:
    """What a query asks for; its caller is answered with the refusal of anything else."""
    try:
        return value_of(model, raw)
    except InvalidCommand as refusal:
        raise answer_of(refusal) from None
