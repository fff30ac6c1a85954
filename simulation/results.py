"""What a simulation found out, as plain figures; every length is in seconds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Final

from domain.base.durations import short_text

BUSY_LOAD: Final = 0.85
"""Share of the opening time; queues grow long from this load on."""
FULL_LOAD: Final = 0.97
"""Share of the opening time that counts as all of it."""


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units."""
    return short_text(timedelta(seconds=round(seconds)))


def percent(share: float) -> str:
    """Return a share of 1 as `12.3 %`."""
    return f"{100 * share:.1f} %"


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long something took: all of it that was seen."""

    count: int
    mean: float
    median: float
    p90: float
    """As long as this, or shorter, in nine of ten."""
    longest: float

    @classmethod
    def of(cls, seen: Sequence[float]) -> "Lengths":
        """The figures of these lengths; zeros if there are none."""
        if not seen:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        ordered = sorted(seen)
        p90 = ordered[math.ceil(0.9 * len(ordered)) - 1]
        return cls(len(ordered), fmean(ordered), median(ordered), p90, ordered[-1])


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How a queue fared: its Actions, and those who work on them."""

    people: int
    done: int
    waiting: Lengths
    """To Do until picked up, of each Action that was done, all its times together."""
    overdue: float
    """Share of the Actions that became overdue."""
    load: float
    """Share of the staff's opening time, within the period, in which they worked."""
    longest_line: int
    """The most Actions that lay there at once."""


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """How the Cases fared."""

    started: int
    done: int
    """Done in the end, be it after the period."""
    open_at_the_end: int
    """Open when the period was over."""
    stuck: int
    """In need of attention that a simulation does not give."""
    throughput: Lengths
    """From submission to the end of the last step."""
    overdue: float
    """Share of the Cases that became overdue."""


@dataclass(frozen=True, slots=True)
class Day:
    """A midnight of the period: what was open then."""

    cases: int
    waiting: int
    """Actions To Do."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a simulation says."""

    definition: str
    items: int
    days: float
    seed: int
    begins: datetime
    cases: CaseFigures
    queues: dict[str, QueueFigures]
    mails: int
    """Mails that were sent to the desk's own people, or would have been."""
    daily: tuple[Day, ...]
    throughput: tuple[float, ...]
    """Of each Case that was done, in order of its end."""
