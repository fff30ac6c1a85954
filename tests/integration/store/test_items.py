"""Reads of one item: its state, its Actions, its timeline, and the rows that fsck compares."""

from dataclasses import replace

from sqlalchemy import Engine

from domain.base.values import EXCERPT_LENGTH, TEXT_LIMIT, Status, excerpt
from domain.model.items import Note
from domain.model.states import state_of
from store.items.queries import (
    find_item,
    iterate_open_items,
    list_actions,
    list_entry_serials,
    load_entries,
)
from store.projection.writer import GroupWriter
from tests.support.publications import (
    action,
    at,
    case,
    entry,
    make_publication,
    next_version,
    ticket,
    write_all,
)


def test_an_item_is_read_whole_with_its_version(engine: Engine, writer: GroupWriter) -> None:
    expected = action(assignee="robot:ocr-1", serial=7)
    write_all(writer.put, make_publication(expected))
    listed = find_item(engine, "C-1-A1")
    assert listed is not None
    assert listed.state == state_of(expected)
    assert (listed.version.run, listed.version.serial) == ("run-of-C-1-A1", 7)
    assert find_item(engine, "C-1-A2") is None


def test_actions_of_a_case_are_those_of_its_present_run(
    engine: Engine, writer: GroupWriter
) -> None:
    write_all(
        writer.put,
        make_publication(case("C-1", run="new")),
        make_publication(action("C-1-A1", case_run="old", started_at=at(1))),
        make_publication(action("C-1-A3", case_run="new", started_at=at(2), status=Status.CLOSED)),
        make_publication(action("C-1-A2", case_run="new", started_at=at(3))),
        make_publication(action("C-2-A1", case="C-2", case_run="run-of-C-2")),
    )
    assert [line.reference for line in list_actions(engine, "C-1")] == ["C-1-A3", "C-1-A2"]
    assert [line.reference for line in list_actions(engine, "C-2")] == ["C-2-A1"]
    assert list_actions(engine, "C-3") == ()


def test_a_timeline_tells_notes_at_full_length(engine: Engine, writer: GroupWriter) -> None:
    long = "Sehr geehrte Damen und Herren, " * 2_000
    assert len(long.encode()) > TEXT_LIMIT
    started = ticket()
    second = next_version(started)
    write_all(
        writer.put,
        make_publication(started),
        make_publication(
            second,
            entries=(entry(second, note=excerpt(long), command="add_note"),),
            notes=(Note(serial=2, kind="note", text=long),),
        ),
        make_publication(
            next_version(second), entries=(entry(next_version(second), note="short", reason="why"),)
        ),
    )
    notes = [each.note for each in load_entries(engine, "T-1").entries]
    assert notes == [None, long, "short"]
    assert len(excerpt(long)) < EXCERPT_LENGTH + 100
    assert load_entries(engine, "T-1").entries[2] == entry(
        next_version(second), note="short", reason="why"
    )


def test_a_timeline_is_told_from_a_revision_on_and_in_pages(
    engine: Engine, writer: GroupWriter
) -> None:
    now = ticket(serial=0, revision=0)
    story = []
    for serial in range(1, 31):
        refused = serial % 3 == 0
        now = replace(now, serial=serial, revision=now.revision + (not refused))
        rule = "C8" if refused else None
        story.append(make_publication(now, entries=(entry(now, refused=refused, rule=rule),)))
    write_all(writer.put, *story)
    page = load_entries(engine, "T-1")
    assert [each.serial for each in page.entries] == list(range(1, 31))
    assert page.next is None
    assert [each.refused for each in page.entries[:3]] == [False, False, True]
    assert load_entries(engine, "T-1", from_revision=2).entries == page.entries[1:]
    since = load_entries(engine, "T-1", from_revision=15).entries
    assert [each.revision for each in since] == [15, 16, 16, 17, 18, 18, 19, 20, 20]
    serials: list[int] = []
    after: int | None = 0
    while after is not None:
        part = load_entries(engine, "T-1", from_revision=15, after=after, limit=2)
        serials += [each.serial for each in part.entries]
        after = part.next
    assert serials == [each.serial for each in since]


def test_open_items_are_read_in_pieces_and_closed_ones_not(
    engine: Engine, writer: GroupWriter
) -> None:
    expected = {f"T-{number:04}": ticket(f"T-{number:04}") for number in range(1_001)}
    expected["T-0500"] = ticket("T-0500", status=Status.CLOSED)
    write_all(writer.put, *(make_publication(each) for each in expected.values()))
    listed = [each.state.reference for each in iterate_open_items(engine)]
    assert listed == [reference for reference in expected if reference != "T-0500"]


def test_the_serials_of_entries_are_told_in_order(engine: Engine, writer: GroupWriter) -> None:
    write_all(writer.put, *(make_publication(ticket(serial=serial)) for serial in (3, 1, 9)))
    assert list_entry_serials(engine, "T-1", "run-of-T-1") == (1, 3, 9)
    assert list_entry_serials(engine, "T-1", "another") == ()
