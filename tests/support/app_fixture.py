"""Fixture of the web application with real sign-in, but without Temporal."""

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
from catalog.loader import SAMPLE_FOLDER, Catalog, load_catalog
from starter.client import CasekeepClient
from starter.settings import Settings
from store.engine import open_engine
from web.app import create_app
from web.change_feed import Broadcaster
from web.context import SESSION_COOKIE, AppContext

__all__ = ["anonymous", "app", "web_engine"]

PASSWORD: Final = "correct horse battery"  # noqa: S105 - of nobody
ORIGIN: Final = "http://desk.example"
SAME_ORIGIN: Final = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
_CSRF: Final = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@pytest.fixture
def web_engine(sqlite_url: str) -> Iterator[Engine]:
    """Store with durable commits, as in the web process."""
    engine = open_engine(sqlite_url, durable=True)
    yield engine
    engine.dispose()


@pytest.fixture
async def app(web_engine: Engine) -> FastAPI:
    """Application; its Temporal client is lazy and never connects."""
    return await make_app(web_engine)


async def make_app(engine: Engine, **settings_values: object) -> FastAPI:
    """Return the application with this store and these settings."""
    defaults = {"database_url": str(engine.url), "catalog": SAMPLE_FOLDER}
    settings = Settings.model_validate(defaults | settings_values)
    client = await Client.connect("127.0.0.1:1", lazy=True)
    context = AppContext(
        client=CasekeepClient(client, settings.task_queue),
        engine=engine,
        catalog=sample_catalog(),
        settings=settings,
        caller_lookup=Authenticator(engine),
        broadcaster=Broadcaster(engine),
    )
    return create_app(context)


@pytest.fixture
def anonymous(app: FastAPI) -> httpx.AsyncClient:
    """Browser in which nobody is signed in."""
    return browser(app)


@cache
def sample_catalog() -> Catalog:
    """Return the sample catalog, which is loaded once."""
    return load_catalog(SAMPLE_FOLDER)


def browser(app: FastAPI, *, address: str = "192.0.2.1", **headers: str) -> httpx.AsyncClient:
    """Return a client with a browser's origin headers; it follows no redirect."""
    transport = httpx.ASGITransport(app, client=(address, 50_000))
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=SAME_ORIGIN | headers)


def add_account(engine: Engine, name: str = "amy", **fields: Any) -> None:  # noqa: ANN401
    """Add an account with the password `PASSWORD`."""
    values: dict[str, Any] = {"role": Role.AGENT, "by": "root", "queues": ("invoices",)}
    accounts.make(engine, name, **values | {"password": PASSWORD} | fields)


async def sign_in(
    client: httpx.AsyncClient, name: str = "amy", password: str = PASSWORD, **fields: str
) -> httpx.Response:
    """Submit the sign-in form."""
    return await client.post("/sign-in", data={"name": name, "password": password} | fields)


def session_token(answer: httpx.Response) -> str:
    """Return the session token that the response sets."""
    token = answer.cookies[SESSION_COOKIE]
    assert isinstance(token, str)
    return token
