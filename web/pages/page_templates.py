"""Rendering of the HTML templates, and the values that every template may use.

A route returns `await render_page(request, caller, "lists/inbox.html", **values)`; for a part of a
page that is loaded again, `await render_fragment(...)`. Beside their own values, templates have:

- `t`: messages (`t("inbox.title")`, `t.plural("search.found", n)`, `t.term("status", "TO_DO")`);
- `at`: dates and times (`at.when(instant)`, `at.ago(instant)`, `at.paused(item.due_text)`);
- `caller` (in macros `reader`, because there `caller` is Jinja's own variable), `path`,
  `navigation` (contents of the layout) and `may("start")` (a Duty of auth/permissions.py);
- filters: `person` (an actor's name), `queue_title`, `category_title`, `colour` (due colour of a
  row or a state, D3).
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
from jinja2.runtime import Context as TemplateContext

from auth.callers import Caller
from auth.permissions import Duty, may
from domain.base.values import SYSTEM
from i18n.translations import DEFAULT_LANGUAGE, LANGUAGES, translations
from web.context import AppContext, get_context
from web.pages.dates import DateFormatter
from web.pages.due_colour import due_colour
from web.pages.navigation import VIEWED_COOKIE, Navigation, add_viewed, load_navigation

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
STATIC: Final = Path(__file__).parents[1] / "static"
LANGUAGE_COOKIE: Final = "casekeep_language"
THEME_COOKIE: Final = "casekeep_theme"
ZONE_COOKIE: Final = "casekeep_zone"
THEMES: Final = ("auto", "light", "dark")
_YEAR: Final = 365 * 24 * 3600


def choose_language(request: Request, caller: Caller | None = None) -> str:
    """Return the reader's language: by cookie, else account, else `Accept-Language`."""
    chosen = request.cookies.get(LANGUAGE_COOKIE) or (caller.language if caller else None)
    if chosen is not None and chosen in LANGUAGES:
        return chosen
    accepted = request.headers.get("accept-language", "").replace(" ", "").split(",")
    codes = (tag[:2].lower() for tag in accepted)
    return next((code for code in codes if code in LANGUAGES), DEFAULT_LANGUAGE)


def choose_zone(request: Request, caller: Caller | None = None) -> str:
    """Return the reader's time zone: the account's, else the browser's."""
    if caller is not None and caller.zone not in {"", "UTC"}:
        return caller.zone
    return request.cookies.get(ZONE_COOKIE, "UTC").replace("%2F", "/")


def date_formatter(request: Request, caller: Caller | None = None) -> DateFormatter:
    """Return the formatter of dates in this reader's language and time zone."""
    return DateFormatter.of(choose_language(request, caller), choose_zone(request, caller))


async def render_page(
    request: Request,
    caller: Caller,
    template: str,
    *,
    status: int = 200,
    viewed: str | None = None,
    **values: Any,  # noqa: ANN401 - values of the template
) -> HTMLResponse:
    """Render a page with the navigation; `viewed` is the reference of the item that it shows."""
    context = get_context(request)
    recent = request.cookies.get(VIEWED_COOKIE, "")
    if viewed is not None:
        recent = add_viewed(viewed, recent)
    navigation = await asyncio.to_thread(load_navigation, context, caller, recent)
    response = HTMLResponse(
        _render(request, caller, template, values | {"navigation": navigation}), status_code=status
    )
    if viewed is not None:
        response.set_cookie(VIEWED_COOKIE, recent, max_age=_YEAR, samesite="lax", httponly=True)
    return response


async def render_fragment(
    request: Request,
    caller: Caller,
    template: str,
    *,
    status: int = 200,
    **values: Any,  # noqa: ANN401 - as above
) -> HTMLResponse:
    """Render a part of a page, without the navigation."""
    return HTMLResponse(_render(request, caller, template, values), status_code=status)


def render_public_page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    **values: Any,  # noqa: ANN401 - as above
) -> HTMLResponse:
    """Render a page without a caller: `sign_in.html`, `link.html`, `error.html`."""
    return HTMLResponse(_render(request, None, template, values), status_code=status)


def _render(
    request: Request, caller: Caller | None, template: str, values: Mapping[str, Any]
) -> str:
    language = choose_language(request, caller)
    theme = request.cookies.get(THEME_COOKIE, THEMES[0])
    shared = {
        "request": request,
        "app_context": getattr(request.app.state, "context", None),
        "caller": caller,
        "reader": caller,
        "path": request.url.path,
        "t": translations(language),
        "at": date_formatter(request, caller),
        "languages": LANGUAGES,
        "theme": theme if theme in THEMES else THEMES[0],
        "themes": THEMES,
        "may": lambda duty: caller is not None and may(caller, Duty(duty)),
    }
    return ENVIRONMENT.get_template(template).render(shared | dict(values))


@pass_context
def _person(values: TemplateContext, actor: str | None) -> str:
    """Return an actor's name for people: a colleague's name, `robot ocr-1`, the system."""
    if not actor:
        return ""
    translate, context = values["t"], values["app_context"]
    if actor == SYSTEM:
        return str(translate("actor.system"))
    actor_type, _, name = actor.partition(":")
    if name:
        return f"{translate.term('actor', actor_type)} {name}"
    colleague = context.catalog.address_book.people.get(actor) if context else None
    return (colleague and colleague.name) or actor


@pass_context
def _queue_title(values: TemplateContext, queue: str) -> str:
    return queue_title(values["app_context"], queue)


def queue_title(context: AppContext, queue: str) -> str:
    """Return a queue's title for people."""
    definition = context.catalog.queues.get(queue)
    return (definition and definition.title) or humanize_name(queue)


@pass_context
def _category_title(values: TemplateContext, category: str) -> str:
    title: str | None = values["app_context"].catalog.category_titles.get(category)
    return title or humanize_name(category)


def humanize_name(name: str) -> str:
    """Return a name of the catalog for people: `payment-reminder` as `Payment reminder`."""
    words = name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


@pass_context
def _colour(values: TemplateContext, item: Any) -> str:  # noqa: ANN401 - a row of a list, or a state
    return due_colour(item, values["at"].now)


@cache
def asset_url(name: str) -> str:
    """Return a static file's URL, which changes with its content, so that browsers may cache it."""
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
    environment.globals["asset_url"] = asset_url
    return environment


ENVIRONMENT: Final = _environment()

__all__ = [
    "ENVIRONMENT",
    "Navigation",
    "date_formatter",
    "queue_title",
    "render_fragment",
    "render_page",
    "render_public_page",
]
