"""The lead's view: how queues stand, how long what waits there has waited, and who has how much."""

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
from store.items.queue_ages import STEPS, Hands, ages, hands
from store.items.queue_load import Load, loads
from web.context import Calls, InHouse
from web.pages.navigation import queues_of
from web.pages.page_templates import fragment, moments_of, page

router: Final = APIRouter()
WIDE: Final = 1000
"""Units that the longest bar is wide; the page stretches them."""
_OLD: Final = STEPS.index(timedelta(days=7))
"""The age that is drawn in amber; what is older is red."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a bar: its ink, where it begins and how wide it is, and what it stands for."""

    ink: str
    begin: float
    width: float
    count: int


@dataclass(frozen=True, slots=True)
class Age:
    """What is about as old: its label, its count, and the bar that shows it."""

    label: str
    count: int
    pieces: tuple[Piece, ...]


@router.get("/lead")
async def lead(request: Request, house: InHouse, caller: Calls) -> Response:
    """How the reader's queues stand."""
    check_duty(caller, Duty.LEAD)
    queues = queues_of(house, caller)
    now = datetime.now(UTC)
    found, waiting, people = await asyncio.gather(
        asyncio.to_thread(loads, house.engine, queues, now),
        asyncio.to_thread(ages, house.engine, queues, now),
        asyncio.to_thread(hands, house.engine, queues, now),
    )
    most = max((one.waiting + one.in_work for one in found), default=0)
    most_held = max((one.total for one in people), default=0)
    shown: dict[str, Any] = {
        "loads": [(one, bar(_of_load(one), most)) for one in found],
        "total": _sum(found),
        "people": [(one, bar(_of_hands(one), most_held)) for one in people],
        "ages": _ages(request, caller, waiting),
        "wide": WIDE,
    }
    if request.headers.get("hx-request") == "true":
        return await fragment(request, caller, "lead_parts.html", **shown)
    return await page(request, caller, "lead.html", **shown)


def bar(counts: Sequence[tuple[str, int]], most: int) -> tuple[Piece, ...]:
    """The counts beside each other, so wide as they are of the most there is."""
    pieces, begin = [], 0.0
    for ink, count in counts:
        width = WIDE * count / most if most else 0.0
        if count:
            pieces.append(Piece(ink, round(begin, 2), round(width, 2), count))
        begin += width
    return tuple(pieces)


def _of_load(load: Load) -> tuple[tuple[str, int], ...]:
    rest = load.waiting + load.in_work - load.overdue - load.at_risk
    return ("red", load.overdue), ("amber", load.at_risk), ("blue", rest)


def _of_hands(held: Hands) -> tuple[tuple[str, int], ...]:
    rest = held.total - held.overdue - held.at_risk
    return ("red", held.overdue), ("amber", held.at_risk), ("blue", rest)


def _sum(found: Sequence[Load]) -> dict[str, Any]:
    oldest = [one.oldest_at for one in found if one.oldest_at is not None]
    return {
        "waiting": sum(one.waiting for one in found),
        "in_work": sum(one.in_work for one in found),
        "overdue": sum(one.overdue for one in found),
        "at_risk": sum(one.at_risk for one in found),
        "oldest_at": min(oldest, default=None),
    }


def _ages(request: Request, caller: Calls, waiting: Sequence[int]) -> list[Age]:
    at = moments_of(request, caller)
    translate = translations(at.language)
    most = max(waiting)
    labels = [translate("lead.up_to", span=at.length(STEPS[0]))]
    labels += [
        translate("lead.between", start=at.length(start), end=at.length(end))
        for start, end in pairwise(STEPS)
    ]
    labels.append(translate("lead.over", span=at.length(STEPS[-1])))
    return [
        Age(label, count, bar([(_ink(number), count)], most))
        for number, (label, count) in enumerate(zip(labels, waiting, strict=True))
    ]


def _ink(step: int) -> str:
    if step > _OLD:
        return "red"
    return "amber" if step == _OLD else "blue"
