"""The group writer: publications that share a transaction, and which of them fail together."""

import threading
from concurrent.futures import wait
from itertools import pairwise

import pytest
from sqlalchemy import Engine, event, text

from domain.model.states import State
from store.engine import open_engine, read_connection, write_connection
from store.errors import DatabaseBusy, DatabaseUnreachable, SchemaOutdated, WriterClosed
from store.items.queries import find_item, load_entries
from store.projection.writer import MAX_BATCH, GroupWriter
from tests.support.databases import PostgresServer
from tests.support.publications import entry, make_publication, ticket, write_all


def stored_state(engine: Engine, reference: str) -> State:
    stored = find_item(engine, reference)
    assert stored is not None
    return stored.state


def test_a_poisonous_publication_fails_alone(engine: Engine, writer: GroupWriter) -> None:
    with write_connection(engine):  # holds the writer back, so that all of them share a batch
        poison = ticket("T-3")
        waiting = [
            writer.put(make_publication(ticket("T-1"))),
            writer.put(make_publication(ticket("T-2"))),
            writer.put(make_publication(poison, entries=(entry(poison, serial=2**70),))),
            writer.put(make_publication(ticket("T-4"))),
        ]
    wait(waiting, timeout=30)
    failed = [future.exception() is not None for future in waiting]
    assert failed == [False, False, True, False]
    assert find_item(engine, "T-3") is None
    assert stored_state(engine, "T-4").reference == "T-4"


def test_whatever_waits_while_a_batch_is_under_way_is_one_transaction(
    engine: Engine, writer: GroupWriter
) -> None:
    commits = []
    event.listen(engine, "commit", lambda _: commits.append(1))
    hold, is_held = threading.Event(), threading.Event()

    @event.listens_for(engine, "begin")
    def _stop_at_the_first(_connection: object) -> None:
        is_held.set()
        hold.wait(30)

    first = writer.put(make_publication(ticket("T-0")))
    assert is_held.wait(30)
    waiting = [writer.put(make_publication(ticket(f"T-{number}"))) for number in range(1, 100)]
    assert not any(future.done() for future in waiting)
    hold.set()
    wait([first, *waiting], timeout=30)
    assert len(commits) == 2


def test_more_than_a_batch_is_written_in_several(engine: Engine, writer: GroupWriter) -> None:
    story = [ticket(serial=serial, revision=serial) for serial in range(1, 2 * MAX_BATCH + 2)]
    write_all(writer.put, *(make_publication(each) for each in story))
    assert stored_state(engine, "T-1").revision == 2 * MAX_BATCH + 1
    stored = load_entries(engine, "T-1", limit=2 * MAX_BATCH + 2).entries
    assert all(after.serial == before.serial + 1 for before, after in pairwise(stored))
    assert len(stored) == 2 * MAX_BATCH + 1


def test_closing_writes_all_that_was_put_and_takes_nothing_more(engine: Engine) -> None:
    writer = GroupWriter(engine, "writer-1")
    waiting = [writer.put(make_publication(ticket(f"T-{number}"))) for number in range(200)]
    writer.close()
    writer.close()
    assert all(future.done() and future.exception() is None for future in waiting)
    with pytest.raises(WriterClosed, match="takes no more publications"):
        writer.put(make_publication(ticket()))


def test_a_caller_who_gives_up_does_not_take_the_publication_back(
    engine: Engine, writer: GroupWriter
) -> None:
    with write_connection(engine):
        future = writer.put(make_publication(ticket()))
        assert not future.cancel()
    future.result(timeout=30)
    assert stored_state(engine, "T-1").reference == "T-1"


def test_a_publication_waits_for_a_short_lock_and_fails_at_a_long_one(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url)
    with GroupWriter(engine, "writer-1") as writer:
        with write_connection(engine):
            failed = [writer.put(make_publication(ticket(f"T-{number}"))) for number in range(3)]
            wait(failed, timeout=30)
        assert {type(future.exception()) for future in failed} == {DatabaseBusy}
        write_all(writer.put, make_publication(ticket()))
    engine.dispose()


def test_a_database_without_our_tables_fails_every_publication(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with GroupWriter(engine, "writer-1") as writer:
        assert isinstance(
            writer.put(make_publication(ticket())).exception(timeout=30), SchemaOutdated
        )
    engine.dispose()


def test_a_database_that_is_away_fails_publications_and_takes_them_when_it_is_back(
    postgresql: PostgresServer,
) -> None:
    url = postgresql.create_database()
    engine, other = open_engine(url), open_engine(postgresql.create_database())
    allow = "ALTER DATABASE {} ALLOW_CONNECTIONS {}"
    name = engine.url.database
    with GroupWriter(engine, "writer-1") as writer, read_connection(other) as connection:
        write_all(writer.put, make_publication(ticket("T-1")))
        connection.execute(text(allow.format(name, "false")))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": name},
        )
        away = writer.put(make_publication(ticket("T-2"))).exception(timeout=30)
        assert isinstance(away, DatabaseUnreachable)
        connection.execute(text(allow.format(name, "true")))
        write_all(writer.put, make_publication(ticket("T-3")))
    assert stored_state(engine, "T-3").reference == "T-3"
    engine.dispose()
    other.dispose()


def test_a_broken_connection_costs_no_publication(postgresql: PostgresServer) -> None:
    engine, other = (
        open_engine(postgresql.create_database()),
        open_engine(postgresql.create_database()),
    )
    with GroupWriter(engine, "writer-1") as writer, read_connection(other) as connection:
        write_all(writer.put, make_publication(ticket("T-1")))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": engine.url.database},
        )
        write_all(writer.put, make_publication(ticket("T-2")))
    engine.dispose()
    other.dispose()


def test_two_writers_of_the_same_items_do_not_hinder_each_other(database_url: str) -> None:
    engines = [open_engine(database_url) for _ in range(2)]
    writers = [GroupWriter(engine, f"writer-{n}") for n, engine in enumerate(engines)]
    stories = {
        f"T-{number}": [
            ticket(f"T-{number}", serial=serial, revision=serial) for serial in range(1, 21)
        ]
        for number in range(20)
    }
    waiting = [
        writer.put(make_publication(story[step]))
        for step in range(20)
        for turn, writer in enumerate(writers)
        for story in list(stories.values())[:: 1 if turn else -1]
    ]
    wait(waiting, timeout=50)
    assert [future.exception() for future in waiting] == [None] * len(waiting)
    for writer in writers:
        writer.close()
    assert {stored_state(engines[0], reference).revision for reference in stories} == {20}
    for engine in engines:
        engine.dispose()
