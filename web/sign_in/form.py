"""Sign-in form, and the reason of a failed sign-in."""

from fastapi import Request
from fastapi.responses import Response

from auth.authentication import TooManyAttempts
from web.context import AppContext
from web.pages.page_templates import render_public_page
from web.sign_in.session_cookie import HOME, local_path


def sign_in_form(
    request: Request,
    context: AppContext,
    *,
    return_path: str = HOME,
    name: str = "",
    status: int = 200,
    problem: str | None = None,
    minutes: int = 0,
) -> Response:
    """Return the sign-in form; `problem` is a key of the words under `sign_in.problem`."""
    return render_public_page(
        request,
        "sign_in.html",
        status=status,
        next=local_path(return_path),
        name=name[:100],
        problem=problem,
        minutes=minutes,
        provider=context.settings.oidc_issuer is not None,
    )


def too_many_attempts(
    request: Request,
    context: AppContext,
    error: TooManyAttempts,
    *,
    name: str = "",
    return_path: str = HOME,
) -> Response:
    """Return the form with the time of the next attempt (429)."""
    response = sign_in_form(
        request,
        context,
        return_path=return_path,
        name=name,
        status=429,
        problem="too_many",
        minutes=error.retry_minutes,
    )
    response.headers["Retry-After"] = str(error.retry_minutes * 60)
    return response
