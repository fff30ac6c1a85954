"""Queues in virtual time: what lies there, who is free, and who takes what next (Q1)."""

import heapq
from dataclasses import dataclass, field
from datetime import datetime

from domain.model.items import Action, AnyItem
from simulation.opening_hours import Clock
from simulation.plan import Staff
from simulation.results import Lengths, QueueFigures


@dataclass(eq=False, slots=True)
class Living:
    """An item that is not closed, and the deadline that was noted for it."""

    item: AnyItem
    noted: datetime | None = None
    is_done: bool = False
    """Of a Case: whether its end was counted."""


@dataclass(eq=False, slots=True)
class Task(Living):
    """An Action, how it will be done, and how it fared so far."""

    item: Action
    parts: list[float] = field(default_factory=list)
    """What is left to do, in seconds, last part first; between two it waits for somebody."""
    pause: float = 0.0
    since: float = 0.0
    """When it last became To Do."""
    waited: float = 0.0


Entry = tuple[float, float, int, Task]
"""Q1: soonest due, which is overdue first, then oldest."""


@dataclass(eq=False, slots=True)
class Line:
    """A queue: who is free, what lies there, and what was returned to whom."""

    staff: Staff
    clock: Clock
    free: dict[str, None]
    """Longest free first."""
    waiting: list[Entry] = field(default_factory=list)
    reviews: list[Entry] = field(default_factory=list)
    """Completed, for somebody else than their performer."""
    own: dict[str, list[Entry]] = field(default_factory=dict)
    lying: int = 0
    longest: int = 0
    opening: float = -1.0
    """The opening that is waited for."""
    busy: float = 0.0
    waits: list[float] = field(default_factory=list)
    overdue: int = 0

    def lay(self, entry: Entry) -> None:
        """Put it where it waits to be picked up: in the queue, or with the one whose it is."""
        item = entry[-1].item
        if item.in_review:
            heapq.heappush(self.reviews, entry)
        elif item.assignee is None:
            heapq.heappush(self.waiting, entry)
        else:
            heapq.heappush(self.own.setdefault(item.assignee, []), entry)
        self.lying += 1
        self.longest = max(self.longest, self.lying)

    def offer(self) -> tuple[str, list[Entry]] | None:
        """Who takes what: a free person's own, else the queue's, whichever is more urgent."""
        firsts = [
            (heap[0], person, heap)
            for person, heap in self.own.items()
            if heap and person in self.free
        ]
        if self.waiting:
            firsts.append((self.waiting[0], next(iter(self.free)), self.waiting))
        if self.reviews:
            performer = self.reviews[0][-1].item.performed_by
            others = (person for person in self.free if person != performer)
            if reviewer := next(others, None):
                firsts.append((self.reviews[0], reviewer, self.reviews))
        return min(firsts)[1:] if firsts else None

    def fared(self, period: float) -> QueueFigures:
        """How it fared over a period, in seconds."""
        there = self.staff.people * self.clock.within(0.0, period)
        return QueueFigures(
            people=self.staff.people,
            done=len(self.waits),
            waiting=Lengths.of(self.waits),
            overdue=self.overdue / len(self.waits) if self.waits else 0.0,
            load=self.busy / there if there else 0.0,
            longest_line=self.longest,
        )
