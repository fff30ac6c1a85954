"""What a reader chose for this browser: language and theme."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from i18n.translations import LANGUAGES
from web.context import Calls
from web.pages.page_templates import LANGUAGE_COOKIE, THEME_COOKIE, THEMES

router: Final = APIRouter()
_YEAR: Final = 365 * 24 * 3600


@router.post("/preferences")
async def prefer(
    request: Request,
    _caller: Calls,
    language: Annotated[str, Form(max_length=10)] = "",
    theme: Annotated[str, Form(max_length=10)] = "",
    back: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Keep the choice, and go back to where it was made."""
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if is_ours else "/", 303)
    for cookie, chosen, known in (
        (LANGUAGE_COOKIE, language, LANGUAGES),
        (THEME_COOKIE, theme, THEMES),
    ):
        if chosen in known:
            answer.set_cookie(
                cookie,
                chosen,
                max_age=_YEAR,
                samesite="lax",
                httponly=True,
                secure=request.url.scheme == "https",
            )
    return answer
