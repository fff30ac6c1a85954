"""Dashboard for leads: load of the queues, ages of waiting items, and items of each person."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from auth.permissions import Duty, check_duty
from i18n.translations import translations
from store.items.queue_ages import AGE_STEPS, PersonWorkload, count_by_age, count_by_person
from store.items.queue_load import QueueWorkload, count_by_queue
from web.context import CallerDep, Context
from web.pages.navigation import visible_queues
from web.pages.page_templates import date_formatter, render_fragment, render_page

router: Final = APIRouter()
BAR_WIDTH: Final = 1000
"""Width of the longest bar in units of the SVG's view box, which the page scales."""
_AMBER_STEP: Final = AGE_STEPS.index(timedelta(days=7))
"""Number of the age that is amber; older ones are red."""


@dataclass(frozen=True, slots=True)
class BarSegment:
    """Segment of a bar: colour, start, width, and the count that it shows."""

    colour: str
    start: float
    width: float
    count: int


@dataclass(frozen=True, slots=True)
class AgeBar:
    """Bar of the items of about the same age."""

    label: str
    count: int
    segments: tuple[BarSegment, ...]


@router.get("/lead")
async def lead(request: Request, context: Context, caller: CallerDep) -> Response:
    """Show the load of the reader's queues."""
    check_duty(caller, Duty.LEAD)
    queues = visible_queues(context, caller)
    now = datetime.now(UTC)
    queue_loads, waiting, people = await asyncio.gather(
        asyncio.to_thread(count_by_queue, context.engine, queues, now),
        asyncio.to_thread(count_by_age, context.engine, queues, now),
        asyncio.to_thread(count_by_person, context.engine, queues, now),
    )
    max_load = max((load.waiting + load.in_work for load in queue_loads), default=0)
    max_held = max((person.total for person in people), default=0)
    values: dict[str, Any] = {
        "loads": [(load, build_bar(_load_counts(load), max_load)) for load in queue_loads],
        "total": _totals(queue_loads),
        "people": [(person, build_bar(_person_counts(person), max_held)) for person in people],
        "ages": _age_bars(request, caller, waiting),
        "bar_width": BAR_WIDTH,
    }
    if request.headers.get("hx-request") == "true":
        return await render_fragment(request, caller, "lead_parts.html", **values)
    return await render_page(request, caller, "lead.html", **values)


def build_bar(counts: Sequence[tuple[str, int]], max_count: int) -> tuple[BarSegment, ...]:
    """Return the segments of a bar: (colour, count) pairs side by side.

    A count of `max_count` has the whole width.
    """
    segments, start = [], 0.0
    for colour, count in counts:
        width = BAR_WIDTH * count / max_count if max_count else 0.0
        if count:
            segments.append(BarSegment(colour, round(start, 2), round(width, 2), count))
        start += width
    return tuple(segments)


def _load_counts(load: QueueWorkload) -> tuple[tuple[str, int], ...]:
    rest = load.waiting + load.in_work - load.overdue - load.at_risk
    return ("red", load.overdue), ("amber", load.at_risk), ("blue", rest)


def _person_counts(held: PersonWorkload) -> tuple[tuple[str, int], ...]:
    rest = held.total - held.overdue - held.at_risk
    return ("red", held.overdue), ("amber", held.at_risk), ("blue", rest)


def _totals(queue_loads: Sequence[QueueWorkload]) -> dict[str, Any]:
    oldest = [load.oldest_at for load in queue_loads if load.oldest_at is not None]
    return {
        "waiting": sum(load.waiting for load in queue_loads),
        "in_work": sum(load.in_work for load in queue_loads),
        "overdue": sum(load.overdue for load in queue_loads),
        "at_risk": sum(load.at_risk for load in queue_loads),
        "oldest_at": min(oldest, default=None),
    }


def _age_bars(request: Request, caller: CallerDep, waiting: Sequence[int]) -> list[AgeBar]:
    at = date_formatter(request, caller)
    translate = translations(at.language)
    max_count = max(waiting)
    labels = [translate("lead.up_to", span=at.duration(AGE_STEPS[0]))]
    labels += [
        translate("lead.between", start=at.duration(start), end=at.duration(end))
        for start, end in pairwise(AGE_STEPS)
    ]
    labels.append(translate("lead.over", span=at.duration(AGE_STEPS[-1])))
    return [
        AgeBar(label, count, build_bar([(_colour(number), count)], max_count))
        for number, (label, count) in enumerate(zip(labels, waiting, strict=True))
    ]


def _colour(step: int) -> str:
    if step > _AMBER_STEP:
        return "red"
    return "amber" if step == _AMBER_STEP else "blue"
