"""Server-sent events: notifies an open page of changes, so that it reloads the parts concerned."""

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
from store.projection.watcher import ChangedItem
from web.change_feed import ItemChange, Subscription
from web.context import CallerDep, Context, SignedOut, authenticate

router: Final = APIRouter()
_BATCH_WINDOW: Final = 0.15
"""Seconds in which changes are sent as one event."""
_COMMIT_DELAY: Final = timedelta(seconds=0.5)
"""Upper limit, as a rule, of the time between a row's `written_at` and its commit."""
_KEEPALIVE_INTERVAL: Final = 20.0
"""Seconds after which a silent stream gets a comment, and its caller is authenticated again."""


@router.get("/live")
async def live(  # noqa: PLR0917 - FastAPI passes them by name
    request: Request,
    context: Context,
    caller: CallerDep,
    item: Annotated[str, Query(max_length=100)] = "",
    list: Annotated[str, Query(max_length=20)] = "",  # noqa: A002 - the page's own word
    queue: Annotated[str, Query(max_length=100)] = "",
    since: AwareDatetime | None = None,
) -> StreamingResponse:
    """Stream events: `item` (the shown item or its Actions), `list` (the shown list) and `counts`.

    `since` is the time at which the page was rendered: changes since then are sent first.
    """
    check_duty(caller, Duty.READ)

    def is_shown(row: ChangedItem) -> bool:
        return item in {row.reference, row.case_reference}

    def is_listed(row: ChangedItem) -> bool:
        if list == "queue":
            return row.queue == queue
        return bool(list) and caller.actor in {row.assignee, row.owner}

    filters: dict[str, Callable[[ChangedItem], bool]] = {
        "item": is_shown,
        "list": is_listed,
        "counts": lambda row: is_theirs(caller, row),
    }

    async def events() -> AsyncIterator[str]:
        authenticated_at = monotonic()
        broadcaster = context.broadcaster
        async with broadcaster.subscribe(lambda row: is_theirs(caller, row)) as subscription:
            yield "retry: 2000\nevent: hello\ndata: {}\n\n"
            if since is not None:
                recent = broadcaster.changes_since(since - _COMMIT_DELAY)
                missed = [change for change in recent if subscription.matches(change)]
                if missed:
                    yield _event_text([*missed], filters)
            while True:
                yield _event_text(await _next_batch(subscription), filters)
                if monotonic() - authenticated_at > _KEEPALIVE_INTERVAL:
                    authenticated_at = monotonic()
                    try:
                        await authenticate(request)
                    except SignedOut:
                        return

    return StreamingResponse(
        events(),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _next_batch(subscription: Subscription) -> list[ItemChange | None]:
    """Wait for changes; empty if there were none in the keepalive interval."""
    try:
        batch = [await asyncio.wait_for(subscription.next_change(), _KEEPALIVE_INTERVAL)]
    except TimeoutError:
        return []
    deadline = monotonic() + _BATCH_WINDOW
    while (left := deadline - monotonic()) > 0:
        try:
            batch.append(await asyncio.wait_for(subscription.next_change(), left))
        except TimeoutError:
            break
    return batch


def _event_text(
    batch: list[ItemChange | None], filters: Mapping[str, Callable[[ChangedItem], bool]]
) -> str:
    if not batch:
        return ": keepalive\n\n"
    if None in batch:
        return "event: reload\ndata: {}\n\n"
    changes = [change for change in batch if change is not None]
    revisions = {
        event: {
            change.now.reference: change.now.revision
            for change in changes
            if any(map(is_wanted, change.rows))
        }
        for event, is_wanted in filters.items()
    }
    return "".join(
        f"event: {event}\ndata: {json.dumps(changed)}\n\n"
        for event, changed in revisions.items()
        if changed
    )
