"""Audit page for operators."""

import asyncio
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from auth.permissions import Duty, check_duty
from store.auth.audit import AuditFilter, read_audit_page
from store.errors import InvalidCursor
from store.schema.auth_tables import AuditKind
from web.context import CallerDep, Context
from web.pages.page_templates import render_page

router: Final = APIRouter()
_Filter = Annotated[str, Query(max_length=200)]


@router.get("/audit")
async def audit(
    request: Request,
    context: Context,
    caller: CallerDep,
    *,
    by: _Filter = "",
    item: _Filter = "",
    kind: _Filter = "",
    cursor: _Filter = "",
) -> Response:
    """Show the newest entries of the audit, filtered by actor, item and kind."""
    check_duty(caller, Duty.OPERATE)
    by, item = by.strip(), item.strip()
    chosen_kind = AuditKind(kind) if kind in set(AuditKind) else None
    wanted = AuditFilter(by=by or None, item=item or None, kind=chosen_kind)
    try:
        page = await asyncio.to_thread(
            read_audit_page, context.engine, wanted, cursor=cursor or None
        )
    except InvalidCursor:
        # the URL was changed by hand: start with the newest entries
        page = await asyncio.to_thread(read_audit_page, context.engine, wanted)
    filters = {"by": by, "item": item, "kind": chosen_kind or ""}
    query = {name: value for name, value in filters.items() if value}
    return await render_page(
        request,
        caller,
        "audit.html",
        entries=page.entries,
        filters=filters,
        kinds=list(AuditKind),
        is_later_page=bool(cursor),
        first_page=f"/audit?{urlencode(query)}",
        next_page=page.cursor and f"/audit?{urlencode(query | {'cursor': page.cursor})}",
    )
