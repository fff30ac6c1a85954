"""Error handlers: an error becomes a problem document for the API, or an error page."""

from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from auth.permissions import Forbidden
from starter.client import NoAnswer, UnknownItem
from store.errors import DatabaseBusy, DatabaseUnreachable
from web.api.problem_details import RETRY_AFTER, Problem, error_response, problem_response
from web.context import SignedOut
from web.csrf import SAFE_METHODS, CrossSite
from web.pages.page_templates import render_public_page
from web.sign_in.session_cookie import sign_in_url

API: Final = "/api/"
_INTERNAL_ERROR: Final = "the desk could not answer: its log says why"
_INTERNAL_ERROR_TITLE: Final = "broken"
_TITLES: Final = {
    403: "forbidden",
    404: "missing",
    405: "missing",
    413: "malformed",
    422: "malformed",
    503: "busy",
}
"""Last part of the message key of a page's title, by HTTP status."""


class InternalError(Exception):
    """Stands for an unexpected error, the details of which only the log shows."""


def add_error_handlers(app: FastAPI) -> None:
    """Register a handler for every expected type of error."""
    app.add_exception_handler(SignedOut, _signed_out)
    for error_type, handler in (
        (Forbidden, _forbidden),
        (CrossSite, _cross_site),
        (UnknownItem, _not_found),
        (NoAnswer, _unavailable),
        (DatabaseBusy, _unavailable),
        (DatabaseUnreachable, _unavailable),
        (HTTPException, _http_error),
        (RequestValidationError, _malformed),
    ):
        app.add_exception_handler(error_type, handler)


def cross_site_response(request: Request, error: CrossSite) -> Response:
    """Return the response to a request from another site: 403."""
    return _response(request, error, 403, title="cross_site")


def internal_error_response(request: Request) -> Response:
    """Return the response to an unexpected error: 500, without its details."""
    return _response(request, InternalError(_INTERNAL_ERROR), 500)


def is_api(request: Request) -> bool:
    """Return True if the request is for the API: its clients read problem documents."""
    return request.url.path.startswith(API)


async def _signed_out(request: Request, error: Exception) -> Response:
    if is_api(request):
        return _api_response(error, 401)
    is_stream = "text/event-stream" in request.headers.get("accept", "")
    is_page = request.method in SAFE_METHODS and not is_stream
    query = f"?{request.url.query}" if request.url.query else ""
    url = sign_in_url(f"{request.url.path}{query}" if is_page else "/")
    if "hx-request" in request.headers:
        # htmx follows redirects by itself, and would put the sign-in page into the present one
        return Response(status_code=401, headers={"HX-Redirect": url})
    if is_stream:
        return Response(status_code=401)
    return RedirectResponse(url, 303)


async def _forbidden(request: Request, error: Exception) -> Response:
    return _response(request, error, 403)


async def _cross_site(request: Request, error: Exception) -> Response:
    assert isinstance(error, CrossSite)  # noqa: S101 - its registered type
    return cross_site_response(request, error)


async def _not_found(request: Request, error: Exception) -> Response:
    return _response(request, error, 404)


async def _unavailable(request: Request, error: Exception) -> Response:
    response = _response(request, error, 503)
    response.headers.setdefault("Retry-After", RETRY_AFTER)
    return response


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    response = _response(request, error, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _malformed(request: Request, error: Exception) -> Response:
    return _response(request, error, 422)


def _response(
    request: Request, error: Exception, status: int, *, title: str | None = None
) -> Response:
    if is_api(request):
        return _api_response(error, status)
    title = title or _TITLES.get(status, _INTERNAL_ERROR_TITLE)
    sentence = "" if isinstance(error, HTTPException) else _sentence(error)
    return render_public_page(request, "error.html", status=status, title=title, sentence=sentence)


def _sentence(error: Exception) -> str:
    if isinstance(error, RequestValidationError):
        return "; ".join(
            f"{'.'.join(map(str, detail['loc'][1:]))}: {detail['msg']}" for detail in error.errors()
        )
    return str(error)


def _api_response(error: Exception, status: int) -> Response:
    """Return the error as a problem document; one that the API does not list is `Broken`."""
    response = error_response(error)
    if response is not None:
        return response
    problem = Problem(
        type="Broken", title=HTTPStatus(status).phrase, status=status, detail=str(error)
    )
    return problem_response(problem)
