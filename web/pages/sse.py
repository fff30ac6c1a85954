"""What changes, told to an open page as it happens (server-sent events); it loads itself anew."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from time import monotonic
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from auth.permissions import Duty, check_duty, is_theirs
from store.projection.watcher import Changed
from web.change_feed import Ear, News
from web.context import Calls, InHouse, SignedOut, caller_of

router: Final = APIRouter()
_TOGETHER: Final = 0.15
"""Seconds in which changes are told as one."""
_BEFORE: Final = timedelta(seconds=0.5)
"""A change's time is taken so long before it is committed, at most as a rule."""
_ALIVE: Final = 20.0
"""Seconds of silence after which a comment keeps the line, and who listens is looked at again."""


@router.get("/live")
async def live(  # noqa: PLR0917 - FastAPI gives them by name
    request: Request,
    house: InHouse,
    caller: Calls,
    item: Annotated[str, Query(max_length=100)] = "",
    list: Annotated[str, Query(max_length=20)] = "",  # noqa: A002 - the page's own word
    queue: Annotated[str, Query(max_length=100)] = "",
    since: AwareDatetime | None = None,
) -> StreamingResponse:
    """Events: `item` (the one shown, or an Action of it), `list` (the one shown) and `counts`.

    `since` is when the page was drawn: what happened before it listened is told first.
    """
    check_duty(caller, Duty.READ)

    def is_shown(changed: Changed) -> bool:
        return item in {changed.reference, changed.case_reference}

    def is_listed(changed: Changed) -> bool:
        if list == "queue":
            return changed.queue == queue
        return bool(list) and caller.actor in {changed.assignee, changed.owner}

    concerns: dict[str, Callable[[Changed], bool]] = {
        "item": is_shown,
        "list": is_listed,
        "counts": lambda changed: is_theirs(caller, changed),
    }

    async def told() -> AsyncIterator[str]:
        looked = monotonic()
        async with house.hub.listening(lambda changed: is_theirs(caller, changed)) as ear:
            yield "retry: 2000\nevent: hello\ndata: {}\n\n"
            if since is not None:
                missed = [one for one in house.hub.since(since - _BEFORE) if ear.wants(one)]
                if missed:
                    yield _told([*missed], concerns)
            while True:
                yield _told(await _heard(ear), concerns)
                if monotonic() - looked > _ALIVE:
                    looked = monotonic()
                    try:
                        await caller_of(request)
                    except SignedOut:
                        return

    return StreamingResponse(
        told(),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _heard(ear: Ear) -> list[News | None]:
    """What happened together; nothing, if nothing did for so long that the line may be dead."""
    try:
        heard = [await asyncio.wait_for(ear.hear(), _ALIVE)]
    except TimeoutError:
        return []
    until = monotonic() + _TOGETHER
    while (left := until - monotonic()) > 0:
        try:
            heard.append(await asyncio.wait_for(ear.hear(), left))
        except TimeoutError:
            break
    return heard


def _told(heard: list[News | None], concerns: Mapping[str, Callable[[Changed], bool]]) -> str:
    if not heard:
        return ": here\n\n"
    if None in heard:
        return "event: anew\ndata: {}\n\n"
    news = [one for one in heard if one is not None]
    told = {
        concern: {
            one.now.reference: one.now.revision for one in news if any(map(is_its, one.places))
        }
        for concern, is_its in concerns.items()
    }
    return "".join(
        f"event: {concern}\ndata: {json.dumps(changed)}\n\n"
        for concern, changed in told.items()
        if changed
    )
