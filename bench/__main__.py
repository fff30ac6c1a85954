"""`python -m bench`: compares Tickets with a bare workflow, and mails with calls."""

import argparse
import asyncio
import itertools
import json
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from bench.api import API_LIFECYCLE, api_stack, measure_api, report_api
from bench.lives import BARE, CONCURRENCY, LIFECYCLE, START, TICKET, BenchWorkflow
from bench.mails import MailFigures, mail_stack, measure_mails
from devstack.stack import Stack

NUMBERS: Final = itertools.count()
MEGABYTE: Final = 1024 * 1024


@dataclass
class Measurements:
    """Measurements of one workflow type."""

    signals: list[float] = field(default_factory=list)
    updates: list[float] = field(default_factory=list)
    events_by_signal: float = 0.0
    events_by_update: float = 0.0
    kilobytes: float = 0.0
    attributes: int = 0


@asynccontextmanager
async def worker_process(stack: Stack, which: str) -> AsyncIterator[psutil.Process]:
    """Run a worker process for one workflow type; yield it when it polls."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.host", which),
        stdout=asyncio.subprocess.PIPE,
        env=stack.environment,
    )
    try:
        if process.stdout is None or await process.stdout.readline() != b"polling\n":
            msg = f"the {which} worker did not start"
            raise RuntimeError(msg)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def start(client: Client, kind: BenchWorkflow) -> str:
    """Start an item and return its id."""
    reference = f"bench-{next(NUMBERS)}"
    await client.start_workflow(kind.workflow, START, id=reference, task_queue=kind.queue)
    return reference


async def run_lifecycle(client: Client, kind: BenchWorkflow, *, by_update: bool) -> str:
    """Run a lifecycle from start to close; return the item's id."""
    reference = await start(client, kind)
    handle = client.get_workflow_handle(reference)
    for command, fields in LIFECYCLE:
        if by_update:
            await handle.execute_update(command, fields)
        else:
            await handle.signal(command, fields)
    await handle.result()
    return reference


async def rate(
    client: Client, kind: BenchWorkflow, lives: int, *, by_update: bool
) -> tuple[float, float]:
    """Return status changes a second at `CONCURRENCY`, and history events an item."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one() -> str:
        async with slots:
            return await run_lifecycle(client, kind, by_update=by_update)

    started_at = time.perf_counter()
    references = await asyncio.gather(*(one() for _ in range(lives)))
    seconds = time.perf_counter() - started_at
    lengths = [
        (await client.get_workflow_handle(reference).describe()).history_length
        for reference in references[:50]
    ]
    return lives * len(LIFECYCLE) / seconds, statistics.mean(lengths)


async def memory(client: Client, kind: BenchWorkflow, process: psutil.Process, items: int) -> float:
    """Return the kilobytes of the worker that one more open item takes."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def open_item() -> None:
        async with slots:
            reference = await start(client, kind)
            handle = client.get_workflow_handle(reference)
            for command, fields in LIFECYCLE[:3]:
                await handle.execute_update(command, fields)

    await asyncio.gather(*(open_item() for _ in range(50)))
    before = process.memory_info().rss
    await asyncio.gather(*(open_item() for _ in range(items)))
    return (process.memory_info().rss - before) / 1024 / items


async def attribute_events(client: Client, reference: str) -> int:
    """Count the events of a lifecycle that update search attributes."""
    history = await client.get_workflow_handle(reference).fetch_history()
    return sum(
        event.HasField("upsert_workflow_search_attributes_event_attributes")
        for event in history.events
    )


async def measure(stack: Stack, rounds: int, lives: int, items: int) -> dict[str, Measurements]:
    """Measure both types in turn, round by round, so a disturbance hits both."""
    found = {BARE.name: Measurements(), TICKET.name: Measurements()}
    client = await stack.client()
    async with worker_process(stack, "bare") as bare, worker_process(stack, "ticket") as ticket:
        for kind in (BARE, TICKET):
            await rate(client, kind, CONCURRENCY, by_update=True)
        for turn in range(rounds):
            order = (BARE, TICKET) if turn % 2 == 0 else (TICKET, BARE)
            for by_update in (False, True):
                for kind in order:
                    figures = found[kind.name]
                    a_second, events = await rate(client, kind, lives, by_update=by_update)
                    if by_update:
                        figures.updates.append(a_second)
                        figures.events_by_update = events
                    else:
                        figures.signals.append(a_second)
                        figures.events_by_signal = events
            print(f"round {turn + 1} of {rounds} done", file=sys.stderr)
        for kind, process in ((BARE, bare), (TICKET, ticket)):
            found[kind.name].kilobytes = await memory(client, kind, process, items)
            reference = await run_lifecycle(client, kind, by_update=True)
            found[kind.name].attributes = await attribute_events(client, reference)
    return found


def ratio(ours: list[float], bare: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(ours, bare, strict=True))


def report(found: dict[str, Measurements], rounds: int, lives: int) -> dict[str, Any]:
    """Return the figures that are printed and written as JSON."""
    bare, ours = found[BARE.name], found[TICKET.name]
    return {
        "rounds": rounds,
        "lives a round": lives,
        "concurrency": CONCURRENCY,
        "changes a second by signal": [
            statistics.median(bare.signals),
            statistics.median(ours.signals),
            ratio(ours.signals, bare.signals),
        ],
        "changes a second by update": [
            statistics.median(bare.updates),
            statistics.median(ours.updates),
            ratio(ours.updates, bare.updates),
        ],
        "events an item by signal": [
            bare.events_by_signal,
            ours.events_by_signal,
            ours.events_by_signal / bare.events_by_signal,
        ],
        "events an item by update": [
            bare.events_by_update,
            ours.events_by_update,
            ours.events_by_update / bare.events_by_update,
        ],
        "KB of the worker an open item": [
            bare.kilobytes,
            ours.kilobytes,
            ours.kilobytes / bare.kilobytes,
        ],
        "events that move search attributes, a life by update": [
            bare.attributes,
            ours.attributes,
            None,
        ],
    }


def report_mails(found: MailFigures) -> dict[str, float]:
    """Return the figures of mails that are printed and written as JSON."""
    return {
        "mails a second, each on its item": statistics.median(found.whole_way),
        "update-with-start of such a Ticket": statistics.median(found.calls),
        "ratio to it": ratio(found.whole_way, found.calls),
        "update-with-start of a bare workflow": statistics.median(found.bare_calls),
        "ratio to that": ratio(found.whole_way, found.bare_calls),
    }


def show_mails(figures: dict[str, float]) -> None:
    """Print the figures of mails as a table."""
    table = Table(title="Mails by SMTP, kept and given to new Tickets, beside calls alone")
    table.add_column("measured")
    table.add_column("median", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.2f}")
    Console(width=100).print(table)


def show_api(figures: dict[str, list[float]]) -> None:
    """Print the figures of the API as a table."""
    table = Table(title="Tickets' lives through the HTTP API, by a key, beside Temporal's updates")
    for heading in ("measured", "API", "updates", "ratio"):
        table.add_column(heading, justify="left" if heading == "measured" else "right")
    for name, (ours, updates, compared) in figures.items():
        table.add_row(name, f"{ours:,.1f}", f"{updates:,.1f}", f"{compared:.2f}")
    console = Console(width=100)
    console.print(table)
    console.print(f"a life: {' → '.join(API_LIFECYCLE)}")


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table, and the lifecycle."""
    console = Console(width=100)
    table = Table(title="A Ticket (search attributes and store on) beside a bare workflow")
    for heading in ("measured", "bare", "Ticket", "ratio"):
        table.add_column(heading, justify="left" if heading == "measured" else "right")
    for name, row in figures.items():
        if isinstance(row, list):
            first, second, third = row
            shown = "" if third is None else f"{third:.2f}"
            table.add_row(name, f"{first:,.1f}", f"{second:,.1f}", shown)
    console.print(table)
    life = " → ".join(command for command, _ in LIFECYCLE)
    console.print(
        f"a life: started submitted → {life} (closed); ratio = median of the rounds' ratios"
    )


async def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lives", type=int, default=150, help="lives a round, kind and way")
    parser.add_argument("--items", type=int, default=600, help="open items for the memory")
    parser.add_argument("--mails", type=int, default=300, help="mails a round and way")
    parser.add_argument("--api-lives", type=int, default=160, help="lives a round through the API")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="casekeep-bench-") as folder:
        stack = Stack(Path(folder), temporal_port=0, ui_port=0)
        await stack.start_server()
        try:
            found = await measure(stack, asked.rounds, asked.lives, asked.items)
        finally:
            await stack.stop()
    figures = report(found, asked.rounds, asked.lives)
    show(figures)
    with tempfile.TemporaryDirectory(prefix="casekeep-bench-") as folder:
        async with mail_stack(Path(folder)) as stack, worker_process(stack, "bare"):
            mails = report_mails(await measure_mails(stack, asked.rounds, asked.mails))
    show_mails(mails)
    with tempfile.TemporaryDirectory(prefix="casekeep-bench-") as folder:
        async with api_stack(Path(folder)) as stack:
            api = report_api(await measure_api(stack, asked.rounds, asked.api_lives))
    show_api(api)
    if asked.json:
        asked.json.write_text(json.dumps(figures | {"mails": mails, "api": api}, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
