"""Changes of the store are reported when they are committed, by any writer."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from sqlalchemy import Engine

from store.engine import open_engine
from store.projection.watcher import ChangedItem, watch_commits, watch_items
from store.projection.writer import GroupWriter
from tests.support.databases import PostgresServer
from tests.support.publications import make_publication, ticket, write_all

Seen = tuple[ChangedItem, ...] | None


async def next_change(changes: AsyncGenerator[Seen, None]) -> Seen:
    return await anext(changes)


async def next_of(watch: AsyncGenerator[None, None]) -> None:
    await anext(watch)


async def first(changes: AsyncGenerator[Seen, None]) -> Seen:
    return await asyncio.wait_for(anext(changes), 20)


async def started_watch(engine: Engine, writer: GroupWriter) -> AsyncGenerator[Seen, None]:
    """Start a watch and wait for its first change: a row that is written for it."""
    changes = watch_items(engine)
    asking = asyncio.create_task(first(changes))
    count = 0
    while not asking.done():
        count += 1
        await asyncio.to_thread(write_all, writer.put, make_publication(ticket(f"T-BEGUN-{count}")))
        await asyncio.wait({asking}, timeout=0.3)
    await asking
    await asyncio.to_thread(write_all, writer.put, make_publication(ticket("T-BEGIN")))
    while (seen := await first(changes)) is None or "T-BEGIN" not in {s.reference for s in seen}:
        pass
    return changes


async def test_what_is_committed_is_told_once_with_where_it_is(
    engine: Engine, writer: GroupWriter
) -> None:
    changes = await started_watch(engine, writer)
    item = ticket("T-NEW", queue="accounts", assignee="amy", serial=2, revision=2)
    await asyncio.to_thread(write_all, writer.put, make_publication(item))
    (seen,) = await first(changes) or ()
    assert (seen.reference, seen.queue, seen.assignee, seen.revision) == (
        "T-NEW",
        "accounts",
        "amy",
        2,
    )
    await asyncio.to_thread(
        write_all, writer.put, make_publication(replace(item, serial=3, revision=3))
    )
    (seen,) = await first(changes) or ()
    assert (seen.reference, seen.revision) == ("T-NEW", 3)


async def test_many_changes_at_once_are_all_told(engine: Engine, writer: GroupWriter) -> None:
    changes = await started_watch(engine, writer)
    references = {f"T-{number}" for number in range(200)}
    futures = [writer.put(make_publication(ticket(reference))) for reference in sorted(references)]
    await asyncio.gather(*map(asyncio.wrap_future, futures))
    seen: set[str] = set()
    while seen < references:
        seen |= {each.reference for each in await first(changes) or ()}
    assert seen == references


async def test_a_watch_of_commits_yields_at_once_and_after_each_commit(
    engine: Engine, writer: GroupWriter
) -> None:
    watch = watch_commits(engine)
    await asyncio.wait_for(anext(watch), 20)
    for number in range(3):
        next_commit = asyncio.create_task(next_of(watch))
        assert not (await asyncio.wait({next_commit}, timeout=0.3))[0]
        await asyncio.to_thread(write_all, writer.put, make_publication(ticket(f"T-{number}")))
        await asyncio.wait_for(next_commit, 20)
    await watch.aclose()


async def test_a_watch_of_commits_yields_again_after_a_lost_connection(
    stoppable_postgresql: PostgresServer,
) -> None:
    engine = open_engine(stoppable_postgresql.create_database())
    watch = watch_commits(engine)
    await asyncio.wait_for(anext(watch), 20)
    next_commit = asyncio.create_task(next_of(watch))
    await asyncio.to_thread(stoppable_postgresql.stop)
    await asyncio.to_thread(stoppable_postgresql.start)
    await asyncio.wait_for(next_commit, 30)
    await watch.aclose()
    engine.dispose()


async def test_a_database_that_was_away_is_said_to_have_been(
    stoppable_postgresql: PostgresServer,
) -> None:
    url = stoppable_postgresql.create_database()
    engine = open_engine(url)
    with GroupWriter(engine, "w-1") as writer:
        changes = await started_watch(engine, writer)
    asking = asyncio.create_task(next_change(changes))
    await asyncio.to_thread(stoppable_postgresql.stop)
    await asyncio.to_thread(stoppable_postgresql.start)
    assert await asyncio.wait_for(asking, 30) is None
    engine.dispose()
    with GroupWriter(engine, "w-2") as writer:
        item = ticket("T-AFTER")
        asking = asyncio.create_task(next_change(changes))
        seen: Seen = None
        while seen is None:
            await asyncio.to_thread(write_all, writer.put, make_publication(item))
            item = replace(item, serial=item.serial + 1, revision=item.revision + 1)
            await asyncio.wait({asking}, timeout=0.3)
            if asking.done():
                seen = asking.result()
                asking = asyncio.create_task(next_change(changes))
        assert {each.reference for each in seen} == {"T-AFTER"}
        asking.cancel()
    engine.dispose()
