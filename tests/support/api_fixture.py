"""Fixture of the HTTP API: Temporal, a worker, a store, and callers with API keys."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn

from auth.callers import EVERY_QUEUE, Caller, Role, Scope
from catalog.loader import SAMPLE_FOLDER, load_catalog
from tests.support.browser_fixtures import NotifyingServer
from tests.support.process_stack import RunningStack, running_stack
from tests.support.workers import IDA
from web.app import create_app
from web.change_feed import Broadcaster
from web.context import AppContext

JsonObject = dict[str, Any]
ALL_SCOPES: Final = frozenset(Scope)
TICKET: Final[JsonObject] = {
    "title": "No invoice",
    "description": "The invoice of May never came.",
    "category": "billing",
    "primary_contact": IDA,
    "requester": IDA,
    "queue": "billing",
    "submit": True,
}
CASE: Final[JsonObject] = {
    "short_description": "Pay invoice 4711",
    "queue": "billing",
    "submit": True,
    "definition": {
        "name": "supplier invoice",
        "steps": [{"key": "check", "actions": [{"key": "read", "queue": "robots"}]}],
    },
}


def _caller(actor: str, scopes: frozenset[Scope], *queues: str) -> Caller:
    return Caller(actor=actor, scopes=scopes, queues=frozenset(queues), credential=actor)


KEYS: Final = {
    "erp": _caller("service:erp", ALL_SCOPES, EVERY_QUEUE),
    "crm": _caller("service:crm", ALL_SCOPES, EVERY_QUEUE),
    "ocr": _caller("robot:ocr-1", frozenset({Scope.READ, Scope.WORK}), "robots"),
    "stranger": _caller("service:stranger", ALL_SCOPES, "elsewhere"),
    "reader": _caller("service:reader", frozenset({Scope.READ}), EVERY_QUEUE),
}
PEOPLE: Final = {
    "amy": Caller(actor="amy", role=Role.AGENT, queues=frozenset({"billing"}), credential="amy"),
    "bob": Caller(actor="bob", role=Role.LEAD, queues=frozenset({"billing"}), credential="bob"),
    "olga": Caller(actor="olga", role=Role.OPERATOR, credential="olga"),
}


class FakeCallers:
    """Caller lookup in which each name is also the key or the session token."""

    def by_session(self, token: str) -> Caller | None:
        """Return the person of this name."""
        return PEOPLE.get(token)

    def by_key(self, key: str) -> Caller | None:
        """Return the caller of this name; also a person, so that tests need no cookie."""
        return KEYS.get(key) or PEOPLE.get(key)


@dataclass(frozen=True)
class Api:
    """Running API, and requests to it."""

    running_stack: RunningStack
    context: AppContext
    transport: httpx.AsyncBaseTransport

    def client(self, key: str | None = "erp") -> httpx.AsyncClient:
        """Return a client with this key; None: without a key."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(
            transport=self.transport,
            base_url="http://desk.example.org/api/v1",
            headers=headers,
            timeout=60,
        )

    async def get(self, path: str, key: str | None = "erp", **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a GET request."""
        async with self.client(key) as client:
            return await client.get(path, **options)

    async def post(
        self,
        path: str,
        body: object = None,
        key: str | None = "erp",
        **options: Any,  # noqa: ANN401
    ) -> httpx.Response:
        """Send a POST request."""
        async with self.client(key) as client:
            return await client.post(path, json={} if body is None else body, **options)

    async def ticket(self, key: str = "erp", **fields: object) -> JsonObject:
        """Start a Ticket; return its state."""
        answer = await self.post("/tickets", TICKET | fields, key)
        assert answer.status_code == 201, answer.text
        state: JsonObject = answer.json()
        return state

    async def case(self, key: str = "erp", **fields: object) -> JsonObject:
        """Start a Case; return its state."""
        answer = await self.post("/cases", CASE | fields, key)
        assert answer.status_code == 201, answer.text
        state: JsonObject = answer.json()
        return state


def api_context(desk: RunningStack) -> AppContext:
    """Return the context of a running stack, with the callers of this module."""
    return AppContext(
        client=desk.desk,
        engine=desk.engine,
        catalog=load_catalog(SAMPLE_FOLDER),
        settings=desk.stack.settings,
        caller_lookup=FakeCallers(),
        broadcaster=Broadcaster(desk.engine),
    )


@asynccontextmanager
async def serve_app(app: Any, port: int = 0) -> AsyncIterator[str]:  # noqa: ANN401 - any ASGI application
    """Serve the application in this loop while the context lasts; yield its URL."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, ws="none")
        server = NotifyingServer(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.has_started.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def running_api(folder: Path, database_url: str | None = None) -> AsyncIterator[Api]:
    """Run a stack of its own with the API."""
    url = database_url or f"sqlite:///{folder / 'casekeep.db'}"
    async with running_stack(folder, url, catalog=SAMPLE_FOLDER) as desk:
        context = api_context(desk)
        yield Api(desk, context, httpx.ASGITransport(create_app(context)))


def random_reference(prefix: str = "T") -> str:
    """Return an unused reference."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"
