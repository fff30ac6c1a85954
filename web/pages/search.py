"""Search: items by any of their words, as far as they are for the reader's eyes."""

import asyncio
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup, escape

from auth.permissions import Duty, check_duty, is_theirs
from store.items.search import Found, marked, search
from web.context import Calls, InHouse
from web.pages.page_templates import fragment, page

router: Final = APIRouter()
_LOOKED_AT: Final = 200
_SHOWN: Final = 50


@router.get("/search")
async def searched(
    request: Request,
    house: InHouse,
    caller: Calls,
    q: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Items that hold all the words; a reference leads to its item."""
    check_duty(caller, Duty.READ)
    found: tuple[Found, ...] = ()
    if q.strip():
        found = await asyncio.to_thread(search, house.engine, q, limit=_LOOKED_AT)
    theirs = [one for one in found if is_theirs(caller, one.item)]
    is_part = request.headers.get("hx-request") == "true"
    if not is_part and theirs and theirs[0].item.reference.casefold() == q.strip().casefold():
        return RedirectResponse(f"/items/{quote(theirs[0].item.reference, safe='')}", 303)
    lines = [(one.item, _lit(one.item.title, q), _lit(one.excerpt, q)) for one in theirs[:_SHOWN]]
    shown: dict[str, Any] = {"asked": q, "found": lines, "is_cut": len(theirs) > _SHOWN}
    if is_part:
        return await fragment(request, caller, "lists/found.html", **shown)
    return await page(request, caller, "lists/search.html", **shown)


def _lit(told: str, words: str) -> Markup:
    """A text with what was looked for marked."""
    lit = Markup("")
    for text, is_wanted in marked(told, words):
        lit += Markup("<mark>{}</mark>").format(text) if is_wanted else escape(text)
    return lit
