"""Invariants in random lives of Tickets and of whole Cases, with events in any order.

100,000 steps in all; by hand ten million:
`CASEKEEP_STEPS=10000000 .venv/bin/pytest -n 2 tests/unit/domain/test_state_machine.py`.
"""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.base.refusals import Conflict, InvalidCommand, NotAllowed, Refused
from domain.base.values import Outcome, Status, is_person
from domain.engine.deadlines import elapse, next_deadline
from domain.engine.decide import decide, decide_signal, decode, record_refusal
from domain.engine.start_item import create_item
from domain.model.definitions import ItemTerms
from domain.model.effects import CancelAction, Effect, ReportEnd, SendMail, StartActionEffect
from domain.model.internal_messages import ActionEnded, CaseCancelled
from domain.model.items import Action, AnyItem, Case, Change
from domain.model.serialization import dump_item, load_item
from tests.support.builders import (
    COMPLETE,
    DAY,
    HOUR,
    MOMENT,
    PARIS,
    TWO_STEPS,
    Life,
    as_json,
    end_report,
    start_case,
    start_ticket,
)

STEPS = int(os.environ.get("CASEKEEP_STEPS", "100000"))
IN_CI = "CI" in os.environ
LIVES_AT_ONCE = STEPS // 60 if IN_CI else 200

SETTINGS = settings(
    stateful_step_count=30,
    max_examples=LIVES_AT_ONCE,
    derandomize=IN_CI,  # the same lives each time; by hand, each run looks elsewhere
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

Move = tuple[str, dict[str, Any]]
"""A command's name and its fields; a `timedelta` in them counts from the item's now."""

SPANS = st.sampled_from([timedelta(0), MOMENT, HOUR, DAY, 3 * DAY, 40 * DAY])


AMONG = st.integers(0, 9)


@dataclass(frozen=True, slots=True)
class Actor:
    """Actor of a command, and the way it is given."""

    by: str
    by_signal: bool
    ident: str | None = None
    seen: str | None = None


PEOPLE_AND_OTHERS = [
    *["amy"] * 6,
    *["bob"] * 3,
    "robot:a",
    "robot:a",
    "robot:b",
    "service:erp",
    "system",
]
ACTORS = [
    *(Actor(by, by_signal) for by in PEOPLE_AND_OTHERS for by_signal in (False, True)),
    Actor("amy", by_signal=False, seen="current"),
    Actor("amy", by_signal=True, seen="stale"),
    *(Actor("amy", by_signal=False, ident=f"id-{n}") for n in range(4)),
    *(Actor("bob", by_signal=True, ident=f"id-{n}") for n in range(4, 8)),
]


Acts = list[tuple[Move, Actor]]


def acts(moves: list[Move]) -> st.SearchStrategy[Acts]:
    """Return three commands in a row out of one drawn number: drawing costs more than deciding."""
    pairs = list(product(moves, ACTORS))
    count = len(pairs)
    return st.integers(0, count**3 - 1).map(
        lambda number: [pairs[number // count**place % count] for place in range(3)]
    )


MAIL: dict[str, Any] = {"message_id": "<1@example.org>", "sender": "ida@example.org"}
OUT: dict[str, Any] = {"to": "ida@example.org", "subject": "Invoice", "body": "Here it is."}
TAKING: dict[str, Any] = {"take_over": True}

HOLDING: list[Move] = [
    ("start", {}),
    ("start", TAKING),
    ("edit", {"queue": "second"}),
    ("edit", {"queue": "first"} | TAKING),
    ("assign", {"to": "amy"}),
    ("assign", {"to": "bob"}),
    ("assign", {"to": "robot:a"}),
    ("unassign", {}),
    ("unassign", {"queue": "second"}),
    ("set_to_do", {}),
    ("set_to_do", TAKING),
    ("mark_read", {}),
    ("reject", {"reason": "blurred"}),
    ("heartbeat", {}),
]
PARKING: list[Move] = [
    ("wait", {"type": "more_information"}),
    ("wait", {"type": "more_information"} | TAKING),
    ("wait", {"type": "until", "until": HOUR} | TAKING),
    ("wait", {"type": "until", "until": 5 * DAY}),
    ("wait", {"type": "until", "until": -DAY}),
    ("wait", {"type": "until", "until": timedelta(0)} | TAKING),
    ("wait", {"type": "pause"}),
    ("wait", {"type": "pause"} | TAKING),
    ("wait", {"type": "more_information", "days_to_wait": 0.5}),
    (
        "wait",
        {"type": "more_information", "days_to_wait": 2, "close_if_no_response": True} | TAKING,
    ),
    ("resume", {}),
    ("resume", {}),
]
WRITING: list[Move] = [
    ("add_note", {"text": "called her"}),
    ("add_note", {"text": "this is how", "resolution": True}),
    ("send_email", OUT),
    ("send_email", {**OUT, "resolution": True}),
    ("receive_email", MAIL),
    ("receive_email", {**MAIL, "automatic": True}),
    ("receive_email", {**MAIL, "received_at": -HOUR}),
    ("receive_email", {**MAIL, "received_at": -10 * DAY}),
    ("receive_email", {**MAIL, "received_at": DAY}),
    ("feedback", {"rating": 1}),
    ("feedback", {"rating": 5, "received_at": -2 * DAY}),
]
TICKET_ENDS: list[Move] = [
    ("submit", {}),
    ("edit", COMPLETE),
    ("cancel", {}),
    ("resolve", {"method": "customer_response"}),
    ("resolve", {"method": "rejected", "note": "not ours"} | TAKING),
    ("resolve", {"method": "rejected_as_spam"}),
    ("send_and_resolve", {**OUT, "method": "customer_response"}),
    ("reopen", {}),
    ("merge", {"into": "T-1"}),
]
CASE_ENDS: list[Move] = [
    ("submit", {}),
    ("resolve", {}),
    ("resolve", TAKING),
    ("reopen", {}),
    ("reopen", {}),
    ("cancel", {}),
]
STEERING: list[Move] = [
    ("rework", {"step": "check"}),
    ("rework", {"step": "pay"}),
    ("rework", {"actions": ["read"]}),
    ("rework", {"actions": ["match", "read"], "reason": "wrong invoice"}),
    ("rework", {"actions": ["transfer"]}),
    ("start_action", {"action": "read"}),
    ("start_action", {"action": "transfer"}),
    ("start_action", {"action": {"title": "Ask the bank"}}),
    ("start_action", {"action": "ad-hoc-1"}),
    ("reset_in_progress", {}),
    ("reset_in_progress", {}),
    ("reset_in_progress", {}),
]
ACTION_ENDS: list[Move] = [
    ("resolve", {"outcome": "complete"}),
    ("resolve", {"outcome": "complete"} | TAKING),
    ("resolve", {"outcome": "complete"} | TAKING),
    ("resolve", {"outcome": "unable_to_complete", "reason": "no such supplier"} | TAKING),
]
RULES: dict[str, Any] = {
    "add_wait_time": True,
    "waits": ["until"],
    "within": "P3D",
    "at_risk": "P1D",
}
CATALOG = ItemTerms(calendars=(PARIS,))
ITEM_SETTINGS: list[dict[str, Any]] = [
    {},
    {"feedback_window": "P2D"},
    {"feedback_window": "PT1H", "due": {"within": "P3D", "at_risk": "P1D"}},
    {"feedback_window": "P9D", "due": RULES, "notify": ["lead@example.org"]},
    {"feedback_window": "P9D", "resolution_evidence": True, "reopen_on": ["feedback"]},
    {"calendar": "paris", "feedback_window": "P2D", "due": RULES | {"calendar": "paris"}},
    {"lease": "PT2H"},
    {"feedback_window": "P2D", "lease": "P2D", "due": {"within": "P3D", "at_risk": "P1D"}},
]
FLOWS: list[dict[str, Any] | None] = [
    None,
    TWO_STEPS,
    TWO_STEPS,
    {
        "name": "with nothing to do",
        "steps": [
            {"key": "nothing", "actions": []},
            {"key": "check", "actions": [{"key": "read", "performer": "human"}]},
            {"key": "pay", "actions": [{"key": "transfer"}, {"key": "sign"}]},
            {"key": "file", "actions": []},
        ],
    },
]


@dataclass
class WatchedLife(Life):
    """A life that checks every change against the invariants."""

    reported: int = 0

    def __post_init__(self) -> None:
        self._check(None, self.changes[0])
        self.changes = []

    def apply(self, change: Change) -> Change:
        before, self.item = self.item, change.item
        self._check(before, change)
        return change

    def _check(self, before: AnyItem | None, change: Change) -> None:
        check_entries(before, change)
        check_status(change.item)
        if before is not None and before.status is Status.CLOSED:
            assert change.item.status is Status.CLOSED
            assert change.item.revision == before.revision
            assert change.item.resolution == before.resolution
            assert change.item.outbox == before.outbox
        self.reported += sum(isinstance(effect, ReportEnd) for effect in added(before, change))

    def attempt(self, move: Move, manner: Actor) -> Refused | None:
        """Give a command and return its refusal, if any."""
        name, relative = move
        by = manner.by
        fields = {
            key: self.now + value if isinstance(value, timedelta) else value
            for key, value in relative.items()
        }
        revision = {"current": self.item.revision, "stale": self.item.revision + 7, None: None}
        optional = {"command_id": manner.ident, "expected_revision": revision[manner.seen]}
        try:
            command = decode(self.item.kind, name, as_json({"by": by, **fields, **optional}))
        except InvalidCommand as refusal:
            self.apply(record_refusal(self.item, self.now, by=by, command=name, refusal=refusal))
            return refusal
        if manner.by_signal:
            change, refused = decide_signal(self.item, command, self.now, terms=self.terms)
            self.apply(change)
            return refused
        try:
            self.apply(decide(self.item, command, self.now, terms=self.terms))
        except Refused as refusal:
            return refusal
        return None

    def fire_timers(self) -> None:
        """Fire all timers that are due and assert that none is left."""
        for _ in range(9):
            change = elapse(self.item, self.now)
            if change is None:
                break
            assert len(change.entries) == 1
            self.apply(change)
        deadline = next_deadline(self.item)
        assert deadline is None or deadline.at > self.now

    def continue_as_new(self) -> None:
        """Continue as new: the next run reads what the last one carried over."""
        item = load_item(self.item.kind, dump_item(self.item))
        assert item == self.item
        self.item = item


def added(before: AnyItem | None, change: Change) -> tuple[Effect, ...]:
    """Return the effects that this change adds; a change only ever appends to the outbox."""
    before_effects = () if before is None else before.outbox
    assert change.item.outbox[: len(before_effects)] == before_effects
    return change.item.outbox[len(before_effects) :]


def check_entries(before: AnyItem | None, change: Change) -> None:
    """Assert that entries are gapless and in order, and that the log is bounded (C16)."""
    item = change.item
    revision = 0 if before is None else before.revision
    serial = 0 if before is None else before.serial
    status = None if before is None else before.status
    at = item.started_at if before is None else before.changed_at
    for entry in change.entries:
        serial += 1
        assert entry.serial == serial
        if entry.refused:
            assert (entry.revision, entry.before, entry.after) == (revision, status, status)
            assert entry.reason
            continue
        revision += 1
        assert entry.revision == revision
        assert entry.before == status
        assert entry.at >= at
        status, at = entry.after, entry.at
    assert (item.revision, item.serial, item.status) == (revision, serial, status)
    assert item.changed_at == at
    assert len(item.log.timeline) <= 200
    assert len(item.log.refused) <= 100
    assert len(item.log.seen) <= 1000


def check_status(item: AnyItem) -> None:
    """Assert that the item has at most one assignee, and the fields that go with its status."""
    status = item.status
    if status in {Status.WAIT, Status.RESOLVED, Status.CLOSED}:
        assert item.assignee is None
    if status in {Status.DRAFT, Status.IN_PROGRESS}:
        assert item.assignee is not None
    assert item.owner is None or is_person(item.owner)
    assert (item.wait is not None) == (status is Status.WAIT)
    assert (item.resolution is not None) == (status in {Status.RESOLVED, Status.CLOSED})
    assert (item.closes_at is not None) == (status is Status.RESOLVED)
    assert (item.submitted_at is None) == (status is Status.DRAFT or was_discarded(item))
    assert not (isinstance(item, Action) and status in {Status.DRAFT, Status.RESOLVED})
    check_lease(item)
    if isinstance(item, Case):
        check_case(item)


def check_lease(item: AnyItem) -> None:
    """Assert that an item has a lease exactly while a robot works on it that needs one (Q3)."""
    robot = item.assignee is not None and item.assignee.startswith("robot:")
    at_work = robot and item.status in {Status.TO_DO, Status.IN_PROGRESS}
    leased = at_work and item.settings.lease is not None and not isinstance(item, Case)
    assert (item.lease is not None) == leased
    assert item.lost in {0, 1, 2}


def was_discarded(item: AnyItem) -> bool:
    return item.status is Status.CLOSED and item.submitted_at is None and item.cancelled


def check_case(case: Case) -> None:
    """Assert that a Case at rest has no open Actions and a flow that cannot go on (K4, K7, K11)."""
    references = [copy.reference for copy in case.actions]
    assert references == [f"{case.reference}-A{n}" for n in range(1, len(references) + 1)]
    numbered = [(copy.key, copy.copy_number) for copy in case.actions]
    assert len(set(numbered)) == len(numbered)
    if case.status in {Status.DRAFT, Status.RESOLVED, Status.CLOSED}:
        assert case.open_actions == ()
    at_work = case.status in {Status.TO_DO, Status.IN_PROGRESS}
    if at_work and case.definition and not (case.attention or case.is_flow_over):
        assert any(copy.step == case.position for copy in case.open_actions)


class Lives(RuleBasedStateMachine):
    """State of both machines: an item, and the number of steps so far."""

    taken: ClassVar[int] = 0
    life: WatchedLife

    @classmethod
    def steps(cls, count: int = 1) -> None:
        cls.taken += count


class TicketLives(Lives):
    """One Ticket with random commands of random actors."""

    @initialize(chosen=st.sampled_from(ITEM_SETTINGS), submit=st.booleans(), whole=st.booleans())
    def somebody_starts_it(self, *, chosen: dict[str, Any], submit: bool, whole: bool) -> None:
        fields = COMPLETE if whole or submit else {}
        started = start_ticket(**fields, submit=submit, settings=chosen, terms=CATALOG)
        self.life = WatchedLife(started.item, started.now, CATALOG, started.changes)

    @rule(row=acts(HOLDING))
    def somebody_takes_or_gives_it(self, *, row: Acts) -> None:
        self._acted(row)

    @rule(row=acts(PARKING))
    def somebody_parks_it(self, *, row: Acts) -> None:
        self._acted(row)

    @rule(row=acts(WRITING))
    def somebody_writes(self, *, row: Acts) -> None:
        self._acted(row)

    @rule(row=acts(TICKET_ENDS))
    def somebody_begins_or_ends_it(self, *, row: Acts) -> None:
        self._acted(row)

    @rule(span=SPANS, down=st.booleans())
    def time_passes(self, *, span: timedelta, down: bool) -> None:
        self.steps()
        self.life.skip_downtime(span)
        if not down:
            self.life.fire_timers()

    @precondition(lambda self: self.life.item.status is Status.CLOSED)
    @rule(chosen=st.sampled_from(ITEM_SETTINGS))
    def mail_to_it_starts_a_new_one(self, *, chosen: dict[str, Any]) -> None:
        self.somebody_starts_it(chosen=chosen, submit=True, whole=True)

    @rule(garbage=st.booleans())
    def its_run_is_renewed(self, *, garbage: bool) -> None:
        self.steps()
        self.life.drain_outbox()
        self.life.continue_as_new()
        if garbage:
            refusal = InvalidCommand("no command of a ticket")
            item, now = self.life.item, self.life.now
            self.life.apply(record_refusal(item, now, by="?", command="?", refusal=refusal))

    def _acted(self, row: Acts) -> None:
        self.steps(len(row))
        for move, manner in row:
            before = self.life.item
            refusal = self.life.attempt(move, manner)
            malformed = isinstance(refusal, InvalidCommand)
            if refusal is not None and not (manner.by_signal or malformed):
                assert self.life.item is before
            if before.status is Status.CLOSED and manner.ident is None:
                assert isinstance(refusal, InvalidCommand | NotAllowed | Conflict)

    def teardown(self) -> None:
        self.life.skip_downtime(400 * DAY).fire_timers()
        self.life.continue_as_new()


@dataclass
class MessagesUnderWay:
    """Messages under way between a Case and its Actions; they arrive in any order."""

    starts: list[StartActionEffect] = field(default_factory=list)
    cancels: list[CancelAction] = field(default_factory=list)
    reports: list[ActionEnded] = field(default_factory=list)
    delivered: list[ActionEnded] = field(default_factory=list)


class CaseLives(Lives):
    """A Case with its Actions and random commands; reports come late or twice, Actions vanish."""

    def __init__(self) -> None:
        super().__init__()
        self.actions: dict[str, WatchedLife] = {}
        self.post = MessagesUnderWay()

    @initialize(
        chosen=st.sampled_from(ITEM_SETTINGS),
        flow=st.sampled_from(FLOWS),
        submit=st.booleans(),
        owner=st.sampled_from([None, "amy"]),
    )
    def somebody_starts_it(
        self,
        *,
        chosen: dict[str, Any],
        flow: dict[str, Any] | None,
        submit: bool,
        owner: str | None,
    ) -> None:
        started = start_case(
            short_description="Pay it",
            definition=flow,
            submit=submit,
            settings=chosen,
            owner=owner,
            terms=CATALOG,
        )
        self.life = WatchedLife(started.item, started.now, CATALOG, started.changes)
        self._collect()

    @property
    def case(self) -> Case:
        return self.life.case

    @rule(row=acts(HOLDING + WRITING))
    def somebody_takes_it_or_writes(self, *, row: Acts) -> None:
        self._acted(row)

    @rule(row=acts(PARKING))
    def somebody_parks_it(self, *, row: Acts) -> None:
        self._acted(row)

    @rule(row=acts(CASE_ENDS))
    def somebody_begins_or_ends_it(self, *, row: Acts) -> None:
        self._acted(row)

    @rule(row=acts(STEERING))
    def somebody_steers_it(self, *, row: Acts) -> None:
        self._acted(row)

    @precondition(lambda self: self.actions)
    @rule(which=AMONG, row=acts(HOLDING + PARKING + WRITING))
    def somebody_works_on_an_action(self, *, which: int, row: Acts) -> None:
        self._worked(which, row)

    @precondition(lambda self: self.actions)
    @rule(which=AMONG, row=acts(ACTION_ENDS))
    def somebody_ends_an_action(self, *, which: int, row: Acts) -> None:
        self._worked(which, row)

    @precondition(lambda self: self.post.starts or self.post.cancels)
    @rule()
    def actions_start_and_are_told_to_end(self) -> None:
        self.steps()
        for requested in self.post.starts:
            assert requested.reference not in self.actions
            change = create_item(
                requested.start,
                reference=requested.reference,
                run=requested.reference,
                at=self.life.now,
            )
            self.actions[requested.reference] = WatchedLife(
                change.item, self.life.now, None, [change]
            )
        self.post.starts.clear()
        for message in self.post.cancels:
            life = self.actions[message.reference]
            notice = CaseCancelled(by=message.by, case_run=message.case_run, reason=message.reason)
            change, _ = decide_signal(life.item, notice, self.life.now)
            life.apply(change)
            assert life.item.status is Status.CLOSED
        self.post.cancels.clear()
        self._collect()

    @precondition(lambda self: self.post.reports)
    @rule(which=AMONG)
    def a_report_arrives(self, *, which: int) -> None:
        self.steps()
        report = self.post.reports.pop(which % len(self.post.reports))
        self.post.delivered.append(report)
        self._reported(report)

    @precondition(lambda self: self.post.delivered)
    @rule(which=AMONG)
    def a_report_arrives_again(self, *, which: int) -> None:
        self.steps()
        before = self.case.actions
        self._reported(self.post.delivered[which % len(self.post.delivered)])
        assert self.case.actions == before

    @precondition(lambda self: self.case.open_actions)
    @rule(which=AMONG)
    def an_action_is_noticed_to_have_vanished(self, *, which: int) -> None:
        self.steps()
        gone = self.case.open_actions[which % len(self.case.open_actions)]
        self._reported(
            ActionEnded(
                by="system",
                case_run=self.case.run,
                reference=gone.reference,
                outcome=Outcome.UNABLE_TO_COMPLETE,
                reason="terminated",
            )
        )

    @rule(span=SPANS, down=st.booleans())
    def time_passes(self, *, span: timedelta, down: bool) -> None:
        self.steps()
        before = self.case
        self.life.skip_downtime(span)
        if down:
            return
        self.life.fire_timers()
        self._moved(before, by_hand=False)
        for life in self.actions.values():
            life.now = self.life.now
            life.fire_timers()
        self._collect()

    @precondition(lambda self: self.life.item.status is Status.CLOSED)
    @rule(chosen=st.sampled_from(ITEM_SETTINGS), flow=st.sampled_from(FLOWS[1:]))
    def mail_to_it_starts_a_new_one(
        self, *, chosen: dict[str, Any], flow: dict[str, Any] | None
    ) -> None:
        self.teardown()
        self.actions, self.post = {}, MessagesUnderWay()
        self.somebody_starts_it(chosen=chosen, flow=flow, submit=True, owner=None)

    @invariant()
    def every_action_that_ended_has_reported_once(self) -> None:
        for life in self.actions.values():
            assert life.reported == (life.item.status is Status.CLOSED)

    def teardown(self) -> None:
        """Deliver everything, end all Actions, and assert that the Case knows of each end."""
        self.actions_start_and_are_told_to_end()
        for life in self.actions.values():
            life.now = self.life.now
            life.signal("resolve", by="zoe", outcome="complete", take_over=True)
            assert life.item.status is Status.CLOSED
            life.continue_as_new()
        self._collect()
        while self.post.reports:
            self._reported(self.post.reports.pop())
        if self.life.item.status is not Status.CLOSED:
            ended_ones = {copy.reference for copy in self.case.actions if not copy.is_open}
            assert set(self.actions) <= ended_ones
        self.life.continue_as_new()
        self.life.skip_downtime(400 * DAY).fire_timers()
        self.life.continue_as_new()

    def _reported(self, report: ActionEnded) -> None:
        before = self.case
        change, _ = decide_signal(self.case, report, self.life.now)
        self.life.apply(change)
        self._moved(before, by_hand=False)

    def _acted(self, row: Acts) -> None:
        self.steps(len(row))
        for move, manner in row:
            before = self.case
            self.life.attempt(move, manner)
            self._moved(before, by_hand=move[0] in {"start_action", "rework"})

    def _worked(self, which: int, row: Acts) -> None:
        self.steps(len(row))
        life = list(self.actions.values())[-1 - which % len(self.actions)]
        life.now = self.life.now
        for move, manner in row:
            life.attempt(move, manner)
        self._collect()

    def _moved(self, before: Case, *, by_hand: bool) -> None:
        """Assert that a change starts nothing it must not start (K5, K7)."""
        new = self.case.actions[len(before.actions) :]
        if new:
            # a deadline before the command may have ended a wait that the command begins again
            passed = {e.after for e in self.case.log.timeline if e.revision > before.revision}
            assert passed & {Status.TO_DO, Status.IN_PROGRESS}
            assert by_hand or not self.case.attention
        for old, copy in zip(before.actions, self.case.actions, strict=False):
            assert old.outcome in {None, copy.outcome}
        requested = [
            effect.reference for effect in self.case.outbox if isinstance(effect, StartActionEffect)
        ]
        assert requested == [copy.reference for copy in new]
        self._collect()

    def _collect(self) -> None:
        """Collect the effects of the items as messages under way."""
        for life in (self.life, *self.actions.values()):
            for effect in life.drain_outbox():
                match effect:
                    case StartActionEffect():
                        self.post.starts.append(effect)
                    case CancelAction():
                        self.post.cancels.append(effect)
                    case ReportEnd():
                        self.post.reports.append(end_report(effect, life.item.reference))
                    case SendMail():
                        pass
                    case _:
                        pytest.fail(f"nobody here asks for {effect}")


def run_lives(lives: type[Lives]) -> None:
    """Run random lives until half of all the steps were taken."""
    lives.taken = 0
    while lives.taken < STEPS // 2:
        run_state_machine_as_test(lives, settings=SETTINGS)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(0 if STEPS > 100_000 else 400)
def test_whatever_happens_to_a_ticket_the_model_holds() -> None:
    run_lives(TicketLives)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(0 if STEPS > 100_000 else 400)
def test_whatever_happens_to_a_case_and_its_actions_the_model_holds() -> None:
    run_lives(CaseLives)
