"""Sign-in and audit in a real browser: its security policy allows all that the pages need."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect
from sqlalchemy import Engine

from auth import accounts
from auth.authenticator import Authenticator
from auth.callers import Role
from starter.settings import Settings
from store.auth.audit import add_entry
from store.engine import open_engine
from store.schema.auth_tables import AuditKind, AuditOutcome, AuditRow
from store.schema.versions import upgrade_schema
from tests.support.app_fixture import PASSWORD, add_account
from tests.support.browser_fixtures import (
    chromium,
    open_window,
    page_context,
    page_errors,
    serve_pages,
)
from web.context import SESSION_COOKIE

SERIOUS: Final = frozenset({"serious", "critical"})


@dataclass(frozen=True)
class OpenBrowser:
    """An installation with real sign-in, and a browser."""

    engine: Engine
    address: str
    browser: Browser


@pytest.fixture(scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenBrowser]:
    """Start one installation and one browser for all tests."""
    folder: Path = tmp_path_factory.mktemp("browser")
    engine = open_engine(f"sqlite:///{folder / 'casekeep.db'}")
    upgrade_schema(engine)
    of = replace(page_context(engine), caller_lookup=Authenticator(engine), settings=Settings())
    add_account(engine, "max", role=Role.OPERATOR, shown="Maximiliane Mustermann")
    async with serve_pages(of) as address, chromium() as browser:
        yield OpenBrowser(engine, address, browser)
    engine.dispose()


async def sign_in(page: Page, name: str, password: str) -> None:
    """Fill in the form and send it."""
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def test_a_person_signs_in_by_password_is_where_they_wanted_and_signs_out(
    opened: OpenBrowser,
) -> None:
    context = await open_window(opened.browser, opened.address, None)
    page = await context.new_page()
    problems = page_errors(page)
    await page.goto("/audit?kind=sign_in")
    await expect(page).to_have_url(f"{opened.address}/sign-in?next=%2Faudit%3Fkind%3Dsign_in")
    await sign_in(page, "max", "wrong horse battery")
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await expect(page.get_by_label("Name")).to_have_value("max")
    problems.clear()  # browsers complain of every answer that is 401
    await sign_in(page, "max", PASSWORD)
    await expect(page).to_have_url(f"{opened.address}/audit?kind=sign_in")
    await expect(page.get_by_role("row").nth(1)).to_contain_text("By password")
    await expect(page.get_by_role("row").nth(2)).to_contain_text("Failed")
    cookies = {cookie.get("name"): cookie for cookie in await context.cookies()}
    assert cookies[SESSION_COOKIE].get("httpOnly") is True
    assert await page.evaluate("document.cookie.includes('casekeep=')") is False
    await page.get_by_label("Language, theme and account").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(f"{opened.address}/sign-in")
    await page.goto("/audit")
    await expect(page).to_have_url(f"{opened.address}/sign-in?next=%2Faudit")
    assert problems == []
    await context.close()


async def test_a_person_signs_in_by_a_link(opened: OpenBrowser) -> None:
    path = accounts.make_link(opened.engine, "max", by="root")
    context = await open_window(opened.browser, opened.address, None)
    page = await context.new_page()
    problems = page_errors(page)
    await page.goto(path)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{opened.address}/inbox")
    assert problems == []
    await context.close()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1024), ("dark", 375)])
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_the_audit_can_be_read_by_everybody_however_wide_their_window(
    opened: OpenBrowser, language: str, theme: str, width: int
) -> None:
    for number in range(55):
        deed = AuditRow(
            by="robot:a-robot-with-a-name-that-is-far-too-long-for-anybody-to-read-it",
            kind=list(AuditKind)[number % len(AuditKind)],
            what="send_and_resolve",
            item=f"C-{number:08}-A12",
            about="service:" + "x" * 60,
            outcome=list(AuditOutcome)[number % len(AuditOutcome)],
            reason="ticket T-7F3K9Q2D is closed: cannot assign; mail to it starts a new item",
            rule="C15",
            address="2001:db8:1:2::/64",
        )
        add_entry(opened.engine, deed)
    path = accounts.make_link(opened.engine, "max", by="root")
    context = await open_window(
        opened.browser, opened.address, None, theme=theme, width=width, language=language
    )
    page = await context.new_page()
    await page.goto(path)
    await page.locator("form button").click()
    problems = page_errors(page)
    await page.goto("/audit")
    results = (await Axe().run(page)).response
    wide = await page.evaluate("document.documentElement.scrollWidth")
    await context.close()
    assert [
        violation for violation in results["violations"] if violation["impact"] in SERIOUS
    ] == []
    assert wide <= width
    assert problems == []
