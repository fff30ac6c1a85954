"""Items of all kinds, wired to each other in memory as the workflows wire them.

`perform` performs what items ask for; messages between items wait until they are delivered, in any
order that a test likes. `settle` does both until nothing is left.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

import pytest
from pydantic import JsonValue

from domain.base.refusals import NotAllowed, Refused
from domain.base.rules import Rule
from domain.base.values import SYSTEM, Method, Status
from domain.engine.command_rules import lookup_for
from domain.engine.decide import decide, decide_signal, decode, remember_refusal
from domain.engine.start_item import create_item, lookup_of_start
from domain.model.commands import Command
from domain.model.definitions import CaseDefinition, CatalogLookup, ItemTerms
from domain.model.effects import (
    AnswerMerge,
    AskMerge,
    CallService,
    CancelAction,
    CancelCase,
    Effect,
    ReportEnd,
    SendMail,
    StartActionEffect,
    StartItem,
    TellWaiter,
)
from domain.model.internal_messages import WorkEnded
from domain.model.items import Action, AnyItem, Case, Change, Mail, Ticket
from domain.model.serialization import dump_item, load_item
from domain.rules.item_messages import (
    absent_target_answer,
    message_for,
    vanished_action_message,
    vanished_item_message,
)
from tests.support.builders import NOW, Life, as_json

TERMINATED: Final = "terminated"


@dataclass(frozen=True)
class ServiceFailure:
    """A service that fails for good, with its error."""

    error: str


@dataclass(frozen=True)
class PendingMessage:
    """A message under way; `on_undelivered` is called if its item is closed or vanished."""

    to: str
    command: Command
    on_undelivered: Callable[[], None] | None = None


def catalog_of(*definitions: dict[str, Any]) -> dict[str, ItemTerms]:
    """Return a catalog of these case definitions."""
    loaded = [CaseDefinition.model_validate_json(as_json(fields)) for fields in definitions]
    return {definition.name: ItemTerms(definition=definition) for definition in loaded}


@dataclass
class ItemNetwork:
    """Items by reference, and the messages between them."""

    catalog: dict[str, ItemTerms] = field(default_factory=dict)
    services: dict[str, JsonValue | ServiceFailure] = field(default_factory=dict)
    now: datetime = NOW
    lives: dict[str, Life] = field(default_factory=dict)
    pending: list[PendingMessage] = field(default_factory=list)
    mails: list[tuple[str, Mail]] = field(default_factory=list)
    calls: list[CallService] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    """Addresses to which no mail can be sent."""
    end_messages: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Number of times that each waiting item was told the end of each awaited one."""
    refusals: list[Refused] = field(default_factory=list)
    """Refusals of messages between items."""
    run_of: Callable[[str], str] = "run-of-{}".format
    """Returns the run of an item that another one starts."""
    starters: dict[str, tuple[str, StartItem | StartActionEffect]] = field(default_factory=dict)
    """Starter and effect of each started item."""

    def add(self, life: Life) -> Life:
        """Add an item that a user started."""
        self.lives[life.item.reference] = life
        life.now = self.now
        return life

    def life_of(self, change: Change) -> Life:
        """Return the life of an item that another item started."""
        return Life(change.item, self.now, None, [change])

    def __getitem__(self, reference: str) -> Life:
        return self.lives[reference]

    def item(self, reference: str) -> AnyItem:
        return self.lives[reference].item

    def ticket(self, reference: str) -> Ticket:
        item = self.item(reference)
        assert isinstance(item, Ticket)
        return item

    def case(self, reference: str) -> Case:
        return self.lives[reference].case

    def action(self, reference: str) -> Action:
        item = self.item(reference)
        assert isinstance(item, Action)
        return item

    def linked(self, reference: str, kind: str) -> list[str]:
        """Return the references of the item's links of this kind."""
        return [link.reference for link in self.item(reference).links if link.kind == kind]

    def do(self, reference: str, name: str, *, by: str = "amy", **fields: Any) -> None:  # noqa: ANN401
        """Give a command as an update and settle."""
        self.give(reference, name, by=by, **fields)
        self.settle()

    def give(self, reference: str, name: str, *, by: str = "amy", **fields: Any) -> None:  # noqa: ANN401
        """Give a command as an update without performing its effects."""
        life = self.lives[reference]
        command = decode(life.item.kind, name, as_json({"by": by, **fields}))
        self._watching_merge(life, lambda: life.apply(self._decided(life, command)))

    def refused(self, reference: str, name: str, *, by: str = "amy", **fields: Any) -> Refused:  # noqa: ANN401
        with pytest.raises(Refused) as caught:
            self.give(reference, name, by=by, **fields)
        return caught.value

    def refusal_of(
        self,
        reference: str,
        name: str,
        *,
        by: str = "amy",
        **fields: Any,  # noqa: ANN401
    ) -> Refused | None:
        try:
            self.give(reference, name, by=by, **fields)
        except Refused as refusal:
            return refusal
        return None

    def advance(self, span: timedelta) -> None:
        """Let time go on for all items, fire their timers and settle."""
        self.now += span
        for life in self.lives.values():
            life.advance(self.now - life.now)
        self.settle()

    def settle(self) -> None:
        """Perform all effects and deliver all messages, until there are none."""
        for _ in range(10_000):
            if not (self.perform() or self.deliver()):
                return
        pytest.fail("items tell each other something without end")

    def is_over(self, reference: str) -> bool:
        """Return True if the item's workflow is over, or never started."""
        life = self.lives.get(reference)
        return life is None or (life.item.status is Status.CLOSED and not life.item.outbox)

    def perform(self) -> bool:
        """Perform the effects of all items in order; return False if there were none."""
        had_effects = False
        for life in list(self.lives.values()):
            for effect in life.drain_outbox():
                had_effects = True
                self._perform(effect, life)
        return had_effects

    def perform_for(self, reference: str) -> None:
        """Perform this item's effects."""
        life = self.lives[reference]
        for effect in life.drain_outbox():
            self._perform(effect, life)

    def deliver(self, which: int = 0) -> bool:
        """Deliver one message under way, by default the oldest; return False if there is none."""
        if not self.pending:
            return False
        message = self.pending.pop(which)
        if not self.is_over(message.to):
            self.receive(message)
        elif message.on_undelivered is not None:
            message.on_undelivered()
        return True

    def receive(self, message: PendingMessage) -> Refused | None:
        """Send a message to its item as a signal; a second delivery has no effect."""
        life = self.lives[message.to]
        refusals: list[Refused] = []

        def take() -> None:
            change, refusal = decide_signal(
                life.item, message.command, self.now, terms=self._terms(life.item, message.command)
            )
            life.apply(change)
            if refusal is not None:
                refusals.append(refusal)

        self._watching_merge(life, take)
        self.refusals += refusals
        return refusals[0] if refusals else None

    def continue_as_new(self) -> None:
        """Continue every item as new: the next run reads what the last one carried over."""
        for life in self.lives.values():
            again = load_item(life.item.kind, dump_item(life.item))
            assert again == life.item
            life.item = again

    def terminate(self, reference: str) -> None:
        """Terminate an item, as an operator does."""
        del self.lives[reference]
        self._vanished(reference, TERMINATED)

    def _decided(self, life: Life, command: Command) -> Any:  # noqa: ANN401
        life.now = self.now
        return decide(life.item, command, self.now, terms=self._terms(life.item, command))

    def _terms(self, item: AnyItem, command: Command) -> ItemTerms | None:
        return self._answer(lookup_for(item, command))

    def _answer(self, lookup: CatalogLookup | None) -> ItemTerms | None:
        if lookup is None or lookup.what is None:
            return None
        return self.catalog.get(lookup.name)

    def _watching_merge(self, life: Life, take: Callable[[], object]) -> None:
        """Refuse a merge request whose merge failed, as `workflows.merge` does (C17)."""
        asked = life.item.merging if isinstance(life.item, Ticket) else None
        take()
        item = life.item
        if asked is None or not isinstance(item, Ticket) or item.merging is not None:
            return
        if item.resolution is None or item.resolution.method is not Method.MERGED:
            refusal = NotAllowed("not merged", rule=Rule.T16, fields=("into",))
            life.item = remember_refusal(item, asked.command_id, refusal)

    def _tell(
        self, to: str, command: Command, on_undelivered: Callable[[], None] | None = None
    ) -> None:
        self.pending.append(PendingMessage(to=to, command=command, on_undelivered=on_undelivered))

    def _perform(self, effect: Effect, life: Life) -> None:
        item = life.item
        match effect:
            case StartActionEffect() | StartItem():
                self._start(effect, life)
            case TellWaiter():
                self.end_messages[effect.waiter, item.reference] += 1
                self._tell(*message_for(effect, item.reference))
            case CancelAction() | CancelCase() | ReportEnd() | AnswerMerge():
                self._tell(*message_for(effect, item.reference))
            case AskMerge():
                self._ask(effect, item.reference)
            case SendMail():
                self._mail(effect, life)
            case CallService():
                self._call(effect, life)
            case _:
                _unknown(effect)

    def _start(self, effect: StartActionEffect | StartItem, life: Life) -> None:
        start = effect.start if isinstance(effect, StartActionEffect) else effect.begin
        reference = effect.reference
        assert reference not in self.starters, f"{reference} is started twice"
        self.starters[reference] = (life.item.reference, effect)
        try:
            change = create_item(
                start,
                reference=reference,
                run=self.run_of(reference),
                at=self.now,
                terms=self._answer(lookup_of_start(start)),
            )
        except Refused as refusal:
            self._vanished(reference, refusal.sentence)
            return
        self.lives[reference] = self.life_of(change)
        if isinstance(effect, StartItem) and effect.key == _work_key(life.item):
            self._work_ended(life, f"{effect.key}:done")

    def _vanished(self, reference: str, problem: str) -> None:
        starter, effect = self.starters[reference]
        life = self.lives[starter]
        if isinstance(effect, StartActionEffect):
            run = effect.start.case_run
            gone = vanished_action_message(reference, case_run=run, key=effect.key, reason=problem)
            self._tell(starter, gone)
        elif effect.key == _work_key(life.item):
            self._work_ended(life, f"{effect.key}:done", f"Case {reference} {problem}")
        else:
            run = life.item.run
            ended = vanished_item_message(reference, waiter_run=run, key=effect.key, reason=problem)
            self._tell(starter, ended)

    def _work_ended(
        self, life: Life, ident: str, problem: str | None = None, answer: JsonValue = None
    ) -> None:
        ended_work = WorkEnded(by=SYSTEM, command_id=ident, reason=problem, answer=answer)
        self._tell(life.item.reference, ended_work)

    def _ask(self, effect: AskMerge, asker: str) -> None:
        into, question = message_for(effect, asker)
        self._tell(into, question, lambda: self._tell(asker, absent_target_answer(effect)))

    def _mail(self, effect: SendMail, life: Life) -> None:
        mails = [mail for change in life.changes for mail in change.mails if mail.key == effect.key]
        (mail,) = mails
        lost = self.unreachable & set(mail.to)
        if not lost:
            self.mails.append((life.item.reference, mail))
        if effect.key == _work_key(life.item):
            problem = f"mail to {', '.join(lost)} was given up" if lost else None
            self._work_ended(life, f"{effect.key}:done", problem)

    def _call(self, effect: CallService, life: Life) -> None:
        self.calls.append(effect)
        answer = self.services.get(effect.call.service, ServiceFailure("no such service"))
        if isinstance(answer, ServiceFailure):
            self._work_ended(life, f"{effect.key}:done", answer.error)
        else:
            self._work_ended(life, effect.key, answer=answer)


def _work_key(item: AnyItem) -> str | None:
    return item.work_key if isinstance(item, Action) else None


def _unknown(effect: object) -> NoReturn:
    pytest.fail(f"nobody does {effect}")
