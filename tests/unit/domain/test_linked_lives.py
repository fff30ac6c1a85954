"""What must hold whatever linked items tell each other, in whatever order: random lives.

5,000 steps; by hand more: `CASEKEEP_LINKED_STEPS=1000000 .venv/bin/pytest -n0 THIS`.
"""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Final

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

from domain.base.refusals import Refused
from domain.base.values import Method, Status, WaitType
from domain.model.effects import TellWaiter
from domain.model.items import Action, AnyItem, Case, Change, Ticket
from tests.support.builders import DAY, HOUR, IDA, ONE_ACTION, Life, case, ticket
from tests.support.item_network import Failure, World, defined
from tests.unit.domain.test_state_machine import check_entries, check_status

STEPS = int(os.environ.get("CASEKEEP_LINKED_STEPS", "5000"))
IN_CI = "CI" in os.environ
MOST_ITEMS: Final = 60
LIVELY = settings(
    stateful_step_count=80,
    max_examples=20,
    derandomize=IN_CI,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

WAITS: dict[str, Any] = {
    "name": "waits",
    "settings": {"feedback_window": "P1D"},
    "steps": [
        {
            "key": "below",
            "actions": [
                {
                    "key": "wait",
                    "kind": "wait_for_sub_cases",
                    "cases": [{"definition": "errand"}, {"definition": "mixed"}],
                },
                {"key": "launch", "kind": "start_case", "case": {"definition": "errand"}},
            ],
        },
        {"key": "then", "actions": [{"key": "look", "when": 'outcomes.wait == "complete"'}]},
    ],
}
MIXED: dict[str, Any] = {
    "name": "mixed",
    "steps": [
        {
            "key": "all",
            "actions": [
                {"key": "call", "kind": "call_service", "call": {"service": "erp"}},
                {
                    "key": "ask",
                    "kind": "send_mail_and_wait",
                    "mail": {"to": "primary_contact", "subject": "Which?"},
                },
                {"key": "look", "peer_review": True, "checklist": ["signed"]},
            ],
        }
    ],
}
DEFINITIONS: Final = (ONE_ACTION, MIXED, WAITS)
PARTS: Final = [{"title": title, "description": title} for title in ("One", "Two", "Three")]
MAIL: Final = {"message_id": "<1@x.example>", "sender": "ida", "excerpt": "4711"}

Moves = list[tuple[str, dict[str, Any]]]
OF_TICKETS: Moves = [
    ("split", {"parts": PARTS[:2], "take_over": True}),
    ("split", {"parts": PARTS, "take_over": True}),
    ("launch_case", {"definition": "errand", "take_over": True}),
    ("launch_case", {"definition": "mixed", "take_over": True}),
    ("launch_case", {"definition": "waits", "take_over": True}),
    ("resolve", {"method": "customer_response", "take_over": True}),
    ("resolve", {"method": "rejected", "take_over": True}),
    ("resolve", {"method": "rejected_as_spam", "take_over": True}),
    ("reopen", {}),
]
OF_CASES: Moves = [
    ("cancel", {}),
    ("rework", {"step": "below"}),
    ("rework", {"step": "all"}),
    ("rework", {"actions": ["wait"]}),
    ("reset_in_progress", {}),
    ("start_action", {"action": "wait"}),
    ("start_action", {"action": "launch"}),
    ("resolve", {"take_over": True}),
    ("reopen", {}),
    ("wait", {"type": "pause", "take_over": True}),
]
OF_ACTIONS: Moves = [
    ("answer_checklist", {"answers": {"signed": "yes"}, "take_over": True}),
    ("resolve", {"outcome": "complete", "take_over": True}),
    ("resolve", {"outcome": "complete", "take_over": True}),
    ("resolve", {"outcome": "unable_to_complete", "reason": "no", "take_over": True}),
    ("review", {"verdict": "pass"}),
    ("review", {"verdict": "fail", "comment": "no"}),
]
OF_ALL: Moves = [
    ("start", {"take_over": True}),
    ("unassign", {}),
    ("wait", {"type": "more_information", "take_over": True}),
    ("resume", {}),
    ("receive_email", MAIL),
    ("receive_email", MAIL | {"automatic": True}),
]
AMONG = st.integers(0, 10_000)
PEOPLE = st.sampled_from(["amy", "amy", "bob", "robot:a", "service:erp"])


@dataclass
class WatchedLife(Life):
    """A life whose every change is held against what must always be so."""

    def __post_init__(self) -> None:
        self._check(None, self.changes[0])

    def keep(self, change: Change) -> Change:
        before = self.item
        self._check(before, change)
        return super().keep(change)

    def _check(self, before: AnyItem | None, change: Change) -> None:
        check_entries(before, change)
        check_status(change.item)
        if before is not None and before.status is Status.CLOSED:
            assert change.item.status is Status.CLOSED
            assert change.item.revision == before.revision
            assert change.item.resolution == before.resolution
        ends = [e for e in change.item.outbox if isinstance(e, TellWaiter)]
        closed = change.item.status is Status.CLOSED
        assert len(ends) <= closed


class WatchedWorld(World):
    """A world of lives that are held against what must always be so."""

    def opened(self, change: Change) -> Life:
        return WatchedLife(change.item, self.now, None, [change])


class LinkedLives(RuleBasedStateMachine):
    """Tickets and Cases that split, launch, merge and wait for each other; all do anything."""

    taken: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.world = WatchedWorld(catalog=defined(*DEFINITIONS))

    @initialize(window=st.booleans())
    def three_tickets_and_a_case(self, *, window: bool) -> None:
        chosen = {"feedback_window": "P2D"} if window else {}
        for number in range(3):
            self._add(ticket(reference=f"T-{number}", settings=chosen))
        self._add(case(reference="C-0", definition=WAITS, settings=chosen, primary_contact=IDA))

    @rule(which=AMONG, move=st.sampled_from(OF_TICKETS), by=PEOPLE)
    def a_ticket(self, *, which: int, move: tuple[str, dict[str, Any]], by: str) -> None:
        if len(self.world.lives) < MOST_ITEMS or move[0] in {"resolve", "reopen"}:
            self._given(Ticket, which, move, by)

    @rule(which=AMONG, into=AMONG, by=PEOPLE)
    def a_merge(self, *, which: int, into: int, by: str) -> None:
        open_ones = self._open((Ticket, Case)) or ["T-NOBODY"]
        target = open_ones[into % len(open_ones)]
        self._given(Ticket, which, ("merge", {"into": target, "take_over": True}), by)

    @rule(which=AMONG, into=AMONG, picks=st.lists(AMONG, max_size=6))
    def two_that_are_merged_into_each_other(
        self, *, which: int, into: int, picks: list[int]
    ) -> None:
        self.world.settle()
        tickets = self._open((Ticket,))
        if len(tickets) < 2 or which % len(tickets) == into % len(tickets):
            return
        self._count()
        pair = [tickets[which % len(tickets)], tickets[into % len(tickets)]]
        tried = [
            self.world.tried(one, "merge", into=other, take_over=True)
            for one, other in (pair, pair[::-1])
        ]
        for pick in picks:
            if pick % 2:
                self.world.perform_for(pair[pick // 2 % 2])
            elif self.world.post:
                self.world.deliver(pick // 2 % len(self.world.post))
        self.world.settle()
        if tried == [None, None]:
            closed = [one for one in pair if self.world.item(one).status is Status.CLOSED]
            assert len(closed) == 1

    @rule(which=AMONG, move=st.sampled_from(OF_CASES), by=PEOPLE)
    def a_case(self, *, which: int, move: tuple[str, dict[str, Any]], by: str) -> None:
        if len(self.world.lives) < MOST_ITEMS or move[0] not in {"rework", "start_action"}:
            self._given(Case, which, move, by)

    @rule(which=AMONG, move=st.sampled_from(OF_ACTIONS), by=PEOPLE)
    def an_action(self, *, which: int, move: tuple[str, dict[str, Any]], by: str) -> None:
        self._given(Action, which, move, by)

    @rule(which=AMONG, move=st.sampled_from(OF_ALL), by=PEOPLE)
    def any_item(self, *, which: int, move: tuple[str, dict[str, Any]], by: str) -> None:
        self._given((Ticket, Case, Action), which, move, by)

    @rule(which=AMONG)
    def one_asks_the_world(self, *, which: int) -> None:
        self._count()
        asking = [ref for ref, life in self.world.lives.items() if life.item.outbox]
        if asking:
            self.world.perform_for(asking[which % len(asking)])

    @rule(picks=st.lists(AMONG, min_size=1, max_size=4))
    def messages_arrive(self, *, picks: list[int]) -> None:
        for which in picks:
            if self.world.post:
                self._count()
                parcel = self.world.post[which % len(self.world.post)]
                self.world.deliver(self.world.post.index(parcel))
                if which % 7 == 0 and not self.world.is_gone(parcel.to):
                    self._again(parcel.to, parcel)

    @rule(up=st.booleans())
    def a_service_goes_up_or_down(self, *, up: bool) -> None:
        self.world.services["erp"] = {"number": 7} if up else Failure("answered 404")

    @rule(which=AMONG)
    @precondition(lambda self: self.world.begun)
    def one_that_was_started_vanishes(self, *, which: int) -> None:
        started = [ref for ref in self.world.begun if ref in self.world.lives]
        if started and which % 5 == 0:
            gone = started[which % len(started)]
            if self.world.item(gone).status is not Status.CLOSED:
                starter, _ = self.world.begun[gone]
                if starter in self.world.lives:
                    self._count()
                    self.world.vanish(gone)

    @rule(span=st.sampled_from([HOUR, DAY, 3 * DAY]))
    def time_passes(self, *, span: timedelta) -> None:
        self._count()
        self.world.now += span
        for life in self.world.lives.values():
            life.later(self.world.now - life.now)

    @rule()
    def everything_settles(self) -> None:
        self._count()
        self.world.settle()
        self._settled()

    @rule()
    def all_runs_are_renewed(self) -> None:
        self._count()
        self.world.carry()

    @invariant()
    def a_ticket_that_waits_for_parts_is_closed_exactly_when_they_are(self) -> None:
        for life in self.world.lives.values():
            item = life.item
            if not isinstance(item, Ticket) or not item.awaited:
                continue
            waits = item.wait is not None and item.wait.type in {
                WaitType.SPLIT,
                WaitType.CASE_LAUNCHED,
            }
            end = item.resolution.method if item.resolution else None
            all_ended = all(one.how is not None for one in item.awaited)
            if waits:
                assert not all_ended
            if end in {Method.SPLIT, Method.CASE_LAUNCHED}:
                assert all_ended
                assert item.status is Status.CLOSED

    @invariant()
    def every_waiting_item_is_told_once_of_each_end(self) -> None:
        assert all(times == 1 for times in self.world.told.values())

    def teardown(self) -> None:
        """All settles, and with all work done nothing waits for anything any more."""
        self.world.settle()
        self._settled()
        self.world.carry()
        self.world.services["erp"] = 1
        for _ in range(40):
            if not self._finished():
                return
        open_ones = self._open((Ticket, Case, Action))
        pytest.fail(f"these are never closed: {open_ones}")

    def _finished(self) -> bool:
        """Everybody finishes what can be finished; whether there was anything."""
        open_ones = self._open((Ticket, Case, Action))
        for reference in open_ones:
            item = self.world.item(reference)
            if isinstance(item, Case):
                by = item.owner or "zoe"
                self.world.tried(reference, "reset_in_progress", by=by)
                self.world.tried(reference, "resume", by=by)
                if item.is_flow_over:  # reopened: nothing goes on by itself (K4)
                    self.world.tried(reference, "resolve", by=by, take_over=True)
            elif isinstance(item, Ticket):
                method = "rejected_as_spam"
                self.world.tried(reference, "resolve", by="zoe", method=method, take_over=True)
            else:
                fields = {"outcome": "unable_to_complete", "reason": "no", "take_over": True}
                self.world.tried(reference, "resolve", by="zoe", **fields)
                self.world.tried(reference, "review", by="zoe", verdict="pass")
        self.world.later(5 * DAY)
        self._settled()
        return bool(open_ones)

    def _settled(self) -> None:
        """Nothing is left, and each Ticket that waits has an open item to wait for."""
        assert not self.world.post
        for reference, life in self.world.lives.items():
            item = life.item
            assert not item.outbox
            if isinstance(item, Ticket):
                assert item.merging is None
                if item.resolution and item.resolution.method is Method.MERGED:
                    into = self.world.linked(reference, "merged_into")
                    assert len(into) == 1
                    assert into[0] not in self.world.linked(reference, "part")
            if item.waiter is not None and item.waiter.reference in self.world.lives:
                waiter = self.world.item(item.waiter.reference)
                told = [one.how for one in waiter.awaited if one.reference == reference]
                if waiter.status is not Status.CLOSED and told:
                    assert (told[0] is not None) == (item.status is Status.CLOSED)
        self._somebody_is_open()

    def _somebody_is_open(self) -> None:
        """T16: whoever is merged leads, by however many steps, to one that was not merged."""
        for reference in self.world.lives:
            seen: list[str] = []
            at: str | None = reference
            while at is not None and at in self.world.lives:
                assert at not in seen, f"{seen} are merged into each other in a ring"
                seen.append(at)
                into = self.world.linked(at, "merged_into")
                at = into[0] if into else None

    def _again(self, to: str, parcel: Any) -> None:  # noqa: ANN401
        """The same message once more changes nothing but, at most, a refused entry."""
        before = self.world.item(to)
        self.world.arrive(parcel)
        after = self.world.item(to)
        assert (after.revision, after.status) == (before.revision, before.status)
        assert after.awaited == before.awaited

    def _given(
        self,
        kinds: type[AnyItem] | tuple[type[AnyItem], ...],
        which: int,
        move: tuple[str, dict[str, Any]],
        by: str,
    ) -> Refused | None:
        self._count()
        found = self._open(kinds if isinstance(kinds, tuple) else (kinds,))
        if not found:
            return None
        name, fields = move
        return self.world.tried(found[which % len(found)], name, by=by, **fields)

    def _open(self, kinds: tuple[type[AnyItem], ...]) -> list[str]:
        return [
            reference
            for reference, life in self.world.lives.items()
            if isinstance(life.item, kinds) and life.item.status is not Status.CLOSED
        ]

    def _add(self, life: Life) -> None:
        self.world.add(WatchedLife(life.item, life.now, None, life.changes))

    @classmethod
    def _count(cls) -> None:
        cls.taken += 1


@pytest.mark.no_cover  # other tests cover every line
@pytest.mark.timeout(0 if STEPS > 5_000 else 300)
@pytest.mark.soak
def test_whatever_linked_items_tell_each_other_the_model_holds() -> None:
    LinkedLives.taken = 0
    while LinkedLives.taken < STEPS:
        run_state_machine_as_test(LinkedLives, settings=LIVELY)
