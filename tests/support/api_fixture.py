"""The API over a real desk: a server, a worker, a store, and callers with keys of their own."""

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
from catalog.loader import SAMPLE, load
from tests.support.browser_fixtures import Begun
from tests.support.process_stack import RunningStack, running_stack
from tests.support.workers import IDA
from web.app import application
from web.change_feed import Hub
from web.context import House

Answer = dict[str, Any]
ALL_SCOPES: Final = frozenset(Scope)
TICKET: Final[Answer] = {
    "title": "No invoice",
    "description": "The invoice of May never came.",
    "category": "billing",
    "primary_contact": IDA,
    "requester": IDA,
    "queue": "billing",
    "submit": True,
}
CASE: Final[Answer] = {
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


class KnownKeys:
    """Doors that know these keys, and people's sessions, by their names."""

    def by_session(self, token: str) -> Caller | None:
        """The person of this name."""
        return PEOPLE.get(token)

    def by_key(self, key: str) -> Caller | None:
        """The caller of this name; a person's, too, so that tests need no cookie."""
        return KEYS.get(key) or PEOPLE.get(key)


@dataclass(frozen=True)
class Api:
    """The API as callers have it."""

    running_stack: RunningStack
    house: House
    transport: httpx.AsyncBaseTransport

    def client(self, key: str | None = "erp") -> httpx.AsyncClient:
        """A client that comes by this key; None: by none."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(
            transport=self.transport,
            base_url="http://desk.example.org/api/v1",
            headers=headers,
            timeout=60,
        )

    async def get(self, path: str, key: str | None = "erp", **options: Any) -> httpx.Response:  # noqa: ANN401
        """Ask once."""
        async with self.client(key) as client:
            return await client.get(path, **options)

    async def post(
        self,
        path: str,
        body: object = None,
        key: str | None = "erp",
        **options: Any,  # noqa: ANN401
    ) -> httpx.Response:
        """Tell once."""
        async with self.client(key) as client:
            return await client.post(path, json={} if body is None else body, **options)

    async def ticket(self, key: str = "erp", **fields: object) -> Answer:
        """A Ticket that was started through the API; its state."""
        answer = await self.post("/tickets", TICKET | fields, key)
        assert answer.status_code == 201, answer.text
        state: Answer = answer.json()
        return state

    async def case(self, key: str = "erp", **fields: object) -> Answer:
        """A Case that was started through the API; its state."""
        answer = await self.post("/cases", CASE | fields, key)
        assert answer.status_code == 201, answer.text
        state: Answer = answer.json()
        return state


def house_of(desk: RunningStack) -> House:
    """The house of a running_stack, with the keys of this module."""
    return House(
        desk=desk.desk,
        engine=desk.engine,
        catalog=load(SAMPLE),
        settings=desk.stack.settings,
        doors=KnownKeys(),
        hub=Hub(desk.engine),
    )


@asynccontextmanager
async def listening(app: Any, port: int = 0) -> AsyncIterator[str]:  # noqa: ANN401 - any ASGI application
    """The application's address on this host, as long as this loop serves it."""
    with socket.socket() as taking:
        taking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taking.bind(("127.0.0.1", port))
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, ws="none")
        server = Begun(config)
        serving = asyncio.create_task(server.serve(sockets=[taking]))
        await server.began.wait()
        try:
            yield f"http://127.0.0.1:{taking.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def api_over(folder: Path, database_url: str | None = None) -> AsyncIterator[Api]:
    """A desk of its own, and its API."""
    url = database_url or f"sqlite:///{folder / 'casekeep.db'}"
    async with running_stack(folder, url, catalog=SAMPLE) as desk:
        house = house_of(desk)
        yield Api(desk, house, httpx.ASGITransport(application(house)))


def fresh(prefix: str = "T") -> str:
    """A reference that nobody used."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"
