"""The pages on a stage: a house over a store, served to real browsers of people signed in."""

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
from catalog.loader import SAMPLE, Catalog, load
from starter.client import Desk
from starter.settings import Settings
from web.app import application
from web.change_feed import Hub
from web.context import SESSION_COOKIE, House

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
class KnownDoors:
    """Doors that know these people by their names: a session's token is who it is of."""

    people: Mapping[str, Caller] = field(default_factory=lambda: dict(PEOPLE))

    def by_session(self, token: str) -> Caller | None:
        """The person of this name."""
        return self.people.get(token)

    def by_key(self, key: str) -> Caller | None:  # noqa: ARG002 - the protocol's
        """Nobody: pages are for people."""
        return None


class Begun(uvicorn.Server):
    """A server that tells when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.began = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self.began.set()


class NoDesk:
    """In place of a desk, where pages ask the store alone."""


def house(engine: Engine, desk: Desk | None = None, *, catalog: Catalog | None = None) -> House:
    """A house over this store, with the sample catalog unless it is another."""
    return House(
        desk=desk or cast("Desk", NoDesk()),
        engine=engine,
        catalog=catalog or load(SAMPLE),
        settings=Settings(),
        doors=KnownDoors(),
        hub=Hub(engine),
    )


@asynccontextmanager
async def served(of: House) -> AsyncIterator[str]:
    """The house's address, as long as it is served, by this loop."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            application(of), log_level="warning", timeout_graceful_shutdown=1, ws="none"
        )
        server = Begun(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await server.began.wait()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A real browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


async def window(
    browser: Browser,
    address: str,
    who: str | None = "amy",
    *,
    width: int = 1440,
    height: int = 900,
    theme: str = "light",
    language: str | None = None,
    zone: str = "Europe/Paris",
) -> BrowserContext:
    """Windows of somebody who is signed in; None: of nobody."""
    context = await browser.new_context(
        base_url=address,
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        timezone_id=zone,
        locale="en-GB",
        reduced_motion="reduce",
    )
    chosen = {SESSION_COOKIE: who, "casekeep_zone": zone, "casekeep_language": language}
    for name, value in chosen.items():
        if value is not None:
            await context.add_cookies([{"name": name, "value": value, "url": address}])
    return context


def problems_of(page: Page) -> list[str]:
    """What the page complains of, from now on: errors, and what its policy forbids."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    return problems
