"""An open item page shows other people's changes, keeps unsent text, and works by keyboard."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.support.browser_fixtures import chromium, open_window, page_errors
from tests.support.full_desk import ServedDesk, served_desk

QUEUE = "accounts-payable"
LISTENING = "body[data-listening]"
FORTY = {
    "name": "forty",
    "queue": QUEUE,
    "steps": [
        {"key": "gather", "actions": [{"key": f"gather-{n}"} for n in range(30)]},
        {"key": "tell", "actions": [{"key": f"tell-{n}"} for n in range(10)]},
    ],
}
ONE = {
    "name": "one",
    "queue": QUEUE,
    "steps": [
        {
            "key": "only",
            "actions": [
                {"key": "run", "title": "Run", "checklist": ["Is it there?", "Is it whole?"]},
                {"key": "ask"},
            ],
        }
    ],
}


@pytest_asyncio.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedDesk]:
    """Start a stack for all tests of this file."""
    async with served_desk(tmp_path_factory.mktemp("live items")) as whole:
        yield whole


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture
async def amy(desk: ServedDesk, browser: Browser) -> AsyncIterator[Page]:
    """Open a window of Amy's whose console may have no errors but those of refusals."""
    context = await open_window(browser, desk.address, language="en")
    page = await context.new_page()
    problems = page_errors(page)
    yield page
    await context.close()
    assert [problem for problem in problems if "status of 4" not in problem] == []


async def ticket(desk: ServedDesk, **fields: str) -> str:
    return await desk.running_stack.ticket(queue=QUEUE, category="payment-reminder", **fields)


async def opened(page: Page, reference: str) -> None:
    await page.goto(f"/items/{reference}")
    await page.wait_for_selector(LISTENING)


async def test_what_others_do_appears_without_a_reload(desk: ServedDesk, amy: Page) -> None:
    reference = await ticket(desk)
    await opened(amy, reference)
    await desk.running_stack.do(reference, "start", by="bob")
    await expect(amy.locator(".ribbon .badge")).to_have_text("In Progress")
    await expect(amy.locator(".ribbon .holder")).to_have_text("Robert Martin")
    await expect(amy.locator("#move-wait .notice")).to_contain_text("Robert Martin has this.")
    await desk.running_stack.do(
        reference,
        "receive_email",
        by="service:mail",
        message_id="<1@example.org>",
        sender="ida@example.org",
        subject="Where is it?",
        excerpt="Still nothing.",
    )
    await expect(amy.locator(".entry").first).to_contain_text("Still nothing.")
    await expect(amy.locator(".news-note")).to_be_visible()


async def test_an_actions_state_appears_in_the_open_flow_of_its_case(
    desk: ServedDesk, amy: Page
) -> None:
    reference = await desk.running_stack.case(definition=ONE, by="amy", queue=QUEUE)
    await desk.running_stack.eventually(f"{reference}-A2", status="TO_DO")
    await opened(amy, reference)
    await expect(amy.locator(".box.to_do")).to_have_count(2)
    await desk.running_stack.do(f"{reference}-A2", "resolve", outcome="complete")
    await expect(amy.locator(".box.complete")).to_have_count(1)


async def test_what_is_being_written_stays_when_the_item_changes(
    desk: ServedDesk, amy: Page
) -> None:
    reference = await ticket(desk)
    await opened(amy, reference)
    await amy.locator("#write-mail summary").click()
    await amy.locator("#send_email-body").fill("A long answer")
    await desk.running_stack.do(reference, "add_note", by="bob", text="I have called her.")
    await expect(amy.locator(".entry").first).to_contain_text("I have called her.")
    await expect(amy.locator("#send_email-body")).to_have_value("A long answer")
    await expect(amy.locator("#part-write .stale")).to_be_visible()
    await amy.get_by_role("button", name="Send", exact=True).click()
    alert = amy.get_by_role("alert")
    await expect(alert).to_contain_text("This item changed while you were writing")
    await expect(alert).to_contain_text("Robert Martin wrote a note")
    await expect(amy.locator("#send_email-body")).to_have_value("A long answer")
    await amy.get_by_role("button", name="Send", exact=True).click()
    await expect(amy.locator("#flash")).to_contain_text("The mail is on its way.")


async def test_what_was_refused_stays_when_the_item_changes(desk: ServedDesk, amy: Page) -> None:
    reference = await ticket(desk)
    await opened(amy, reference)
    await amy.locator("#move-merge summary").click()
    await amy.locator("#merge-into").fill("T-NOSUCH")
    await amy.locator("#move-merge .buttons .button").click()
    await expect(amy.get_by_role("alert")).to_be_visible()
    await amy.wait_for_selector(LISTENING)
    await desk.running_stack.do(reference, "add_note", by="bob", text="I have called her.")
    await expect(amy.locator(".entry").first).to_contain_text("I have called her.")
    await expect(amy.get_by_role("alert")).to_be_visible()
    await expect(amy.locator("#merge-into")).to_have_value("T-NOSUCH")


async def test_a_form_opens_by_its_key_and_closes_by_escape(desk: ServedDesk, amy: Page) -> None:
    reference = await ticket(desk)
    await opened(amy, reference)
    await amy.keyboard.press("w")
    await expect(amy.locator("#move-wait")).to_have_attribute("open", "")
    await expect(amy.locator("#move-wait input:focus")).to_have_count(1)
    await expect(amy.get_by_label("Until", exact=True)).to_be_hidden()
    await amy.get_by_label("Follow-up (wait until)").check()
    await expect(amy.get_by_label("Until", exact=True)).to_be_visible()
    await amy.keyboard.press("Escape")
    await expect(amy.locator("#move-wait[open]")).to_have_count(0)
    await expect(amy.locator("#move-wait summary")).to_be_focused()


async def test_older_entries_are_put_below_and_stay_when_the_item_changes(
    desk: ServedDesk, amy: Page
) -> None:
    reference = await ticket(desk)
    for number in range(55):
        await desk.running_stack.do(reference, "add_note", text=f"note {number}.")
    await opened(amy, reference)
    await expect(amy.locator(".entry")).to_have_count(50)
    await amy.locator("[data-older]").click()
    await expect(amy.locator(".entry")).to_have_count(56)
    await desk.running_stack.do(reference, "add_note", by="bob", text="the last one")
    await expect(amy.locator(".entry").first).to_contain_text("the last one")
    await expect(amy.locator(".entry")).to_have_count(57)


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "fr")])
async def test_axe_finds_nothing_serious(
    desk: ServedDesk, browser: Browser, theme: str, language: str
) -> None:
    plain = await ticket(desk)
    draft = await desk.running_stack.ticket(queue=QUEUE, submit=False, title="Half", category=None)
    many = await desk.running_stack.case(definition=FORTY, by="amy", queue=QUEUE)
    failing = await desk.running_stack.case(definition=ONE, by="amy", queue=QUEUE)
    await desk.running_stack.do(failing, "start")
    await desk.running_stack.eventually(f"{failing}-A1", status="TO_DO")
    await desk.running_stack.eventually(f"{failing}-A2", status="TO_DO")
    await desk.running_stack.do(
        f"{failing}-A2", "resolve", outcome="unable_to_complete", reason="Shut."
    )
    await desk.running_stack.eventually(failing, status="TO_DO")
    await desk.running_stack.do(
        plain, "send_email", to=["ida@example.org"], subject="Yes", body="No " * 900
    )
    context = await open_window(browser, desk.address, theme=theme, language=language)
    page = await context.new_page()
    for path in (
        f"/items/{plain}",
        f"/items/{draft}",
        f"/items/{many}",
        f"/items/{failing}",
        f"/items/{failing}-A1",
        f"/items/{plain}/timeline?before=2",
        f"/confirmed/{plain}?done=submit",
        "/tickets/new",
        "/cases/new",
    ):
        await page.goto(path)
        # with every form open
        await page.evaluate(
            """document.querySelectorAll("details.move, details.writer").forEach((one) => {
                 one.removeAttribute("name"); one.open = true; })"""
        )
        violations = await Axe().run(page)
        serious = [
            (violation["id"], violation["nodes"][0]["html"])
            for violation in violations.response["violations"]
            if violation["impact"] in {"serious", "critical"}
        ]
        assert serious == [], path
    await context.close()
