"""Routes of the HTTP API, version 1, and its OpenAPI document."""

from functools import cache
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse

from web.api import catalog, commands, items, queues, robots, starts, webhooks
from web.api.openapi import Document, build_document
from web.api.problem_details import ApiRoute
from web.api.reference_page import render_reference

PREFIX: Final = "/api/v1"
router = APIRouter(prefix=PREFIX, route_class=ApiRoute)
for _part in (starts, items, commands, queues, robots, catalog, webhooks):
    router.include_router(_part.router)
_documented_routes: Final = list(router.routes)


@cache
def api_document() -> Document:
    """Return the API's OpenAPI document, which is built once.

    Call it in the event loop's thread: FastAPI completes its routes at their first use, and a
    second thread can see them incomplete.
    """
    return build_document(_documented_routes)


@router.get("/openapi.json", include_in_schema=False)
async def read_document() -> JSONResponse:
    """Return the OpenAPI document; it needs no caller, as it has no data of the desk."""
    return JSONResponse(api_document())


@router.get("/", include_in_schema=False)
async def read_page() -> HTMLResponse:
    """Return the API reference as a page; it needs no caller."""
    return HTMLResponse(render_reference(api_document()))
