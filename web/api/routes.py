"""The HTTP API, version 1: its routes, and the document that describes them."""

from functools import cache
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse

from web.api import catalog, commands, items, queues, robots, starts, webhooks
from web.api.openapi import Document, document_of
from web.api.problem_details import ApiRoute
from web.api.reference_page import page_of

PREFIX: Final = "/api/v1"
router = APIRouter(prefix=PREFIX, route_class=ApiRoute)
for _part in (starts, items, commands, queues, robots, catalog, webhooks):
    router.include_router(_part.router)
_described: Final = list(router.routes)


@cache
def document() -> Document:
    """The API's OpenAPI document; made once.

    Never in a thread: FastAPI completes its routes as they are first asked for, and what it makes
    of them meanwhile in another thread can fail.
    """
    return document_of(_described)


@router.get("/openapi.json", include_in_schema=False)
async def read_document() -> JSONResponse:
    """The document, for everybody: it says nothing of this desk."""
    return JSONResponse(document())


@router.get("/", include_in_schema=False)
async def read_page() -> HTMLResponse:
    """The document as a page, for everybody."""
    return HTMLResponse(page_of(document()))
