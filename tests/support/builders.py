"""Builders of items in memory: every start and every command goes in as JSON, as users send it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Self, TypeVar

import pytest
from pydantic import TypeAdapter

from domain.base.refusals import Refused
from domain.base.values import Kind
from domain.engine.deadlines import elapse
from domain.engine.decide import decide, decide_signal, decode
from domain.engine.start_item import create_item
from domain.model.calendars import Opening, WorkingCalendar
from domain.model.definitions import ItemTerms
from domain.model.effects import CancelAction, Effect, ReportEnd, SendMail, StartActionEffect
from domain.model.internal_messages import ActionEnded, CaseCancelled
from domain.model.items import Action, AnyItem, Case, Change, Entry, Ticket
from domain.model.starts import ActionStart, CaseStart, TicketStart
from domain.model.states import State, state_of
from domain.rules.item_messages import message_for

NOW: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MOMENT: Final = timedelta(microseconds=1)
IDA: Final = {"name": "Ida Berg", "email": "ida@example.org"}
WINDOW: Final = {"feedback_window": "P10D"}
COMPLETE: Final[dict[str, Any]] = {
    "title": "No invoice",
    "description": "The invoice of May never came.",
    "category": "billing",
    "primary_contact": IDA,
    "requester": IDA,
}
TWO_STEPS: Final[dict[str, Any]] = {
    "name": "supplier invoice",
    "steps": [
        {"key": "check", "actions": [{"key": "read"}, {"key": "match"}]},
        {"key": "pay", "actions": [{"key": "transfer"}]},
    ],
}
ONE_ACTION: Final[dict[str, Any]] = {
    "name": "errand",
    "steps": [{"key": "only", "actions": [{"key": "run"}]}],
}
HOURS: Final = (Opening(540, 750), Opening(810, 1080))
"""09:00-12:30 13:30-18:00."""
PARIS: Final = WorkingCalendar(
    name="paris",
    zone="Europe/Paris",
    week=(*[HOURS] * 4, (Opening(540, 750), Opening(810, 1020)), (), ()),
    holidays=frozenset({date(2026, 4, 6), date(2026, 5, 1)}),
)
"""Eight hours a day, seven on Fridays; closed at weekends, on Easter Monday and on May 1."""
SUPPORT: Final = WorkingCalendar(
    name="support", zone="Europe/Paris", week=((Opening(480, 1200),),) * 7
)
"""Every day from 08:00 to 20:00."""
ROBOT: Final = "robot:ocr-1"
SERVICE: Final = "service:erp"

_ANY_ITEM: TypeAdapter[AnyItem] = TypeAdapter(Ticket | Case | Action)


def as_json(fields: dict[str, Any]) -> bytes:
    """Return the fields as one JSON object, with instants in RFC 3339."""
    return json.dumps(fields, default=lambda instant: instant.isoformat()).encode()


def through_json(item: AnyItem) -> AnyItem:
    """Return the item after a round trip through JSON."""
    return _ANY_ITEM.validate_json(_ANY_ITEM.dump_json(item))


@dataclass
class Life:
    """One item with its clock and all its changes; `do` gives an update, `signal` a signal."""

    item: AnyItem
    now: datetime = NOW
    terms: ItemTerms | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def state(self) -> State:
        return state_of(self.item)

    @property
    def case(self) -> Case:
        assert isinstance(self.item, Case)
        return self.item

    @property
    def entries(self) -> list[Entry]:
        return [entry for change in self.changes for entry in change.entries]

    @property
    def last(self) -> Entry:
        return self.entries[-1]

    def apply(self, change: Change) -> Change:
        self.item = change.item
        self.changes.append(change)
        return change

    def do(self, name: str, *, by: str = "amy", **fields: Any) -> Change:  # noqa: ANN401
        command = decode(self.item.kind, name, as_json({"by": by, **fields}))
        return self.apply(decide(self.item, command, self.now, terms=self.terms))

    def unchanged(self, name: str, *, by: str = "amy", **fields: Any) -> None:  # noqa: ANN401
        before = self.state
        change = self.do(name, by=by, **fields)
        assert change.entries == ()
        assert self.state == before

    def refused(self, name: str, *, by: str = "amy", **fields: Any) -> Refused:  # noqa: ANN401
        with pytest.raises(Refused) as caught:
            self.do(name, by=by, **fields)
        return caught.value

    def refusal_of(self, name: str, *, by: str = "amy", **fields: Any) -> Refused | None:  # noqa: ANN401
        try:
            self.do(name, by=by, **fields)
        except Refused as refusal:
            return refusal
        return None

    def signal(self, name: str, *, by: str = "amy", **fields: Any) -> Refused | None:  # noqa: ANN401
        command = decode(self.item.kind, name, as_json({"by": by, **fields}))
        change, refusal = decide_signal(self.item, command, self.now, terms=self.terms)
        self.apply(change)
        return refusal

    def skip_downtime(self, span: timedelta) -> Self:
        """Let the clock go on without firing timers."""
        self.now += span
        return self

    def advance(self, span: timedelta) -> Self:
        """Let the clock go on and fire every timer that is due."""
        self.skip_downtime(span)
        while change := elapse(self.item, self.now):
            self.apply(change)
        return self

    def drain_outbox(self) -> tuple[Effect, ...]:
        """Empty the outbox and return its effects, as the workflow does to perform them."""
        effects = self.item.outbox
        if effects:
            self.item = replace(self.item, outbox=())
        return effects


def start_ticket(
    *,
    reference: str = "T-7F3K9Q2D",
    at: datetime = NOW,
    terms: ItemTerms | None = None,
    **fields: Any,  # noqa: ANN401
) -> Life:
    """Start a Ticket from these fields alone; only the actor has a default."""
    start = TicketStart.model_validate_json(as_json({"by": "amy", **fields}))
    change = create_item(start, reference=reference, run="run-1", at=at, terms=terms)
    return Life(change.item, at, terms, [change])


def draft(**fields: Any) -> Life:  # noqa: ANN401
    """Start a Draft of amy's that could be submitted."""
    return start_ticket(**COMPLETE | fields)


def ticket(**fields: Any) -> Life:  # noqa: ANN401
    """Start a submitted Ticket without an assignee."""
    return draft(**{"submit": True} | fields)


def start_case(
    *,
    reference: str = "C-7F3K9Q2D",
    at: datetime = NOW,
    terms: ItemTerms | None = None,
    **fields: Any,  # noqa: ANN401
) -> Life:
    """Start a Case from these fields alone; only the actor has a default."""
    start = CaseStart.model_validate_json(as_json({"by": "amy", **fields}))
    change = create_item(start, reference=reference, run="run-1", at=at, terms=terms)
    return Life(change.item, at, terms, [change])


def case_draft(**fields: Any) -> Life:  # noqa: ANN401
    """Start a Draft of amy's that could be submitted."""
    defaults = {"short_description": "Pay invoice 4711", "definition": TWO_STEPS}
    return start_case(**defaults | fields)


def case(**fields: Any) -> Life:  # noqa: ANN401
    """Start a submitted Case without an assignee."""
    return case_draft(**{"submit": True} | fields)


def action(*, reference: str = "C-7F3K9Q2D-A1", at: datetime = NOW, **fields: Any) -> Life:  # noqa: ANN401
    """Start an Action as a Case does."""
    defaults = {
        "by": "amy",
        "case": "C-7F3K9Q2D",
        "case_run": "run-1",
        "key": "read",
        "copy_number": 1,
        "title": "Read the invoice",
        "queue": "invoices",
    }
    start = ActionStart.model_validate_json(as_json(defaults | fields))
    change = create_item(start, reference=reference, run="run-2", at=at)
    return Life(change.item, at, None, [change])


def submitted(kind: Kind, **fields: Any) -> Life:  # noqa: ANN401
    """Start a To Do item of this kind without an assignee."""
    return {Kind.TICKET: ticket, Kind.CASE: case, Kind.ACTION: action}[kind](**fields)


@dataclass
class CaseTree:
    """A Case with its Actions, wired in memory; nothing moves until `deliver` or `settle`."""

    life: Life
    actions: dict[str, Life] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    reports: list[ActionEnded] = field(default_factory=list)
    """Reports of ends on their way to the Case."""

    def __post_init__(self) -> None:
        self.settle()

    @property
    def case(self) -> Case:
        return self.life.case

    @property
    def state(self) -> State:
        return self.life.state

    def action(self, key: str) -> Life:
        """Return the newest Action of this key."""
        newest = [copy.reference for copy in self.case.actions if copy.key == key][-1]
        return self.actions[newest]

    def do(self, name: str, *, by: str = "amy", **fields: Any) -> Change:  # noqa: ANN401
        change = self.life.do(name, by=by, **fields)
        self.settle()
        return change

    def refused(self, name: str, *, by: str = "amy", **fields: Any) -> Refused:  # noqa: ANN401
        return self.life.refused(name, by=by, **fields)

    def act(self, key: str, name: str, *, by: str = "bob", **fields: Any) -> Change:  # noqa: ANN401
        change = self.action(key).do(name, by=by, **fields)
        self.settle()
        return change

    def complete(self, *keys: str, by: str = "bob") -> None:
        for key in keys:
            self.act(key, "resolve", by=by, outcome="complete")

    def fail(self, key: str, reason: str = "no such supplier") -> None:
        self.act(key, "resolve", outcome="unable_to_complete", reason=reason)

    def advance(self, span: timedelta) -> None:
        for life in (self.life, *self.actions.values()):
            life.advance(span)
        self.settle()

    def settle(self) -> None:
        """Perform all effects and deliver all reports, until there are none."""
        while self.perform() or self.deliver():
            pass

    def deliver(self) -> bool:
        """Deliver the oldest report to the Case; return False if there is none."""
        if not self.reports:
            return False
        self.report(self.reports.pop(0))
        return True

    def report(self, ended: ActionEnded) -> Refused | None:
        change, refusal = decide_signal(self.life.item, ended, self.life.now, terms=self.life.terms)
        self.life.apply(change)
        return refusal

    def perform(self) -> bool:
        """Perform the effects of all items in order; return False if there were none."""
        had_effects = False
        for life in (self.life, *list(self.actions.values())):
            for effect in life.drain_outbox():
                had_effects = True
                self._perform(effect, life)
        return had_effects

    def _perform(self, effect: Effect, life: Life) -> None:
        match effect:
            case StartActionEffect():
                change = create_item(
                    effect.start,
                    reference=effect.reference,
                    run=f"run-of-{effect.reference}",
                    at=self.life.now,
                )
                assert effect.reference not in self.actions
                self.actions[effect.reference] = Life(change.item, self.life.now, None, [change])
                self.started.append(effect.reference)
            case CancelAction():
                message = CaseCancelled(
                    by=effect.by, case_run=effect.case_run, reason=effect.reason
                )
                ending = self.actions[effect.reference]
                change, _ = decide_signal(ending.item, message, self.life.now)
                ending.apply(change)
            case SendMail():
                self.sent.append(effect.key)
            case ReportEnd():
                self.reported.append(life.item.reference)
                self.reports.append(end_report(effect, life.item.reference))
            case _:
                pytest.fail(
                    f"nobody here asks for {effect}; `tests.support.item_network` has everybody"
                )


def end_report(effect: ReportEnd, reference: str) -> ActionEnded:
    """Return an Action's report of its end as the Case gets it."""
    _, report = message_for(effect, reference)
    assert isinstance(report, ActionEnded)
    return report.model_copy(update={"command_id": None})  # a repeated report is another message


def case_tree(**fields: Any) -> CaseTree:  # noqa: ANN401
    """Start a submitted Case of `TWO_STEPS` with its first Actions."""
    return CaseTree(case(**fields))


def starts_of(change: Change) -> list[str]:
    """Return the keys of the Actions that the change starts, in order."""
    return [effect.start.key for effect in _effects_of(change, StartActionEffect)]


E = TypeVar("E")


def _effects_of(change: Change, kind: type[E]) -> Iterator[E]:
    return (effect for effect in change.item.outbox if isinstance(effect, kind))
