"""The questions of the status model's first chapter, as queries of the store."""

import base64
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from domain.base.values import Status
from domain.model.items import AnyItem
from store.errors import InvalidCursor
from store.items.paging import Cursor, Page
from store.items.queries import (
    find_item,
    list_actions,
    list_inbox,
    list_owned,
    list_waiting,
    load_entries,
)
from store.items.search import search
from store.projection.writer import GroupWriter
from tests.support.publications import (
    action,
    at,
    case,
    make_due_clock,
    make_publication,
    ticket,
    write_all,
)

WEIRD = (
    "",
    "'",
    '"',
    "%",
    "_",
    "*",
    "\\",
    "\0",
    "\ud800",
    "a\0b",
    "'; DROP TABLE item; --",
    "x" * 10_000,
)


def references(page: Page) -> list[str]:
    return [line.reference for line in page.items]


def all_pages(ask: Callable[..., Page], limit: int) -> list[str]:
    collected: list[str] = []
    cursor: str | None = None
    while True:
        page = ask(limit=limit, cursor=cursor)
        collected += references(page)
        if page.cursor is None:
            return collected
        assert page.items
        cursor = page.cursor


def test_the_inbox_is_what_is_assigned_to_me_and_what_i_own_with_news(
    engine: Engine, writer: GroupWriter
) -> None:
    told: dict[str, AnyItem] = {
        "mine": ticket("T-1", assignee="amy", status=Status.IN_PROGRESS),
        "mine and my own": ticket("T-2", assignee="amy", owner="amy", new_information=True),
        "news": ticket("T-3", owner="amy", status=Status.WAIT, new_information=True),
        "news though bob has it": case("C-1", owner="amy", assignee="bob", new_information=True),
        "my draft": ticket("T-4", assignee="amy", status=Status.DRAFT),
        "without news": ticket("T-5", owner="amy", status=Status.WAIT),
        "of bob": ticket("T-6", assignee="bob"),
        "closed": ticket("T-7", assignee="amy", status=Status.CLOSED),
        "closed with news": ticket("T-8", owner="amy", status=Status.CLOSED, new_information=True),
        "of nobody": ticket("T-9"),
    }
    write_all(writer.put, *(make_publication(each) for each in told.values()))
    assert sorted(references(list_inbox(engine, "amy"))) == ["C-1", "T-1", "T-2", "T-3", "T-4"]


def test_owned_work_is_what_i_own_that_is_not_assigned_to_me(
    engine: Engine, writer: GroupWriter
) -> None:
    told: dict[str, AnyItem] = {
        "waiting": ticket("T-1", owner="amy", status=Status.WAIT),
        "resolved": ticket("T-2", owner="amy", status=Status.RESOLVED),
        "bob has it": case("C-1", owner="amy", assignee="bob"),
        "i have it": case("C-2", owner="amy", assignee="amy"),
        "closed": ticket("T-3", owner="amy", status=Status.CLOSED),
        "of bob": ticket("T-4", owner="bob"),
    }
    write_all(writer.put, *(make_publication(each) for each in told.values()))
    assert sorted(references(list_owned(engine, "amy"))) == ["C-1", "T-1", "T-2"]


def test_lists_of_a_person_go_by_due_date_then_by_age(engine: Engine, writer: GroupWriter) -> None:
    write_all(
        writer.put,
        make_publication(ticket("T-1", assignee="amy", started_at=at(9))),
        make_publication(ticket("T-2", assignee="amy", started_at=at(2))),
        make_publication(ticket("T-3", assignee="amy", due=make_due_clock(at(60)))),
        make_publication(
            ticket("T-4", owner="amy", new_information=True, due=make_due_clock(at(30)))
        ),
        make_publication(
            ticket("T-5", assignee="amy", due=make_due_clock(at(60)), started_at=at(-5))
        ),
    )
    assert references(list_inbox(engine, "amy")) == ["T-4", "T-5", "T-3", "T-2", "T-1"]


def test_a_queue_gives_overdue_then_robot_rejected_then_soonest_due_then_oldest(  # Q1
    engine: Engine, writer: GroupWriter
) -> None:
    now = at(100)
    told = (
        ticket("overdue-rejected", due=make_due_clock(at(99)), robot_rejected=True),
        ticket("overdue-long", due=make_due_clock(at(50))),
        ticket("overdue-just", due=make_due_clock(now)),
        ticket("rejected-due", due=make_due_clock(at(150)), robot_rejected=True),
        ticket("rejected", robot_rejected=True),
        ticket("due-soon", due=make_due_clock(at(101)), started_at=at(5)),
        ticket("due-later", due=make_due_clock(at(102))),
        ticket("old", started_at=at(-10)),
        ticket("young", started_at=at(10)),
    )
    write_all(writer.put, *(make_publication(each) for each in reversed(told)))
    assert references(list_waiting(engine, "accounts", now=now)) == [
        each.reference for each in told
    ]
    for limit in (1, 2, 4):
        paged = all_pages(partial(list_waiting, engine, "accounts", now=now), limit)
        assert paged == [each.reference for each in told]


def test_a_queue_holds_only_what_can_be_picked_up(engine: Engine, writer: GroupWriter) -> None:
    write_all(
        writer.put,
        make_publication(ticket("T-1")),
        make_publication(action("C-1-A1")),
        make_publication(ticket("T-2", assignee="amy")),
        make_publication(ticket("T-3", queue="hr")),
        *(
            make_publication(ticket(f"S-{status.value}", status=status))
            for status in Status
            if status is not Status.TO_DO
        ),
    )
    assert sorted(references(list_waiting(engine, "accounts", now=at(0)))) == ["C-1-A1", "T-1"]


def test_later_pages_of_a_queue_keep_the_now_of_the_first(
    engine: Engine, writer: GroupWriter
) -> None:
    told = [
        make_publication(ticket(f"T-{number}", due=make_due_clock(at(number))))
        for number in range(1, 10)
    ]
    write_all(writer.put, *told, make_publication(ticket("T-0", robot_rejected=True)))
    first = list_waiting(engine, "accounts", now=at(3), limit=4)
    assert references(first) == ["T-1", "T-2", "T-3", "T-0"]
    rest = list_waiting(engine, "accounts", now=at(8), limit=9, cursor=first.cursor)
    assert references(rest) == [f"T-{number}" for number in range(4, 10)]


def test_pages_give_every_item_once(engine: Engine, writer: GroupWriter) -> None:
    told = [
        ticket(
            f"T-{number:02}",
            assignee="amy" if number % 3 else None,
            owner="amy",
            new_information=not number % 3,
            due=make_due_clock(at(number % 5)) if number % 2 else None,
            started_at=at(number % 4),
        )
        for number in range(40)
    ]
    write_all(writer.put, *(make_publication(each) for each in told))
    whole = references(list_inbox(engine, "amy"))
    assert len(set(whole)) == 40
    for limit in (1, 7, 39, 40, 41):
        assert all_pages(partial(list_inbox, engine, "amy"), limit) == whole
    assert all_pages(partial(list_owned, engine, "amy"), 5) == [
        line.reference for line in list_inbox(engine, "amy").items if line.assignee is None
    ]


NO_CURSORS = (
    *WEIRD,
    base64.urlsafe_b64encode(b"[" * 5_000).decode(),
    base64.urlsafe_b64encode(b'{"part":0}').decode(),
    base64.urlsafe_b64encode(b'["x"]').decode(),
    str(Cursor(part=9, due_order=at(0), started_at=at(0), reference="x", now=None)),
    str(Cursor(part=-1, due_order=at(0), started_at=at(0), reference="x", now=None)),
)


def test_a_cursor_that_no_page_gave_is_refused(engine: Engine) -> None:
    for cursor in NO_CURSORS:
        with pytest.raises(InvalidCursor, match="start again without one"):
            list_inbox(engine, "amy", cursor=cursor)
        with pytest.raises(InvalidCursor, match="start again without one"):
            list_waiting(engine, "accounts", now=at(0), cursor=cursor)


def test_no_input_fails_a_query(engine: Engine, writer: GroupWriter) -> None:
    write_all(writer.put, make_publication(ticket(assignee="amy", owner="amy")))
    for typed in WEIRD:
        assert list_inbox(engine, typed).items == ()
        assert list_owned(engine, typed).items == ()
        assert list_waiting(engine, typed, now=at(0)).items == ()
        assert find_item(engine, typed) is None
        assert list_actions(engine, typed) == ()
        assert load_entries(engine, typed).entries == ()
        assert len(search(engine, typed)) <= 1


@given(words=st.text(max_size=40))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_words_fail_a_search(engine: Engine, words: str) -> None:
    search(engine, words)
