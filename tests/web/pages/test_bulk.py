"""One command for several lines of a list, with a result for each line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.browser_fixtures import chromium, open_window
from tests.support.full_desk import ServedDesk, post_form, served_desk

QUEUE: Final = "accounts-payable"
PART: Final = {"hx-request": "true"}


@dataclass(frozen=True)
class OpenBrowser:
    """A stack and a browser."""

    served_desk: ServedDesk
    browser: Browser


@pytest_asyncio.fixture(scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenBrowser]:
    """Start one stack and one browser for all tests of this file."""
    async with served_desk(tmp_path_factory.mktemp("bulk")) as whole, chromium() as browser:
        yield OpenBrowser(whole, browser)


async def tickets(opened: OpenBrowser, many: int, **fields: object) -> list[str]:
    start_fields: dict[str, Any] = {"queue": QUEUE, "category": "payment-reminder"} | fields
    return [await opened.served_desk.running_stack.ticket(**start_fields) for _ in range(many)]


async def test_each_item_says_what_came_of_it(opened: OpenBrowser) -> None:
    running_stack = opened.served_desk.running_stack
    good, waiting, elsewhere = (
        *(await tickets(opened, 2)),
        *(await tickets(opened, 1, queue="it-support")),
    )
    await running_stack.do(waiting, "start", by="bob")
    async with opened.served_desk.person("amy") as amy:
        chosen = [good, waiting, elsewhere, "T-GONE"]
        answer = await post_form(amy, "/bulk", item=chosen, command="assign", to="amy")
    assert answer.status_code == 200
    assert "Assign: 1 done, 3 not" in " ".join(answer.text.split())
    assert "no item T-GONE" in answer.text
    assert (await running_stack.desk.state(good))["assignee"] == "amy"
    assert (await running_stack.desk.state(waiting))[
        "assignee"
    ] == "bob"  # only a lead gives others' items away
    assert (await running_stack.desk.state(elsewhere))["assignee"] is None


async def test_a_lead_gives_what_others_have_to_somebody_else(opened: OpenBrowser) -> None:
    running_stack = opened.served_desk.running_stack
    first, second = await tickets(opened, 2)
    for reference in (first, second):
        await running_stack.do(reference, "start", by="amy")
    async with opened.served_desk.person("bob") as bob:
        answer = await post_form(bob, "/bulk", item=[first, second], command="assign", to="bob")
    assert "Assign: 2 done" in answer.text
    assert (await running_stack.desk.state(second))["assignee"] == "bob"


async def test_an_item_that_changed_meanwhile_is_left_as_it_is(opened: OpenBrowser) -> None:
    running_stack = opened.served_desk.running_stack
    (reference,) = await tickets(opened, 1)
    seen = (await running_stack.desk.state(reference))["revision"]
    await running_stack.do(reference, "add_note", text="Wait for my mail.", by="bob")
    async with opened.served_desk.person("amy") as amy:
        answer = await post_form(
            amy, "/bulk", item=[f"{reference}:{seen}"], command="resolve", method="rejected"
        )
    assert "It has changed meanwhile" in answer.text
    assert (await running_stack.desk.state(reference))["status"] == "TO_DO"


async def test_a_wait_until_needs_its_moment_and_takes_it_on_the_readers_clock(
    opened: OpenBrowser,
) -> None:
    running_stack = opened.served_desk.running_stack
    (reference,) = await tickets(opened, 1)
    async with opened.served_desk.person("amy", casekeep_zone="Asia/Tokyo") as amy:
        without = await post_form(amy, "/bulk", item=[reference], command="wait", type="until")
        assert "0 done, 1 not" in " ".join(without.text.split())
        await post_form(
            amy, "/bulk", item=[reference], command="wait", type="until", until="2099-01-02T09:00"
        )
    state = await running_stack.desk.state(reference)
    assert state["wait"]["until"] == "2099-01-02T00:00:00Z"  # C10


@pytest.mark.parametrize("command", ["", "cancel", "merge", "nonsense"])
async def test_only_what_is_meant_for_several_is_given_to_several(
    opened: OpenBrowser, command: str
) -> None:
    (reference,) = await tickets(opened, 1)
    async with opened.served_desk.person("amy") as amy:
        answer = await post_form(amy, "/bulk", item=[reference], command=command)
    assert "Nothing was chosen." in answer.text


async def test_a_viewer_gives_no_commands(opened: OpenBrowser) -> None:
    (reference,) = await tickets(opened, 1)
    async with opened.served_desk.person("eva") as eva:
        answer = await post_form(eva, "/bulk", item=[reference], command="assign", to="eva")
    assert answer.status_code == 403


async def test_chosen_lines_are_resolved_from_the_list_and_leave_it(opened: OpenBrowser) -> None:
    running_stack = opened.served_desk.running_stack
    first, second, third = await tickets(opened, 3)
    for reference in (first, second, third):
        await running_stack.do(reference, "start", by="amy")
    context = await open_window(opened.browser, opened.served_desk.address)
    page = await context.new_page()
    await page.goto("/inbox")
    await page.wait_for_selector("body[data-listening]")
    for reference in (first, second):
        await page.locator(f"#row-{reference} [data-pick]").check()
    await expect(page.locator("[data-chosen]")).to_have_text("2 chosen")
    await page.locator("#bulk summary", has_text="Resolve").click()
    await page.get_by_label("Note that resolves them").fill("Paid on the third.")
    await page.locator("#bulk").get_by_role("button", name="Resolve").click()
    await expect(page.locator("#results h2")).to_have_text("Resolve: 2 done")
    await expect(page.locator(f"#row-{first}")).to_have_count(0)
    await expect(page.locator(f"#row-{third}")).to_be_visible()
    await expect(page.locator("#bulk")).to_be_hidden()
    await context.close()
    assert (await running_stack.desk.state(second))["status"] == "RESOLVED"


async def test_the_next_of_a_queue_is_started_and_shown(opened: OpenBrowser) -> None:
    await tickets(opened, 1)
    async with opened.served_desk.person("amy") as amy:
        answer = await post_form(amy, f"/queues/{QUEUE}/next")
    assert answer.status_code == 303
    reference = answer.headers["location"].rpartition("/")[2]
    assert (await opened.served_desk.running_stack.desk.state(reference))["assignee"] == "amy"  # Q1
