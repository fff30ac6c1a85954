"""Invariants of linked items in random lives, with their messages in any order.

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
from tests.support.item_network import ItemNetwork, ServiceFailure, catalog_of
from tests.unit.domain.test_state_machine import check_entries, check_status

STEPS = int(os.environ.get("CASEKEEP_LINKED_STEPS", "5000"))
IN_CI = "CI" in os.environ
MAX_ITEMS: Final = 60
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
    """A life that checks every change against the invariants."""

    def __post_init__(self) -> None:
        self._check(None, self.changes[0])

    def apply(self, change: Change) -> Change:
        before = self.item
        self._check(before, change)
        return super().apply(change)

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


class WatchedNetwork(ItemNetwork):
    """A network of lives that check their changes against the invariants."""

    def life_of(self, change: Change) -> Life:
        return WatchedLife(change.item, self.now, None, [change])


class LinkedLives(RuleBasedStateMachine):
    """Tickets and Cases that split, launch, merge and wait for each other, with random commands."""

    taken: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.network = WatchedNetwork(catalog=catalog_of(*DEFINITIONS))

    @initialize(window=st.booleans())
    def three_tickets_and_a_case(self, *, window: bool) -> None:
        chosen = {"feedback_window": "P2D"} if window else {}
        for number in range(3):
            self._add(ticket(reference=f"T-{number}", settings=chosen))
        self._add(case(reference="C-0", definition=WAITS, settings=chosen, primary_contact=IDA))

    @rule(which=AMONG, move=st.sampled_from(OF_TICKETS), by=PEOPLE)
    def a_ticket(self, *, which: int, move: tuple[str, dict[str, Any]], by: str) -> None:
        if len(self.network.lives) < MAX_ITEMS or move[0] in {"resolve", "reopen"}:
            self._give(Ticket, which, move, by)

    @rule(which=AMONG, into=AMONG, by=PEOPLE)
    def a_merge(self, *, which: int, into: int, by: str) -> None:
        open_ones = self._open((Ticket, Case)) or ["T-NOBODY"]
        target = open_ones[into % len(open_ones)]
        self._give(Ticket, which, ("merge", {"into": target, "take_over": True}), by)

    @rule(which=AMONG, into=AMONG, picks=st.lists(AMONG, max_size=6))
    def two_that_are_merged_into_each_other(
        self, *, which: int, into: int, picks: list[int]
    ) -> None:
        self.network.settle()
        tickets = self._open((Ticket,))
        if len(tickets) < 2 or which % len(tickets) == into % len(tickets):
            return
        self._count()
        pair = [tickets[which % len(tickets)], tickets[into % len(tickets)]]
        tried = [
            self.network.refusal_of(one, "merge", into=other, take_over=True)
            for one, other in (pair, pair[::-1])
        ]
        for pick in picks:
            if pick % 2:
                self.network.perform_for(pair[pick // 2 % 2])
            elif self.network.pending:
                self.network.deliver(pick // 2 % len(self.network.pending))
        self.network.settle()
        if tried == [None, None]:
            closed = [each for each in pair if self.network.item(each).status is Status.CLOSED]
            assert len(closed) == 1

    @rule(which=AMONG, move=st.sampled_from(OF_CASES), by=PEOPLE)
    def a_case(self, *, which: int, move: tuple[str, dict[str, Any]], by: str) -> None:
        if len(self.network.lives) < MAX_ITEMS or move[0] not in {"rework", "start_action"}:
            self._give(Case, which, move, by)

    @rule(which=AMONG, move=st.sampled_from(OF_ACTIONS), by=PEOPLE)
    def an_action(self, *, which: int, move: tuple[str, dict[str, Any]], by: str) -> None:
        self._give(Action, which, move, by)

    @rule(which=AMONG, move=st.sampled_from(OF_ALL), by=PEOPLE)
    def any_item(self, *, which: int, move: tuple[str, dict[str, Any]], by: str) -> None:
        self._give((Ticket, Case, Action), which, move, by)

    @rule(which=AMONG)
    def one_asks_the_world(self, *, which: int) -> None:
        self._count()
        asking = [ref for ref, life in self.network.lives.items() if life.item.outbox]
        if asking:
            self.network.perform_for(asking[which % len(asking)])

    @rule(picks=st.lists(AMONG, min_size=1, max_size=4))
    def messages_arrive(self, *, picks: list[int]) -> None:
        for which in picks:
            if self.network.pending:
                self._count()
                message = self.network.pending[which % len(self.network.pending)]
                self.network.deliver(self.network.pending.index(message))
                if which % 7 == 0 and not self.network.is_over(message.to):
                    self._redeliver(message.to, message)

    @rule(up=st.booleans())
    def a_service_goes_up_or_down(self, *, up: bool) -> None:
        self.network.services["erp"] = {"number": 7} if up else ServiceFailure("answered 404")

    @rule(which=AMONG)
    @precondition(lambda self: self.network.starters)
    def one_that_was_started_vanishes(self, *, which: int) -> None:
        started = [ref for ref in self.network.starters if ref in self.network.lives]
        if started and which % 5 == 0:
            gone = started[which % len(started)]
            if self.network.item(gone).status is not Status.CLOSED:
                starter, _ = self.network.starters[gone]
                if starter in self.network.lives:
                    self._count()
                    self.network.terminate(gone)

    @rule(span=st.sampled_from([HOUR, DAY, 3 * DAY]))
    def time_passes(self, *, span: timedelta) -> None:
        self._count()
        self.network.now += span
        for life in self.network.lives.values():
            life.advance(self.network.now - life.now)

    @rule()
    def everything_settles(self) -> None:
        self._count()
        self.network.settle()
        self._settled()

    @rule()
    def all_runs_are_renewed(self) -> None:
        self._count()
        self.network.continue_as_new()

    @invariant()
    def a_ticket_that_waits_for_parts_is_closed_exactly_when_they_are(self) -> None:
        for life in self.network.lives.values():
            item = life.item
            if not isinstance(item, Ticket) or not item.awaited:
                continue
            waits = item.wait is not None and item.wait.type in {
                WaitType.SPLIT,
                WaitType.CASE_LAUNCHED,
            }
            end = item.resolution.method if item.resolution else None
            all_ended = all(each.how is not None for each in item.awaited)
            if waits:
                assert not all_ended
            if end in {Method.SPLIT, Method.CASE_LAUNCHED}:
                assert all_ended
                assert item.status is Status.CLOSED

    @invariant()
    def every_waiting_item_is_told_once_of_each_end(self) -> None:
        assert all(times == 1 for times in self.network.end_messages.values())

    def teardown(self) -> None:
        """Settle: when all work is done, nothing waits any more."""
        self.network.settle()
        self._settled()
        self.network.continue_as_new()
        self.network.services["erp"] = 1
        for _ in range(40):
            if not self._finished():
                return
        open_ones = self._open((Ticket, Case, Action))
        pytest.fail(f"these are never closed: {open_ones}")

    def _finished(self) -> bool:
        """End every item that can be ended; return False if there was none."""
        open_ones = self._open((Ticket, Case, Action))
        for reference in open_ones:
            item = self.network.item(reference)
            if isinstance(item, Case):
                by = item.owner or "zoe"
                self.network.refusal_of(reference, "reset_in_progress", by=by)
                self.network.refusal_of(reference, "resume", by=by)
                if item.is_flow_over:  # reopened: nothing goes on by itself (K4)
                    self.network.refusal_of(reference, "resolve", by=by, take_over=True)
            elif isinstance(item, Ticket):
                method = "rejected_as_spam"
                self.network.refusal_of(
                    reference, "resolve", by="zoe", method=method, take_over=True
                )
            else:
                fields = {"outcome": "unable_to_complete", "reason": "no", "take_over": True}
                self.network.refusal_of(reference, "resolve", by="zoe", **fields)
                self.network.refusal_of(reference, "review", by="zoe", verdict="pass")
        self.network.advance(5 * DAY)
        self._settled()
        return bool(open_ones)

    def _settled(self) -> None:
        """Assert that no message is left and each waiting Ticket has an open item to wait for."""
        assert not self.network.pending
        for reference, life in self.network.lives.items():
            item = life.item
            assert not item.outbox
            if isinstance(item, Ticket):
                assert item.merging is None
                if item.resolution and item.resolution.method is Method.MERGED:
                    into = self.network.linked(reference, "merged_into")
                    assert len(into) == 1
                    assert into[0] not in self.network.linked(reference, "part")
            if item.waiter is not None and item.waiter.reference in self.network.lives:
                waiter = self.network.item(item.waiter.reference)
                recorded_ends = [each.how for each in waiter.awaited if each.reference == reference]
                if waiter.status is not Status.CLOSED and recorded_ends:
                    assert (recorded_ends[0] is not None) == (item.status is Status.CLOSED)
        self._assert_chains_end()

    def _assert_chains_end(self) -> None:
        """Assert that every chain of merged items ends in one that was not merged (T16)."""
        for reference in self.network.lives:
            seen: list[str] = []
            at: str | None = reference
            while at is not None and at in self.network.lives:
                assert at not in seen, f"{seen} are merged into each other in a ring"
                seen.append(at)
                into = self.network.linked(at, "merged_into")
                at = into[0] if into else None

    def _redeliver(self, to: str, message: Any) -> None:  # noqa: ANN401
        """Deliver the same message again: it changes nothing but, at most, adds a refused entry."""
        before = self.network.item(to)
        self.network.receive(message)
        after = self.network.item(to)
        assert (after.revision, after.status) == (before.revision, before.status)
        assert after.awaited == before.awaited

    def _give(
        self,
        kinds: type[AnyItem] | tuple[type[AnyItem], ...],
        which: int,
        move: tuple[str, dict[str, Any]],
        by: str,
    ) -> Refused | None:
        self._count()
        references = self._open(kinds if isinstance(kinds, tuple) else (kinds,))
        if not references:
            return None
        name, fields = move
        return self.network.refusal_of(references[which % len(references)], name, by=by, **fields)

    def _open(self, kinds: tuple[type[AnyItem], ...]) -> list[str]:
        return [
            reference
            for reference, life in self.network.lives.items()
            if isinstance(life.item, kinds) and life.item.status is not Status.CLOSED
        ]

    def _add(self, life: Life) -> None:
        self.network.add(WatchedLife(life.item, life.now, None, life.changes))

    @classmethod
    def _count(cls) -> None:
        cls.taken += 1


@pytest.mark.no_cover  # other tests cover every line
@pytest.mark.timeout(0 if STEPS > 5_000 else 300)
@pytest.mark.slow
@pytest.mark.soak
def test_whatever_linked_items_tell_each_other_the_model_holds() -> None:
    LinkedLives.taken = 0
    while LinkedLives.taken < STEPS:
        run_state_machine_as_test(LinkedLives, settings=LIVELY)
