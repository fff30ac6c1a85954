"""Takes pictures of every page, with Debian's chromium, and lays some of them out on a sheet.

`python docs/screenshots_pages.py FOLDER [NAME ...]` writes each page, or those named, in both
languages, both themes and three widths there, with little, no and far too much content; without a
folder it draws the sheet alone.
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

from catalog.loader import SAMPLE
from store.engine import engine_of
from store.schema.versions import upgrade
from tests.support.browser_fixtures import chromium, house, served, window
from tests.support.process_stack import running_stack
from tests.support.screenshot_data import WHO, Morning, play

Act: TypeAlias = Callable[[Page], Awaitable[None]]
PICTURES: Final = Path(__file__).with_name("pictures")
SHEET: Final = PICTURES / "pages.jpg"
ALONE_IN_README: Final = PICTURES / "page.png"
"""The page that the README begins with."""
HEIGHTS: Final = {1440: 900, 1024: 768, 375: 720}
EMPTY: Final = ("inbox", "owned", "queue", "search", "lead")
"""Pages that are also taken at a desk where nothing happened yet."""
ALONE: Final = {"sign-in": "/sign-in", "sign-in-link": "/sign-in/link/from-a-terminal"}
"""What is seen by who is not signed in."""
MORNING: Final = Morning()


async def _submits(page: Page) -> None:
    await page.locator("main form button[type=submit], main form button.primary").first.click()
    await page.locator("[aria-invalid=true]").first.wait_for()


async def _opens_help(page: Page) -> None:
    await page.locator("body[data-hears]").wait_for()
    await page.keyboard.press("?")
    await page.locator("#shortcuts[open]").wait_for()


async def _chooses_two(page: Page) -> None:
    for box in (await page.locator("main tbody input[type=checkbox]").all())[:2]:
        await box.check()
    await page.locator("#bulk details summary").last.click()


async def _marks_read(page: Page) -> None:
    await _chooses_two(page)
    await page.locator("#bulk button[value=mark_read]").click()
    await page.locator("#results li, #results tr").first.wait_for()


async def _tabs(page: Page) -> None:
    for _ in range(11):
        await page.keyboard.press("Tab")


def _opens(summary: str) -> Act:
    async def act(page: Page) -> None:
        await page.locator(f"{summary} > summary").click()

    return act


ACTS: Final[dict[str, tuple[str, Act]]] = {
    "fields-missing": ("/tickets/new", _submits),
    "help": ("/inbox", _opens_help),
    "menu": ("/inbox", _opens(".topbar .menu")),
    "chosen": ("/inbox", _chooses_two),
    "done-to-many": ("/inbox", _marks_read),
    "focus": ("/inbox", _tabs),
    "waiting-form": (f"/items/{MORNING.working}", _opens("#move-wait")),
    "resolving-form": (f"/items/{MORNING.working}", _opens("#move-resolve")),
    "rework-form": (f"/items/{MORNING.attention}", _opens("#move-rework")),
}
"""Pages as they are once somebody did something there."""
PLACES: Final = MORNING.addresses | {
    "confirmed": f"/confirmed/{MORNING.waiting}",
    "not-found": "/items/T-2222222X",
}
ADDRESSES: Final = PLACES | ALONE | {name: address for name, (address, _) in ACTS.items()}
_QUALITY: Final = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A picture: of which page, how wide, in which theme and language, of which desk."""

    name: str
    width: int
    theme: str = "light"
    language: str = "en"
    content: str = "much"

    @property
    def file(self) -> str:
        """What its file is called."""
        return f"{self.name}-{self.content}-{self.width}-{self.theme}-{self.language}.png"


CHOSEN: Final = (
    Shot(name="inbox", width=1440),
    Shot(name="working", width=1440),
    Shot(name="attention", width=1440),
    Shot(name="lead", width=1024, theme="dark"),
    Shot(name="queue", width=1024, language="fr"),
    Shot(name="new-ticket", width=1024, theme="dark", language="fr"),
    Shot(name="forty", width=1024, theme="dark"),
    Shot(name="inbox", width=375),
    Shot(name="working", width=375, theme="dark"),
    Shot(name="attention", width=375, language="fr"),
    Shot(name="paused", width=375),
    Shot(name="search", width=375, theme="dark", language="fr"),
    Shot(name="owned", width=375, content="nothing"),
    Shot(name="sign-in", width=375, theme="dark"),
)
"""What the sheet shows."""


def every() -> Iterator[Shot]:
    """Every page as anybody may see it."""
    looks = tuple(product(HEIGHTS, ("light", "dark"), ("en", "fr")))
    for content, names in (("much", ADDRESSES), ("little", PLACES), ("nothing", EMPTY)):
        for name, (width, theme, language) in product(names, looks):
            yield Shot(name=name, width=width, theme=theme, language=language, content=content)


async def take(browser: Browser, address: str, shot: Shot, folder: Path, *, whole: bool) -> None:
    """One picture; `whole`: down to the end of the page."""
    who = None if shot.name in ALONE else WHO.get(shot.name, "amy")
    context = await window(
        browser,
        address,
        who,
        width=shot.width,
        height=HEIGHTS[shot.width],
        theme=shot.theme,
        language=shot.language,
    )
    page = await context.new_page()
    await page.goto(ADDRESSES[shot.name])
    await page.wait_for_load_state("load")
    if shot.name in ACTS:
        await ACTS[shot.name][1](page)
        await page.evaluate("scrollTo(0, 0)")  # what sticks would stand in the midst of the picture
    await page.screenshot(path=folder / shot.file, full_page=whole)
    await context.close()


async def taken(browser: Browser, shots: list[Shot], folder: Path, *, whole: bool) -> None:
    """All pictures, of the desks that they are of."""
    for content in ("much", "little", "nothing"):
        theirs = [shot for shot in shots if shot.content == content]
        if not theirs:
            continue
        with tempfile.TemporaryDirectory() as kept:
            url = f"sqlite:///{Path(kept) / 'casekeep.db'}"
            if content == "nothing":
                engine = engine_of(url)
                upgrade(engine)
                async with served(house(engine)) as address:
                    for shot in theirs:
                        await take(browser, address, shot, folder, whole=whole)
                engine.dispose()
                continue
            async with running_stack(Path(kept), url, catalog=SAMPLE) as desk:
                await play(desk, much=content == "much")
                async with served(house(desk.engine, desk.desk)) as address:
                    for shot in theirs:
                        await take(browser, address, shot, folder, whole=whole)


async def lay_out(browser: Browser, folder: Path) -> None:
    """Draw the sheet: wide pictures first, narrow ones below."""
    heights = {1440: 372, 1024: 330, 375: 470}
    figures = "".join(
        f'<figure><img src="{(folder / shot.file).as_uri()}" height="{heights[shot.width]}">'
        f"<figcaption>{escape(shot.name)}, {shot.width} px, {shot.theme}, {shot.language}"
        "</figcaption></figure>"
        for shot in CHOSEN
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
    await page.screenshot(path=SHEET, type="jpeg", quality=_QUALITY, full_page=True)


async def main(folder: Path | None, names: list[str]) -> None:
    """Take them, or lay some of them out."""
    async with chromium() as browser:
        if folder is not None:
            shots = [shot for shot in every() if not names or shot.name in names]
            await taken(browser, shots, folder, whole=True)
            return
        with tempfile.TemporaryDirectory() as kept:
            await taken(browser, list(CHOSEN), Path(kept), whole=False)
            await lay_out(browser, Path(kept))
            first = next(shot for shot in CHOSEN if shot.name == "attention")
            shutil.copyfile(Path(kept) / first.file, ALONE_IN_README)


if __name__ == "__main__":
    asked = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else None
    if asked is not None:
        asked.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(asked, sys.argv[2:]))
