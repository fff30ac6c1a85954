"""The pages of the inbox, of owned work, of queues and of search."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
import pytest
from sqlalchemy import Engine

from store.items.badge_counts import MAX_COUNT, load_badge_counts
from store.projection.writer import GroupWriter
from tests.support import list_data
from tests.support.browser_fixtures import AMY, PEOPLE, page_context
from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from tests.support.publications import (
    make_due_clock,
    make_publication,
    next_version,
    ticket,
    write_all,
)
from web.app import create_app
from web.context import SESSION_COOKIE

NOW: Final = datetime.now(UTC)
PART: Final = {"hx-request": "true"}
_ROWS: Final = re.compile(r'id="row-([A-Za-z0-9-]+)"')


@pytest.fixture
async def pages(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """Return a browser without scripts in which Amy is signed in."""
    app = create_app(page_context(engine))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://desk.example",
        cookies={SESSION_COOKIE: "amy", "casekeep_zone": "Europe/Paris"},
        headers={"origin": "http://desk.example", "sec-fetch-site": "same-origin"},
    ) as client:
        yield client


def rows(answer: httpx.Response) -> list[str]:
    """Return the references of the lines, in their order."""
    return _ROWS.findall(answer.text)


async def test_the_inbox_shows_what_is_mine_soonest_due_first(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    list_data.write_items(engine, list_data.few_items(NOW))
    answer = await pages.get("/inbox")
    assert answer.status_code == 200
    assert rows(answer) == [
        "T-7F3K9Q2F",
        "T-7F3K9Q2H",
        "C-2M8XW4TA-A3",
        "T-7F3K9Q2D",
        "C-2M8XW4TA",
        "T-8B2C3D4F",
        "T-7F3K9Q2K",
    ]


def text_of(html: str) -> str:
    """Return the text without tags."""
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


async def test_a_line_says_its_status_wait_marks_and_due_date_in_words(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    list_data.write_items(engine, list_data.few_items(NOW))
    lines = dict(zip(*_split((await pages.get("/inbox")).text), strict=True))
    assert "2 hours overdue" in lines["T-7F3K9Q2F"]
    assert "New information" in lines["T-7F3K9Q2F"]
    assert "at risk, in" in lines["T-7F3K9Q2H"]
    assert "Needs attention" in lines["C-2M8XW4TA"]
    assert "paused 3 h 24 m before due" in text_of(lines["T-7F3K9Q2K"])  # D5
    assert "#wait-more_information" in lines["T-7F3K9Q2K"]
    assert "(no title)" in lines["T-8B2C3D4F"]


async def test_a_french_reader_is_shown_the_french_terms(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    list_data.write_items(engine, list_data.few_items(NOW))
    pages.cookies.set("casekeep_language", "fr")
    answer = await pages.get("/inbox")
    assert '<html lang="fr"' in answer.text
    assert "en pause 3 h 24 min avant l&#39;échéance" in text_of(answer.text)  # D5
    assert "Boîte de réception" in answer.text


async def test_owned_work_is_what_waits_or_is_resolved_and_not_assigned_to_me(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    list_data.write_items(engine, list_data.few_items(NOW))
    listed = rows(await pages.get("/owned"))
    assert sorted(listed) == ["T-7F3K9Q2K", "T-8B2C3D4G", "T-8B2C3D4H"]


async def test_a_queue_goes_on_page_by_page_until_every_line_was_shown_once(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    list_data.write_items(engine, list_data.many_items(120, NOW))
    address: str | None = "/queues/accounts-payable"
    seen: list[str] = []
    pages_seen = 0
    while address is not None:
        answer = await pages.get(address)
        seen += rows(answer)
        pages_seen += 1
        following = re.search(r'href="([^"]+)" rel="next"', answer.text)
        address = following and following[1].replace("&amp;", "&")
    assert pages_seen == 3
    assert len(seen) == len(set(seen)) == 120


async def test_a_cursor_that_no_page_gave_leads_to_the_first_page(
    pages: httpx.AsyncClient,
) -> None:
    answer = await pages.get("/inbox?cursor=nonsense")
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")


async def test_an_empty_list_says_so_in_a_sentence(pages: httpx.AsyncClient) -> None:
    assert "Nothing is assigned to you" in (await pages.get("/inbox")).text
    assert "Nothing waits in this queue" in (await pages.get("/queues/goods-receipt")).text


async def test_a_queue_that_is_not_mine_is_not_shown(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    with GroupWriter(engine, "scenes") as writer:
        write_all(writer.put, make_publication(ticket("T-1", title="Secret", queue="it-support")))
    answer = await pages.get("/queues/it-support")
    assert answer.status_code == 403
    assert "Secret" not in answer.text


async def test_only_a_part_is_sent_to_a_page_that_loads_it_again(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    list_data.write_items(engine, list_data.few_items(NOW))
    answer = await pages.get("/inbox", headers=PART)
    assert answer.text.lstrip().startswith('<section id="list"')
    assert len(rows(answer)) == 7


async def test_the_next_of_a_queue_where_nothing_waits_is_refused_in_a_sentence(
    pages: httpx.AsyncClient,
) -> None:
    answer = await pages.post("/queues/goods-receipt/next", data={"csrf": AMY.csrf})
    assert answer.status_code == 404
    assert "Nothing waits in this queue for you." in answer.text


async def test_the_navigation_counts_my_work_and_my_queues(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    list_data.write_items(engine, list_data.few_items(NOW))
    page = (await pages.get("/navigation?at=/inbox")).text
    assert re.findall(r'class="count[^"]*">([^<]+)<', page) == ["7", "3", "8", "0", "0"]
    assert "Lead&#39;s view" not in page


async def test_counts_stop_where_nobody_counts_on(engine: Engine) -> None:
    list_data.write_items(engine, list_data.many_items(130, NOW))
    listed = load_badge_counts(engine, "amy", ("accounts-payable", "default"))
    assert (listed.inbox, listed.queues) == (
        MAX_COUNT,
        {"accounts-payable": MAX_COUNT, "default": 0},
    )


async def test_what_was_looked_at_lately_is_shown_as_far_as_it_is_for_my_eyes(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    with GroupWriter(engine, "scenes") as writer:
        write_all(
            writer.put,
            make_publication(ticket("T-1", title="Mine to see", queue="accounts-payable")),
            make_publication(ticket("T-2", title="Secret", queue="it-support")),
        )
    pages.cookies.set("casekeep_viewed", "T-2.T-1.T-gone.<script>")
    answer = await pages.get("/inbox")
    assert "Mine to see" in answer.text
    assert "Secret" not in answer.text
    assert "<script>" not in answer.text.split("<nav", 1)[1]


async def test_search_finds_what_is_mine_and_marks_the_words(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    with GroupWriter(engine, "scenes") as writer:
        mine = ticket(
            "T-1",
            title="Facture perdue",
            description="Où est la facture ?",
            queue="accounts-payable",
        )
        write_all(
            writer.put,
            make_publication(mine),
            make_publication(ticket("T-2", title="Facture secrète", queue="it-support")),
        )
    answer = await pages.get("/search?q=FACTURE perdu")
    assert "T-1" in answer.text
    assert "secrète" not in answer.text


async def test_a_reference_that_is_searched_leads_to_its_item(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    list_data.write_items(engine, list_data.few_items(NOW))
    answer = await pages.get("/search?q=t-7f3k9q2d")
    assert (answer.status_code, answer.headers["location"]) == (303, "/items/T-7F3K9Q2D")


async def test_what_is_searched_is_never_taken_for_html(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/search", params={"q": '"><img src=x>'})
    assert "<img" not in answer.text


async def test_language_and_theme_are_kept_for_this_browser(pages: httpx.AsyncClient) -> None:
    chosen = {"csrf": AMY.csrf, "language": "fr", "theme": "dark", "back": "/owned"}
    answer = await pages.post("/preferences", data=chosen)
    assert (answer.status_code, answer.headers["location"]) == (303, "/owned")
    page = (await pages.get("/owned")).text
    assert '<html lang="fr" data-theme="dark"' in page


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", ""])
async def test_nobody_is_led_to_another_site(pages: httpx.AsyncClient, back: str) -> None:
    answer = await pages.post("/preferences", data={"csrf": AMY.csrf, "back": back})
    assert answer.headers["location"] == "/"


async def test_a_title_is_never_taken_for_html(pages: httpx.AsyncClient, engine: Engine) -> None:
    with GroupWriter(engine, "scenes") as writer:
        evil = ticket("T-1", title="<img src=x onerror=alert(1)>", assignee="amy")
        write_all(writer.put, make_publication(evil))
    answer = await pages.get("/inbox")
    assert "&lt;img src=x" in answer.text
    assert "<img src=x" not in answer.text


async def test_a_viewer_sees_no_buttons_that_start_or_take(engine: Engine) -> None:
    app = create_app(page_context(engine))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://desk.example",
        cookies={SESSION_COOKIE: "eva"},
    ) as client:
        page = (await client.get("/inbox")).text
    assert PEOPLE["eva"].role == "viewer"
    assert "/tickets/new" not in page
    assert 'id="bulk"' not in page


async def test_an_item_of_later_that_changes_moves_in_the_list(
    pages: httpx.AsyncClient, engine: Engine
) -> None:
    first = ticket("T-1", assignee="amy", due=make_due_clock(NOW + timedelta(hours=5)))
    second = ticket("T-2", assignee="amy", due=make_due_clock(NOW + timedelta(hours=6)))
    with GroupWriter(engine, "scenes") as writer:
        write_all(writer.put, make_publication(first), make_publication(second))
        assert rows(await pages.get("/inbox", headers=PART)) == ["T-1", "T-2"]
        write_all(
            writer.put,
            make_publication(next_version(first, due=make_due_clock(NOW + timedelta(hours=9)))),
        )
    assert rows(await pages.get("/inbox", headers=PART)) == ["T-2", "T-1"]


def _split(text: str) -> tuple[list[str], list[str]]:
    parts = _ROWS.split(text)
    return parts[1::2], parts[2::2]
