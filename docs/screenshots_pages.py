"""Takes pictures of every page, with Debian's chromium, and lays some of them out on a sheet.

`python docs/screenshots_pages.py FOLDER` writes each page in both languages, both themes and three
widths there, with little, no and far too much content; without a folder it draws the sheet alone.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import product
from pathlib import Path
from typing import Final

from playwright.async_api import Browser

from starter.catalog.loading import SAMPLE
from store.engine import engine_of
from store.schema import upgrade
from tests.integration.stacks import town
from tests.web.mornings import WHO, Morning, play
from tests.web.stages import chromium, house, served, window

PICTURES: Final = Path(__file__).with_name("pictures")
SHEET: Final = PICTURES / "pages.jpg"
ALONE_IN_README: Final = PICTURES / "page.png"
"""The page that the README begins with."""
HEIGHTS: Final = {1440: 900, 1024: 768, 375: 720}
EMPTY: Final = ("inbox", "owned", "queue", "search", "lead")
"""Pages that are also taken at a desk where nothing happened yet."""
ALONE: Final = {"sign-in": "/sign-in"}
ADDRESSES: Final = Morning().addresses | ALONE
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
    for content, names in (("much", ADDRESSES), ("little", ADDRESSES), ("nothing", EMPTY)):
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
            async with town(Path(kept), url, catalog=SAMPLE) as desk:
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


async def main(folder: Path | None) -> None:
    """Take them, and lay them out."""
    async with chromium() as browser:
        if folder is not None:
            await taken(browser, list(every()), folder, whole=True)
        with tempfile.TemporaryDirectory() as kept:
            await taken(browser, list(CHOSEN), Path(kept), whole=False)
            await lay_out(browser, Path(kept))
            first = next(shot for shot in CHOSEN if shot.name == "attention")
            shutil.copyfile(Path(kept) / first.file, ALONE_IN_README)


if __name__ == "__main__":
    asked = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else None
    if asked is not None:
        asked.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(asked))
