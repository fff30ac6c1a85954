"""The audit: who did what, and what became of it; for operators."""

import asyncio
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from auth.permissions import Duty, check_duty
from store.auth.audit import AuditFilter, audit_page
from store.errors import InvalidCursor
from store.schema.auth_tables import Audited
from web.context import Calls, InHouse
from web.pages.page_templates import page

router: Final = APIRouter()
_Word = Annotated[str, Query(max_length=200)]


@router.get("/audit")
async def audit(
    request: Request,
    house: InHouse,
    caller: Calls,
    *,
    by: _Word = "",
    item: _Word = "",
    kind: _Word = "",
    cursor: _Word = "",
) -> Response:
    """What was done lately: by somebody, to an item, of a kind, or at all."""
    check_duty(caller, Duty.OPERATE)
    by, item = by.strip(), item.strip()
    chosen = Audited(kind) if kind in set(Audited) else None
    wanted = AuditFilter(by=by or None, item=item or None, kind=chosen)
    try:
        found = await asyncio.to_thread(audit_page, house.engine, wanted, cursor=cursor or None)
    except InvalidCursor:
        # an address that somebody changed by hand: the newest are as good a beginning
        found = await asyncio.to_thread(audit_page, house.engine, wanted)
    asked = {"by": by, "item": item, "kind": chosen or ""}
    kept = {name: value for name, value in asked.items() if value}
    return await page(
        request,
        caller,
        "audit.html",
        found=found.entries,
        wanted=asked,
        kinds=list(Audited),
        is_later=bool(cursor),
        first=f"/audit?{urlencode(kept)}",
        following=found.cursor and f"/audit?{urlencode(kept | {'cursor': found.cursor})}",
    )
