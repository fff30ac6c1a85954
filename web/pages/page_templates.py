"""Pages as HTML: the templates, what each of them may use, and the frame around it.

A route ends in `await page(request, caller, "lists/inbox.html", **values)`, a part of a page that
is loaded again in `await fragment(...)`. Templates have, besides their values:

- `t`: messages (`t("inbox.title")`, `t.plural("search.found", n)`, `t.term("status", "TO_DO")`);
- `at`: times (`at.when(moment)`, `at.ago(moment)`, `at.paused(item.due_text)`);
- `caller` (in macros `reader`: there `caller` is Jinja's own word), `path`, `frame` (what the
  layout shows) and `may("start")` (a Duty of permits.py);
- filters: `person` (a name for an actor), `queue_title`, `category_title`, `colour` (D3, of
  a line or a state).
"""

import asyncio
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from auth.callers import Caller
from auth.permissions import Duty, may
from domain.base.values import SYSTEM
from i18n.translations import DEFAULT, LANGUAGES, translations
from web.context import House, house_of
from web.pages.dates import Moments
from web.pages.due_colour import colour_of
from web.pages.navigation import VIEWED_COOKIE, Frame, frame_of, viewed_and

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
STATIC: Final = Path(__file__).parents[1] / "static"
LANGUAGE_COOKIE: Final = "casekeep_language"
THEME_COOKIE: Final = "casekeep_theme"
ZONE_COOKIE: Final = "casekeep_zone"
THEMES: Final = ("auto", "light", "dark")
_YEAR: Final = 365 * 24 * 3600


def language_of(request: Request, caller: Caller | None = None) -> str:
    """The language that the reader chose: here, else in their account, else in their browser."""
    chosen = request.cookies.get(LANGUAGE_COOKIE) or (caller.language if caller else None)
    if chosen is not None and chosen in LANGUAGES:
        return chosen
    accepted = request.headers.get("accept-language", "").replace(" ", "").split(",")
    spoken = (one[:2].lower() for one in accepted)
    return next((one for one in spoken if one in LANGUAGES), DEFAULT)


def zone_name_of(request: Request, caller: Caller | None = None) -> str:
    """The reader's zone: their account's, else the one that their browser tells."""
    if caller is not None and caller.zone not in {"", "UTC"}:
        return caller.zone
    return request.cookies.get(ZONE_COOKIE, "UTC").replace("%2F", "/")


def moments_of(request: Request, caller: Caller | None = None) -> Moments:
    """How this reader is told times."""
    return Moments.of(language_of(request, caller), zone_name_of(request, caller))


async def page(
    request: Request,
    caller: Caller,
    template: str,
    *,
    status: int = 200,
    viewed: str | None = None,
    **values: Any,  # noqa: ANN401 - whatever the template shows
) -> HTMLResponse:
    """A whole page, in the frame; `viewed` is the reference of the item that it shows."""
    house = house_of(request)
    recent = request.cookies.get(VIEWED_COOKIE, "")
    if viewed is not None:
        recent = viewed_and(viewed, recent)
    frame = await asyncio.to_thread(frame_of, house, caller, recent)
    response = HTMLResponse(
        _rendered(request, caller, template, values | {"frame": frame}), status_code=status
    )
    if viewed is not None:
        response.set_cookie(VIEWED_COOKIE, recent, max_age=_YEAR, samesite="lax", httponly=True)
    return response


async def fragment(
    request: Request,
    caller: Caller,
    template: str,
    *,
    status: int = 200,
    **values: Any,  # noqa: ANN401 - as above
) -> HTMLResponse:
    """A part of a page, without the frame."""
    return HTMLResponse(_rendered(request, caller, template, values), status_code=status)


def plain_page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    **values: Any,  # noqa: ANN401 - as above
) -> HTMLResponse:
    """A page for whoever is not signed in: `sign_in.html`, `link.html`, `error.html`."""
    return HTMLResponse(_rendered(request, None, template, values), status_code=status)


def _rendered(
    request: Request, caller: Caller | None, template: str, values: Mapping[str, Any]
) -> str:
    language = language_of(request, caller)
    theme = request.cookies.get(THEME_COOKIE, THEMES[0])
    shared = {
        "request": request,
        "house": getattr(request.app.state, "house", None),
        "caller": caller,
        "reader": caller,
        "path": request.url.path,
        "t": translations(language),
        "at": moments_of(request, caller),
        "languages": LANGUAGES,
        "theme": theme if theme in THEMES else THEMES[0],
        "themes": THEMES,
        "may": lambda duty: caller is not None and may(caller, Duty(duty)),
    }
    return ENVIRONMENT.get_template(template).render(shared | dict(values))


@pass_context
def _person(context: Context, actor: str | None) -> str:
    """What people call an actor: a colleague's name, `robot ocr-1`, the system."""
    if not actor:
        return ""
    translate, house = context["t"], context["house"]
    if actor == SYSTEM:
        return str(translate("actor.system"))
    sort, _, name = actor.partition(":")
    if name:
        return f"{translate.term('actor', sort)} {name}"
    colleague = house.catalog.directory.people.get(actor) if house else None
    return (colleague and colleague.name) or actor


@pass_context
def _queue_title(context: Context, queue: str) -> str:
    return queue_title(context["house"], queue)


def queue_title(house: House, queue: str) -> str:
    """What people call a queue."""
    known = house.catalog.queues.get(queue)
    return (known and known.title) or spaced(queue)


@pass_context
def _category_title(context: Context, category: str) -> str:
    known: str | None = context["house"].catalog.category_titles.get(category)
    return known or spaced(category)


def spaced(name: str) -> str:
    """A name of the catalog as people read it: `payment-reminder` as `Payment reminder`."""
    words_of_it = name.replace("-", " ").replace("_", " ").strip()
    return words_of_it[:1].upper() + words_of_it[1:]


@pass_context
def _colour(context: Context, item: Any) -> str:  # noqa: ANN401 - a line of a list, or a state
    return colour_of(item, context["at"].now)


@cache
def asset(name: str) -> str:
    """Where a static file is; its address changes with its content, so browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:10]}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "person": _person,
        "queue_title": _queue_title,
        "category_title": _category_title,
        "colour": _colour,
    }
    environment.globals["asset"] = asset
    return environment


ENVIRONMENT: Final = _environment()

__all__ = ["ENVIRONMENT", "Frame", "fragment", "moments_of", "page", "plain_page", "queue_title"]
