"""HTML that came by mail: made safe, and read as words."""

import html
import re
from typing import Final

import nh3

_BREAKS: Final = re.compile(
    r"<(?:br|/p|/div|/li|/tr|/h[1-6]|/blockquote)\b[^<>]{0,200}>", re.IGNORECASE
)
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})")
_VOID: Final = frozenset(
    {"br", "hr", "img", "meta", "link", "input", "col", "wbr", "p", "li", "td"}
)
DEEPEST: Final = 300
"""Levels of HTML; twenty thousand took a second, and a hundred thousand half a minute."""


def safe_html(page: str) -> str:
    """The page with nothing that runs, or that is fetched from elsewhere when it is shown."""
    return nh3.clean(page, tags=nh3.ALLOWED_TAGS - {"img"}, link_rel="noopener noreferrer nofollow")


def depth_of(page: str) -> int:
    """How deep a page is nested at most, as far as that can be said without reading it."""
    depth = deepest = 0
    for closing, name in _TAG.findall(page):
        if name.lower() not in _VOID:
            depth = max(0, depth - 1) if closing else depth + 1
            deepest = max(depth, deepest)
    return deepest


def without_tags(page: str) -> str:
    """The words of a page that is nested too deep to be read."""
    return html.unescape(re.sub(r"<[^<>]{0,2000}>", " ", page))


def text_of(page: str) -> str:
    """The words of an HTML page."""
    broken = _BREAKS.sub("\n", page)
    return html.unescape(nh3.clean(broken, tags=set(), attributes={}))
