"""Workflow base of the three kinds: a loop that applies the domain's decisions."""

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
    from domain.base.rules import Rule
    from domain.base.sentences import say
    from domain.base.values import SYSTEM, Kind, Status
    from domain.engine import decide
    from domain.engine.allowed_commands import (
        AllowedCommands,
        AllowedCommandsRequest,
        list_allowed_commands,
    )
    from domain.engine.command_rules import lookup_for
    from domain.engine.deadlines import closing_time, elapse, next_deadline
    from domain.engine.start_item import create_item, lookup_of_start
    from domain.model import serialization
    from domain.model.commands import Assign, Cancel, Command, Heartbeat
    from domain.model.definitions import CatalogLookup, ItemTerms
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
    from domain.model.timeline import TimelinePage, TimelineRequest, timeline_page
    from domain.rules.notification_mails import add_assignment_mail
    from workflows import item_mail
    from workflows.clock import Clock
    from workflows.deadline_timer import DeadlineTimer
    from workflows.handlers import DynamicHandlers
    from workflows.inbox import Inbox
    from workflows.mail_barrier import MailBarrier
    from workflows.messages import UNKNOWN_ACTOR, InboxMessage, decode_message
    from workflows.outbox import Outbox
    from workflows.runtime.payload_converter import application_error, parse_payload, read_json
    from workflows.runtime.row_outbox import publish
    from workflows.search_attributes import SearchAttributeUpdates

M = TypeVar("M", bound=BaseModel)
LOOKUP_TIMEOUT: Final = timedelta(seconds=5)
"""Timeout of a look-up in the catalog, which is in the worker's memory."""
MAIL_FAILED_PATCH: Final = "mail-failed"
"""Patch: a failed mail is reported to the item; before, it was only recorded."""
ASSIGNMENT_MAIL_PATCH: Final = "assignment-mail"
"""Patch: a person whom somebody else assigns an item to gets a mail."""


class ItemWorkflow(DynamicHandlers):
    """Workflow of one work item: handlers fill the inbox, `run_item` empties it."""

    kind: ClassVar[Kind]
    start_model: ClassVar[type[BaseModel]]

    def __init__(self) -> None:
        """Begin without an item; messages that arrive before it wait in the inbox."""
        self._item: AnyItem | None = None
        self._bad_start: ApplicationError | None = None
        self._inbox = Inbox()
        self._unpublished: list[Change] = []
        self._was_cancelled = False
        self._timer = DeadlineTimer()
        self._clock = Clock(self._timer)
        self._mail_barrier = MailBarrier(self._clock, self._inbox, self._wait_until)
        self._outbox = Outbox(self.perform)
        self._attributes = SearchAttributeUpdates(workflow.info().typed_search_attributes)

    async def run_item(self, start: RawValue) -> State:
        """Run an item from its start until it is over; return its last state."""
        await self._begin(start)
        while not self._is_over:
            self._publish()
            self._outbox.start(self.item)
            self._set_timer()
            await self._wait_until(lambda: self._has_work)
            await self._wait_for_accepted_mails()
            await self._handle_messages()
            self._elapse_deadlines()
            self._drop_finished_effects()
            self._renew_if_due()
        return state_of(self.item)

    def on_signal(self, name: str, raw: RawValue) -> None:
        """Enqueue a command whose sender waits for no answer."""
        self._inbox.put(decode_message(self.kind, name, raw))

    def on_invalid_signal(self, name: str, refusal: InvalidCommand) -> None:
        """Record a signal that is no valid command as a refused entry."""
        self._inbox.put(InboxMessage(name=name, by=UNKNOWN_ACTOR, refusal=refusal))

    def on_update_validator(self, name: str, raw: RawValue) -> None:
        """Refuse an update before it enters the history, unless pending work may change that."""
        message = decode_message(self.kind, name, raw)
        if message.refusal is not None:
            raise application_error(message.refusal)
        command, item = message.command, self._item
        if command is None or item is None or self._inbox or lookup_for(item, command):
            return
        if closing_time(item, workflow.now()) is not None:
            return  # an undelivered mail may keep the item open (M3)
        try:
            decide.decide(item, command, workflow.now())
        except Refused as refusal:
            raise application_error(refusal) from None

    async def on_update(self, name: str, raw: RawValue) -> State:
        """Handle a command; return the new state or raise the refusal."""
        message = decode_message(self.kind, name, raw)
        message.expects_answer = True
        self._inbox.put(message)
        await workflow.wait_condition(lambda: message.is_done or self._bad_start is not None)
        if self._bad_start is not None:
            raise self._bad_start
        if message.refusal is not None:
            raise application_error(message.refusal)
        return message.state or state_of(self.item)

    async def on_invalid_start(self, refusal: Refused) -> ApplicationError:
        """Return the error to fail the workflow with, after all pending updates are answered."""
        self._bad_start = application_error(refusal)
        await self._wait_until(workflow.all_handlers_finished)
        return self._bad_start

    @workflow.query(name="state", description="The item as it is now")
    def state(self, _nothing: RawValue | None = None) -> State:
        """Return the item's state."""
        return state_of(self.item)

    @workflow.query(name="timeline", description="What happened: {from_revision, limit} or nothing")
    def timeline(self, raw: RawValue | None = None) -> TimelinePage:
        """Return a page of the timeline entries that the item still carries."""
        if raw is None or raw.payload.metadata.get("encoding") == b"binary/null":
            return timeline_page(self.item)
        request = _parse_query(TimelineRequest, raw)
        return timeline_page(self.item, request.from_revision, request.limit)

    @workflow.query(name="moves", description="What somebody may do with it now: {by}")
    def moves(self, raw: RawValue) -> AllowedCommands:
        """Return every command and whether `by` may give it now; pages offer these."""
        return list_allowed_commands(
            self.item, _parse_query(AllowedCommandsRequest, raw).by, workflow.now()
        )

    @workflow.query(name="publication", description="For `casekeep fsck`: {from_serial}")
    def publication(self, raw: RawValue) -> CarriedPublication:
        """Return the item's publication with the entries from a serial on that it carries."""
        request = _parse_query(PublicationRequest, raw)
        return carried_publication(self.item, request.from_serial)

    def perform(self, effect: Effect) -> Awaitable[None]:
        """Perform one effect; subclasses add the effects of their kind."""
        if isinstance(effect, SendMail):
            return self._send(effect)
        msg = f"a {self.kind} has no such effect: {effect.key}"
        raise TypeError(msg)

    def check_origin(self, start: Start) -> None:
        """Raise InvalidCommand if the sender may not start this kind; subclasses override this."""

    def note_refused(self, name: str, refusal: Refused, *, by: str = SYSTEM) -> None:
        """Record a refused entry for an effect that could not be done."""
        change = decide.record_refusal(
            self.item, workflow.now(), by=by, command=name, refusal=refusal
        )
        self._apply(change)

    def replace_item(self, item: AnyItem) -> None:
        """Replace the item by one whose published fields are the same."""
        self._item = item

    @property
    def item(self) -> AnyItem:
        """The item; raises InvalidCommand's error while there is none."""
        if self._item is None:
            raise self._bad_start or application_error(InvalidCommand(say("item.not_started")))
        return self._item

    async def _begin(self, raw: RawValue) -> None:
        try:
            if workflow.info().continued_run_id is None:
                await self._open(raw)
            else:
                self._item = serialization.load_item(self.kind, read_json(raw))
                workflow.set_current_details(info_card(self._item))
        except Refused as refusal:
            raise await self.on_invalid_start(refusal) from None
        except ValidationError:
            raise await self.on_invalid_start(InvalidCommand(say("item.not_carried"))) from None

    async def _open(self, raw: RawValue) -> None:
        info = workflow.info()
        if info.execution_timeout or info.run_timeout or info.cron_schedule:
            raise InvalidCommand(say("start.timeout"), rule=Rule.C21)
        start: Any = parse_payload(self.start_model, raw)
        self.check_origin(start)
        change = create_item(
            start,
            reference=info.workflow_id,
            run=info.first_execution_run_id,
            at=info.workflow_start_time,
            terms=await self.look_up(lookup_of_start(start)),
        )
        self._apply(change)

    async def look_up(self, lookup: CatalogLookup | None) -> ItemTerms | None:
        """Return the catalog's terms for a look-up; None without a look-up."""
        if lookup is None:
            return None
        lookup_handle = workflow.start_local_activity_method(
            CatalogTerms.terms, args=[lookup], start_to_close_timeout=LOOKUP_TIMEOUT
        )
        await self._wait_until(lookup_handle.done)
        answer = lookup_handle.result()
        self._clock.use_answer_time(answer.at)
        return answer.terms

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; turn a cancellation request into a message (C21)."""
        while True:
            try:
                await workflow.wait_condition(condition)
            except asyncio.CancelledError:
                if self._was_cancelled or workflow.cancellation_reason() is None:
                    raise  # the worker evicts this instance: nobody asked to cancel the item
                self._was_cancelled = True
                command = Cancel(by=SYSTEM, reason="a cancellation request to Temporal")
                self._inbox.put(InboxMessage(name=Cancel.name, by=SYSTEM, command=command))
            else:
                return

    async def _wait_for_accepted_mails(self) -> None:
        """Before the item closes by itself, wait for every mail accepted by then (M3, ADR 0013).

        Mails are handled while waiting; other messages are later than the closing, and wait.
        """
        while (closing := closing_time(self.item, self._clock.deadline_time)) is not None:
            if not await self._mail_barrier.wait_for_mail(self.item.reference, closing):
                return
            await self._handle_messages(until=closing)

    async def _handle_messages(self, until: datetime | None = None) -> None:
        for message in self._inbox.take(self._clock.now, until):
            await self.handle_message(message)
            message.is_done = True

    async def handle_message(self, message: InboxMessage) -> None:
        """Decide on one message, and store the outcome in it."""
        command = message.command
        if command is None:
            refusal = message.refusal or InvalidCommand(say("command.none"))
            change = decide.record_refusal(
                self.item, self._clock.now, by=message.by, command=message.name, refusal=refusal
            )
            self._apply(change)
            return
        terms = await self.look_up(lookup_for(self.item, command))
        if message.expects_answer:
            try:
                change = decide.decide(self.item, command, self._clock.now, terms=terms)
                self._apply(_with_notification(command, change))
                message.state = state_of(self.item)
            except Refused as refusal:
                message.refusal = refusal
        else:
            change, refused = decide.decide_signal(self.item, command, self._clock.now, terms=terms)
            self._apply(_with_notification(command, change))
            if isinstance(command, Heartbeat) and refused is None:
                # core may replay a signal's task that wrote no command together with the next task,
                # at the next task's time: late enough for a heartbeat to count that came too soon.
                # So this task writes a command (docs/adr/0008)
                workflow.upsert_memo({"heartbeat": self.item.revision})

    def _elapse_deadlines(self) -> None:
        now = self._clock.deadline_time
        while (change := elapse(self.item, now)) is not None:
            self._apply(change)

    def _drop_finished_effects(self) -> None:
        if self._outbox.has_finished:
            self._item = self._outbox.remove_finished(self.item)

    def _apply(self, change: Change) -> None:
        self._item = change.item
        if change.entries:
            self._unpublished.append(change)

    def _publish(self) -> None:
        """Publish new changes; the only place where they become visible outside (docs/adr/0003)."""
        if not self._unpublished:
            return
        changes, self._unpublished = self._unpublished, []
        publish(publication_of(changes))
        updates = self._attributes.updates_for(self.item)
        if updates:
            workflow.upsert_search_attributes(updates)
        workflow.set_current_details(info_card(self.item))

    def _set_timer(self) -> None:
        deadline = next_deadline(self.item)
        if deadline is None:
            self._timer.set(None, "")
        else:
            self._timer.set(deadline.at, deadline.summary)

    @property
    def _has_work(self) -> bool:
        return (
            bool(self._inbox)
            or self._timer.has_fired
            or self._outbox.has_finished
            or self._renewal_is_due
            or self._is_over
        )

    @property
    def _is_over(self) -> bool:
        item = self.item
        closed = item.status is Status.CLOSED and not (
            item.outbox or self._inbox or self._unpublished
        )
        return closed and workflow.all_handlers_finished()

    @property
    def _renewal_is_due(self) -> bool:
        return (
            workflow.info().is_continue_as_new_suggested()
            and not (self._inbox or self._unpublished)
            and self._outbox.is_renewable
            and workflow.all_handlers_finished()
        )

    def _renew_if_due(self) -> None:
        if self._renewal_is_due:
            carried = workflow.payload_converter().to_payload(None)
            carried.metadata["encoding"] = b"json/plain"
            carried.data = serialization.dump_item(self.item)
            workflow.continue_as_new(RawValue(carried))

    async def _send(self, effect: SendMail) -> None:
        problem = await item_mail.send_mail(effect, self.item.run)
        if problem is None:
            self.on_mail(effect.key, None)
        elif workflow.patched(MAIL_FAILED_PATCH):
            self.on_mail(effect.key, problem)
        else:
            sentence = say("mail.given_up", mail=effect.key, problem=problem)
            self.note_refused("send_mail", NotAllowed(sentence, rule=Rule.M5))
            self.on_mail_given_up(effect.key, str(sentence))

    def on_mail(self, key: str, problem: str | None) -> None:
        """Take note that a mail is sent or, with `problem`, that a recipient was not reached."""

    def on_mail_given_up(self, key: str, problem: str) -> None:
        """Take note of a failed mail in a history older than the patch `mail-failed`."""


def _with_notification(command: Command, change: Change) -> Change:
    """Return the change with a mail to a new assignee; without it in older histories."""
    notifying = add_assignment_mail(change) if isinstance(command, Assign) else None
    if notifying is not None and workflow.patched(ASSIGNMENT_MAIL_PATCH):
        return notifying
    return change


def _parse_query(model: type[M], raw: RawValue) -> M:
    """Return a query's argument; raise the refusal as an error for the caller."""
    try:
        return parse_payload(model, raw)
    except InvalidCommand as refusal:
        raise application_error(refusal) from None
