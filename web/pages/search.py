"""Search page: items by their words, among those that the reader may read."""

import asyncio
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup, escape

from auth.permissions import Duty, check_duty, is_theirs
from store.items.search import SearchResult, search, split_matches
from web.context import CallerDep, Context
from web.pages.page_templates import render_fragment, render_page

router: Final = APIRouter()
_MAX_SEARCHED: Final = 200
_MAX_SHOWN: Final = 50


@router.get("/search")
async def show_search(
    request: Request,
    context: Context,
    caller: CallerDep,
    q: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Show the items that have all the words; redirect a reference to its item."""
    check_duty(caller, Duty.READ)
    found: tuple[SearchResult, ...] = ()
    if q.strip():
        found = await asyncio.to_thread(search, context.engine, q, limit=_MAX_SEARCHED)
    readable = [hit for hit in found if is_theirs(caller, hit.item)]
    is_part = request.headers.get("hx-request") == "true"
    if not is_part and readable and readable[0].item.reference.casefold() == q.strip().casefold():
        return RedirectResponse(f"/items/{quote(readable[0].item.reference, safe='')}", 303)
    rows = [
        (hit.item, _highlight(hit.item.title, q), _highlight(hit.excerpt, q))
        for hit in readable[:_MAX_SHOWN]
    ]
    values: dict[str, Any] = {
        "search_text": q,
        "hits": rows,
        "is_truncated": len(readable) > _MAX_SHOWN,
    }
    if is_part:
        return await render_fragment(request, caller, "lists/found.html", **values)
    return await render_page(request, caller, "lists/search.html", **values)


def _highlight(text: str, words: str) -> Markup:
    """Mark the words in the text."""
    highlighted = Markup("")
    for part, is_match in split_matches(text, words):
        highlighted += Markup("<mark>{}</mark>").format(part) if is_match else escape(part)
    return highlighted
