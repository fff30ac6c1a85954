"""Openings as seconds of virtual time, reckoned once a day and remembered."""

from bisect import bisect_right
from datetime import datetime, timedelta

from simulation.plan import Openings

_FURTHEST = 4000
"""Days that are looked ahead for an opening."""


class NeverOpen(Exception):
    """Nobody will ever be there."""


class Clock:
    """The openings of a queue from the beginning of the simulation on, in seconds since then."""

    def __init__(self, openings: Openings, begins: datetime) -> None:
        """Reckon from this moment on."""
        self._openings = openings
        self._begins = begins
        self._day = begins.date() - timedelta(days=1)
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._before: list[float] = []
        """Opening time before each opening."""

    def opens(self, at: float) -> float:
        """The first moment, from this one on, at which it is open."""
        index = self._reached(at)
        return max(at, self._starts[index])

    def after(self, at: float, work: float) -> float:
        """When so much opening time from a moment on is over."""
        index = self._reached(at)
        left = work
        now = max(at, self._starts[index])
        while now + left > self._ends[index]:
            left -= self._ends[index] - now
            index += 1
            self._reach(index)
            now = self._starts[index]
        return now + left

    def within(self, since: float, until: float) -> float:
        """How much opening time lies between two moments."""
        return max(0.0, self._elapsed(until) - self._elapsed(since))

    def _elapsed(self, at: float) -> float:
        index = self._reached(at)
        return self._before[index] + max(0.0, at - self._starts[index])

    def _reached(self, at: float) -> int:
        """The opening that this moment is in, else the next one."""
        while not self._ends or self._ends[-1] <= at:
            self._reach(len(self._ends))
        return bisect_right(self._ends, at)

    def _reach(self, index: int) -> None:
        for _ in range(_FURTHEST):
            if index < len(self._ends):
                return
            for begin, end in self._openings.openings_of(self._day):
                first, last = ((moment - self._begins).total_seconds() for moment in (begin, end))
                if last > 0:
                    before = (
                        self._before[-1] + self._ends[-1] - self._starts[-1] if self._ends else 0.0
                    )
                    self._before.append(before)
                    self._starts.append(max(0.0, first))
                    self._ends.append(last)
            self._day += timedelta(days=1)
        raise NeverOpen("nobody is ever there: give hours with an opening")
