"""`python -m bench.live`: time from a signal until open pages show the change."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from auth import accounts, sessions
from auth.callers import EVERY_QUEUE, Role
from devstack.stack import Stack
from starter.settings import Settings
from store.engine import open_engine
from web.context import SESSION_COOKIE

READER: Final = "amy"
EVENT: Final = "event: item"
TICKET: Final = {
    "by": "service:bench",
    "title": "Invoice 4711 was never paid",
    "description": "The invoice of May never came.",
    "category": "invoice-question",
    "primary_contact": {"email": "ada@example.org"},
    "requester": {"email": "ada@example.org"},
}


@dataclass
class OpenPage:
    """Open page: listens for changes of its item and reloads the item's parts."""

    reference: str
    shows: dict[str, asyncio.Future[float]] = field(default_factory=dict)
    """Expected text, and the moment at which the page has it."""

    async def stay_open(self, web: httpx.AsyncClient, is_open: asyncio.Event) -> None:
        """Listen until cancelled."""
        asked = {"item": self.reference}
        async with web.stream("GET", "/live", params=asked, timeout=None) as stream:
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                if line == "event: hello":
                    is_open.set()
                elif line == EVENT:
                    await self._load(web)

    async def _load(self, web: httpx.AsyncClient) -> None:
        parts = await web.get(f"/items/{self.reference}/parts", timeout=60)
        parts.raise_for_status()
        now = time.perf_counter()
        for text, shown in self.shows.items():
            if not shown.done() and text in parts.text:
                shown.set_result(now)


async def measured(
    client: Client, pages: list[OpenPage], *, changes: int, every: float
) -> list[float]:
    """Return the seconds from each signal until every page of its item shows the change."""
    took: list[float] = []
    by_item: dict[str, list[OpenPage]] = {}
    for page in pages:
        by_item.setdefault(page.reference, []).append(page)
    references = list(by_item)

    async def change(number: int) -> None:
        reference, text = references[number % len(references)], f"note-{uuid.uuid4().hex}"
        loop = asyncio.get_running_loop()
        shown = [loop.create_future() for _ in by_item[reference]]
        for page, future in zip(by_item[reference], shown, strict=True):
            page.shows[text] = future
        started_at = time.perf_counter()
        handle = client.get_workflow_handle(reference)
        await handle.signal("add_note", {"by": "bob", "text": text})
        took.extend([moment - started_at for moment in await asyncio.gather(*shown)])
        for page in by_item[reference]:
            del page.shows[text]

    changing = []
    for number in range(changes):
        changing.append(asyncio.create_task(change(number)))
        await asyncio.sleep(every)
    await asyncio.gather(*changing)
    return took


async def measure(open_pages: int, items: int, changes: int, every: float) -> list[float]:
    """Measure a desk with `open_pages` pages and a signal every `every` seconds."""
    with tempfile.TemporaryDirectory(prefix="casekeep-bench-") as folder:
        settings = Settings(
            database_url=f"sqlite:///{Path(folder) / 'casekeep.db'}", http_listen="127.0.0.1:0"
        )
        stack = Stack(Path(folder), temporal_port=0, ui_port=0, web=True, settings=settings)
        async with stack:
            engine, client = open_engine(settings.database_url), await stack.client()
            accounts.make(engine, READER, role=Role.OPERATOR, by=READER, queues=(EVERY_QUEUE,))
            token = sessions.begin(engine, READER, way="bench")
            references = [f"BENCH-{number}" for number in range(items)]
            for reference in references:
                await client.start_workflow(
                    "Ticket", TICKET, id=reference, task_queue=settings.task_queue
                )
            limits = httpx.Limits(max_connections=None)
            web = httpx.AsyncClient(
                base_url=stack.web_url or "", cookies={SESSION_COOKIE: token}, limits=limits
            )
            async with web:
                pages = [OpenPage(references[number % items]) for number in range(open_pages)]
                opened = [asyncio.Event() for _ in pages]
                listening = [
                    asyncio.create_task(page.stay_open(web, is_open))
                    for page, is_open in zip(pages, opened, strict=True)
                ]
                await asyncio.gather(*(is_open.wait() for is_open in opened))
                print(f"{open_pages} pages are open", file=sys.stderr)
                await measured(client, pages, changes=items, every=every)
                took = await measured(client, pages, changes=changes, every=every)
                for task in listening:
                    task.cancel()
                await asyncio.gather(*listening, return_exceptions=True)
            engine.dispose()
    return took


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--items", type=int, default=50, help="items that the pages show")
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two signals")
    asked = parser.parse_args()
    took = asyncio.run(measure(asked.pages, asked.items, asked.changes, asked.every))
    quantiles = statistics.quantiles(took, n=20)
    table = Table(title=f"A signal until it is on the pages that show its item, {asked.pages} open")
    figures = {
        "changes seen": f"{len(took):,}",
        "median ms": f"{statistics.median(took) * 1000:,.0f}",
        "p95 ms": f"{quantiles[-1] * 1000:,.0f}",
        "longest ms": f"{max(took) * 1000:,.0f}",
    }
    for heading in figures:
        table.add_column(heading, justify="right")
    table.add_row(*figures.values())
    Console(width=100).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
