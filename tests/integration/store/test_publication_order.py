"""Publications in any order, repeated and delayed, leave the rows of the newest."""

from dataclasses import dataclass
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from domain.base.values import Status
from domain.model.items import Note, Ticket
from domain.model.publications import Publication
from domain.model.starts import Link
from domain.model.states import state_of
from store.engine import read_connection, write_connection
from store.items.queries import find_item, list_entry_serials
from store.projection.upserts import write_publications
from store.schema.tables import entry, item, link, mail_out, note
from tests.support.publications import at, make_publication, ticket

RUNS: Final = 2


@dataclass(frozen=True)
class PublishedLog:
    """All publications in the order in which they reach the store, batch by batch."""

    batches: list[list[Publication]]
    newest: dict[str, Ticket]
    notes: dict[tuple[str, str, int], str]


@st.composite
def orders(draw: st.DrawFn) -> PublishedLog:
    log, newest, notes = [], {}, {}
    for reference in ("T-1", "T-2"):
        for run in range(draw(st.integers(1, RUNS))):
            for serial in range(1, draw(st.integers(1, 4)) + 1):
                now = ticket(
                    reference,
                    run=f"{reference}-{run}",
                    started_at=at(60 * run),
                    serial=serial,
                    revision=serial,
                    title=draw(st.sampled_from(["scan", "check", "pay"])),
                    status=draw(st.sampled_from(list(Status))),
                    assignee=draw(st.sampled_from([None, "amy", "bob"])),
                    links=tuple(
                        Link(kind="related", reference=target)
                        for target in draw(st.lists(st.sampled_from("AB"), max_size=2))
                    ),
                )
                text = f"note {serial} of {now.run}"
                log.append(
                    make_publication(now, notes=(Note(serial=serial, kind="note", text=text),))
                )
                notes[reference, now.run, serial] = text
                newest[reference] = now
    doubled = log + draw(st.lists(st.sampled_from(log), max_size=6))
    shuffled = draw(st.permutations(doubled))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    bounds = zip([0, *cuts], [*cuts, len(shuffled)], strict=True)
    return PublishedLog([list(shuffled[begin:end]) for begin, end in bounds], newest, notes)


@given(log=orders())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_ends_in_the_rows_of_the_newest(engine: Engine, log: PublishedLog) -> None:
    with write_connection(engine) as connection:
        for table in (item, entry, note, link, mail_out):
            connection.execute(delete(table))
    for batch in log.batches:
        with write_connection(engine) as connection:
            write_publications(connection, batch, writer="writer-1", at=at(0))
    headings = {}
    for reference, newest in log.newest.items():
        stored = find_item(engine, reference)
        assert stored is not None
        assert stored.state == state_of(newest)
        assert list_entry_serials(engine, reference, newest.run) == tuple(
            range(1, newest.serial + 1)
        )
        headings[reference, newest.run, 0] = f"{reference}\n{newest.title}\n"
    with read_connection(engine) as connection:
        links = {(row.reference, row.target) for row in connection.execute(select(link))}
        notes = {
            (row.reference, row.run, row.serial): row.text
            for row in connection.execute(select(note))
        }
    assert links == {
        (reference, each.reference)
        for reference, newest in log.newest.items()
        for each in newest.links
    }
    assert notes.items() >= (log.notes | headings).items()
