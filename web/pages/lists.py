"""Pages of lists: the inbox, owned items and queues."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from auth.callers import Caller
from auth.permissions import Duty, check_duty
from i18n.translations import translations
from store.errors import InvalidCursor
from store.items import queries
from store.items.paging import Page
from web.context import AppContext, CallerDep, Context
from web.pages.navigation import load_navigation
from web.pages.page_templates import date_formatter, queue_title, render_fragment, render_page
from web.use_cases import take_next_as

router: Final = APIRouter()
_PAGE_LINES: Final = 50
Cursor = Annotated[str | None, Query(max_length=600)]


@router.get("/")
async def redirect_to_inbox(_caller: CallerDep) -> Response:
    """Redirect to the inbox."""
    return RedirectResponse("/inbox", 303)


@router.get("/inbox")
async def show_inbox(
    request: Request, context: Context, caller: CallerDep, cursor: Cursor = None
) -> Response:
    """Show the items assigned to the reader, and owned items with new information."""
    check_duty(caller, Duty.READ)

    def load_page(after: str | None) -> Page:
        return queries.list_inbox(context.engine, caller.actor, limit=_PAGE_LINES, cursor=after)

    return await _render_list(request, caller, load_page, cursor, name="inbox", live="inbox")


@router.get("/owned")
async def show_owned(
    request: Request, context: Context, caller: CallerDep, cursor: Cursor = None
) -> Response:
    """Show the items that the reader owns and nobody works on."""
    check_duty(caller, Duty.READ)

    def load_page(after: str | None) -> Page:
        return queries.list_owned(context.engine, caller.actor, limit=_PAGE_LINES, cursor=after)

    return await _render_list(request, caller, load_page, cursor, name="owned", live="owned")


@router.get("/queues/{queue}")
async def show_queue(
    request: Request, context: Context, caller: CallerDep, queue: str, cursor: Cursor = None
) -> Response:
    """Show the unassigned items of a queue, the next one first."""
    return await render_queue(request, context, caller, queue, cursor)


async def render_queue(
    request: Request,
    context: AppContext,
    caller: Caller,
    queue: str,
    cursor: str | None = None,
    **values: Any,  # noqa: ANN401 - values of the template
) -> Response:
    """Return a page of a queue; raises Forbidden unless the caller is a member."""
    check_duty(caller, Duty.READ, queue=queue)

    def load_page(after: str | None) -> Page:
        now = datetime.now(UTC)
        return queries.list_waiting(context.engine, queue, now=now, limit=_PAGE_LINES, cursor=after)

    shown = {"queue": queue, "title": queue_title(context, queue)} | values
    live = f"queue&queue={quote(queue, safe='')}"
    return await _render_list(
        request, caller, load_page, cursor, name="queue", live=live, values=shown
    )


@router.post("/queues/{queue}/next")
async def take_next(request: Request, context: Context, caller: CallerDep, queue: str) -> Response:
    """Start the queue's next item for the reader, and redirect to it."""
    state = await take_next_as(context, caller, queue)
    if state is None:
        translate = translations(date_formatter(request, caller).language)
        return await render_queue(
            request, context, caller, queue, notice=translate("queue.nothing"), status=404
        )
    return RedirectResponse(f"/items/{quote(state.reference, safe='')}", 303)


@router.get("/navigation")
async def show_navigation(
    request: Request,
    context: Context,
    caller: CallerDep,
    at: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Show the navigation alone; `at` is the path of the page around it."""
    viewed = request.cookies.get("casekeep_viewed", "")
    navigation = await asyncio.to_thread(load_navigation, context, caller, viewed)
    return await render_fragment(request, caller, "navigation.html", navigation=navigation, path=at)


async def _render_list(
    request: Request,
    caller: Caller,
    load_page: Callable[[str | None], Page],
    cursor: str | None,
    *,
    name: str,
    live: str,
    values: Mapping[str, Any] | None = None,
) -> Response:
    try:
        result = await asyncio.to_thread(load_page, cursor)
    except InvalidCursor:
        return RedirectResponse(request.url.path, 303)
    translate = translations(date_formatter(request, caller).language)
    here = request.url.path.removesuffix("/next")
    shown: dict[str, Any] = {
        "title": translate(f"{name}.title") if name != "queue" else "",
        "subtitle": "",
        "empty": translate(f"{name}.empty"),
        "empty_how": translate(f"{name}.empty_how"),
        "lines": result.items,
        "live": live,
        "here": f"{here}?{urlencode({'cursor': cursor})}" if cursor else here,
        "first": here,
        "is_later": cursor is not None,
        "following": f"{here}?{urlencode({'cursor': result.cursor})}" if result.cursor else None,
    } | dict(values or {})
    if request.headers.get("hx-request") == "true":
        return await render_fragment(request, caller, "lists/rows.html", **shown)
    return await render_page(request, caller, "lists/list.html", **shown)
