"""Other people's changes appear on open pages without a reload; shortcuts and themes."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import Engine

from domain.base.values import Status
from store.projection.writer import GroupWriter
from tests.support import list_data
from tests.support.browser_fixtures import (
    chromium,
    open_window,
    page_context,
    page_errors,
    serve_pages,
)
from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from tests.support.publications import (
    make_due_clock,
    make_publication,
    next_version,
    ticket,
    write_all,
)
from web.context import SESSION_COOKIE, AppContext

NOW: Final = datetime.now(UTC)
LISTENING: Final = "body[data-listening]"


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def live_context(engine: Engine) -> AppContext:
    return page_context(engine)


@pytest.fixture
async def amy(live_context: AppContext, browser: Browser) -> AsyncIterator[Page]:
    """Open a window of Amy's whose console may have no errors."""
    async with serve_pages(live_context) as address:
        context = await open_window(browser, address)
        page = await context.new_page()
        problems = page_errors(page)
        yield page
        await context.close()
        assert problems == []


async def test_a_change_appears_in_an_open_list_and_in_the_counts(
    amy: Page, engine: Engine
) -> None:
    await amy.goto("/inbox")
    await amy.wait_for_selector(LISTENING)
    item = ticket("T-1", title="Just come in", queue="accounts-payable")
    with GroupWriter(engine, "scenes") as writer:
        write_all(writer.put, make_publication(item))
        queue = amy.locator('.navigation a[href="/queues/accounts-payable"] .count')
        await expect(queue).to_have_text("1")
        write_all(
            writer.put,
            make_publication(next_version(item, assignee="amy", status=Status.IN_PROGRESS)),
        )
        await expect(amy.locator("#row-T-1 .title")).to_have_text("Just come in")
        await expect(queue).to_have_text("0")
        closed = next_version(item, 2, assignee=None, status=Status.CLOSED, serial=3, revision=3)
        write_all(writer.put, make_publication(closed))
    await expect(amy.locator("#row-T-1")).to_have_count(0)


async def test_lines_that_are_chosen_stay_chosen_when_the_list_changes(
    amy: Page, engine: Engine
) -> None:
    mine = [
        ticket(f"T-{n}", assignee="amy", due=make_due_clock(NOW + timedelta(hours=n)))
        for n in (1, 2, 3)
    ]
    with GroupWriter(engine, "scenes") as writer:
        write_all(writer.put, *map(make_publication, mine))
        await amy.goto("/inbox")
        await amy.wait_for_selector(LISTENING)
        await amy.keyboard.press("j")
        await amy.keyboard.press("j")
        await amy.keyboard.press("x")
        await expect(amy.locator("[data-chosen]")).to_have_text("1 chosen")
        write_all(
            writer.put, make_publication(ticket("T-0", assignee="amy", due=make_due_clock(NOW)))
        )
        await expect(amy.locator("#row-T-0")).to_be_visible()
    await expect(amy.locator("#row-T-2")).to_have_attribute("aria-selected", "true")
    await expect(amy.locator("#row-T-2 [data-pick]")).to_be_checked()
    await expect(amy.locator("[data-pick]:checked")).to_have_count(1)
    await expect(amy.locator("[data-chosen]")).to_be_visible()


async def test_a_list_is_walked_by_keys_alone(amy: Page, engine: Engine) -> None:
    list_data.write_items(engine, list_data.few_items(NOW))
    await amy.goto("/inbox")
    await amy.keyboard.press("j")
    await expect(amy.locator("#row-T-7F3K9Q2F")).to_have_attribute("aria-selected", "true")
    await amy.keyboard.press("j")
    await amy.keyboard.press("x")
    await expect(amy.locator("#row-T-7F3K9Q2H [data-pick]")).to_be_checked()
    await amy.keyboard.press("k")
    await expect(amy.locator("#row-T-7F3K9Q2F a.title")).to_be_focused()
    await amy.keyboard.press("g")
    await amy.keyboard.press("o")
    await amy.wait_for_url("**/owned")
    await amy.keyboard.press("g")
    await amy.keyboard.press("1")
    await amy.wait_for_url("**/queues/accounts-payable")
    await amy.keyboard.press("/")
    await amy.keyboard.type("toner")
    await amy.keyboard.press("Enter")
    await amy.wait_for_url("**/search?q=toner")
    await expect(amy.locator(".found-line .title").first).to_have_text(
        "Pallet of toner never arrived"
    )


async def test_keys_that_are_typed_into_a_field_do_nothing_else(amy: Page) -> None:
    await amy.goto("/search")
    await amy.locator(".search-form input").fill("")
    await amy.keyboard.type("go?")
    await expect(amy.locator("#shortcuts")).to_be_hidden()
    assert amy.url.endswith("/search")


async def test_a_question_mark_shows_the_keys_and_escape_hides_them(amy: Page) -> None:
    await amy.goto("/queues/accounts-payable")
    await amy.keyboard.press("?")
    shortcuts = amy.locator("#shortcuts")
    await expect(shortcuts).to_be_visible()
    await expect(shortcuts).to_contain_text("Give me the next one")
    await amy.keyboard.press("Escape")
    await expect(shortcuts).to_be_hidden()


async def test_the_reader_chooses_language_and_theme(amy: Page) -> None:
    await amy.goto("/inbox")
    await amy.locator("summary", has_text="Amy Pond").click()
    await amy.get_by_role("button", name="Dark").click()
    await expect(amy.locator("html")).to_have_attribute("data-theme", "dark")
    await amy.locator("summary", has_text="Amy Pond").click()
    await amy.get_by_role("button", name="Français").click()
    await expect(amy.locator("h1")).to_have_text("Boîte de réception")
    ink = await amy.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ink == "rgb(17, 21, 26)"


async def test_a_reader_without_a_zone_is_shown_times_of_where_they_are(
    live_context: AppContext, engine: Engine, browser: Browser
) -> None:
    list_data.write_items(engine, list_data.few_items(NOW))
    async with serve_pages(live_context) as address:
        context = await open_window(browser, address, zone="Asia/Tokyo")
        await context.clear_cookies(name="casekeep_zone")
        page = await context.new_page()
        await page.goto("/inbox")
        await expect(page.locator("html")).to_have_attribute("data-zone", "Asia/Tokyo")
        await context.close()


async def test_the_navigation_of_a_phone_opens_and_closes(
    live_context: AppContext, browser: Browser
) -> None:
    async with serve_pages(live_context) as address:
        context = await open_window(browser, address, width=375, height=700)
        page = await context.new_page()
        await page.goto("/inbox")
        await expect(page.locator("#navigation")).to_be_hidden()
        await page.get_by_role("button", name="Menu").click()
        await page.locator("#navigation").get_by_text("Owned work").click()
        await page.wait_for_url("**/owned")
        assert await page.evaluate("document.documentElement.scrollWidth") == 375
        await context.close()


async def test_two_hundred_open_pages_hear_of_every_change(
    live_context: AppContext, engine: Engine
) -> None:
    """`python -m bench.live` measures the delay."""
    pages, changes = 200, 10
    received: list[str] = []
    listening, everybody = asyncio.Barrier(pages + 1), asyncio.Barrier(pages + 1)

    async def listen(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/live?list=inbox") as stream:
            event, left = "", changes
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event == "hello":
                    await listening.wait()
                elif line.startswith("data: ") and event == "list":
                    received.extend(json.loads(line.removeprefix("data: ")))
                    await everybody.wait()
                    left -= 1
                    if not left:
                        return

    limits = httpx.Limits(max_connections=None)
    cookies = {SESSION_COOKIE: "amy"}
    async with (
        serve_pages(live_context) as address,
        httpx.AsyncClient(base_url=address, cookies=cookies, timeout=60, limits=limits) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(pages):
            group.create_task(listen(client))
        await listening.wait()
        with GroupWriter(engine, "scenes") as writer:
            for number in range(changes):
                item = make_publication(ticket(f"T-{number}", assignee="amy"))
                await asyncio.to_thread(write_all, writer.put, item)
                await everybody.wait()
    assert Counter(received) == {f"T-{number}": pages for number in range(changes)}


async def test_what_happened_before_a_page_listened_is_told_first(
    live_context: AppContext, engine: Engine
) -> None:
    cookies = {SESSION_COOKIE: "amy"}
    async with (
        serve_pages(live_context) as address,
        httpx.AsyncClient(base_url=address, cookies=cookies, timeout=30) as client,
    ):
        drawn = datetime.now(UTC)
        with GroupWriter(engine, "scenes") as writer:
            async with client.stream("GET", "/live?list=inbox") as stream:
                lines = stream.aiter_lines()
                async for line in lines:
                    if line == "event: hello":
                        write_all(writer.put, make_publication(ticket("T-1", assignee="amy")))
                    if line == "event: list":
                        break
        for since, is_notified in ((drawn, True), (drawn + timedelta(hours=1), False)):
            feed = "/live?list=inbox&since=" + quote(since.isoformat())
            async with client.stream("GET", feed) as stream:
                begin = ""
                async for part in stream.aiter_text():
                    begin += part
                    if not is_notified or "T-1" in begin:
                        break
            assert ("T-1" in begin) is is_notified
