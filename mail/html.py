"""HTML of mails: made safe, and converted to text."""

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
MAX_HTML_DEPTH: Final = 300
"""Levels of nested tags; 20,000 took one second to sanitize, 100,000 half a minute."""


def sanitize_html(page: str) -> str:
    """Return the page without scripts, styles and images, and so without requests when shown."""
    return nh3.clean(page, tags=nh3.ALLOWED_TAGS - {"img"}, link_rel="noopener noreferrer nofollow")


def nesting_depth(page: str) -> int:
    """Estimate the deepest nesting of a page without parsing it."""
    depth = deepest = 0
    for closing, name in _TAG.findall(page):
        if name.lower() not in _VOID:
            depth = max(0, depth - 1) if closing else depth + 1
            deepest = max(depth, deepest)
    return deepest


def strip_tags(page: str) -> str:
    """Return the text of a page that is nested too deeply to be parsed."""
    return html.unescape(re.sub(r"<[^<>]{0,2000}>", " ", page))


def html_to_text(page: str) -> str:
    """Return the text of a page, with line breaks between blocks."""
    with_breaks = _BREAKS.sub("\n", page)
    return html.unescape(nh3.clean(with_breaks, tags=set(), attributes={}))
