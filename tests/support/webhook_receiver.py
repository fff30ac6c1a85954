"""Receiver of webhooks: an HTTP server on this host, with answers that a test chooses."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.api_fixture import serve_app

Body = dict[str, Any]


@dataclass
class WebhookReceiver:
    """Deliveries that were received, and the status of the answer."""

    url: str = ""
    accepted: list[Body] = field(default_factory=list)
    """Bodies that were answered with a success, in order."""
    attempted: list[Body] = field(default_factory=list)
    headers: list[Body] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answer: Callable[[Body], int] = field(default=lambda _delivery: 204)

    async def receive(self, request: Request) -> Response:
        """Accept a delivery, or refuse it."""
        body = await request.body()
        delivery = json.loads(body)
        status = self.answer(delivery)
        self.attempted.append(delivery)
        self.headers.append(dict(request.headers))
        self.bodies.append(body)
        if status < 300:
            self.accepted.append(delivery)
        return Response(status_code=status, headers={"Location": "http://169.254.169.254/"})

    def accepted_of(self, reference: str) -> list[Body]:
        """Return the accepted deliveries of this item."""
        return [each for each in self.accepted if each["item"]["reference"] == reference]


@asynccontextmanager
async def webhook_receiver() -> AsyncIterator[WebhookReceiver]:
    """Receiver that listens while the context lasts."""
    receiver = WebhookReceiver()
    app = Starlette(routes=[Route("/webhook", receiver.receive, methods=["POST"])])
    async with serve_app(app) as address:
        receiver.url = f"{address}/webhook"
        yield receiver
