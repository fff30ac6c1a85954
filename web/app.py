"""Assembly of the web application: routes, middleware and the background task."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from starter.process import run_forever
from web.api.routes import router as api
from web.context import AppContext
from web.error_handlers import add_error_handlers
from web.middleware import SecurityMiddleware
from web.pages.routes import router as pages
from web.sign_in.routes import router as signing

LOG: Final = logging.getLogger("casekeep.web")
STATIC: Final = Path(__file__).with_name("static")

MAX_REQUEST_BYTES: Final = 1024 * 1024
"""Limit of a request's body; a command has a quarter of it at most (contract)."""


def create_app(context: AppContext) -> FastAPI:
    """Build the application: pages, API and static files."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        broadcasting = asyncio.create_task(run_forever(LOG, context.broadcaster.run))
        try:
            yield
        finally:
            broadcasting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await broadcasting

    app = FastAPI(
        title="Casekeep",
        version="1",
        lifespan=lifespan,
        # web.api.routes serves the OpenAPI document and its page
        openapi_url=None,
        max_body_size=MAX_REQUEST_BYTES,
    )
    app.state.context = context
    app.include_router(api)
    app.include_router(pages)
    app.include_router(signing)
    app.add_middleware(SecurityMiddleware)
    add_error_handlers(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
