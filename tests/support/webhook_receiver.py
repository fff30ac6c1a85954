"""A receiver of webhooks: a real HTTP server on this host, which answers as it is told."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.api_fixture import listening

Answer = dict[str, Any]


@dataclass
class Receiver:
    """What was received, and how it is answered."""

    url: str = ""
    taken: list[Answer] = field(default_factory=list)
    """Bodies that were answered with a success, in order."""
    tried: list[Answer] = field(default_factory=list)
    headers: list[Answer] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answer: Callable[[Answer], int] = field(default=lambda _told: 204)

    async def take(self, request: Request) -> Response:
        """Take a delivery, or refuse it."""
        body = await request.body()
        told = json.loads(body)
        status = self.answer(told)
        self.tried.append(told)
        self.headers.append(dict(request.headers))
        self.bodies.append(body)
        if status < 300:
            self.taken.append(told)
        return Response(status_code=status, headers={"Location": "http://169.254.169.254/"})

    def of(self, reference: str) -> list[Answer]:
        """What was taken of this item."""
        return [told for told in self.taken if told["item"]["reference"] == reference]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens on this host."""
    receiver = Receiver()
    app = Starlette(routes=[Route("/told", receiver.take, methods=["POST"])])
    async with listening(app) as address:
        receiver.url = f"{address}/told"
        yield receiver
