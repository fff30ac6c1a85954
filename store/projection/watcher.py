"""Watchers of commits: the items that any process has changed, as soon as they are committed."""

import asyncio
import contextlib
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, Result, select

from store.engine import read_connection
from store.errors import DatabaseBusy, DatabaseUnreachable
from store.projection.item_summary import COLUMNS, NAMES, ItemSummary
from store.schema.tables import item, writer

LOG: Final = logging.getLogger("casekeep.watching")
CHANNEL: Final = "casekeep_changed"
"""PostgreSQL's channel: each payload is a JSON list of references."""
_POLL_INTERVAL: Final = 0.1
"""Seconds between queries of SQLite's own counter of commits, which cost 5 µs."""
_OVERLAP: Final = timedelta(seconds=2)
"""Period for which rows are read again: a row's `written_at` is earlier than its commit."""
_MAX_REMEMBERED: Final = 5_000
"""Items whose last reported version is remembered, for SQLite."""
_RETRY_DELAY: Final = 1.0
"""Seconds between attempts to reach the database."""
_VERSION: Final = ("run", "serial", "written_at")
_NAMES: Final = (*NAMES, *_VERSION)
_COLUMNS: Final = (*COLUMNS, *(item.c[name] for name in _VERSION))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedItem(ItemSummary):
    """Item that changed: its summary after the change, and the version of its row."""

    run: str
    serial: int
    written_at: datetime

    @property
    def version(self) -> tuple[str, str, int]:
        """Reference, run and serial."""
        return self.reference, self.run, self.serial


async def watch_items(engine: Engine) -> AsyncGenerator[tuple[ChangedItem, ...] | None, None]:
    """Yield the items of each commit since the start, within 0.25 s; never ends by itself.

    Yields None after a lost connection: changes may have been missed.
    """
    watch = _watch_postgresql if engine.dialect.name == "postgresql" else _watch_sqlite
    while True:
        try:
            async for changes in watch(engine):
                yield changes
        except (DatabaseUnreachable, DatabaseBusy, psycopg.OperationalError) as problem:
            LOG.warning("cannot watch changes: %s; retry in %g s", problem, _RETRY_DELAY)
        await asyncio.sleep(_RETRY_DELAY)
        yield None


async def watch_commits(engine: Engine) -> AsyncGenerator[None, None]:
    """Yield once the watch has begun, and then after commits, which are collected for 0.1 s.

    Never ends by itself. No table is read. Yields also after a lost connection, since commits may
    have been missed.
    """
    while True:
        try:
            if engine.dialect.name == "postgresql":
                async with aclosing(_notifications(engine)) as notifications:
                    async for _ in notifications:
                        yield
                        await asyncio.sleep(_POLL_INTERVAL)
            else:
                async with aclosing(_commit_counts(engine)) as counts:
                    async for _ in counts:
                        yield
        except (DatabaseUnreachable, DatabaseBusy, psycopg.OperationalError) as problem:
            LOG.warning("cannot watch commits: %s; retry in %g s", problem, _RETRY_DELAY)
        await asyncio.sleep(_RETRY_DELAY)


async def _watch_postgresql(engine: Engine) -> AsyncGenerator[tuple[ChangedItem, ...], None]:
    async with aclosing(_notifications(engine)) as notifications:
        async for references in notifications:
            if references:
                yield await asyncio.to_thread(_load_items, engine, references)


async def _notifications(engine: Engine) -> AsyncGenerator[set[str], None]:
    """Yield an empty set once LISTEN is set, then the references of each burst of commits."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        yield set()
        while True:
            references: set[str] = set()
            # all that have arrived, so a burst of commits is read at once
            async for notification in connection.notifies(stop_after=1):
                references |= set(json.loads(notification.payload))
            yield references


def _load_items(engine: Engine, references: Collection[str]) -> tuple[ChangedItem, ...]:
    wanted = select(*_COLUMNS).where(item.c.reference.in_(references))
    with read_connection(engine) as connection:
        return tuple(_changed_items(connection.execute(wanted)))


async def _watch_sqlite(engine: Engine) -> AsyncGenerator[tuple[ChangedItem, ...], None]:
    reported: OrderedDict[tuple[str, str], int] = OrderedDict()
    since = datetime.now(UTC)
    async with aclosing(_commit_counts(engine)) as counts:
        async for _ in counts:
            items = await asyncio.to_thread(_load_written_since, engine, since - _OVERLAP)
            changed = tuple(each for each in items if reported.get(each.version[:2]) != each.serial)
            for each in changed:
                reported[each.version[:2]] = each.serial
                reported.move_to_end(each.version[:2])
                since = max(since, each.written_at)
            while len(reported) > _MAX_REMEMBERED:
                reported.popitem(last=False)
            if changed:
                yield changed


async def _commit_counts(engine: Engine) -> AsyncGenerator[None, None]:
    """Yield at once, and then each time that SQLite's counter of commits has risen."""
    last_count = -1
    with contextlib.closing(engine.connect()) as connection:
        while True:
            # counts the commits of other connections only, so this one does nothing else
            raw: Any = connection.connection.driver_connection
            (count,) = raw.execute("PRAGMA data_version").fetchone()
            if count != last_count:
                last_count = count
                yield
            await asyncio.sleep(_POLL_INTERVAL)


def _load_written_since(engine: Engine, since: datetime) -> tuple[ChangedItem, ...]:
    writers = select(writer.c.writer)
    wanted = select(*_COLUMNS).where(item.c.writer.in_(writers), item.c.written_at >= since)
    with read_connection(engine) as connection:
        return tuple(_changed_items(connection.execute(wanted.order_by(item.c.written_at))))


def _changed_items(rows: Result[Any]) -> Iterator[ChangedItem]:
    return (ChangedItem.from_mapping(dict(zip(_NAMES, row, strict=True))) for row in rows)
