"""Putting rows right: what a crash left, compared with what history has."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from domain.model.items import Mail, Note
from domain.model.publications import Publication
from domain.model.starts import Link
from domain.model.states import state_of
from store.engine import read_connection, write_connection
from store.errors import UnknownOutboundMail
from store.items.queries import find_item, list_entry_serials
from store.items.search import search
from store.mail.outbound_mail import mark_mail_kept
from store.projection.crash_recovery import mark_settled, repair_row, unsettled_rows
from store.projection.rows import RowVersion
from store.projection.upserts import statements_for, write_publications
from store.projection.writer import GroupWriter
from store.schema.tables import MailStatus, link, mail_out
from tests.support.publications import make_publication, next_version, ticket, write_all

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def version(engine: Engine, reference: str) -> RowVersion:
    found = find_item(engine, reference)
    assert found is not None
    return found.version


def wrote(engine: Engine, writer: str, at: datetime, *publications: Publication) -> None:
    """Write the publications as a process of that name, at that time."""
    with write_connection(engine) as connection:
        statement = statements_for(connection.dialect.name).writer
        connection.execute(statement, {"writer": writer})
        write_publications(connection, publications, writer=writer, at=at)


def rechecked(
    engine: Engine, except_writer: str, seconds: float
) -> dict[str, list[tuple[str, int]]]:
    found = unsettled_rows(engine, except_writer=except_writer, within=timedelta(seconds=seconds))
    return {
        last.writer: [(row.reference, row.version.serial) for row in last.rows] for last in found
    }


def seconds(count: float) -> datetime:
    return NOON + timedelta(seconds=count)


def test_the_newest_rows_of_every_other_life_are_asked_about(engine: Engine) -> None:
    for second in range(10):
        wrote(engine, "first", seconds(second), make_publication(ticket(f"A-{second}")))
    for second in range(100, 110):
        wrote(engine, "second", seconds(second), make_publication(ticket(f"B-{second}", serial=3)))
    wrote(engine, "third", seconds(200), make_publication(ticket("C-1")))
    assert rechecked(engine, "third", 2) == {
        "first": [("A-7", 1), ("A-8", 1), ("A-9", 1)],
        "second": [("B-107", 3), ("B-108", 3), ("B-109", 3)],
    }


def test_a_row_that_a_later_life_wrote_over_is_of_the_later_life(engine: Engine) -> None:
    wrote(
        engine,
        "first",
        seconds(0),
        make_publication(ticket("A-1")),
        make_publication(ticket("A-2")),
    )
    wrote(engine, "second", seconds(9), make_publication(next_version(ticket("A-1"))))
    assert rechecked(engine, "third", 2) == {"first": [("A-2", 1)], "second": [("A-1", 2)]}
    assert rechecked(engine, "second", 2) == {"first": [("A-2", 1)]}


def test_what_was_settled_is_not_asked_about_again_until_its_life_writes_more(
    engine: Engine,
) -> None:
    wrote(engine, "first", seconds(0), make_publication(ticket("A-1")))
    wrote(engine, "second", seconds(0), make_publication(ticket("B-1")))
    for last in unsettled_rows(engine, except_writer="third", within=timedelta(seconds=2)):
        mark_settled(engine, last)
    assert rechecked(engine, "third", 2) == {}
    wrote(engine, "second", seconds(1), make_publication(ticket("B-2")))
    assert rechecked(engine, "third", 2) == {"second": [("B-1", 1), ("B-2", 1)]}


def test_settling_late_does_not_undo_a_later_settling(engine: Engine) -> None:
    wrote(engine, "first", seconds(0), make_publication(ticket("A-1")))
    early = unsettled_rows(engine, except_writer="third", within=timedelta(seconds=2))
    wrote(engine, "first", seconds(1), make_publication(ticket("A-2")))
    late = unsettled_rows(engine, except_writer="third", within=timedelta(seconds=2))
    for last in (*late, *early):
        mark_settled(engine, last)
    assert rechecked(engine, "third", 2) == {}


def test_a_group_writer_is_known_to_those_who_start_after_it(
    engine: Engine, writer: GroupWriter
) -> None:
    write_all(writer.put, make_publication(ticket("T-1")))
    write_all(writer.put, make_publication(ticket("T-2")))
    assert rechecked(engine, "writer-2", 60) == {"writer-1": [("T-1", 1), ("T-2", 1)]}
    assert rechecked(engine, "writer-1", 60) == {}


def test_a_row_ahead_of_history_is_mended(engine: Engine, writer: GroupWriter) -> None:
    real = ticket(title="As history has it", links=(Link(kind="related", reference="A"),))
    phantom = next_version(real, title="Zebra", links=(Link(kind="related", reference="B"),))
    mail = Mail(key="T-1:2:0", to=("ann@example.org",))
    write_all(
        writer.put,
        make_publication(real),
        make_publication(
            phantom, notes=(Note(serial=2, kind="note", text="zebra"),), mails=(mail,)
        ),
    )
    assert repair_row(engine, make_publication(real), version(engine, "T-1"), writer="writer-2")
    found = find_item(engine, "T-1")
    assert found is not None
    assert found.state == state_of(real)
    assert list_entry_serials(engine, "T-1", real.run) == (1,)
    assert search(engine, "zebra") == ()
    with read_connection(engine) as connection:
        assert connection.scalars(select(link.c.target)).all() == ["A"]
        assert connection.scalar(select(func.count()).select_from(mail_out)) == 0
    write_all(writer.put, make_publication(next_version(real)))
    assert list_entry_serials(engine, "T-1", real.run) == (1, 2)


def test_a_row_that_was_written_meanwhile_is_not_mended(
    engine: Engine, writer: GroupWriter
) -> None:
    begun = ticket()
    write_all(writer.put, make_publication(begun))
    seen = version(engine, "T-1")
    write_all(writer.put, make_publication(next_version(begun)))
    assert not repair_row(engine, make_publication(begun), seen, writer="writer-2")
    assert version(engine, "T-1").serial == 2


def test_the_same_serial_written_again_counts_as_written_meanwhile(
    engine: Engine, writer: GroupWriter
) -> None:
    write_all(writer.put, make_publication(ticket(title="Phantom")))
    seen = version(engine, "T-1")
    write_all(writer.put, make_publication(ticket(title="Real")))
    assert not repair_row(
        engine, make_publication(ticket(title="Phantom")), seen, writer="writer-2"
    )
    found = find_item(engine, "T-1")
    assert found is not None
    assert found.state.title == "Real"


def test_a_row_that_is_missing_is_mended_unless_it_came_meanwhile(
    engine: Engine, writer: GroupWriter
) -> None:
    assert repair_row(engine, make_publication(ticket("T-1")), None, writer="writer-2")
    write_all(writer.put, make_publication(ticket("T-2")))
    assert not repair_row(engine, make_publication(ticket("T-2")), None, writer="writer-2")


def test_mending_leaves_other_items_other_runs_and_mails_on_their_way(
    engine: Engine, writer: GroupWriter
) -> None:
    begun, mail = ticket(), Mail(key="T-1:2:0", to=("ann@example.org",))
    stranger, old = ticket("T-2", serial=5), ticket(run="old", serial=5)
    write_all(
        writer.put, make_publication(old), make_publication(begun), make_publication(stranger)
    )
    write_all(writer.put, make_publication(next_version(begun), mails=(mail,)))
    mark_mail_kept(engine, mail.key, run=begun.run)
    assert repair_row(engine, make_publication(begun), version(engine, "T-1"), writer="writer-2")
    assert list_entry_serials(engine, "T-1", begun.run) == (1,)
    assert list_entry_serials(engine, "T-1", "old") == (5,)
    assert list_entry_serials(engine, "T-2", stranger.run) == (5,)
    with read_connection(engine) as connection:
        assert connection.scalars(select(mail_out.c.status)).all() == ["kept"]


def test_a_queued_mail_is_kept_once(engine: Engine, writer: GroupWriter) -> None:
    mail = Mail(
        key="T-1:1:0",
        to=("ann@example.org",),
        cc=("bob@example.org",),
        accounts=("amy",),
        subject="[T-1] Your invoice",
        body="Dear Ann\n",
        resolution=True,
    )
    write_all(writer.put, make_publication(ticket(), mails=(mail,)))
    kept = mark_mail_kept(engine, mail.key, run="run-of-T-1")
    assert (kept.mail, kept.status, kept.reference) == (mail, MailStatus.KEPT, "T-1")
    assert mark_mail_kept(engine, mail.key, run="run-of-T-1") == kept


def test_a_mail_of_another_run_is_another_mail(engine: Engine, writer: GroupWriter) -> None:
    for run in ("old", "new"):
        mail = Mail(key="T-1:1:0", to=("ann@example.org",), subject=run)
        write_all(writer.put, make_publication(ticket(run=run), mails=(mail,)))
        assert mark_mail_kept(engine, mail.key, run=run).mail.subject == run


def test_a_mail_that_was_sent_stays_sent(engine: Engine, writer: GroupWriter) -> None:
    write_all(
        writer.put,
        make_publication(ticket(), mails=(Mail(key="T-1:1:0", to=("ann@example.org",)),)),
    )
    with write_connection(engine) as connection:
        connection.execute(mail_out.update().values(status="sent"))
    assert mark_mail_kept(engine, "T-1:1:0", run="run-of-T-1").status is MailStatus.SENT


def test_an_unknown_mail_is_told(engine: Engine) -> None:
    with pytest.raises(UnknownOutboundMail, match="mail T-9:1:0 of run r is not in the store"):
        mark_mail_kept(engine, "T-9:1:0", run="r")
