"""A clerk's day in Chromium, by mouse and by keyboard only: from sign-in to a paused Case."""

import asyncio
import re
import shutil
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest
import pytest_asyncio
import yaml
from playwright.async_api import Browser, Page, expect

from auth.accounts import make
from auth.callers import Role
from catalog.loader import SAMPLE_FOLDER
from tests.support.browser_fixtures import chromium, open_window, page_errors
from tests.support.full_desk import ServedDesk, served_desk
from tests.support.page_driver import KeyboardDriver, MouseDriver, PageDriver

QUEUE = "accounts-payable"
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
ERRANDS = {
    "name": "errands",
    "queue": QUEUE,
    # any wait stops the clock, a pause too
    "settings": {"due": {"within": "PT8H", "add_wait_time": True}},
    "steps": [
        {
            "key": "fetch",
            "title": "Fetch it",
            "actions": [
                {"key": "ask", "title": "Ask for the key", "performer": "human"},
                {"key": "go", "title": "Go to the archive", "performer": "human"},
            ],
        },
        {"key": "file", "title": "File it", "actions": [{"key": "note", "title": "Note it"}]},
    ],
}
TIMEOUT = 20_000
"""Milliseconds within which a page shows a change on a busy machine."""


@pytest_asyncio.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedDesk]:
    """Start a stack with real sign-in and a mailroom, in which Amy has an account."""
    folder = tmp_path_factory.mktemp("a clerk's day")
    catalog = folder / "catalog"
    shutil.copytree(SAMPLE_FOLDER, catalog)
    (catalog / "cases" / "errands.yaml").write_text(yaml.safe_dump(ERRANDS))
    async with served_desk(
        folder,
        catalog=catalog,
        has_real_sign_in=True,
        mailroom=True,
        settings={"mail_listen": "127.0.0.1:0"},
    ) as whole:
        make(
            whole.running_stack.engine,
            "amy",
            shown="Amy Pond",
            role=Role.AGENT,
            by="root",
            queues=[QUEUE],
            zone="Europe/Paris",
            password=PASSWORD,
        )
        yield whole


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture(params=[MouseDriver, KeyboardDriver], ids=["mouse", "keyboard"])
async def driver(
    request: pytest.FixtureRequest, desk: ServedDesk, browser: Browser
) -> AsyncIterator[PageDriver]:
    """Return a page driver on a window in which nobody is signed in."""
    context = await open_window(browser, desk.address, person=None)
    page = await context.new_page()
    page.set_default_timeout(TIMEOUT)
    problems = page_errors(page)
    working: PageDriver = request.param(page)
    yield working
    await context.close()
    # a form that is refused answers 409 or 422, which Chromium notes
    assert [problem for problem in problems if not re.search(r"status of 4(09|22)", problem)] == []


async def send_mail_from_ida(desk: ServedDesk, reference: str) -> None:
    """Send Ida's answer by SMTP."""
    mail = EmailMessage()
    mail["From"] = "Ida Berg <ida@example.org>"
    mail["To"] = "invoices@desk.example"
    mail["Subject"] = f"Re: [{reference}] Which month?"
    mail["Message-ID"] = f"<answer-{reference}@example.org>"
    mail.set_content("It is the invoice of May.")
    host, _, port = str(desk.running_stack.stack.mail_listen).rpartition(":")

    def sent() -> None:
        with smtplib.SMTP(host, int(port)) as server:
            server.send_message(mail)

    await asyncio.to_thread(sent)


async def assert_status(page: Page, status: str) -> None:
    """Assert that the ribbon shows this status."""
    await expect(page.locator(".ribbon .badge").first).to_have_text(status, timeout=TIMEOUT)


async def sign_in(driver: PageDriver) -> None:
    page = driver.page
    await page.goto("/")
    await driver.fill(page.locator("#name"), "amy")
    await driver.fill(page.locator("#password"), PASSWORD)
    await driver.press(page.get_by_role("button", name="Sign in"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")


async def claim_next(driver: PageDriver, title: str) -> None:
    page = driver.page
    await driver.open_queue()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Accounts payable")
    await driver.take_next()
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    await assert_status(page, "In Progress")


async def fill_in_draft(driver: PageDriver) -> str:
    page = driver.page
    await driver.new("Ticket")
    await driver.fill(page.get_by_label("Title"), "No invoice")
    await driver.press(page.get_by_role("button", name="Save as Draft"))
    await assert_status(page, "Draft")
    await driver.press(page.get_by_role("button", name="Submit").last)
    await expect(page.get_by_text("This is needed.")).to_have_count(2)
    await expect(page.get_by_text("A name or an address is needed.")).to_have_count(2)
    await expect(page.get_by_label("Title")).to_have_value("No invoice")
    await driver.fill(page.get_by_label("Description"), "The invoice of May never came.")
    await driver.fill(page.get_by_label("Category"), "invoice-question")
    for contact in ("primary_contact", "requester"):
        await driver.fill(page.locator(f"#edit-{contact}_name"), "Ida Berg")
        await driver.fill(page.locator(f"#edit-{contact}_email"), "ida@example.org")
    await driver.press(page.get_by_role("button", name="Submit").last)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("is submitted.")
    link = page.get_by_role("link", name=re.compile("Open T-"))
    reference = (await link.inner_text()).removeprefix("Open ")
    await driver.press(link)
    await assert_status(page, "To Do")
    return reference


async def wait_for_answer(driver: PageDriver, desk: ServedDesk, reference: str) -> None:
    page = driver.page
    await driver.reveal("move-wait", "w")
    await driver.fill(page.get_by_label("From whom or what"), "Ida")
    await driver.press(page.locator("#move-wait .buttons .button"))
    await assert_status(page, "Wait")
    await expect(page.locator("body[data-listening]")).to_have_count(1)
    await send_mail_from_ida(desk, reference)
    # no key was pressed and nothing clicked since
    await expect(page.locator(".entry").first).to_contain_text(
        "It is the invoice of May.", timeout=TIMEOUT
    )
    await assert_status(page, "To Do")
    await expect(page.locator(".news-note")).to_be_visible()


async def send_and_resolve(driver: PageDriver) -> None:
    page = driver.page
    await driver.do_first("start")
    await assert_status(page, "In Progress")
    await driver.reveal("write-mail", "m")
    await expect(page.get_by_label("To", exact=True)).to_have_value("ida@example.org")
    await driver.fill(page.locator("#send_email-body"), "Here it is, once more.")
    await driver.press(page.get_by_role("button", name="Send & Resolve"))
    await assert_status(page, "Resolved")
    await expect(page.locator(".entry.resolution").first).to_contain_text("Here it is, once more.")


async def reopen(driver: PageDriver) -> None:
    await driver.do_first("reopen")
    await assert_status(driver.page, "To Do")
    await expect(driver.page.locator("#flash")).to_contain_text("Reopened.")


async def start_case(driver: PageDriver, about: str) -> str:
    page = driver.page
    await driver.new("Case")
    await driver.fill(page.get_by_label("Short description"), about)
    await driver.choose(page.get_by_label("Case definition"), "errands")
    await driver.press(page.get_by_role("button", name="Submit"))
    link = page.get_by_role("link", name=re.compile("Open C-"))
    reference = (await link.inner_text()).removeprefix("Open ")
    await driver.press(link)
    await assert_status(page, "To Do")
    await driver.do_first("start")
    await assert_status(page, "In Progress")
    return reference


async def fail_action(driver: PageDriver, case: str) -> None:
    page = driver.page
    await expect(page.locator(".box.to_do")).to_have_count(2, timeout=TIMEOUT)
    await driver.press(page.get_by_role("link", name="Go to the archive"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Go to the archive")
    await driver.do_first("start")
    await assert_status(page, "In Progress")
    await driver.reveal("move-resolve-unable", "z")
    await driver.fill(page.locator("#resolve-reason"), "The archive is shut.")
    await driver.press(page.locator("#move-resolve-unable .buttons .button"))
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        f"Action {case}-A2 is closed as unable to complete."
    )
    await driver.find(case)
    attention = page.get_by_role("region", name="This Case needs attention")
    await expect(attention).to_contain_text("The archive is shut.", timeout=TIMEOUT)


async def rework(driver: PageDriver) -> None:
    page = driver.page
    await driver.press(page.get_by_role("button", name="Rework"))
    await driver.choose(page.get_by_label("From which step on"), "Fetch it")
    await driver.press(page.locator("#move-rework .buttons .button"))
    await assert_status(page, "In Progress")
    await expect(page.get_by_role("region", name="This Case needs attention")).to_have_count(0)
    await expect(page.locator(".box", has_text="copy 2")).to_have_count(2, timeout=TIMEOUT)


async def pause_case(driver: PageDriver) -> None:
    page = driver.page
    await driver.reveal("move-wait", "w")
    pause = page.locator("#move-wait").get_by_label("Pause")
    if isinstance(driver, KeyboardDriver):
        # the group of choices gets the focus; arrows go through it
        await expect(page.locator("#move-wait input:focus")).to_have_count(1)
        await page.keyboard.press("ArrowUp")
        await expect(pause).to_be_checked()
    else:
        await pause.check()
    await driver.press(page.locator("#move-wait .buttons .button"))
    await assert_status(page, "Wait")
    await expect(page.locator(".ribbon .due")).to_have_text(
        re.compile(r"paused 7 h 5\d m before due")
    )


@pytest.mark.timeout(240)
async def test_a_clerks_day(driver: PageDriver, desk: ServedDesk) -> None:
    title = f"Which cost centre, by {type(driver).__name__.lower()}?"
    await desk.running_stack.ticket(
        title=title, queue=QUEUE, category="payment-reminder", by="service:erp"
    )
    await sign_in(driver)
    await claim_next(driver, title)
    ticket = await fill_in_draft(driver)
    await wait_for_answer(driver, desk, ticket)
    await send_and_resolve(driver)
    await reopen(driver)
    case = await start_case(driver, f"Fetch the file by {type(driver).__name__.lower()}")
    await fail_action(driver, case)
    await rework(driver)
    await pause_case(driver)
    state = await desk.running_stack.eventually(case, status="WAIT")
    assert state["wait"]["type"] == "pause"
    assert (await desk.running_stack.eventually(ticket, status="TO_DO"))["first_resolution"][
        "by"
    ] == "amy"
