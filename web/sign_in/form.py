"""The page that asks who somebody is, and says why they are not let in."""

from fastapi import Request
from fastapi.responses import Response

from auth.authentication import TooManyAttempts
from web.context import House
from web.pages.page_templates import plain_page
from web.sign_in.session_cookie import HOME, local


def asked(
    request: Request,
    house: House,
    *,
    back: str = HOME,
    name: str = "",
    status: int = 200,
    problem: str | None = None,
    minutes: int = 0,
) -> Response:
    """The page that asks; `problem` is a key of the words under `sign_in.problem`."""
    return plain_page(
        request,
        "sign_in.html",
        status=status,
        next=local(back),
        name=name[:100],
        problem=problem,
        minutes=minutes,
        provider=house.settings.oidc_issuer is not None,
    )


def too_many(
    request: Request, house: House, refused: TooManyAttempts, *, name: str = "", back: str = HOME
) -> Response:
    """Say when to try again."""
    answer = asked(
        request,
        house,
        back=back,
        name=name,
        status=429,
        problem="too_many",
        minutes=refused.minutes,
    )
    answer.headers["Retry-After"] = str(refused.minutes * 60)
    return answer
