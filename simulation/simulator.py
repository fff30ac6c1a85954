"""Virtual time: a heap of moments, and what happens at each of them by the domain's own rules."""

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
    Outcome,
    Performer,
    StartedBy,
    Status,
    Ticked,
    Verdict,
    WaitType,
)
from domain.engine.deadlines import elapse, next_deadline
from domain.engine.decide import decide, receive
from domain.engine.start_item import open_item
from domain.model import commands as c
from domain.model import internal_messages as n
from domain.model.action_kinds import ActionKind
from domain.model.definitions import Terms
from domain.model.due_dates import due_at
from domain.model.effects import CancelAction, Effect, ReportEnd, SendMail, StartAction
from domain.model.items import Action, AnyItem, Case, Change
from domain.model.starts import CaseStart, Contact
from domain.rules.item_messages import message_of
from simulation.opening_hours import Clock
from simulation.plan import AllDay, Plan, Staff, by_hand, queue_of
from simulation.queues import Line, Living, Task
from simulation.results import CaseFigures, Day, Figures, Lengths

BY: Final = "service:simulation"
RUN: Final = "simulated"
OUTSIDE: Final = "somebody@outside.example"
_DAY: Final = 86_400.0


class NothingToSimulate(Exception):
    """There is no case definition."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How many Cases arrive, within how many days, and by which dice."""

    items: int
    days: float
    seed: int = 0


def simulate(
    terms: Terms, plan: Plan, extent: Extent, tell: Callable[[int], None] = lambda _: None
) -> Figures:
    """Let Cases arrive, and go on until none of them moves any more.

    `terms` are the catalog's, with the definition and the calendars that it names. The same
    arguments give the same figures. `tell` hears how many Cases are done.
    """
    simulation = _Simulation(terms, plan, extent)
    for done in simulation.run():
        tell(done)
    return simulation.figures()


class _Simulation:
    def __init__(self, terms: Terms, plan: Plan, extent: Extent) -> None:
        if terms.definition is None:
            raise NothingToSimulate("there is no case definition to simulate")
        self._terms = terms
        self._definition = definition = terms.definition
        self._plan = plan
        self._extent = extent
        self._period = extent.days * _DAY
        self._dice = cache(lambda purpose: Random(f"{extent.seed}/{purpose}"))
        self._doings = {action.key: plan.doing_of(action) for action in definition.actions}
        self._lines = {
            queue: self._line(queue, staff)
            for queue, staff in plan.staff_for(definition, extent.items / self._period).items()
        }
        self._now = 0.0
        self._moments: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._cases: dict[str, Living] = {}
        self._tasks: dict[str, Task] = {}
        self._started = self._open = self._open_at_the_end = self._overdue = self._mails = 0
        self._throughput: list[float] = []
        self._daily: list[Day] = []

    def _line(self, queue: str, staff: Staff) -> Line:
        sorts = {
            action.performer
            for action in by_hand(self._definition)
            if queue_of(self._definition, action) == queue
        }
        sort = "robot:" if sorts == {Performer.ROBOT} else ""
        names = (f"{sort}{queue[:80]}-{number}" for number in range(1, staff.people + 1))
        calendar = self._terms.calendar(staff.calendar)
        clock = Clock(staff.hours or calendar or AllDay(), self._plan.begins)
        return Line(staff, clock, dict.fromkeys(names))

    def run(self) -> Iterator[int]:
        """Everything that happens, in order; yields whenever another Case is done."""
        for number, at in enumerate(self._arrivals(), 1):
            self._at(at, partial(self._arrive, number))
        for day in range(math.ceil(self._extent.days) + 1):
            self._at(min(day * _DAY, self._period), self._look)
        told = 0
        while self._moments:
            self._now, _, happen = heapq.heappop(self._moments)
            happen()
            if len(self._throughput) > told:
                told = len(self._throughput)
                yield told

    def figures(self) -> Figures:
        """What came of it."""
        stuck = [living for living in self._cases.values() if living.item.resolution is None]
        overdue = self._overdue + sum(_is_overdue(living.item) for living in stuck)
        cases = CaseFigures(
            started=self._started,
            done=len(self._throughput),
            open_at_the_end=self._open_at_the_end,
            stuck=len(stuck),
            throughput=Lengths.of(self._throughput),
            overdue=overdue / self._started if self._started else 0.0,
        )
        return Figures(
            definition=self._definition.name,
            items=self._extent.items,
            days=self._extent.days,
            seed=self._extent.seed,
            begins=self._plan.begins,
            cases=cases,
            queues={name: line.fared(self._period) for name, line in self._lines.items()},
            mails=self._mails,
            daily=tuple(self._daily),
            throughput=tuple(self._throughput),
        )

    # moments

    def _at(self, at: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._moments, (at, next(self._order), happen))

    @property
    def _today(self) -> datetime:
        return self._plan.begins + timedelta(seconds=self._now)

    def _look(self) -> None:
        lying = sum(line.lying for line in self._lines.values())
        self._daily.append(Day(cases=self._open, waiting=lying))
        self._open_at_the_end = self._open

    # Cases

    def _arrivals(self) -> list[float]:
        dice = self._dice("arrivals")
        if self._plan.arrivals is None:
            return sorted(dice.uniform(0.0, self._period) for _ in range(self._extent.items))
        gaps = (self._plan.arrivals.drawn(dice) for _ in range(self._extent.items))
        return [at for at in itertools.accumulate(gaps) if at < self._period]

    def _arrive(self, number: int) -> None:
        kinds = self._plan.data
        shares = [kind.share for kind in kinds]
        values = self._dice("data").choices(kinds, shares)[0].values if kinds else {}
        start = CaseStart(
            by=BY,
            started_by=StartedBy.SERVICE,
            short_description=f"{self._definition.name} {number}",
            definition=self._definition.name,
            primary_contact=Contact(email=OUTSIDE),
            requester=Contact(email=OUTSIDE),
            data=values,
        )
        reference = f"S-{number}"
        change = open_item(start, reference=reference, run=RUN, at=self._today, terms=self._terms)
        self._cases[reference] = living = Living(change.item)
        self._started += 1
        self._open += 1
        self._keep(living, change)

    def _report(self, effect: ReportEnd, reference: str) -> None:
        _, ended = message_of(effect, reference)
        living = self._cases[effect.case]
        change, _ = receive(living.item, ended, self._today)
        self._keep(living, change)

    # any item

    def _keep(self, living: Living, change: Change) -> None:
        """The item after a change, with what the change asks for done."""
        item = change.item
        effects = item.outbox
        living.item = item = replace(item, outbox=()) if effects else item
        deadline = next_deadline(item)
        at = None if deadline is None else deadline.at
        if at is not None and at != living.noted:
            seconds = (at - self._plan.begins).total_seconds()
            self._at(max(seconds, self._now), partial(self._elapse, living, at))
        living.noted = at
        for effect in effects:
            self._perform(effect, item.reference)
        if isinstance(item, Case):
            self._count(living)

    def _count(self, living: Living) -> None:
        item = living.item
        end = item.first_resolution
        if end is not None and item.submitted_at is not None and not living.is_done:
            living.is_done = True
            self._throughput.append((end.at - item.submitted_at).total_seconds())
            self._open -= 1
            self._overdue += _is_overdue(item)
        if item.status is Status.CLOSED:
            self._cases.pop(item.reference, None)

    def _elapse(self, living: Living, at: datetime) -> None:
        if living.noted != at:
            return
        living.noted = None
        change = elapse(living.item, at)
        if change is not None:
            self._keep(living, change)

    def _perform(self, effect: Effect, reference: str) -> None:
        if isinstance(effect, StartAction):
            self._offered(effect)
        elif isinstance(effect, ReportEnd):
            self._report(effect, reference)
        elif isinstance(effect, CancelAction):
            _, told = message_of(effect, reference)
            task = self._tasks[effect.reference]
            change, _ = receive(task.item, told, self._today)
            self._keep(task, change)
        elif isinstance(effect, SendMail):
            self._mails += 1

    # Actions

    def _offered(self, effect: StartAction) -> None:
        start = effect.start
        change = open_item(start, reference=effect.reference, run=RUN, at=self._today)
        doing = self._doings[start.key]
        length = doing.takes.drawn(self._dice(f"{start.key} takes"))
        dice = self._dice(f"{start.key} waits")
        task = Task(_action(change), parts=[length])
        if doing.waits is not None and dice.random() < doing.waits.chance:
            task.parts, task.pause = [length / 2, length / 2], doing.waits.lasts.drawn(dice)
        self._tasks[effect.reference] = task
        self._keep(task, change)
        if start.work is None or task.item.status is Status.TO_DO:
            self._lay(task)
        elif start.work.kind is ActionKind.SEND_MAIL_AND_WAIT:
            self._tell(task, n.WorkEnded(by=SYSTEM))
            self._at(self._now + length, partial(self._answer, task))
        else:
            self._at(self._now + length, partial(self._worked, task))

    def _worked(self, task: Task) -> None:
        """A8: what it does by itself is over, or each Case that it waits for."""
        for awaited in task.item.awaited:
            ended = n.ItemEnded(
                by=SYSTEM, waiter_run=RUN, reference=awaited.reference, how=Outcome.COMPLETE
            )
            self._tell(task, ended)
        self._tell(task, n.WorkEnded(by=SYSTEM))

    def _tell(self, task: Task, command: c.Command) -> bool:
        """Give it a command, unless it is closed; whether somebody has to do something then."""
        if task.item.status is not Status.CLOSED:
            self._keep(task, decide(task.item, command, self._today))
        if task.item.status is Status.CLOSED:
            self._tasks.pop(task.item.reference, None)
        return task.item.status is Status.TO_DO

    def _lay(self, task: Task) -> None:
        """Put it where it waits to be picked up: in its queue, or with the one whose it is."""
        line = self._lines.get(task.item.queue)
        if line is None:
            return  # it fell to a queue where nobody is
        due = due_at(task.item)
        soonest = math.inf if due is None else (due - self._plan.begins).total_seconds()
        task.since = self._now
        line.lay((soonest, self._now, next(self._order), task))
        self._give_out(line)

    def _give_out(self, line: Line) -> None:
        """Let those who are free and there pick up what is next for them."""
        while line.free and (found := line.offer()):
            opens = line.clock.opens(self._now)
            if opens > self._now:
                if line.opening != opens:
                    line.opening = opens
                    self._at(opens, partial(self._give_out, line))
                return
            person, heap = found
            *_, task = heapq.heappop(heap)
            line.lying -= 1
            if task.item.status is Status.TO_DO:
                self._begin(line, person, task)

    def _begin(self, line: Line, person: str, task: Task) -> None:
        del line.free[person]
        task.waited += self._now - task.since
        self._keep(task, decide(task.item, _start(person), self._today))
        ends = line.clock.after(self._now, task.parts.pop())
        line.busy += line.clock.within(self._now, min(ends, self._period))
        self._at(ends, partial(self._finish, line, person, task))

    def _finish(self, line: Line, person: str, task: Task) -> None:
        line.free[person] = None
        if task.item.status is Status.IN_PROGRESS:
            if task.parts:
                self._keep(task, decide(task.item, _wait(person), self._today))
                self._at(self._now + task.pause, partial(self._answer, task))
            else:
                self._complete(task, person)
                self._done(line, task)
        self._give_out(line)

    def _complete(self, task: Task, person: str) -> None:
        """Its checklist is answered, and it is complete, or passed by the one who reviews it."""
        if task.item.status is Status.CLOSED:
            return
        if task.item.in_review:
            command: c.Command = _pass(person)
        else:
            command = _end(person)
            open_lines = {line.key: Ticked.YES for line in task.item.checklist if not line.answer}
            if open_lines:
                answers = c.AnswerChecklist(by=person, answers=open_lines)
                self._keep(task, decide(task.item, answers, self._today))
        self._keep(task, decide(task.item, command, self._today))

    def _done(self, line: Line, task: Task) -> None:
        if task.item.status is Status.CLOSED:
            line.waits.append(task.waited)
            line.overdue += _is_overdue(task.item)
            del self._tasks[task.item.reference]
        else:
            task.parts = [self._plan.review.drawn(self._dice("review"))]
            self._lay(task)

    def _answer(self, task: Task) -> None:
        """What was waited for comes, as a mail."""
        if task.item.status is Status.WAIT:
            message = f"<{next(self._order)}@simulation>"
            if self._tell(task, c.ReceiveEmail(by=BY, message_id=message, sender=OUTSIDE)):
                self._lay(task)


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
