"""How somebody works a page: with a mouse, or with a keyboard and nothing else."""

from typing import Protocol

from playwright.async_api import Locator, Page, expect

MOST_TABS = 90
"""Times that Tab is pressed before something counts as out of reach."""


class Hands(Protocol):
    """What a clerk does with a page."""

    page: Page

    async def push(self, what: Locator) -> None:
        """Follow a link, or press a button."""

    async def write(self, where: Locator, text: str) -> None:
        """Write in a field, in place of what is there."""

    async def pick(self, where: Locator, option: str) -> None:
        """Choose an option of a list."""

    async def open_queue(self) -> None:
        """Go to the first queue of the navigation."""

    async def take_next(self) -> None:
        """Take the queue's next item."""

    async def new(self, kind: str) -> None:
        """Begin a new Ticket or Case."""

    async def reveal(self, form: str, key: str) -> None:
        """Open a form of the item's page, which has this id and this key."""

    async def do_first(self, command: str) -> None:
        """Give the item's foremost command: start, resume or reopen."""

    async def find(self, words: str) -> None:
        """Search for words."""


class Mouse:
    """Clicks on what is seen; the keyboard only writes text."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def push(self, what: Locator) -> None:
        await what.click()

    async def write(self, where: Locator, text: str) -> None:
        await where.click(click_count=3)
        await where.fill(text)

    async def pick(self, where: Locator, option: str) -> None:
        await where.select_option(label=option)

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


class Keyboard:
    """Keys alone: shortcuts, Tab, Enter, space and letters; nothing is ever clicked."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def push(self, what: Locator) -> None:
        await self._reach(what)
        await self.page.keyboard.press("Enter")

    async def write(self, where: Locator, text: str) -> None:
        await self._reach(where)
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def pick(self, where: Locator, option: str) -> None:
        await self._reach(where)
        await self.page.keyboard.type(option)
        await expect(where.locator("option:checked")).to_have_text(option)

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
        # scripts are there once the page hears of changes
        await expect(self.page.locator("body[data-hears]")).to_have_count(1)
        for key in keys.split():
            await self.page.keyboard.press(key)

    async def _reach(self, what: Locator) -> None:
        """Press Tab until it has the focus, which then has to be seen."""
        await expect(what).to_be_visible()
        for _ in range(MOST_TABS):
            if await what.evaluate("one => document.activeElement === one"):
                assert await what.evaluate("one => one.matches(':focus-visible')"), what
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{what} is not reached by {MOST_TABS} times Tab")
