"""Preferences of a browser: language and theme."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from i18n.translations import LANGUAGES
from web.context import CallerDep
from web.pages.page_templates import LANGUAGE_COOKIE, THEME_COOKIE, THEMES

router: Final = APIRouter()
_YEAR: Final = 365 * 24 * 3600


@router.post("/preferences")
async def save_preferences(
    request: Request,
    _caller: CallerDep,
    language: Annotated[str, Form(max_length=10)] = "",
    theme: Annotated[str, Form(max_length=10)] = "",
    back: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Set the cookies, and redirect to the page where the choice was made."""
    is_local = back.startswith("/") and not back.startswith(("//", "/\\"))
    response = RedirectResponse(back if is_local else "/", 303)
    for cookie, chosen, allowed in (
        (LANGUAGE_COOKIE, language, LANGUAGES),
        (THEME_COOKIE, theme, THEMES),
    ):
        if chosen in allowed:
            response.set_cookie(
                cookie,
                chosen,
                max_age=_YEAR,
                samesite="lax",
                httponly=True,
                secure=request.url.scheme == "https",
            )
    return response
