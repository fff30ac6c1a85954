"""Discrete-event simulation: a heap of events in virtual time, decided by the domain's rules."""

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from random import Random
from typing import Final

from domain.base.fast_replace import replace
from domain.base.values import (
    SYSTEM,
    ChecklistAnswer,
    Outcome,
    Performer,
    StartedBy,
    Status,
    Verdict,
    WaitType,
)
from domain.engine.deadlines import elapse, next_deadline
from domain.engine.decide import decide, decide_signal
from domain.engine.start_item import create_item
from domain.model import commands as c
from domain.model import internal_messages as n
from domain.model.action_kinds import ActionKind
from domain.model.definitions import ItemTerms
from domain.model.due_dates import due_at
from domain.model.effects import CancelAction, Effect, ReportEnd, SendMail, StartActionEffect
from domain.model.items import Action, AnyItem, Case, Change
from domain.model.starts import CaseStart, Contact
from domain.rules.item_messages import message_for
from simulation.opening_hours import OpeningHours
from simulation.plan import AlwaysOpen, SimulationPlan, Staff, manual_actions, queue_of
from simulation.queues import ActionTask, OpenItem, SimulatedQueue
from simulation.results import CaseResults, DaySnapshot, DurationStats, SimulationResults

ACTOR: Final = "service:simulation"
RUN: Final = "simulated"
CUSTOMER_ADDRESS: Final = "somebody@outside.example"
_DAY_SECONDS: Final = 86_400.0


class NoCaseDefinition(Exception):
    """There is no case definition to simulate."""


@dataclass(frozen=True, slots=True)
class SimulationSize:
    """Number of Cases, days of the period, and seed of the random numbers."""

    items: int
    days: float
    seed: int = 0


def simulate(
    terms: ItemTerms,
    plan: SimulationPlan,
    size: SimulationSize,
    on_progress: Callable[[int], None] = lambda _: None,
) -> SimulationResults:
    """Simulate arrivals and work until no Case moves any more; return the results.

    `terms` hold the definition and the calendars that it names. The same arguments give the same
    results. `on_progress` gets the number of Cases that are done.
    """
    simulation = _Simulation(terms, plan, size)
    for done in simulation.run():
        on_progress(done)
    return simulation.results()


class _Simulation:
    def __init__(self, terms: ItemTerms, plan: SimulationPlan, size: SimulationSize) -> None:
        if terms.definition is None:
            raise NoCaseDefinition("there is no case definition to simulate")
        self._terms = terms
        self._definition = definition = terms.definition
        self._plan = plan
        self._size = size
        self._period = size.days * _DAY_SECONDS
        self._random = cache(lambda purpose: Random(f"{size.seed}/{purpose}"))
        self._patterns = {action.key: plan.pattern_of(action) for action in definition.actions}
        self._queues = {
            queue: self._build_queue(queue, staff)
            for queue, staff in plan.staff_for(definition, size.items / self._period).items()
        }
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._cases: dict[str, OpenItem] = {}
        self._tasks: dict[str, ActionTask] = {}
        self._started = self._open = self._open_at_the_end = self._overdue = self._mails = 0
        self._throughput: list[float] = []
        self._daily: list[DaySnapshot] = []

    def _build_queue(self, queue: str, staff: Staff) -> SimulatedQueue:
        performers = {
            action.performer
            for action in manual_actions(self._definition)
            if queue_of(self._definition, action) == queue
        }
        prefix = "robot:" if performers == {Performer.ROBOT} else ""
        names = (f"{prefix}{queue[:80]}-{number}" for number in range(1, staff.people + 1))
        calendar = self._terms.find_calendar(staff.calendar)
        hours = OpeningHours(staff.hours or calendar or AlwaysOpen(), self._plan.begins)
        return SimulatedQueue(staff, hours, dict.fromkeys(names))

    def run(self) -> Iterator[int]:
        """Run all events in order; yield the number of done Cases whenever it grows."""
        for number, at in enumerate(self._arrivals(), 1):
            self._schedule(at, partial(self._arrive, number))
        for day in range(math.ceil(self._size.days) + 1):
            self._schedule(min(day * _DAY_SECONDS, self._period), self._record_day)
        reported = 0
        while self._events:
            self._now, _, run_event = heapq.heappop(self._events)
            run_event()
            if len(self._throughput) > reported:
                reported = len(self._throughput)
                yield reported

    def results(self) -> SimulationResults:
        """Return the results."""
        stuck = [case for case in self._cases.values() if case.item.resolution is None]
        overdue = self._overdue + sum(_is_overdue(case.item) for case in stuck)
        cases = CaseResults(
            started=self._started,
            done=len(self._throughput),
            open_at_the_end=self._open_at_the_end,
            stuck=len(stuck),
            throughput=DurationStats.of(self._throughput),
            overdue=overdue / self._started if self._started else 0.0,
        )
        return SimulationResults(
            definition=self._definition.name,
            items=self._size.items,
            days=self._size.days,
            seed=self._size.seed,
            begins=self._plan.begins,
            cases=cases,
            queues={name: queue.results(self._period) for name, queue in self._queues.items()},
            mails=self._mails,
            daily=tuple(self._daily),
            throughput=tuple(self._throughput),
        )

    # events

    def _schedule(self, at: float, run_event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._order), run_event))

    @property
    def _virtual_time(self) -> datetime:
        return self._plan.begins + timedelta(seconds=self._now)

    def _record_day(self) -> None:
        waiting = sum(queue.length for queue in self._queues.values())
        self._daily.append(DaySnapshot(cases=self._open, waiting=waiting))
        self._open_at_the_end = self._open

    # Cases

    def _arrivals(self) -> list[float]:
        random = self._random("arrivals")
        if self._plan.arrivals is None:
            return sorted(random.uniform(0.0, self._period) for _ in range(self._size.items))
        gaps = (self._plan.arrivals.sample(random) for _ in range(self._size.items))
        return [at for at in itertools.accumulate(gaps) if at < self._period]

    def _arrive(self, number: int) -> None:
        kinds = self._plan.data
        shares = [kind.share for kind in kinds]
        values = self._random("data").choices(kinds, shares)[0].values if kinds else {}
        start = CaseStart(
            by=ACTOR,
            started_by=StartedBy.SERVICE,
            short_description=f"{self._definition.name} {number}",
            definition=self._definition.name,
            primary_contact=Contact(email=CUSTOMER_ADDRESS),
            requester=Contact(email=CUSTOMER_ADDRESS),
            data=values,
        )
        reference = f"S-{number}"
        change = create_item(
            start, reference=reference, run=RUN, at=self._virtual_time, terms=self._terms
        )
        self._cases[reference] = entry = OpenItem(change.item)
        self._started += 1
        self._open += 1
        self._update(entry, change)

    def _report(self, effect: ReportEnd, reference: str) -> None:
        _, ended = message_for(effect, reference)
        entry = self._cases[effect.case]
        change, _ = decide_signal(entry.item, ended, self._virtual_time)
        self._update(entry, change)

    # any item

    def _update(self, entry: OpenItem, change: Change) -> None:
        """Store the item after a change, schedule its deadline and perform its effects."""
        item = change.item
        effects = item.outbox
        entry.item = item = replace(item, outbox=()) if effects else item
        deadline = next_deadline(item)
        at = None if deadline is None else deadline.at
        if at is not None and at != entry.scheduled:
            seconds = (at - self._plan.begins).total_seconds()
            self._schedule(max(seconds, self._now), partial(self._elapse, entry, at))
        entry.scheduled = at
        for effect in effects:
            self._perform(effect, item.reference)
        if isinstance(item, Case):
            self._count(entry)

    def _count(self, entry: OpenItem) -> None:
        item = entry.item
        end = item.first_resolution
        if end is not None and item.submitted_at is not None and not entry.is_done:
            entry.is_done = True
            self._throughput.append((end.at - item.submitted_at).total_seconds())
            self._open -= 1
            self._overdue += _is_overdue(item)
        if item.status is Status.CLOSED:
            self._cases.pop(item.reference, None)

    def _elapse(self, entry: OpenItem, at: datetime) -> None:
        if entry.scheduled != at:
            return
        entry.scheduled = None
        change = elapse(entry.item, at)
        if change is not None:
            self._update(entry, change)

    def _perform(self, effect: Effect, reference: str) -> None:
        if isinstance(effect, StartActionEffect):
            self._start_action(effect)
        elif isinstance(effect, ReportEnd):
            self._report(effect, reference)
        elif isinstance(effect, CancelAction):
            _, message = message_for(effect, reference)
            task = self._tasks[effect.reference]
            change, _ = decide_signal(task.item, message, self._virtual_time)
            self._update(task, change)
        elif isinstance(effect, SendMail):
            self._mails += 1

    # Actions

    def _start_action(self, effect: StartActionEffect) -> None:
        start = effect.start
        change = create_item(start, reference=effect.reference, run=RUN, at=self._virtual_time)
        pattern = self._patterns[start.key]
        length = pattern.takes.sample(self._random(f"{start.key} takes"))
        random = self._random(f"{start.key} waits")
        task = ActionTask(_action(change), parts=[length])
        if pattern.waits is not None and random.random() < pattern.waits.chance:
            task.parts, task.pause = [length / 2, length / 2], pattern.waits.lasts.sample(random)
        self._tasks[effect.reference] = task
        self._update(task, change)
        if start.work is None or task.item.status is Status.TO_DO:
            self._enqueue(task)
        elif start.work.kind is ActionKind.SEND_MAIL_AND_WAIT:
            self._apply(task, n.WorkEnded(by=SYSTEM))
            self._schedule(self._now + length, partial(self._receive_answer, task))
        else:
            self._schedule(self._now + length, partial(self._end_automatic_work, task))

    def _end_automatic_work(self, task: ActionTask) -> None:
        """End the automatic work of an Action, or of the Cases that it waits for (A8)."""
        for awaited in task.item.awaited:
            ended = n.ItemEnded(
                by=SYSTEM, waiter_run=RUN, reference=awaited.reference, how=Outcome.COMPLETE
            )
            self._apply(task, ended)
        self._apply(task, n.WorkEnded(by=SYSTEM))

    def _apply(self, task: ActionTask, command: c.Command) -> bool:
        """Apply a command unless the Action is closed; return True if it is To Do afterwards."""
        if task.item.status is not Status.CLOSED:
            self._update(task, decide(task.item, command, self._virtual_time))
        if task.item.status is Status.CLOSED:
            self._tasks.pop(task.item.reference, None)
        return task.item.status is Status.TO_DO

    def _enqueue(self, task: ActionTask) -> None:
        """Add an Action to its queue, or to its assignee's own heap there."""
        queue = self._queues.get(task.item.queue)
        if queue is None:
            return  # the Action fell to a queue without staff
        due = due_at(task.item)
        soonest = math.inf if due is None else (due - self._plan.begins).total_seconds()
        task.since = self._now
        queue.add((soonest, self._now, next(self._order), task))
        self._assign_waiting(queue)

    def _assign_waiting(self, queue: SimulatedQueue) -> None:
        """Let free people whose hours are open pick up their next Action."""
        while queue.free and (assignment := queue.next_assignment()):
            opens = queue.hours.next_opening(self._now)
            if opens > self._now:
                if queue.opening != opens:
                    queue.opening = opens
                    self._schedule(opens, partial(self._assign_waiting, queue))
                return
            person, heap = assignment
            *_, task = heapq.heappop(heap)
            queue.length -= 1
            if task.item.status is Status.TO_DO:
                self._begin(queue, person, task)

    def _begin(self, queue: SimulatedQueue, person: str, task: ActionTask) -> None:
        del queue.free[person]
        task.waited += self._now - task.since
        self._update(task, decide(task.item, _start(person), self._virtual_time))
        ends = queue.hours.end_of_work(self._now, task.parts.pop())
        queue.busy += queue.hours.open_seconds(self._now, min(ends, self._period))
        self._schedule(ends, partial(self._finish, queue, person, task))

    def _finish(self, queue: SimulatedQueue, person: str, task: ActionTask) -> None:
        queue.free[person] = None
        if task.item.status is Status.IN_PROGRESS:
            if task.parts:
                self._update(task, decide(task.item, _wait(person), self._virtual_time))
                self._schedule(self._now + task.pause, partial(self._receive_answer, task))
            else:
                self._complete(task, person)
                self._count_or_review(queue, task)
        self._assign_waiting(queue)

    def _complete(self, task: ActionTask, person: str) -> None:
        """Answer the checklist and complete the Action, or pass its review."""
        if task.item.status is Status.CLOSED:
            return
        if task.item.in_review:
            command: c.Command = _pass(person)
        else:
            command = _end(person)
            open_lines = {
                entry.key: ChecklistAnswer.YES for entry in task.item.checklist if not entry.answer
            }
            if open_lines:
                answers = c.AnswerChecklist(by=person, answers=open_lines)
                self._update(task, decide(task.item, answers, self._virtual_time))
        self._update(task, decide(task.item, command, self._virtual_time))

    def _count_or_review(self, queue: SimulatedQueue, task: ActionTask) -> None:
        if task.item.status is Status.CLOSED:
            queue.waits.append(task.waited)
            queue.overdue += _is_overdue(task.item)
            del self._tasks[task.item.reference]
        else:
            task.parts = [self._plan.review.sample(self._random("review"))]
            self._enqueue(task)

    def _receive_answer(self, task: ActionTask) -> None:
        """Deliver the mail that the Action waits for."""
        if task.item.status is Status.WAIT:
            message = f"<{next(self._order)}@simulation>"
            if self._apply(
                task, c.ReceiveEmail(by=ACTOR, message_id=message, sender=CUSTOMER_ADDRESS)
            ):
                self._enqueue(task)


def _is_overdue(item: AnyItem) -> bool:
    return item.due is not None and item.due.told_overdue


@cache
def _start(person: str) -> c.Start:
    return c.Start(by=person)


@cache
def _wait(person: str) -> c.Wait:
    return c.Wait(by=person, type=WaitType.MORE_INFORMATION, waiting_for="customer")


@cache
def _pass(person: str) -> c.Review:
    return c.Review(by=person, verdict=Verdict.PASS)


def _action(change: Change) -> Action:
    if not isinstance(change.item, Action):
        raise TypeError(f"{change.item.noun} is no Action")
    return change.item


@cache
def _end(person: str) -> c.ResolveAction:
    return c.ResolveAction(by=person, outcome=Outcome.COMPLETE)
