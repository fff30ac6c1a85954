"""The lead dashboard: load, waiting times, assignees and colours of due dates by queue (D3)."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import Engine

from domain.base.durations import Span
from domain.base.values import Status
from domain.model.definitions import DueRule
from domain.model.due_clock import Stop
from domain.model.items import Ticket
from store.items.queries import find_summaries
from store.items.queue_ages import AGE_STEPS, PersonWorkload, count_by_age, count_by_person
from store.projection.writer import GroupWriter
from tests.support.browser_fixtures import page_context
from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from tests.support.publications import (
    action,
    case,
    make_due_clock,
    make_publication,
    next_version,
    ticket,
    write_all,
)
from web.app import create_app
from web.context import SESSION_COOKIE
from web.pages.due_colour import due_colour
from web.pages.lead_dashboard import BAR_WIDTH, build_bar

NOW: Final = datetime.now(UTC)
HOUR: Final = timedelta(hours=1)


@pytest.fixture
async def pages(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """Return a browser, in English, in which Bob is signed in as a lead."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(page_context(engine))),
        base_url="http://desk.example",
        cookies={SESSION_COOKIE: "bob", "casekeep_language": "en"},
    ) as client:
        yield client


@pytest.fixture
def queue_load(engine: Engine) -> None:
    """Fill two queues with waiting and assigned items."""
    with GroupWriter(engine, "scenes") as writer:
        write_all(
            writer.put,
            *(
                make_publication(ticket(f"T-{number}", queue="facilities", started_at=NOW - age))
                for number, age in enumerate((HOUR, 2 * HOUR, 30 * HOUR, timedelta(days=90)))
            ),
            make_publication(
                ticket(
                    "T-10",
                    queue="it-support",
                    started_at=NOW - HOUR,
                    due=make_due_clock(NOW - HOUR),
                )
            ),
            *(
                make_publication(
                    ticket(
                        f"T-{number}",
                        queue="it-support",
                        assignee=actor,
                        status=Status.IN_PROGRESS,
                        due=make_due_clock(NOW + ahead, at_risk=6 * HOUR),
                    )
                )
                for number, (actor, ahead) in enumerate(
                    (("amy", -HOUR), ("amy", HOUR), ("amy", 99 * HOUR), ("robot:r-1", HOUR)), 20
                )
            ),
            make_publication(
                ticket("T-30", queue="it-support", assignee="amy", status=Status.CLOSED)
            ),
            make_publication(ticket("T-31", queue="elsewhere", started_at=NOW - HOUR)),
        )


@pytest.mark.usefixtures("queue_load")
def test_what_waits_is_counted_by_its_age(engine: Engine) -> None:
    assert count_by_age(engine, ("facilities", "it-support"), NOW) == (3, 0, 1, 0, 0, 1)
    assert count_by_age(engine, (), NOW) == (0,) * (len(AGE_STEPS) + 1)


@pytest.mark.usefixtures("queue_load")
def test_whoever_has_most_comes_first(engine: Engine) -> None:
    assert count_by_person(engine, ("it-support",), NOW) == (
        PersonWorkload(actor="amy", total=3, overdue=1, at_risk=1),
        PersonWorkload(actor="robot:r-1", total=1, overdue=0, at_risk=1),
    )
    assert count_by_person(engine, (), NOW) == ()


@pytest.mark.usefixtures("queue_load")
async def test_a_lead_sees_how_every_queue_of_theirs_stands(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/lead")
    assert answer.status_code == 200
    words = re.sub(r"<[^>]+>|\s+", " ", answer.text)
    assert "5 items: 2 overdue, 2 at risk" in answer.text
    assert re.search(r"IT support +1 +4 +2 +2 +1 hour ago", re.sub(" +", " ", words))
    assert "robot r-1" in words


async def test_a_desk_where_nothing_waits_is_drawn_too(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/lead", headers={"hx-request": "true"})
    assert answer.text.lstrip().startswith('<div id="lead"')
    assert "Nobody has work from these queues." in answer.text


async def test_whoever_leads_nothing_is_not_shown_it(pages: httpx.AsyncClient) -> None:
    pages.cookies.set(SESSION_COOKIE, "amy")
    assert (await pages.get("/lead")).status_code == 403


def test_the_pieces_of_a_bar_lie_beside_each_other_and_fill_its_share() -> None:
    segments = build_bar((("red", 1), ("amber", 0), ("blue", 3)), 8)
    assert [(piece.colour, piece.start, piece.width) for piece in segments] == [
        ("red", 0, BAR_WIDTH / 8),
        ("blue", BAR_WIDTH / 8, 3 * BAR_WIDTH / 8),
    ]
    assert build_bar((("red", 0),), 0) == ()


def dated(**fields: object) -> Any:  # noqa: ANN401 - stands for a line of a list
    known = {"status": Status.TO_DO, "due_at": NOW + 5 * HOUR, "at_risk_at": None}
    return SimpleNamespace(**(known | fields))


@pytest.mark.parametrize(
    ("fields", "colour"),
    [
        ({"due_at": NOW - HOUR}, "red"),
        ({"due_at": NOW, "at_risk_at": NOW - HOUR}, "red"),
        ({"at_risk_at": NOW}, "amber"),
        ({"at_risk_at": NOW + HOUR}, "green"),
        ({}, "green"),
        ({"due_at": None}, "grey"),
        *(
            ({"due_at": NOW - HOUR, "status": status}, "grey")
            for status in (Status.DRAFT, Status.RESOLVED, Status.CLOSED)
        ),
    ],
)
def test_a_line_has_the_colour_of_its_due_date(fields: dict[str, Any], colour: str) -> None:  # D3
    assert due_colour(dated(**fields), NOW) == colour


@pytest.mark.parametrize("make", [ticket, case, action])
def test_every_kind_tells_lists_from_when_on_it_is_at_risk(  # D3
    engine: Engine, make: Callable[..., Ticket]
) -> None:
    rule = DueRule(within=Span(days=1, clock=timedelta(0)), at_risk=Span(days=0, clock=6 * HOUR))
    item = make("X-1", due=replace(make_due_clock(NOW), rule=rule))
    with GroupWriter(engine, "scenes") as writer:
        write_all(writer.put, make_publication(item))
        assert find_summaries(engine, ["X-1"])["X-1"].at_risk_at == NOW - 6 * HOUR
        stopped = replace(item.due, stops=(Stop(since=NOW - 9 * HOUR),)) if item.due else None
        write_all(writer.put, make_publication(next_version(item, due=stopped)))
    assert find_summaries(engine, ["X-1"])["X-1"].at_risk_at is None
