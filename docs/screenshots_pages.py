"""Takes screenshots of every page, with Debian's chromium, and an overview picture of some.

`python docs/screenshots_pages.py FOLDER [NAME ...]` writes all pages, or those named, into FOLDER:
in both languages, both themes and three widths, with much, little and no content. Without a folder
it draws only the overview.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import product
from pathlib import Path
from typing import Final, TypeAlias

from playwright.async_api import Browser, Page

from catalog.loader import SAMPLE_FOLDER
from store.engine import open_engine
from store.schema.versions import upgrade_schema
from tests.support.browser_fixtures import chromium, open_window, page_context, serve_pages
from tests.support.process_stack import running_stack
from tests.support.screenshot_data import PAGE_READERS, ScreenshotItems, create_items

PageAction: TypeAlias = Callable[[Page], Awaitable[None]]
PICTURES: Final = Path(__file__).with_name("pictures")
OVERVIEW_FILE: Final = PICTURES / "pages.jpg"
README_PICTURE: Final = PICTURES / "page.png"
"""Picture at the top of the README."""
HEIGHTS: Final = {1440: 900, 1024: 768, 375: 720}
EMPTY_PAGES: Final = ("inbox", "owned", "queue", "search", "lead")
"""Pages that are also taken without any items."""
SIGNED_OUT: Final = {"sign-in": "/sign-in", "sign-in-link": "/sign-in/link/from-a-terminal"}
"""Pages for people who are not signed in."""
MORNING: Final = ScreenshotItems()


async def _submit_form(page: Page) -> None:
    await page.locator("main form button[type=submit], main form button.primary").first.click()
    await page.locator("[aria-invalid=true]").first.wait_for()


async def _open_help(page: Page) -> None:
    await page.locator("body[data-listening]").wait_for()
    await page.keyboard.press("?")
    await page.locator("#shortcuts[open]").wait_for()


async def _select_two(page: Page) -> None:
    for box in (await page.locator("main tbody input[type=checkbox]").all())[:2]:
        await box.check()
    await page.locator("#bulk details summary").last.click()


async def _mark_read(page: Page) -> None:
    await _select_two(page)
    await page.locator("#bulk button[value=mark_read]").click()
    await page.locator("#results li, #results tr").first.wait_for()


async def _move_focus(page: Page) -> None:
    for _ in range(11):
        await page.keyboard.press("Tab")


def _open_details(summary: str) -> PageAction:
    async def act(page: Page) -> None:
        await page.locator(f"{summary} > summary").click()

    return act


ACTIONS: Final[dict[str, tuple[str, PageAction]]] = {
    "fields-missing": ("/tickets/new", _submit_form),
    "help": ("/inbox", _open_help),
    "menu": ("/inbox", _open_details(".topbar .menu")),
    "chosen": ("/inbox", _select_two),
    "done-to-many": ("/inbox", _mark_read),
    "focus": ("/inbox", _move_focus),
    "waiting-form": (f"/items/{MORNING.working}", _open_details("#move-wait")),
    "resolving-form": (f"/items/{MORNING.working}", _open_details("#move-resolve")),
    "rework-form": (f"/items/{MORNING.attention}", _open_details("#move-rework")),
}
"""Pages that are taken after an action on them."""
PAGES: Final = MORNING.addresses | {
    "confirmed": f"/confirmed/{MORNING.waiting}",
    "not-found": "/items/T-2222222X",
}
ADDRESSES: Final = PAGES | SIGNED_OUT | {name: address for name, (address, _) in ACTIONS.items()}
_QUALITY: Final = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Screenshot:
    """One screenshot: page, width in pixels, theme, language, amount of content."""

    name: str
    width: int
    theme: str = "light"
    language: str = "en"
    content: str = "much"

    @property
    def file_name(self) -> str:
        """Name of its file."""
        return f"{self.name}-{self.content}-{self.width}-{self.theme}-{self.language}.png"


OVERVIEW: Final = (
    Screenshot(name="inbox", width=1440),
    Screenshot(name="working", width=1440),
    Screenshot(name="attention", width=1440),
    Screenshot(name="lead", width=1024, theme="dark"),
    Screenshot(name="queue", width=1024, language="fr"),
    Screenshot(name="new-ticket", width=1024, theme="dark", language="fr"),
    Screenshot(name="forty", width=1024, theme="dark"),
    Screenshot(name="inbox", width=375),
    Screenshot(name="working", width=375, theme="dark"),
    Screenshot(name="attention", width=375, language="fr"),
    Screenshot(name="paused", width=375),
    Screenshot(name="search", width=375, theme="dark", language="fr"),
    Screenshot(name="owned", width=375, content="nothing"),
    Screenshot(name="sign-in", width=375, theme="dark"),
)
"""Screenshots in the overview."""


def all_screenshots() -> Iterator[Screenshot]:
    """Yield every page in every width, theme and language."""
    looks = tuple(product(HEIGHTS, ("light", "dark"), ("en", "fr")))
    for content, names in (("much", ADDRESSES), ("little", PAGES), ("nothing", EMPTY_PAGES)):
        for name, (width, theme, language) in product(names, looks):
            yield Screenshot(
                name=name, width=width, theme=theme, language=language, content=content
            )


async def take_screenshot(
    browser: Browser, address: str, screenshot: Screenshot, folder: Path, *, whole: bool
) -> None:
    """Take one screenshot; of the whole page if `whole`, else of the window."""
    who = None if screenshot.name in SIGNED_OUT else PAGE_READERS.get(screenshot.name, "amy")
    context = await open_window(
        browser,
        address,
        who,
        width=screenshot.width,
        height=HEIGHTS[screenshot.width],
        theme=screenshot.theme,
        language=screenshot.language,
    )
    page = await context.new_page()
    await page.goto(ADDRESSES[screenshot.name])
    await page.wait_for_load_state("load")
    if screenshot.name in ACTIONS:
        await ACTIONS[screenshot.name][1](page)
        # sticky elements would cover the middle of the picture
        await page.evaluate("scrollTo(0, 0)")
    await page.screenshot(path=folder / screenshot.file_name, full_page=whole)
    await context.close()


async def take_screenshots(
    browser: Browser, screenshots: list[Screenshot], folder: Path, *, whole: bool
) -> None:
    """Take the screenshots, grouped by the content that they need."""
    for content in ("much", "little", "nothing"):
        selected = [screenshot for screenshot in screenshots if screenshot.content == content]
        if not selected:
            continue
        with tempfile.TemporaryDirectory() as kept:
            url = f"sqlite:///{Path(kept) / 'casekeep.db'}"
            if content == "nothing":
                engine = open_engine(url)
                upgrade_schema(engine)
                async with serve_pages(page_context(engine)) as address:
                    for screenshot in selected:
                        await take_screenshot(browser, address, screenshot, folder, whole=whole)
                engine.dispose()
                continue
            async with running_stack(Path(kept), url, catalog=SAMPLE_FOLDER) as desk:
                await create_items(desk, many=content == "much")
                async with serve_pages(page_context(desk.engine, desk.desk)) as address:
                    for screenshot in selected:
                        await take_screenshot(browser, address, screenshot, folder, whole=whole)


async def draw_overview(browser: Browser, folder: Path) -> None:
    """Draw the overview: wide screenshots first, narrow ones below."""
    heights = {1440: 372, 1024: 330, 375: 470}
    figures = "".join(
        f'<figure><img src="{(folder / one.file_name).as_uri()}" height="{heights[one.width]}">'
        f"<figcaption>{escape(one.name)}, {one.width} px, {one.theme}, {one.language}"
        "</figcaption></figure>"
        for one in OVERVIEW
    )
    text = (
        "<style>body{margin:24px;background:#dfe4ea;display:flex;flex-wrap:wrap;gap:18px;"
        "font:14px system-ui,sans-serif;color:#333}figure{margin:0}img{display:block;"
        "border-radius:6px;box-shadow:0 2px 10px #0003}figcaption{padding:6px 2px}</style>"
    )
    sheet = folder / "sheet.html"
    sheet.write_text(f"<!doctype html><meta charset=utf-8>{text}{figures}", encoding="utf-8")
    page = await browser.new_page(viewport={"width": 1880, "height": 900})
    await page.goto(sheet.as_uri())
    await page.screenshot(path=OVERVIEW_FILE, type="jpeg", quality=_QUALITY, full_page=True)


async def main(folder: Path | None, names: list[str]) -> None:
    """Take the screenshots, or draw the overview."""
    async with chromium() as browser:
        if folder is not None:
            screenshots = [
                screenshot
                for screenshot in all_screenshots()
                if not names or screenshot.name in names
            ]
            await take_screenshots(browser, screenshots, folder, whole=True)
            return
        with tempfile.TemporaryDirectory() as kept:
            await take_screenshots(browser, list(OVERVIEW), Path(kept), whole=False)
            await draw_overview(browser, Path(kept))
            first = next(screenshot for screenshot in OVERVIEW if screenshot.name == "attention")
            shutil.copyfile(Path(kept) / first.file_name, README_PICTURE)


if __name__ == "__main__":
    asked = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else None
    if asked is not None:
        asked.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(asked, sys.argv[2:]))
