"""What is written of a publication, and which rows it leaves alone."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine, select

from domain.base.values import Method, Outcome, Status, WaitType
from domain.model.items import ActionCopy, Attention, CurrentWait, Mail, Note, Resolution
from domain.model.starts import Contact, Link
from domain.model.states import State, state_of
from store.engine import reading, writing
from store.items.queries import item_of, timeline
from store.projection.writer import GroupWriter
from store.schema.tables import item, link, mail_out, note
from tests.support.publications import (
    MORNING,
    action,
    at,
    case,
    due,
    entry,
    later,
    news,
    ticket,
    written,
)


def kept(engine: Engine, reference: str) -> State:
    found = item_of(engine, reference)
    assert found is not None
    return found.state


def links(engine: Engine) -> set[tuple[str, str, str]]:
    with reading(engine) as connection:
        return {(row.reference, row.kind, row.target) for row in connection.execute(select(link))}


def notes(engine: Engine) -> dict[int, str]:
    with reading(engine) as connection:
        return {row.serial: row.text for row in connection.execute(select(note))}


def test_a_state_of_each_kind_is_read_as_it_was_told(engine: Engine, writer: GroupWriter) -> None:
    told = (
        ticket(
            title="Überfällige Rechnung “42” 😀",
            description="Zeile 1\nZeile 2\ttab ' \" % \\ ${x}",
            category="invoice",
            primary_contact=Contact(name="Zoë", email="zoe@example.org"),
            status=Status.WAIT,
            owner="amy",
            wait=CurrentWait(
                type=WaitType.MORE_INFORMATION, days_to_wait=1.5, wakes_at=at(90), waiting_for="PO"
            ),
            due=due(at(600)),
            links=(Link(kind="related", reference="T-2"),),
            new_information=True,
        ),
        case(
            data={"amount": 12.50, "big": 1e300, "nested": {"a": [1, None, True]}},
            actions=(
                ActionCopy(
                    key="scan",
                    reference="C-1-A1",
                    copy_number=1,
                    step=0,
                    title="Scan",
                    outcome=Outcome.UNABLE_TO_COMPLETE,
                ),
            ),
            attention=(Attention(action="scan", reason="unreadable"),),
        ),
        action(
            status=Status.CLOSED,
            resolution=Resolution(by="robot:ocr-1", at=at(3), outcome=Outcome.COMPLETE),
            changed_at=at(3),
        ),
    )
    written(writer.put, *(news(each) for each in told))
    assert [kept(engine, each.reference) for each in told] == [state_of(each) for each in told]


def test_columns_of_lists_follow_the_state(engine: Engine, writer: GroupWriter) -> None:
    ended = Resolution(by="amy", at=at(9), method=Method.CUSTOMER_RESPONSE)
    closed = ticket(status=Status.CLOSED, resolution=ended, changed_at=at(9))
    failed = Attention(action="scan", reason="unreadable")
    written(
        writer.put,
        news(closed),
        news(action(due=due(at(60)))),
        news(case(attention=(failed,))),
    )
    with reading(engine) as connection:
        found = {row.reference: row for row in connection.execute(select(item))}
    assert found["T-1"].closed_at == at(9)
    assert found["T-1"].resolution == "customer_response"
    assert found["C-1-A1"].due_at == at(60)
    assert (found["C-1-A1"].case_reference, found["C-1-A1"].case_run) == ("C-1", "run-of-C-1")
    assert found["C-1-A1"].closed_at is None
    assert found["C-1"].attention is True
    assert {row.writer for row in found.values()} == {"writer-1"}


def test_an_older_publication_of_the_same_run_changes_nothing_but_adds_its_entries(
    engine: Engine, writer: GroupWriter
) -> None:
    first = ticket(links=(Link(kind="related", reference="T-8"),))
    second = later(first, title="The newer title", links=(Link(kind="related", reference="T-9"),))
    written(writer.put, news(second))
    written(writer.put, news(first))
    assert kept(engine, "T-1") == state_of(second)
    assert links(engine) == {("T-1", "related", "T-9")}
    assert "The newer title" in notes(engine)[0]
    assert [each.serial for each in timeline(engine, "T-1").entries] == [1, 2]


def test_the_same_serial_told_again_overwrites_what_history_does_not_have(
    engine: Engine, writer: GroupWriter
) -> None:
    begun = ticket()
    phantom, real = later(begun, assignee="amy"), later(begun, assignee="bob")
    written(
        writer.put,
        news(begun),
        news(
            phantom,
            entries=(entry(phantom, by="amy"),),
            notes=(Note(serial=2, kind="note", text="never happened"),),
        ),
    )
    written(
        writer.put,
        news(
            real,
            entries=(entry(real, by="bob"),),
            notes=(Note(serial=2, kind="note", text="happened"),),
        ),
    )
    assert kept(engine, "T-1").assignee == "bob"
    assert [each.by for each in timeline(engine, "T-1").entries] == ["amy", "bob"]
    assert notes(engine)[2] == "happened"


def test_a_reference_started_again_is_the_later_run_whatever_comes_last(
    engine: Engine, writer: GroupWriter
) -> None:
    old = ticket(run="old", serial=7, title="Of old")
    new = ticket(run="new", serial=1, title="Of new", started_at=at(60), changed_at=at(60))
    written(writer.put, news(old))
    written(writer.put, news(new))
    written(writer.put, news(replace(old, serial=8)))
    assert kept(engine, "T-1").run == "new"
    assert [each.serial for each in timeline(engine, "T-1").entries] == [1]


def test_links_are_replaced_by_those_of_the_newest_state(
    engine: Engine, writer: GroupWriter
) -> None:
    first = ticket(links=(Link(kind="related", reference="A"), Link(kind="related", reference="B")))
    second = later(
        first, links=(Link(kind="part", reference="B"), Link(kind="part", reference="B"))
    )
    written(writer.put, news(first))
    assert links(engine) == {("T-1", "related", "A"), ("T-1", "related", "B")}
    written(writer.put, news(second))
    assert links(engine) == {("T-1", "part", "B")}
    written(writer.put, news(later(second, links=())))
    assert links(engine) == set()


def test_a_mail_that_left_the_queue_is_not_queued_again(
    engine: Engine, writer: GroupWriter
) -> None:
    sent = news(ticket(), mails=(Mail(key="T-1:1:0", to=("ann@example.org",), subject="Hello"),))
    written(writer.put, sent)
    with writing(engine) as connection:
        connection.execute(mail_out.update().values(status="sent"))
    written(writer.put, sent)
    with reading(engine) as connection:
        row = connection.execute(select(mail_out)).one()
    assert (row.status, row.subject, row.to) == ("sent", "Hello", ["ann@example.org"])


def test_a_queued_mail_is_overwritten_by_the_one_that_history_has(
    engine: Engine, writer: GroupWriter
) -> None:
    for subject in ("never happened", "happened"):
        mail = Mail(key="T-1:1:0", to=("ann@example.org",), subject=subject)
        written(writer.put, news(ticket(), mails=(mail,)))
    with reading(engine) as connection:
        assert connection.scalars(select(mail_out.c.subject)).all() == ["happened"]


def test_instants_keep_their_microseconds_and_are_utc(engine: Engine, writer: GroupWriter) -> None:
    written(writer.put, news(ticket(changed_at=MORNING + timedelta(microseconds=1))))
    told = timeline(engine, "T-1").entries[0].at
    assert told == MORNING + timedelta(microseconds=1)
    assert told.utcoffset() == timedelta(0)
