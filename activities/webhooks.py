"""Webhooks: changes are told to whoever asked, signed, in each item's order, until taken."""

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
from standardwebhooks import Webhook as Signer
from temporalio import activity
from temporalio.exceptions import ApplicationError

from store.webhooks.deliveries import (
    KEPT,
    Delivery,
    forget,
    give_up,
    note_delivered,
    note_failed,
    queued,
)
from store.webhooks.subscriptions import Hook, UnknownHook, hook_of, is_entitled, switch_off
from store.webhooks.target_check import WrongTarget, check_address

_BASE64_MARK: Final = "whsec_"
TRIED_FOR: Final = timedelta(hours=24)
"""How long a delivery is tried, and how long a hook may fail before it is switched off."""
ANSWER_WITHIN: Final = 10.0
"""Seconds."""
AT_ONCE: Final = 8
"""Items whose changes are told side by side; so many that fail end an attempt."""
_BATCH: Final = 100
_READ: Final = 65_536
"""Bytes of an answer's body that are read, and thrown away, so that its connection is kept."""
_JSON: Final[TypeAdapter[Any]] = TypeAdapter(Any)


def signature_headers(secret: str, delivery_id: str, body: str, at: datetime) -> dict[str, str]:
    """Return the headers of the Standard Webhooks specification for a body sent at `at`."""
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": f"{int(at.timestamp())}",
        "webhook-signature": Signer(_signing_key(secret)).sign(
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


LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, for a port; raises OSError if there are none."""


async def looked_up(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]).partition("%")[0] for each in found]


class Pinned(httpx.AsyncBaseTransport):
    """Looks a host up once, and connects to the very address that was found to be allowed.

    Whoever owns the name could else answer with another address between the check and the call.
    """

    def __init__(self, look_up: LookUp = looked_up) -> None:
        self._look_up = look_up
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=AT_ONCE * 4))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to an address of its host; raises WrongTarget if none is allowed."""
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = [ip_address(each) for each in await self._look_up(url.host, port)]
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
        """Close its connections."""
        await self._inner.aclose()


def client() -> httpx.AsyncClient:
    """What deliveries go out by: no proxy, no redirect, no address that is refused."""
    return httpx.AsyncClient(
        transport=Pinned(), trust_env=False, follow_redirects=False, timeout=ANSWER_WITHIN
    )


def _now() -> datetime:
    return datetime.now(UTC)


class HookDeliveries:
    """Tells a hook whatever it is still to be told."""

    def __init__(
        self, engine: Engine, http: httpx.AsyncClient, now: Callable[[], datetime] = _now
    ) -> None:
        """Read from this store, send over this client."""
        self._engine = engine
        self._http = http
        self._now = now

    @activity.defn(name="tell_hook")
    async def tell(self, id: str) -> None:  # noqa: A002 - the hook's name for it
        """Tell the hook all that is queued for it, each item's changes in order.

        Raises ApplicationError where something was not taken, so that Temporal has it tried again;
        after `TRIED_FOR` it is given up, and a hook that took nothing meanwhile is switched off.
        """
        failed: set[str] = set()
        while waiting := await asyncio.to_thread(
            queued, self._engine, id, limit=_BATCH, besides=failed
        ):
            try:
                hook = await asyncio.to_thread(hook_of, self._engine, id)
            except UnknownHook:
                return
            if hook.off_at is not None or await self._is_over(hook):
                return
            failed |= await self._tell_all(hook, waiting)
            if len(failed) >= AT_ONCE:
                break
        await asyncio.to_thread(forget, self._engine, id, before=self._now() - KEPT)
        if failed:
            raise ApplicationError(f"hook {id} did not take the changes of {len(failed)} items")

    async def _is_over(self, hook: Hook) -> bool:
        if not await asyncio.to_thread(is_entitled, self._engine, hook, self._now()):
            whose = "its key is revoked or expired" if hook.key else f"{hook.made_by} is disabled"
            await self._switch_off(hook, whose)
            return True
        if hook.failing_since is None or self._now() - hook.failing_since < TRIED_FOR:
            return False
        because = f"took nothing since {hook.failing_since:%Y-%m-%d %H:%M} UTC"
        await self._switch_off(hook, because)
        return True

    async def _switch_off(self, hook: Hook, because: str) -> None:
        await asyncio.to_thread(switch_off, self._engine, hook.id, because=because, at=self._now())

    async def _tell_all(self, hook: Hook, waiting: tuple[Delivery, ...]) -> set[str]:
        """Tell these; the references of the items whose changes were not all taken."""
        slots = asyncio.Semaphore(AT_ONCE)
        ordered = sorted(waiting, key=lambda each: (each.reference, each.number))

        async def tell_of(reference: str, theirs: list[Delivery]) -> str | None:
            async with slots:
                for delivery in theirs:
                    if not await self._is_told(hook, delivery):
                        return reference
            return None

        ends = await asyncio.gather(
            *(
                tell_of(reference, list(theirs))
                for reference, theirs in itertools.groupby(ordered, lambda each: each.reference)
            )
        )
        return {reference for reference in ends if reference is not None}

    async def _is_told(self, hook: Hook, delivery: Delivery) -> bool:
        """Whether the next change of the item may follow this one."""
        activity.heartbeat()
        if delivery.tried_at is not None and self._now() - delivery.tried_at >= TRIED_FOR:
            await asyncio.to_thread(give_up, self._engine, delivery)
            return True
        answered, problem = await self._sent(hook, delivery)
        at = self._now()
        if problem is None and answered is not None:
            await asyncio.to_thread(
                note_delivered, self._engine, delivery, answered=answered, at=at
            )
            return True
        await asyncio.to_thread(
            note_failed, self._engine, delivery, answered=answered, problem=problem or "", at=at
        )
        if answered == HTTPStatus.GONE:
            await self._switch_off(hook, "answered 410 Gone")
        return False

    async def _sent(self, hook: Hook, delivery: Delivery) -> tuple[int | None, str | None]:
        """The answer's status, and what is wrong."""
        body = _JSON.dump_json(dict(delivery.payload)).decode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Casekeep",
        } | signature_headers(hook.secret, delivery.id, body, self._now())
        try:
            async with (
                asyncio.timeout(ANSWER_WITHIN),
                self._http.stream("POST", hook.url, content=body, headers=headers) as answer,
            ):
                read = 0
                with suppress(httpx.HTTPError):
                    async for chunk in answer.aiter_raw():
                        read += len(chunk)
                        if read > _READ:
                            break
        except TimeoutError:
            return None, f"no answer within {ANSWER_WITHIN:g} s"
        except (httpx.HTTPError, OSError, WrongTarget) as error:
            return None, f"{type(error).__name__}: {error}"[:300]
        if answer.is_success:
            return answer.status_code, None
        return answer.status_code, f"answered {answer.status_code} {answer.reason_phrase}"[:300]
