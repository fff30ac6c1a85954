"""Items of all kinds, wired to each other in memory as the workflows wire them.

What an item asks for is done by `perform`; what it tells others is under way until it is delivered,
in any order that a test likes. `settle` does both until nothing is left.
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

DISTURBED: Final = "terminated"


@dataclass(frozen=True)
class Failure:
    """A service that fails for good, and what it says."""

    told: str


@dataclass(frozen=True)
class PendingMessage:
    """A message under way; `gone` is done if there is nobody to take it any more."""

    to: str
    command: Command
    gone: Callable[[], None] | None = None


def defined(*definitions: dict[str, Any]) -> dict[str, ItemTerms]:
    """A catalog of these case definitions."""
    found = [CaseDefinition.model_validate_json(as_json(fields)) for fields in definitions]
    return {one.name: ItemTerms(definition=one) for one in found}


@dataclass
class World:
    """Items by reference, and the messages between them."""

    catalog: dict[str, ItemTerms] = field(default_factory=dict)
    services: dict[str, JsonValue | Failure] = field(default_factory=dict)
    now: datetime = NOW
    lives: dict[str, Life] = field(default_factory=dict)
    post: list[PendingMessage] = field(default_factory=list)
    mails: list[tuple[str, Mail]] = field(default_factory=list)
    calls: list[CallService] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    """Addresses to which no mail can be sent."""
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each waiting item was told of the end of another one."""
    refusals: list[Refused] = field(default_factory=list)
    """Of messages between items."""
    run_of: Callable[[str], str] = "run-of-{}".format
    """The run of an item that another one starts."""
    begun: dict[str, tuple[str, StartItem | StartActionEffect]] = field(default_factory=dict)
    """Who started an item, and how."""

    def add(self, life: Life) -> Life:
        """One more item that somebody outside started."""
        self.lives[life.item.reference] = life
        life.now = self.now
        return life

    def opened(self, change: Change) -> Life:
        """The life of an item that another one started."""
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
        """The references of the item's links of a kind."""
        return [link.reference for link in self.item(reference).links if link.kind == kind]

    def do(self, reference: str, name: str, *, by: str = "amy", **fields: Any) -> None:  # noqa: ANN401
        """Give a command as an update, and let everything that comes of it happen."""
        self.give(reference, name, by=by, **fields)
        self.settle()

    def give(self, reference: str, name: str, *, by: str = "amy", **fields: Any) -> None:  # noqa: ANN401
        """Give a command as an update; what it asks of others is not done yet."""
        life = self.lives[reference]
        command = decode(life.item.kind, name, as_json({"by": by, **fields}))
        self._watching_merge(life, lambda: life.keep(self._decided(life, command)))

    def refused(self, reference: str, name: str, *, by: str = "amy", **fields: Any) -> Refused:  # noqa: ANN401
        with pytest.raises(Refused) as caught:
            self.give(reference, name, by=by, **fields)
        return caught.value

    def tried(self, reference: str, name: str, *, by: str = "amy", **fields: Any) -> Refused | None:  # noqa: ANN401
        try:
            self.give(reference, name, by=by, **fields)
        except Refused as refusal:
            return refusal
        return None

    def later(self, span: timedelta) -> None:
        """Time goes on for all, and whatever became due happens."""
        self.now += span
        for life in self.lives.values():
            life.later(self.now - life.now)
        self.settle()

    def settle(self) -> None:
        """All effects are done and all messages arrive, until there are none."""
        for _ in range(10_000):
            if not (self.perform() or self.deliver()):
                return
        pytest.fail("items tell each other something without end")

    def is_gone(self, reference: str) -> bool:
        """Whether its workflow is over, or never was."""
        life = self.lives.get(reference)
        return life is None or (life.item.status is Status.CLOSED and not life.item.outbox)

    def perform(self) -> bool:
        """What the items ask for is done, in order; whether there was anything."""
        asked = False
        for life in list(self.lives.values()):
            for effect in life.emptied():
                asked = True
                self._perform(effect, life)
        return asked

    def perform_for(self, reference: str) -> None:
        """What this item asks for is done."""
        life = self.lives[reference]
        for effect in life.emptied():
            self._perform(effect, life)

    def deliver(self, which: int = 0) -> bool:
        """One message under way arrives, by default the oldest."""
        if not self.post:
            return False
        parcel = self.post.pop(which)
        if not self.is_gone(parcel.to):
            self.arrive(parcel)
        elif parcel.gone is not None:
            parcel.gone()
        return True

    def arrive(self, parcel: PendingMessage) -> Refused | None:
        """A message arrives at an item, as a signal; twice is no other than once."""
        life = self.lives[parcel.to]
        found: list[Refused] = []

        def take() -> None:
            change, refusal = decide_signal(
                life.item, parcel.command, self.now, terms=self._terms(life.item, parcel.command)
            )
            life.keep(change)
            if refusal is not None:
                found.append(refusal)

        self._watching_merge(life, take)
        self.refusals += found
        return found[0] if found else None

    def carry(self) -> None:
        """Every run ends, and the next one reads what it left."""
        for life in self.lives.values():
            again = load_item(life.item.kind, dump_item(life.item))
            assert again == life.item
            life.item = again

    def vanish(self, reference: str) -> None:
        """An operator terminates it."""
        del self.lives[reference]
        self._vanished(reference, DISTURBED)

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
        """As `workflows.merge`: what was asked in vain is refused after all (C17)."""
        asked = life.item.merging if isinstance(life.item, Ticket) else None
        take()
        item = life.item
        if asked is None or not isinstance(item, Ticket) or item.merging is not None:
            return
        if item.resolution is None or item.resolution.method is not Method.MERGED:
            refusal = NotAllowed("not merged", rule=Rule.T16, fields=("into",))
            life.item = remember_refusal(item, asked.command_id, refusal)

    def _tell(self, to: str, command: Command, gone: Callable[[], None] | None = None) -> None:
        self.post.append(PendingMessage(to=to, command=command, gone=gone))

    def _perform(self, effect: Effect, life: Life) -> None:
        item = life.item
        match effect:
            case StartActionEffect() | StartItem():
                self._start(effect, life)
            case TellWaiter():
                self.told[effect.waiter, item.reference] += 1
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
        assert reference not in self.begun, f"{reference} is started twice"
        self.begun[reference] = (life.item.reference, effect)
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
        self.lives[reference] = self.opened(change)
        if isinstance(effect, StartItem) and effect.key == _work_key(life.item):
            self._work_ended(life, f"{effect.key}:done")

    def _vanished(self, reference: str, problem: str) -> None:
        starter, effect = self.begun[reference]
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
        told = WorkEnded(by=SYSTEM, command_id=ident, reason=problem, answer=answer)
        self._tell(life.item.reference, told)

    def _ask(self, effect: AskMerge, asker: str) -> None:
        into, asked = message_for(effect, asker)
        self._tell(into, asked, lambda: self._tell(asker, absent_target_answer(effect)))

    def _mail(self, effect: SendMail, life: Life) -> None:
        found = [mail for change in life.changes for mail in change.mails if mail.key == effect.key]
        (mail,) = found
        lost = self.unreachable & set(mail.to)
        if not lost:
            self.mails.append((life.item.reference, mail))
        if effect.key == _work_key(life.item):
            problem = f"mail to {', '.join(lost)} was given up" if lost else None
            self._work_ended(life, f"{effect.key}:done", problem)

    def _call(self, effect: CallService, life: Life) -> None:
        self.calls.append(effect)
        answer = self.services.get(effect.call.service, Failure("no such service"))
        if isinstance(answer, Failure):
            self._work_ended(life, f"{effect.key}:done", answer.told)
        else:
            self._work_ended(life, effect.key, answer=answer)


def _work_key(item: AnyItem) -> str | None:
    return item.work_key if isinstance(item, Action) else None


def _unknown(effect: object) -> NoReturn:
    pytest.fail(f"nobody does {effect}")
