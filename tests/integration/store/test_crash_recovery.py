"""Putting rows right: what a crash left, compared with what history has."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from domain.model.items import Mail, Note
from domain.model.publications import Publication
from domain.model.starts import Link
from domain.model.states import state_of
from store.engine import reading, writing
from store.errors import UnknownMail
from store.items.queries import entry_serials, item_of
from store.items.search import search
from store.mail.outbound_mail import keep_mail
from store.projection.crash_recovery import mend, newest, settle
from store.projection.rows import RowVersion
from store.projection.upserts import statements_for, write
from store.projection.writer import GroupWriter
from store.schema.tables import MailStatus, link, mail_out
from tests.support.publications import later, news, ticket, written

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def version(engine: Engine, reference: str) -> RowVersion:
    found = item_of(engine, reference)
    assert found is not None
    return found.version


def wrote(engine: Engine, writer: str, at: datetime, *publications: Publication) -> None:
    """As if a process of that name had written them then."""
    with writing(engine) as connection:
        statement = statements_for(connection.dialect.name).writer
        connection.execute(statement, {"writer": writer})
        write(connection, publications, writer=writer, at=at)


def rechecked(engine: Engine, of_others: str, seconds: float) -> dict[str, list[tuple[str, int]]]:
    found = newest(engine, of_others=of_others, within=timedelta(seconds=seconds))
    return {
        last.writer: [(row.reference, row.version.serial) for row in last.rows] for last in found
    }


def seconds(count: float) -> datetime:
    return NOON + timedelta(seconds=count)


def test_the_newest_rows_of_every_other_life_are_asked_about(engine: Engine) -> None:
    for second in range(10):
        wrote(engine, "first", seconds(second), news(ticket(f"A-{second}")))
    for second in range(100, 110):
        wrote(engine, "second", seconds(second), news(ticket(f"B-{second}", serial=3)))
    wrote(engine, "third", seconds(200), news(ticket("C-1")))
    assert rechecked(engine, "third", 2) == {
        "first": [("A-7", 1), ("A-8", 1), ("A-9", 1)],
        "second": [("B-107", 3), ("B-108", 3), ("B-109", 3)],
    }


def test_a_row_that_a_later_life_wrote_over_is_of_the_later_life(engine: Engine) -> None:
    wrote(engine, "first", seconds(0), news(ticket("A-1")), news(ticket("A-2")))
    wrote(engine, "second", seconds(9), news(later(ticket("A-1"))))
    assert rechecked(engine, "third", 2) == {"first": [("A-2", 1)], "second": [("A-1", 2)]}
    assert rechecked(engine, "second", 2) == {"first": [("A-2", 1)]}


def test_what_was_settled_is_not_asked_about_again_until_its_life_writes_more(
    engine: Engine,
) -> None:
    wrote(engine, "first", seconds(0), news(ticket("A-1")))
    wrote(engine, "second", seconds(0), news(ticket("B-1")))
    for last in newest(engine, of_others="third", within=timedelta(seconds=2)):
        settle(engine, last)
    assert rechecked(engine, "third", 2) == {}
    wrote(engine, "second", seconds(1), news(ticket("B-2")))
    assert rechecked(engine, "third", 2) == {"second": [("B-1", 1), ("B-2", 1)]}


def test_settling_late_does_not_undo_a_later_settling(engine: Engine) -> None:
    wrote(engine, "first", seconds(0), news(ticket("A-1")))
    early = newest(engine, of_others="third", within=timedelta(seconds=2))
    wrote(engine, "first", seconds(1), news(ticket("A-2")))
    late = newest(engine, of_others="third", within=timedelta(seconds=2))
    for last in (*late, *early):
        settle(engine, last)
    assert rechecked(engine, "third", 2) == {}


def test_a_group_writer_is_known_to_those_who_start_after_it(
    engine: Engine, writer: GroupWriter
) -> None:
    written(writer.put, news(ticket("T-1")))
    written(writer.put, news(ticket("T-2")))
    assert rechecked(engine, "writer-2", 60) == {"writer-1": [("T-1", 1), ("T-2", 1)]}
    assert rechecked(engine, "writer-1", 60) == {}


def test_a_row_ahead_of_history_is_mended(engine: Engine, writer: GroupWriter) -> None:
    real = ticket(title="As history has it", links=(Link(kind="related", reference="A"),))
    phantom = later(real, title="Zebra", links=(Link(kind="related", reference="B"),))
    mail = Mail(key="T-1:2:0", to=("ann@example.org",))
    written(
        writer.put,
        news(real),
        news(phantom, notes=(Note(serial=2, kind="note", text="zebra"),), mails=(mail,)),
    )
    assert mend(engine, news(real), version(engine, "T-1"), writer="writer-2")
    found = item_of(engine, "T-1")
    assert found is not None
    assert found.state == state_of(real)
    assert entry_serials(engine, "T-1", real.run) == (1,)
    assert search(engine, "zebra") == ()
    with reading(engine) as connection:
        assert connection.scalars(select(link.c.target)).all() == ["A"]
        assert connection.scalar(select(func.count()).select_from(mail_out)) == 0
    written(writer.put, news(later(real)))
    assert entry_serials(engine, "T-1", real.run) == (1, 2)


def test_a_row_that_was_written_meanwhile_is_not_mended(
    engine: Engine, writer: GroupWriter
) -> None:
    begun = ticket()
    written(writer.put, news(begun))
    seen = version(engine, "T-1")
    written(writer.put, news(later(begun)))
    assert not mend(engine, news(begun), seen, writer="writer-2")
    assert version(engine, "T-1").serial == 2


def test_the_same_serial_written_again_counts_as_written_meanwhile(
    engine: Engine, writer: GroupWriter
) -> None:
    written(writer.put, news(ticket(title="Phantom")))
    seen = version(engine, "T-1")
    written(writer.put, news(ticket(title="Real")))
    assert not mend(engine, news(ticket(title="Phantom")), seen, writer="writer-2")
    found = item_of(engine, "T-1")
    assert found is not None
    assert found.state.title == "Real"


def test_a_row_that_is_missing_is_mended_unless_it_came_meanwhile(
    engine: Engine, writer: GroupWriter
) -> None:
    assert mend(engine, news(ticket("T-1")), None, writer="writer-2")
    written(writer.put, news(ticket("T-2")))
    assert not mend(engine, news(ticket("T-2")), None, writer="writer-2")


def test_mending_leaves_other_items_other_runs_and_mails_on_their_way(
    engine: Engine, writer: GroupWriter
) -> None:
    begun, mail = ticket(), Mail(key="T-1:2:0", to=("ann@example.org",))
    stranger, old = ticket("T-2", serial=5), ticket(run="old", serial=5)
    written(writer.put, news(old), news(begun), news(stranger))
    written(writer.put, news(later(begun), mails=(mail,)))
    keep_mail(engine, mail.key, run=begun.run)
    assert mend(engine, news(begun), version(engine, "T-1"), writer="writer-2")
    assert entry_serials(engine, "T-1", begun.run) == (1,)
    assert entry_serials(engine, "T-1", "old") == (5,)
    assert entry_serials(engine, "T-2", stranger.run) == (5,)
    with reading(engine) as connection:
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
    written(writer.put, news(ticket(), mails=(mail,)))
    kept = keep_mail(engine, mail.key, run="run-of-T-1")
    assert (kept.mail, kept.status, kept.reference) == (mail, MailStatus.KEPT, "T-1")
    assert keep_mail(engine, mail.key, run="run-of-T-1") == kept


def test_a_mail_of_another_run_is_another_mail(engine: Engine, writer: GroupWriter) -> None:
    for run in ("old", "new"):
        mail = Mail(key="T-1:1:0", to=("ann@example.org",), subject=run)
        written(writer.put, news(ticket(run=run), mails=(mail,)))
        assert keep_mail(engine, mail.key, run=run).mail.subject == run


def test_a_mail_that_was_sent_stays_sent(engine: Engine, writer: GroupWriter) -> None:
    written(writer.put, news(ticket(), mails=(Mail(key="T-1:1:0", to=("ann@example.org",)),)))
    with writing(engine) as connection:
        connection.execute(mail_out.update().values(status="sent"))
    assert keep_mail(engine, "T-1:1:0", run="run-of-T-1").status is MailStatus.SENT


def test_an_unknown_mail_is_told(engine: Engine) -> None:
    with pytest.raises(UnknownMail, match="mail T-9:1:0 of run r is not in the store"):
        keep_mail(engine, "T-9:1:0", run="r")
