"""Results of a simulation as plain figures; every length is in seconds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Final

from domain.base.durations import format_short_duration

BUSY_LOAD: Final = 0.85
"""Share of the opening time; queues grow long from this load on."""
FULL_LOAD: Final = 0.97
"""Share of the opening time that counts as all of it."""


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units."""
    return format_short_duration(timedelta(seconds=round(seconds)))


def percent(share: float) -> str:
    """Return a share of 1 as `12.3 %`."""
    return f"{100 * share:.1f} %"


@dataclass(frozen=True, slots=True)
class DurationStats:
    """Statistics of a list of lengths."""

    count: int
    mean: float
    median: float
    p90: float
    """90th percentile."""
    longest: float

    @classmethod
    def of(cls, lengths: Sequence[float]) -> "DurationStats":
        """Compute the statistics of these lengths; zeros if there are none."""
        if not lengths:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        ordered = sorted(lengths)
        p90 = ordered[math.ceil(0.9 * len(ordered)) - 1]
        return cls(len(ordered), fmean(ordered), median(ordered), p90, ordered[-1])


@dataclass(frozen=True, slots=True)
class QueueResults:
    """Results of a queue: its Actions and its staff."""

    people: int
    done: int
    waiting: DurationStats
    """Time in To Do of each finished Action, summed over all its waits."""
    overdue: float
    """Share of the Actions that became overdue."""
    load: float
    """Share of the staff's opening time, within the period, in which they worked."""
    longest_line: int
    """Most Actions that waited at the same time."""


@dataclass(frozen=True, slots=True)
class CaseResults:
    """Results of the Cases."""

    started: int
    done: int
    """Cases that were done, even after the period."""
    open_at_the_end: int
    """Cases that were open at the end of the period."""
    stuck: int
    """Cases that need attention, which a simulation does not give."""
    throughput: DurationStats
    """Time from submission to the end of the last step."""
    overdue: float
    """Share of the Cases that became overdue."""


@dataclass(frozen=True, slots=True)
class DaySnapshot:
    """Open work at a midnight of the period."""

    cases: int
    waiting: int
    """Actions To Do."""


@dataclass(frozen=True, slots=True)
class SimulationResults:
    """Results of a simulation."""

    definition: str
    items: int
    days: float
    seed: int
    begins: datetime
    cases: CaseResults
    queues: dict[str, QueueResults]
    mails: int
    """Mails to the desk's own people."""
    daily: tuple[DaySnapshot, ...]
    throughput: tuple[float, ...]
    """Throughput of each Case that was done, in order of its end."""
