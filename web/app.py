"""The application: its routes, what guards them, and what runs beside them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from starter.process import unbroken
from web.api.routes import router as api
from web.context import House
from web.middleware import guard
from web.pages.routes import router as pages
from web.sign_in.routes import router as signing

LOG: Final = logging.getLogger("casekeep.web")
STATIC: Final = Path(__file__).with_name("static")

MOST: Final = 1024 * 1024
"""Bytes of a request: a form holds one command, which is a quarter of that at most (contract)."""


def application(house: House) -> FastAPI:
    """The pages and the API over this house."""

    @asynccontextmanager
    async def beside(_app: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(unbroken(LOG, house.hub.serve))
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    app = FastAPI(
        title="Casekeep",
        version="1",
        lifespan=beside,
        # the API brings its own document, and no page of anybody else's to read it
        openapi_url=None,
        max_body_size=MOST,
    )
    app.state.house = house
    app.include_router(api)
    app.include_router(pages)
    app.include_router(signing)
    guard(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
