"""Benchmark of Tickets' lifecycles through the HTTP API, compared with Temporal's updates."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import make_msgid
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import JsonValue
from sqlalchemy import Engine

from auth.api_keys import make
from auth.callers import Scope
from bench.lives import START
from devstack.stack import Stack
from domain.base.values import Kind
from starter.references import new_reference
from starter.settings import Settings
from store.engine import open_engine
from store.schema.versions import upgrade_schema

CONCURRENCIES: Final = (1, 16)
API_LIFECYCLE: Final = ("create", "take", "wait", "reply", "resolve, which closes")
_ACTOR: Final = "service:bench"
_MAILS: Final = "service:mails"
_TICKET: Final[dict[str, Any]] = {name: value for name, value in START.items() if name != "by"}
_WAIT: Final[dict[str, JsonValue]] = {"type": "more_information", "waiting_for": "customer"}
_RESOLVE: Final[dict[str, JsonValue]] = {"method": "customer_response"}
_NUMBERS: Final = itertools.count()
RunLifecycle = Callable[[int], Awaitable[None]]
"""Runs a lifecycle in the queue of this number, which no other task uses at the time."""


@dataclass
class ApiFigures:
    """Items a second by concurrency, one figure a round."""

    api: dict[int, list[float]] = field(default_factory=dict)
    updates: dict[int, list[float]] = field(default_factory=dict)
    """Same changes of the same Tickets, each one update of Temporal's client."""


def api_stack(folder: Path) -> Stack:
    """Return a stack that serves the API, on free ports."""
    settings = Settings(
        database_url=f"sqlite:///{folder / 'casekeep.db'}", http_listen="127.0.0.1:0"
    )
    return Stack(folder, temporal_port=0, ui_port=0, web=True, settings=settings)


def make_api_keys(engine: Engine) -> dict[str, str]:
    """Create an API key to work with and one for mails; return them by actor."""
    scopes = {_ACTOR: {Scope.START, Scope.WORK, Scope.READ}, _MAILS: {Scope.MAIL}}
    return {
        actor: make(engine, actor, scopes=chosen, queues={"*"}, by="bench", lasts=None)[0]
        for actor, chosen in scopes.items()
    }


def _mail() -> dict[str, JsonValue]:
    return {
        "message_id": make_msgid(domain="example.org"),
        "sender": "Ada Lovelace <ada@example.org>",
        "recipients": ["desk@desk.example"],
        "subject": "Re: Printer on fire",
        "excerpt": "It still burns.",
    }


def _queue(slot: int) -> str:
    return f"bench-{slot}"


def by_api(work: httpx.AsyncClient, mails: httpx.AsyncClient) -> RunLifecycle:
    """Return a function that runs a lifecycle through the API."""

    async def post(
        client: httpx.AsyncClient, path: str, body: Mapping[str, JsonValue] | None = None
    ) -> dict[str, Any]:
        answer = await client.post(path, json=body or {})
        answer.raise_for_status()
        state: dict[str, Any] = answer.json()
        return state

    async def live(slot: int) -> None:
        await post(work, "/tickets", _TICKET | {"queue": _queue(slot), "submit": True})
        reference = (await post(work, f"/queues/{_queue(slot)}/next"))["reference"]
        await post(work, f"/items/{reference}/wait", _WAIT)
        await post(mails, f"/items/{reference}/receive_email", _mail())
        state = await post(work, f"/items/{reference}/resolve", _RESOLVE)
        _check(state)

    return live


def by_updates(stack: Stack, client: Any) -> RunLifecycle:  # noqa: ANN401 - Temporal's client
    """Return a function that runs the same lifecycle by Temporal's client."""

    async def live(slot: int) -> None:
        handle = await client.start_workflow(
            Kind.TICKET.value,
            START | {"by": _ACTOR, "queue": _queue(slot), "submit": True},
            id=new_reference(Kind.TICKET),
            task_queue=stack.settings.task_queue,
        )
        await handle.execute_update("start", {"by": _ACTOR})
        await handle.execute_update("wait", {"by": _ACTOR} | _WAIT)
        await handle.execute_update("receive_email", {"by": _MAILS} | _mail())
        _check(await handle.execute_update("resolve", {"by": _ACTOR} | _RESOLVE))

    return live


def _check(state: Mapping[str, Any]) -> None:
    if state["status"] != "CLOSED":
        msg = f"{state['reference']} is {state['status']} at the end of its lifecycle"
        raise RuntimeError(msg)


async def rate(live: RunLifecycle, concurrency: int, lives: int) -> float:
    """Return items a second; each concurrent task has a queue of its own."""

    async def lives_of(slot: int) -> None:
        for _ in range(lives // concurrency):
            await live(slot)

    first_slot = next(_NUMBERS) * 1_000
    started_at = time.perf_counter()
    await asyncio.gather(*(lives_of(first_slot + slot) for slot in range(concurrency)))
    return lives // concurrency * concurrency / (time.perf_counter() - started_at)


async def measure_api(stack: Stack, rounds: int, lives: int) -> ApiFigures:
    """Measure both ways in turn, round by round, at each concurrency."""
    measured = ApiFigures()
    engine = open_engine(stack.settings.database_url)
    upgrade_schema(engine)
    made = make_api_keys(engine)
    async with (
        _client(stack, made[_ACTOR]) as work,
        _client(stack, made[_MAILS]) as mails,
    ):
        ways = [
            (measured.api, by_api(work, mails)),
            (measured.updates, by_updates(stack, await stack.client())),
        ]
        for _, live in ways:
            await rate(live, 8, 16)
        for turn in range(rounds):
            for concurrency in CONCURRENCIES:
                for figures, live in ways if turn % 2 == 0 else reversed(ways):
                    a_second = await rate(
                        live, concurrency, lives if concurrency > 1 else max(1, lives // 4)
                    )
                    figures.setdefault(concurrency, []).append(a_second)
    engine.dispose()
    return measured


def _client(stack: Stack, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"{stack.web_url}/api/v1",
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    )


def report_api(measured: ApiFigures) -> dict[str, list[float]]:
    """Return by concurrency: items a second by API, by updates, and the median ratio."""
    return {
        f"items a second at concurrency {concurrency}": [
            statistics.median(measured.api[concurrency]),
            statistics.median(measured.updates[concurrency]),
            statistics.median(
                one / other
                for one, other in zip(
                    measured.api[concurrency], measured.updates[concurrency], strict=True
                )
            ),
        ]
        for concurrency in CONCURRENCIES
    }
