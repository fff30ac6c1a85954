"""Claims: concurrent callers ask a queue, and each is offered another item (Q1, Q2)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text, update

from domain.base.values import Kind, Performer, Status
from domain.model.items import AnyItem
from store.engine import open_engine, read_connection, write_connection
from store.items.claims import Claimed, claim_next
from store.items.queries import list_waiting
from store.projection.writer import GroupWriter
from store.schema.tables import claim, item
from tests.support.publications import (
    action,
    at,
    case,
    make_due_clock,
    make_publication,
    next_version,
    ticket,
    write_all,
)

ROBOT = "robot:ocr-1"
OVER = timedelta(0)
ACTIONS = frozenset({Kind.ACTION})


def next_of(engine: Engine, **options: object) -> str | None:
    """Return the item that the next caller, by default a person, is offered."""
    options_with_actor: dict[str, object] = {"by": "amy"} | options
    references = claim_next(engine, "accounts", **options_with_actor)  # type: ignore[arg-type]
    return None if references is None else references.reference


def claim_all(engine: Engine, **options: object) -> list[str]:
    """Return the items that callers are offered one after the other, until none is left."""
    references: list[str] = []
    while (reference := next_of(engine, **options)) is not None:
        references.append(reference)
    return references


# Q1
def test_people_are_offered_a_queue_in_its_order_each_item_once(
    engine: Engine, writer: GroupWriter
) -> None:
    told: tuple[AnyItem, ...] = (
        ticket("overdue-rejected", due=make_due_clock(at(-99)), robot_rejected=True),
        ticket("overdue", due=make_due_clock(at(-150))),
        ticket("rejected", robot_rejected=True),
        case("due-soon", due=make_due_clock(at(60 * 24 * 365 * 100))),
        action("for-robots", performer=Performer.ROBOT, started_at=at(-10)),
        ticket("young", started_at=at(10)),
    )
    write_all(
        writer.put,
        *(make_publication(each) for each in reversed(told)),
        make_publication(ticket("T", queue="hr")),
    )
    listing = [line.reference for line in list_waiting(engine, "accounts", now=at(0)).items]
    assert claim_all(engine) == listing == [each.reference for each in told]


# Q1
def test_what_is_offered_has_the_revision_to_start_it_by(
    engine: Engine, writer: GroupWriter
) -> None:
    write_all(writer.put, make_publication(ticket("T-1", revision=7, serial=9)))
    expected = Claimed(reference="T-1", kind=Kind.TICKET, revision=7)
    assert claim_next(engine, "accounts", by="amy") == expected


# Q2
def test_robots_are_offered_what_their_queue_allows_and_no_robot_rejected(
    engine: Engine, writer: GroupWriter
) -> None:
    write_all(
        writer.put,
        make_publication(action("A-2")),
        make_publication(action("A-1", performer=Performer.ROBOT, due=make_due_clock(at(5)))),
        make_publication(action("A-human", performer=Performer.HUMAN)),
        make_publication(action("A-rejected", robot_rejected=True)),
        make_publication(action("A-held", assignee="bob")),
        make_publication(action("A-closed", status=Status.CLOSED)),
        make_publication(ticket("T-1", started_at=at(5))),
        make_publication(ticket("T-rejected", robot_rejected=True)),
        make_publication(case("C-1", started_at=at(6))),
    )
    assert claim_all(engine, by=ROBOT, robots=ACTIONS) == ["A-1", "A-2"]
    assert claim_all(engine, by=ROBOT, robots={Kind.TICKET, Kind.CASE}) == ["T-1", "C-1"]
    assert claim_all(engine, by=ROBOT, robots=()) == []


# Q1: the claim of a dead caller expires soon
def test_a_claim_is_over_by_itself(engine: Engine, writer: GroupWriter) -> None:
    write_all(writer.put, make_publication(ticket("T-1")))
    assert next_of(engine, duration=OVER) == "T-1"
    assert next_of(engine) == "T-1"
    assert next_of(engine) is None


# Q1: what is given back is offered at once
def test_a_claim_is_over_as_soon_as_anything_happens_to_the_item(
    engine: Engine, writer: GroupWriter
) -> None:
    started = ticket("T-1")
    write_all(writer.put, make_publication(started))
    assert next_of(engine) == "T-1"
    noted = next_version(started)
    write_all(writer.put, make_publication(noted))
    assert next_of(engine) == "T-1"
    assert next_of(engine) is None
    restarted = ticket("T-1", run="another", serial=noted.serial, started_at=at(9))
    write_all(writer.put, make_publication(restarted))
    assert next_of(engine) == "T-1"
    assert next_of(engine) is None


def test_claims_that_are_over_are_swept(engine: Engine, writer: GroupWriter) -> None:
    write_all(writer.put, *(make_publication(ticket(f"T-{number}")) for number in range(9)))
    for number in range(8):
        assert next_of(engine, duration=OVER) == "T-0", number
    next_of(engine)
    next_of(engine)
    with read_connection(engine) as connection:
        assert connection.scalars(select(claim.c.reference)).all() == ["T-0", "T-1"]


# Q1: at once
@pytest.mark.parametrize("robots", [None, {Kind.TICKET}], ids=["people", "robots"])
def test_of_many_who_ask_at_once_each_is_offered_another_item(
    engine: Engine, writer: GroupWriter, robots: set[Kind] | None
) -> None:
    write_all(writer.put, *(make_publication(ticket(f"T-{number:02}")) for number in range(40)))
    with ThreadPoolExecutor(8) as askers:
        pending = [askers.submit(next_of, engine, robots=robots) for _ in range(60)]
        references = [each.result() for each in pending]
    assert sorted(filter(None, references)) == [f"T-{number:02}" for number in range(40)]
    assert references.count(None) == 20


# Q1: a row that is being written is not skipped
def test_an_item_whose_row_is_being_written_is_waited_for(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url)
    with GroupWriter(engine, "writer-1") as writer:
        write_all(writer.put, make_publication(ticket("T-1")))
    with ThreadPoolExecutor(1) as asker:
        with write_connection(engine) as connection:
            connection.execute(update(item).values(title="Rewritten"))
            pending = asker.submit(next_of, engine)
            while not _somebody_waits(engine):
                assert not pending.done()
        assert pending.result() == "T-1"
    engine.dispose()


def _somebody_waits(engine: Engine) -> bool:
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with read_connection(engine) as connection:
        return bool(connection.scalar(waiting))


@pytest.mark.parametrize("weird", ["", "'", "\0", "\ud800", "x" * 10_000])
def test_no_name_fails_a_claim(engine: Engine, weird: str) -> None:
    assert claim_next(engine, weird, by=weird) is None
    assert claim_next(engine, weird, by=weird, robots=ACTIONS) is None
