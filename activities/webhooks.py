"""Deliveries to webhooks: signed, in each item's order, retried until accepted."""

import asyncio
import base64
import binascii
import itertools
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final

import httpx
from pydantic import TypeAdapter
from sqlalchemy import Engine
from standardwebhooks import Webhook
from temporalio import activity
from temporalio.exceptions import ApplicationError

from store.schema.webhook_tables import WebhookRow
from store.webhooks.deliveries import (
    LOG_RETENTION,
    Delivery,
    delete_settled,
    give_up,
    queued_deliveries,
    record_failure,
    record_success,
)
from store.webhooks.subscriptions import (
    UnknownWebhook,
    get_webhook,
    is_creator_entitled,
    switch_off_webhook,
)
from store.webhooks.target_check import TargetRefused, check_address

_BASE64_MARK: Final = "whsec_"
RETRY_WINDOW: Final = timedelta(hours=24)
"""Time after which a delivery is given up, and a webhook that accepted nothing is switched off."""
ANSWER_TIMEOUT: Final = 10.0
"""Seconds."""
MAX_CONCURRENT_ITEMS: Final = 8
"""Items whose changes are sent side by side; as many failed items end an attempt."""
_BATCH: Final = 100
_MAX_ANSWER: Final = 65_536
"""Bytes of an answer's body that are read and dropped, so that the connection can be reused."""
_JSON: Final[TypeAdapter[Any]] = TypeAdapter(Any)


def signature_headers(secret: str, delivery_id: str, body: str, at: datetime) -> dict[str, str]:
    """Return the headers of the Standard Webhooks specification for a body sent at `at`."""
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": f"{int(at.timestamp())}",
        "webhook-signature": Webhook(_signing_key(secret)).sign(
            delivery_id, at.astimezone(UTC), body
        ),
    }


def _signing_key(secret: str) -> bytes:
    """Return the key of a `whsec_<base64>` secret, or the bytes of a secret in an older format."""
    if secret.startswith(_BASE64_MARK):
        # older secrets have this prefix, too, but lack the padding: none of them is strict base64
        with suppress(binascii.Error):
            return base64.b64decode(secret.removeprefix(_BASE64_MARK), validate=True)
    return secret.encode()


Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, for a port; raises OSError if there are none."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the system's resolver gives."""
    addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]).partition("%")[0] for each in addresses]


class PinnedTransport(httpx.AsyncBaseTransport):
    """Transport that resolves a host once, checks all its addresses, and connects to one of them.

    Else the name's owner could give another address between check and connection (DNS rebinding).
    """

    def __init__(self, resolver: Resolver = resolve) -> None:
        self._resolve = resolver
        self._inner = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=MAX_CONCURRENT_ITEMS * 4)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to an address of its host; raises TargetRefused."""
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = [ip_address(each) for each in await self._resolve(url.host, port)]
        for address in addresses:
            check_address(address, is_plain=url.scheme == "http")
        pinned = httpx.Request(
            request.method,
            url.copy_with(host=str(addresses[0])),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host},
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def http_client() -> httpx.AsyncClient:
    """Return a client for deliveries: no proxy, no redirects, no refused addresses."""
    return httpx.AsyncClient(
        transport=PinnedTransport(), trust_env=False, follow_redirects=False, timeout=ANSWER_TIMEOUT
    )


def _now() -> datetime:
    return datetime.now(UTC)


class WebhookSender:
    """Sender of a webhook's queued deliveries."""

    def __init__(
        self, engine: Engine, http: httpx.AsyncClient, now: Callable[[], datetime] = _now
    ) -> None:
        """Read from this store, send with this client."""
        self._engine = engine
        self._http = http
        self._now = now

    @activity.defn(name="tell_hook")
    async def send_queued(self, webhook_id: str) -> None:
        """Send all deliveries that are queued for the webhook, each item's in order.

        Raises ApplicationError if one was not accepted, so that Temporal retries. After
        `RETRY_WINDOW` a delivery is given up, and a webhook that accepted nothing is switched off.
        """
        failed: set[str] = set()
        while deliveries := await asyncio.to_thread(
            queued_deliveries, self._engine, webhook_id, limit=_BATCH, except_items=failed
        ):
            try:
                webhook = await asyncio.to_thread(get_webhook, self._engine, webhook_id)
            except UnknownWebhook:
                return
            if webhook.off_at is not None or await self._is_switched_off(webhook):
                return
            failed |= await self._send_all(webhook, deliveries)
            if len(failed) >= MAX_CONCURRENT_ITEMS:
                break
        before = self._now() - LOG_RETENTION
        await asyncio.to_thread(delete_settled, self._engine, webhook_id, before=before)
        if failed:
            raise ApplicationError(
                f"webhook {webhook_id} did not accept the changes of {len(failed)} items"
            )

    async def _is_switched_off(self, webhook: WebhookRow) -> bool:
        """Switch the webhook off if its creator is not entitled or its retry window is over."""
        if not await asyncio.to_thread(is_creator_entitled, self._engine, webhook, self._now()):
            await self._switch_off(
                webhook,
                "its key is revoked or expired"
                if webhook.key
                else f"{webhook.made_by} is disabled",
            )
            return True
        since = webhook.failing_since
        if since is None or self._now() - since < RETRY_WINDOW:
            return False
        await self._switch_off(webhook, f"accepted nothing since {since:%Y-%m-%d %H:%M} UTC")
        return True

    async def _switch_off(self, webhook: WebhookRow, reason: str) -> None:
        await asyncio.to_thread(
            switch_off_webhook, self._engine, webhook.id, reason=reason, at=self._now()
        )

    async def _send_all(self, webhook: WebhookRow, deliveries: tuple[Delivery, ...]) -> set[str]:
        """Send these; return the references of the items whose changes were not all accepted."""
        slots = asyncio.Semaphore(MAX_CONCURRENT_ITEMS)
        ordered = sorted(deliveries, key=lambda each: (each.reference, each.number))

        async def send_item(reference: str, changes: list[Delivery]) -> str | None:
            async with slots:
                for delivery in changes:
                    if not await self._is_settled(webhook, delivery):
                        return reference
            return None

        failed = await asyncio.gather(
            *(
                send_item(reference, list(changes))
                for reference, changes in itertools.groupby(ordered, lambda each: each.reference)
            )
        )
        return {reference for reference in failed if reference is not None}

    async def _is_settled(self, webhook: WebhookRow, delivery: Delivery) -> bool:
        """Send the delivery, or give it up; return True if the item's next one may follow."""
        activity.heartbeat()
        if delivery.tried_at is not None and self._now() - delivery.tried_at >= RETRY_WINDOW:
            await asyncio.to_thread(give_up, self._engine, delivery)
            return True
        answered, problem = await self._send(webhook, delivery)
        at = self._now()
        if problem is None and answered is not None:
            await asyncio.to_thread(
                record_success, self._engine, delivery, answered=answered, at=at
            )
            return True
        await asyncio.to_thread(
            record_failure, self._engine, delivery, answered=answered, problem=problem or "", at=at
        )
        if answered == HTTPStatus.GONE:
            await self._switch_off(webhook, "answered 410 Gone")
        return False

    async def _send(self, webhook: WebhookRow, delivery: Delivery) -> tuple[int | None, str | None]:
        """Return the answer's status, and the problem unless the delivery was accepted."""
        body = _JSON.dump_json(dict(delivery.payload)).decode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Casekeep",
        } | signature_headers(webhook.secret, delivery.id, body, self._now())
        try:
            async with (
                asyncio.timeout(ANSWER_TIMEOUT),
                self._http.stream("POST", webhook.url, content=body, headers=headers) as answer,
            ):
                read = 0
                with suppress(httpx.HTTPError):
                    async for chunk in answer.aiter_raw():
                        read += len(chunk)
                        if read > _MAX_ANSWER:
                            break
        except TimeoutError:
            return None, f"no answer within {ANSWER_TIMEOUT:g} s"
        except (httpx.HTTPError, OSError, TargetRefused) as error:
            return None, f"{type(error).__name__}: {error}"[:300]
        if answer.is_success:
            return answer.status_code, None
        return answer.status_code, f"answered {answer.status_code} {answer.reason_phrase}"[:300]
