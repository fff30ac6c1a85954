"""Opening hours in seconds of virtual time, computed once a day and cached."""

from bisect import bisect_right
from datetime import datetime, timedelta

from simulation.plan import OpeningCalendar

_MAX_DAYS_AHEAD = 4000
"""Days to look ahead for an opening."""


class NeverOpen(Exception):
    """A queue has no opening at all."""


class OpeningHours:
    """Openings of a queue, in seconds since the beginning of the simulation."""

    def __init__(self, openings: OpeningCalendar, begins: datetime) -> None:
        """Compute openings from `begins` on."""
        self._openings = openings
        self._begins = begins
        self._day = begins.date() - timedelta(days=1)
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._before: list[float] = []
        """Seconds of opening time before each opening."""

    def next_opening(self, at: float) -> float:
        """Return the first open moment at or after `at`."""
        index = self._index_at(at)
        return max(at, self._starts[index])

    def end_of_work(self, at: float, work: float) -> float:
        """Return the moment at which `work` seconds of opening time have passed since `at`."""
        index = self._index_at(at)
        remaining = work
        now = max(at, self._starts[index])
        while now + remaining > self._ends[index]:
            remaining -= self._ends[index] - now
            index += 1
            self._load_until(index)
            now = self._starts[index]
        return now + remaining

    def open_seconds(self, since: float, until: float) -> float:
        """Return the seconds of opening time between two moments."""
        return max(0.0, self._elapsed(until) - self._elapsed(since))

    def _elapsed(self, at: float) -> float:
        index = self._index_at(at)
        return self._before[index] + max(0.0, at - self._starts[index])

    def _index_at(self, at: float) -> int:
        """Return the index of the opening that contains `at`, else of the next opening."""
        while not self._ends or self._ends[-1] <= at:
            self._load_until(len(self._ends))
        return bisect_right(self._ends, at)

    def _load_until(self, index: int) -> None:
        for _ in range(_MAX_DAYS_AHEAD):
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
        raise NeverOpen("a queue is never open: give hours with an opening")
