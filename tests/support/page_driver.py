"""Drivers of a page: one uses the mouse, one the keyboard alone."""

from typing import Protocol

from playwright.async_api import Locator, Page, expect

MAX_TABS = 90
"""Presses of Tab after which an element counts as unreachable."""


class PageDriver(Protocol):
    """Operations of a clerk on a page."""

    page: Page

    async def press(self, element: Locator) -> None:
        """Follow a link, or press a button."""

    async def fill(self, element: Locator, text: str) -> None:
        """Replace the text of a field."""

    async def choose(self, element: Locator, option: str) -> None:
        """Choose an option of a select element."""

    async def open_queue(self) -> None:
        """Go to the first queue of the navigation."""

    async def take_next(self) -> None:
        """Take the queue's next item."""

    async def new(self, kind: str) -> None:
        """Open the form of a new Ticket or Case."""

    async def reveal(self, form: str, key: str) -> None:
        """Open a form of the item's page by its id or its keyboard shortcut."""

    async def do_first(self, command: str) -> None:
        """Execute the item's primary command: start, resume or reopen."""

    async def find(self, words: str) -> None:
        """Search for words."""


class MouseDriver:
    """Clicks elements; the keyboard only types text."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, element: Locator) -> None:
        await element.click()

    async def fill(self, element: Locator, text: str) -> None:
        await element.click(click_count=3)
        await element.fill(text)

    async def choose(self, element: Locator, option: str) -> None:
        await element.select_option(label=option)

    async def open_queue(self) -> None:
        await self.page.locator('.navigation a[href^="/queues/"]').first.click()

    async def take_next(self) -> None:
        await self.page.get_by_role("button", name="Give me the next one").click()

    async def new(self, kind: str) -> None:
        await self.page.get_by_role("link", name=f"New {kind}").click()

    async def reveal(self, form: str, key: str) -> None:
        del key
        await self.page.locator(f"#{form} > summary").click()

    async def do_first(self, command: str) -> None:
        await self.page.locator(f'form[action$="/do/{command}"] button.primary').click()

    async def find(self, words: str) -> None:
        search = self.page.get_by_role("searchbox")
        await search.click()
        await search.fill(words)
        await search.press("Enter")


class KeyboardDriver:
    """Uses keys alone: shortcuts, Tab, Enter, space and letters."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, element: Locator) -> None:
        await self._reach(element)
        await self.page.keyboard.press("Enter")

    async def fill(self, element: Locator, text: str) -> None:
        await self._reach(element)
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def choose(self, element: Locator, option: str) -> None:
        await self._reach(element)
        await self.page.keyboard.type(option)
        await expect(element.locator("option:checked")).to_have_text(option)

    async def open_queue(self) -> None:
        await self._keys("g 1")

    async def take_next(self) -> None:
        await self._keys("n")

    async def new(self, kind: str) -> None:
        await self._keys({"Ticket": "c", "Case": "C"}[kind])

    async def reveal(self, form: str, key: str) -> None:
        await self._keys(key)
        await expect(self.page.locator(f"#{form}")).to_have_attribute("open", "")

    async def do_first(self, command: str) -> None:
        del command
        await self._keys("s")

    async def find(self, words: str) -> None:
        await self._keys("/")
        await expect(self.page.get_by_role("searchbox")).to_be_focused()
        await self.page.keyboard.type(words)
        await self.page.keyboard.press("Enter")

    async def _keys(self, keys: str) -> None:
        # the scripts are loaded once the page listens for changes
        await expect(self.page.locator("body[data-listening]")).to_have_count(1)
        for key in keys.split():
            await self.page.keyboard.press(key)

    async def _reach(self, element: Locator) -> None:
        """Press Tab until the element has the focus, and assert that the focus is visible."""
        await expect(element).to_be_visible()
        for _ in range(MAX_TABS):
            if await element.evaluate("node => document.activeElement === node"):
                assert await element.evaluate("node => node.matches(':focus-visible')"), element
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{element} is not reached by {MAX_TABS} times Tab")
