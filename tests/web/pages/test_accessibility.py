"""axe-core finds no serious or critical problem on any page, in either theme, wide or narrow."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from tests.support.browser_fixtures import chromium, open_window, page_errors
from tests.support.full_desk import ServedDesk, served_desk
from tests.support.screenshot_data import PAGE_READERS, ScreenshotItems, create_items

pytestmark = pytest.mark.timeout(240)
"""The first test waits for all the items of the screenshots."""
SERIOUS: Final = frozenset({"serious", "critical"})
PAGES: Final = (*ScreenshotItems().addresses, "sign-in", "missing")
SKIPPED: Final = {"sign-in": "/sign-in", "missing": "/nowhere"}


@dataclass(frozen=True)
class OpenBrowser:
    """A stack with the items of the screenshots, and a browser."""

    served_desk: ServedDesk
    items: ScreenshotItems
    browser: Browser


@pytest_asyncio.fixture(scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenBrowser]:
    """Start one stack and one browser for all pages."""
    async with served_desk(tmp_path_factory.mktemp("accessible")) as whole, chromium() as browser:
        yield OpenBrowser(whole, await create_items(whole.running_stack, many=False), browser)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 375)])
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_has_no_serious_or_critical_problem(
    opened: OpenBrowser, name: str, theme: str, width: int
) -> None:
    who = None if name in SKIPPED else PAGE_READERS.get(name, "amy")
    context = await open_window(
        opened.browser, opened.served_desk.address, who, theme=theme, width=width
    )
    page = await context.new_page()
    problems = page_errors(page)
    answer = await page.goto((opened.items.addresses | SKIPPED)[name])
    assert answer is not None
    assert answer.status == (404 if name == "missing" else 200)
    results = (await Axe().run(page)).response
    wide = await page.evaluate("document.documentElement.scrollWidth")
    await context.close()
    grave = [
        f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:4]]}"
        for each in results["violations"]
        if each["impact"] in SERIOUS
    ]
    assert grave == []
    assert wide <= width
    if name != "missing":
        assert problems == []
