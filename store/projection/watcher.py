"""What changes in the store, told as it is committed, by whichever process writes it."""

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

from store.engine import reading
from store.errors import DatabaseBusy, DatabaseUnreachable
from store.projection.item_summary import COLUMNS, NAMES, ItemSummary
from store.schema.tables import item, writer

LOG: Final = logging.getLogger("casekeep.watching")
CHANNEL: Final = "casekeep_changed"
"""PostgreSQL's channel: each payload is a JSON list of references."""
_LOOK_EVERY: Final = 0.1
"""Seconds between looks at SQLite's own counter of commits, which costs 5 µs."""
_OVERLAP: Final = timedelta(seconds=2)
"""A row's time is taken before its commit: so far back rows are looked at again."""
_TOLD: Final = 5_000
_AGAIN: Final = 1.0
_VERSION: Final = ("run", "serial", "written_at")
_NAMES: Final = (*NAMES, *_VERSION)
_COLUMNS: Final = (*COLUMNS, *(item.c[name] for name in _VERSION))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(ItemSummary):
    """Item that changed: its summary after the change, and the version of its row."""

    run: str
    serial: int
    written_at: datetime

    @property
    def version(self) -> tuple[str, str, int]:
        """Which item, which run of it, and which version of that."""
        return self.reference, self.run, self.serial


async def watching(engine: Engine) -> AsyncGenerator[tuple[Changed, ...] | None, None]:
    """What was committed since it began, within a quarter of a second; never ends by itself.

    None: some of it may have been missed, because the database was gone meanwhile.
    """
    watch = _of_postgresql if engine.dialect.name == "postgresql" else _of_sqlite
    while True:
        try:
            async for changes in watch(engine):
                yield changes
        except (DatabaseUnreachable, DatabaseBusy, psycopg.OperationalError) as problem:
            LOG.warning("changes are not seen: %s; trying again", problem)
        await asyncio.sleep(_AGAIN)
        yield None


async def commits(engine: Engine) -> AsyncGenerator[None, None]:
    """Yield as soon as it watches, and then after commits, which it collects for 0.1 s.

    Never ends by itself. Nothing is read from the tables; after a lost connection it yields again,
    since commits may have been missed meanwhile.
    """
    while True:
        try:
            if engine.dialect.name == "postgresql":
                async with aclosing(_notices(engine)) as notices:
                    async for _ in notices:
                        yield
                        await asyncio.sleep(_LOOK_EVERY)
            else:
                async with aclosing(_versions(engine)) as versions:
                    async for _ in versions:
                        yield
        except (DatabaseUnreachable, DatabaseBusy, psycopg.OperationalError) as problem:
            LOG.warning("cannot watch commits: %s; retry in %g s", problem, _AGAIN)
        await asyncio.sleep(_AGAIN)


async def _of_postgresql(engine: Engine) -> AsyncGenerator[tuple[Changed, ...], None]:
    async with aclosing(_notices(engine)) as notices:
        async for references in notices:
            if references:
                yield await asyncio.to_thread(_named, engine, references)


async def _notices(engine: Engine) -> AsyncGenerator[set[str], None]:
    """Yield an empty set once it listens, then the references of each burst of commits."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        yield set()
        while True:
            references: set[str] = set()
            # whatever came in at once, so that a burst of commits is one look
            async for told in connection.notifies(stop_after=1):
                references |= set(json.loads(told.payload))
            yield references


def _named(engine: Engine, references: Collection[str]) -> tuple[Changed, ...]:
    found = select(*_COLUMNS).where(item.c.reference.in_(references))
    with reading(engine) as connection:
        return tuple(_changed(connection.execute(found)))


async def _of_sqlite(engine: Engine) -> AsyncGenerator[tuple[Changed, ...], None]:
    told: OrderedDict[tuple[str, str], int] = OrderedDict()
    since = datetime.now(UTC)
    async with aclosing(_versions(engine)) as versions:
        async for _ in versions:
            found = await asyncio.to_thread(_written, engine, since - _OVERLAP)
            fresh = tuple(one for one in found if told.get(one.version[:2]) != one.serial)
            for one in fresh:
                told[one.version[:2]] = one.serial
                told.move_to_end(one.version[:2])
                since = max(since, one.written_at)
            while len(told) > _TOLD:
                told.popitem(last=False)
            if fresh:
                yield fresh


async def _versions(engine: Engine) -> AsyncGenerator[None, None]:
    """Yield at once, and then whenever SQLite's counter of commits has risen."""
    version = -1
    with contextlib.closing(engine.connect()) as counting:
        while True:
            # of another connection's commits only, so this one does nothing else
            raw: Any = counting.connection.driver_connection
            (now,) = raw.execute("PRAGMA data_version").fetchone()
            if now != version:
                version = now
                yield
            await asyncio.sleep(_LOOK_EVERY)


def _written(engine: Engine, since: datetime) -> tuple[Changed, ...]:
    writers = select(writer.c.writer)
    found = select(*_COLUMNS).where(item.c.writer.in_(writers), item.c.written_at >= since)
    with reading(engine) as connection:
        return tuple(_changed(connection.execute(found.order_by(item.c.written_at))))


def _changed(rows: Result[Any]) -> Iterator[Changed]:
    return (Changed.from_mapping(dict(zip(_NAMES, row, strict=True))) for row in rows)
