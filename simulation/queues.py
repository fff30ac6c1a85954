"""Queues in virtual time: waiting Actions, free people, and the next assignment (Q1)."""

import heapq
from dataclasses import dataclass, field
from datetime import datetime

from domain.model.items import Action, AnyItem
from simulation.opening_hours import OpeningHours
from simulation.plan import Staff
from simulation.results import DurationStats, QueueResults


@dataclass(eq=False, slots=True)
class OpenItem:
    """Item that is not closed, and its scheduled deadline."""

    item: AnyItem
    scheduled: datetime | None = None
    is_done: bool = False
    """True once the end of a Case is counted."""


@dataclass(eq=False, slots=True)
class ActionTask(OpenItem):
    """Action with its remaining work and its waiting time so far."""

    item: Action
    parts: list[float] = field(default_factory=list)
    """Remaining parts of the work in seconds, last part first; between two, the Action waits."""
    pause: float = 0.0
    since: float = 0.0
    """Moment at which the Action last became To Do."""
    waited: float = 0.0


QueueEntry = tuple[float, float, int, ActionTask]
"""Heap entry: due time, arrival, sequence number, Action; overdue first, then oldest (Q1)."""


@dataclass(eq=False, slots=True)
class SimulatedQueue:
    """Queue with its free people, its waiting Actions and those returned to a person."""

    staff: Staff
    hours: OpeningHours
    free: dict[str, None]
    """Free people; who is free longest comes first."""
    waiting: list[QueueEntry] = field(default_factory=list)
    reviews: list[QueueEntry] = field(default_factory=list)
    """Completed Actions that somebody else than their performer reviews."""
    own: dict[str, list[QueueEntry]] = field(default_factory=dict)
    length: int = 0
    longest: int = 0
    opening: float = -1.0
    """Next opening that is scheduled already."""
    busy: float = 0.0
    waits: list[float] = field(default_factory=list)
    overdue: int = 0

    def add(self, entry: QueueEntry) -> None:
        """Add an Action to the queue, the reviews, or its assignee's own heap."""
        item = entry[-1].item
        if item.in_review:
            heapq.heappush(self.reviews, entry)
        elif item.assignee is None:
            heapq.heappush(self.waiting, entry)
        else:
            heapq.heappush(self.own.setdefault(item.assignee, []), entry)
        self.length += 1
        self.longest = max(self.longest, self.length)

    def next_assignment(self) -> tuple[str, list[QueueEntry]] | None:
        """Return the next person and the heap to take from; the most urgent Action wins."""
        candidates = [
            (heap[0], person, heap)
            for person, heap in self.own.items()
            if heap and person in self.free
        ]
        if self.waiting:
            candidates.append((self.waiting[0], next(iter(self.free)), self.waiting))
        if self.reviews:
            performer = self.reviews[0][-1].item.performed_by
            others = (person for person in self.free if person != performer)
            if reviewer := next(others, None):
                candidates.append((self.reviews[0], reviewer, self.reviews))
        return min(candidates)[1:] if candidates else None

    def results(self, period: float) -> QueueResults:
        """Return the results over a period of seconds."""
        staffed_seconds = self.staff.people * self.hours.open_seconds(0.0, period)
        return QueueResults(
            people=self.staff.people,
            done=len(self.waits),
            waiting=DurationStats.of(self.waits),
            overdue=self.overdue / len(self.waits) if self.waits else 0.0,
            load=self.busy / staffed_seconds if staffed_seconds else 0.0,
            longest_line=self.longest,
        )
