"""Fixtures for browser tests: pages over a store, and browser windows of signed-in people."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, cast

import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from sqlalchemy import Engine

from auth.callers import EVERY_QUEUE, Caller, Role
from catalog.loader import SAMPLE_FOLDER, Catalog, load_catalog
from starter.client import CasekeepClient
from starter.settings import Settings
from web.app import create_app
from web.change_feed import Broadcaster
from web.context import SESSION_COOKIE, AppContext

CHROMIUM: Final = "/usr/bin/chromium"
AMY: Final = Caller(
    actor="amy",
    name="Amy Pond",
    role=Role.AGENT,
    queues=frozenset({"accounts-payable", "human-resources", "goods-receipt"}),
    csrf="amy's",
    credential="amy's",
)
BOB: Final = Caller(
    actor="bob",
    name="Robert Martin",
    role=Role.LEAD,
    queues=frozenset({EVERY_QUEUE}),
    language="fr",
    csrf="bob's",
    credential="bob's",
)
EVA: Final = Caller(
    actor="eva", name="Eva Novak", role=Role.VIEWER, csrf="eva's", credential="eva's"
)
OLA: Final = Caller(
    actor="ola", name="Ola Nordmann", role=Role.OPERATOR, csrf="ola's", credential="ola's"
)
PEOPLE: Final = {caller.actor: caller for caller in (AMY, BOB, EVA, OLA)}


@dataclass
class FakePeople:
    """Caller lookup in which a person's name is the session token."""

    people: Mapping[str, Caller] = field(default_factory=lambda: dict(PEOPLE))

    def by_session(self, token: str) -> Caller | None:
        """Return the person of this name."""
        return self.people.get(token)

    def by_key(self, key: str) -> Caller | None:  # noqa: ARG002 - the protocol's
        """Return None: pages are for people."""
        return None


class NotifyingServer(uvicorn.Server):
    """Server with an event that is set once it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then set the event."""
        await super().startup(sockets)
        self.has_started.set()


class NoClient:
    """Stands for the client where pages read only the store."""


def page_context(
    engine: Engine, client: CasekeepClient | None = None, *, catalog: Catalog | None = None
) -> AppContext:
    """Return a context with this store; the sample catalog by default."""
    return AppContext(
        client=client or cast("CasekeepClient", NoClient()),
        engine=engine,
        catalog=catalog or load_catalog(SAMPLE_FOLDER),
        settings=Settings(),
        caller_lookup=FakePeople(),
        broadcaster=Broadcaster(engine),
    )


@asynccontextmanager
async def serve_pages(context: AppContext) -> AsyncIterator[str]:
    """Serve the pages in this loop while the context lasts; yield their URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            create_app(context), log_level="warning", timeout_graceful_shutdown=1, ws="none"
        )
        server = NotifyingServer(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.has_started.wait()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


async def open_window(
    browser: Browser,
    address: str,
    person: str | None = "amy",
    *,
    width: int = 1440,
    height: int = 900,
    theme: str = "light",
    language: str | None = None,
    zone: str = "Europe/Paris",
) -> BrowserContext:
    """Open a browser context in which this person is signed in; None: nobody."""
    context = await browser.new_context(
        base_url=address,
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        timezone_id=zone,
        locale="en-GB",
        reduced_motion="reduce",
    )
    cookies = {SESSION_COOKIE: person, "casekeep_zone": zone, "casekeep_language": language}
    for name, value in cookies.items():
        if value is not None:
            await context.add_cookies([{"name": name, "value": value, "url": address}])
    return context


def page_errors(page: Page) -> list[str]:
    """Return a list to which the page's errors are added, with violations of its policy."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    return problems
