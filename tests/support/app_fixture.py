"""A house with real doors and no Temporal behind it, and browsers that come to it."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from temporalio.client import Client

from auth import accounts
from auth.authenticator import Authenticator
from auth.callers import Role
from catalog.loader import SAMPLE, Catalog, load
from starter.client import Desk
from starter.settings import Settings
from store.engine import engine_of
from web.app import application
from web.change_feed import Hub
from web.context import SESSION_COOKIE, House

__all__ = ["app", "kept", "outside"]

PASSWORD: Final = "correct horse battery"  # noqa: S105 - of nobody
ORIGIN: Final = "http://desk.example"
OURS: Final = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
_CSRF: Final = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@pytest.fixture
def kept(sqlite_url: str) -> Iterator[Engine]:
    """A store that commits for good, as the process of the pages has it."""
    engine = engine_of(sqlite_url, lasting=True)
    yield engine
    engine.dispose()


@pytest.fixture
async def app(kept: Engine) -> FastAPI:
    """The application; its desk connects when it is asked first."""
    return await application_over(kept)


async def application_over(engine: Engine, **given: object) -> FastAPI:
    """The application over this store, with settings that are given."""
    chosen = {"database_url": str(engine.url), "catalog": SAMPLE}
    settings = Settings.model_validate(chosen | given)
    client = await Client.connect("127.0.0.1:1", lazy=True)
    house = House(
        desk=Desk(client, settings.task_queue),
        engine=engine,
        catalog=sample(),
        settings=settings,
        doors=Authenticator(engine),
        hub=Hub(engine),
    )
    return application(house)


@pytest.fixture
def outside(app: FastAPI) -> httpx.AsyncClient:
    """A browser in which nobody is signed in."""
    return browser(app)


@cache
def sample() -> Catalog:
    """The sample desk's catalog, read once."""
    return load(SAMPLE)


def browser(app: FastAPI, *, address: str = "192.0.2.1", **headers: str) -> httpx.AsyncClient:
    """A browser that follows no redirect, and says where it comes from as browsers do."""
    transport = httpx.ASGITransport(app, client=(address, 50_000))
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=OURS | headers)


def has_account(engine: Engine, name: str = "amy", **given: Any) -> None:  # noqa: ANN401
    """Make an account that has `PASSWORD`."""
    values: dict[str, Any] = {"role": Role.AGENT, "by": "root", "queues": ("invoices",)}
    accounts.make(engine, name, **values | {"password": PASSWORD} | given)


async def sign_in(
    client: httpx.AsyncClient, name: str = "amy", password: str = PASSWORD, **fields: str
) -> httpx.Response:
    """Ask to be signed in."""
    return await client.post("/sign-in", data={"name": name, "password": password} | fields)


def token_of(answer: httpx.Response) -> str:
    """The session's token, of an answer that let somebody in."""
    token = answer.cookies[SESSION_COOKIE]
    assert isinstance(token, str)
    return token
