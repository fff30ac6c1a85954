"""Writes of a publication, and the rows that they leave alone."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine, select

from domain.base.values import Method, Outcome, Status, WaitType
from domain.model.items import ActionCopy, Attention, CurrentWait, Mail, Note, Resolution
from domain.model.starts import Contact, Link
from domain.model.states import State, state_of
from store.engine import read_connection, write_connection
from store.items.queries import find_item, load_entries
from store.projection.writer import GroupWriter
from store.schema.tables import item, link, mail_out, note
from tests.support.publications import (
    START_TIME,
    action,
    at,
    case,
    entry,
    make_due_clock,
    make_publication,
    next_version,
    ticket,
    write_all,
)


def stored_state(engine: Engine, reference: str) -> State:
    stored = find_item(engine, reference)
    assert stored is not None
    return stored.state


def links(engine: Engine) -> set[tuple[str, str, str]]:
    with read_connection(engine) as connection:
        return {(row.reference, row.kind, row.target) for row in connection.execute(select(link))}


def notes(engine: Engine) -> dict[int, str]:
    with read_connection(engine) as connection:
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
            due=make_due_clock(at(600)),
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
    write_all(writer.put, *(make_publication(each) for each in told))
    assert [stored_state(engine, each.reference) for each in told] == [
        state_of(each) for each in told
    ]


def test_columns_of_lists_follow_the_state(engine: Engine, writer: GroupWriter) -> None:
    ended = Resolution(by="amy", at=at(9), method=Method.CUSTOMER_RESPONSE)
    closed = ticket(status=Status.CLOSED, resolution=ended, changed_at=at(9))
    failed = Attention(action="scan", reason="unreadable")
    write_all(
        writer.put,
        make_publication(closed),
        make_publication(action(due=make_due_clock(at(60)))),
        make_publication(case(attention=(failed,))),
    )
    with read_connection(engine) as connection:
        stored = {row.reference: row for row in connection.execute(select(item))}
    assert stored["T-1"].closed_at == at(9)
    assert stored["T-1"].resolution == "customer_response"
    assert stored["C-1-A1"].due_at == at(60)
    assert (stored["C-1-A1"].case_reference, stored["C-1-A1"].case_run) == ("C-1", "run-of-C-1")
    assert stored["C-1-A1"].closed_at is None
    assert stored["C-1"].attention is True
    assert {row.writer for row in stored.values()} == {"writer-1"}


def test_an_older_publication_of_the_same_run_changes_nothing_but_adds_its_entries(
    engine: Engine, writer: GroupWriter
) -> None:
    first = ticket(links=(Link(kind="related", reference="T-8"),))
    second = next_version(
        first, title="The newer title", links=(Link(kind="related", reference="T-9"),)
    )
    write_all(writer.put, make_publication(second))
    write_all(writer.put, make_publication(first))
    assert stored_state(engine, "T-1") == state_of(second)
    assert links(engine) == {("T-1", "related", "T-9")}
    assert "The newer title" in notes(engine)[0]
    assert [each.serial for each in load_entries(engine, "T-1").entries] == [1, 2]


def test_the_same_serial_told_again_overwrites_what_history_does_not_have(
    engine: Engine, writer: GroupWriter
) -> None:
    started = ticket()
    phantom, real = next_version(started, assignee="amy"), next_version(started, assignee="bob")
    write_all(
        writer.put,
        make_publication(started),
        make_publication(
            phantom,
            entries=(entry(phantom, by="amy"),),
            notes=(Note(serial=2, kind="note", text="never happened"),),
        ),
    )
    write_all(
        writer.put,
        make_publication(
            real,
            entries=(entry(real, by="bob"),),
            notes=(Note(serial=2, kind="note", text="happened"),),
        ),
    )
    assert stored_state(engine, "T-1").assignee == "bob"
    assert [each.by for each in load_entries(engine, "T-1").entries] == ["amy", "bob"]
    assert notes(engine)[2] == "happened"


def test_a_reference_started_again_is_the_later_run_whatever_comes_last(
    engine: Engine, writer: GroupWriter
) -> None:
    old = ticket(run="old", serial=7, title="Of old")
    new = ticket(run="new", serial=1, title="Of new", started_at=at(60), changed_at=at(60))
    write_all(writer.put, make_publication(old))
    write_all(writer.put, make_publication(new))
    write_all(writer.put, make_publication(replace(old, serial=8)))
    assert stored_state(engine, "T-1").run == "new"
    assert [each.serial for each in load_entries(engine, "T-1").entries] == [1]


def test_links_are_replaced_by_those_of_the_newest_state(
    engine: Engine, writer: GroupWriter
) -> None:
    first = ticket(links=(Link(kind="related", reference="A"), Link(kind="related", reference="B")))
    second = next_version(
        first, links=(Link(kind="part", reference="B"), Link(kind="part", reference="B"))
    )
    write_all(writer.put, make_publication(first))
    assert links(engine) == {("T-1", "related", "A"), ("T-1", "related", "B")}
    write_all(writer.put, make_publication(second))
    assert links(engine) == {("T-1", "part", "B")}
    write_all(writer.put, make_publication(next_version(second, links=())))
    assert links(engine) == set()


def test_a_mail_that_left_the_queue_is_not_queued_again(
    engine: Engine, writer: GroupWriter
) -> None:
    sent = make_publication(
        ticket(), mails=(Mail(key="T-1:1:0", to=("ann@example.org",), subject="Hello"),)
    )
    write_all(writer.put, sent)
    with write_connection(engine) as connection:
        connection.execute(mail_out.update().values(status="sent"))
    write_all(writer.put, sent)
    with read_connection(engine) as connection:
        row = connection.execute(select(mail_out)).one()
    assert (row.status, row.subject, row.to) == ("sent", "Hello", ["ann@example.org"])


def test_a_queued_mail_is_overwritten_by_the_one_that_history_has(
    engine: Engine, writer: GroupWriter
) -> None:
    for subject in ("never happened", "happened"):
        mail = Mail(key="T-1:1:0", to=("ann@example.org",), subject=subject)
        write_all(writer.put, make_publication(ticket(), mails=(mail,)))
    with read_connection(engine) as connection:
        assert connection.scalars(select(mail_out.c.subject)).all() == ["happened"]


def test_instants_keep_their_microseconds_and_are_utc(engine: Engine, writer: GroupWriter) -> None:
    write_all(
        writer.put, make_publication(ticket(changed_at=START_TIME + timedelta(microseconds=1)))
    )
    told = load_entries(engine, "T-1").entries[0].at
    assert told == START_TIME + timedelta(microseconds=1)
    assert told.utcoffset() == timedelta(0)
