"""What guards every route: headers, other sites kept out, and what refusals look like."""

from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.permissions import Forbidden
from starter.client import NoAnswer, UnknownItem
from store.errors import DatabaseBusy, DatabaseUnreachable
from web.api.problem_details import AGAIN_AFTER, Problem, answer_of, answer_to
from web.context import SignedOut
from web.csrf import SAFE, CrossSite, check_origin
from web.pages.page_templates import plain_page
from web.sign_in.session_cookie import sign_in_url

API: Final = "/api/"
STATIC: Final = "/static/"
_POLICY: Final = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_BROKEN: Final = "the desk could not answer: its log says why"
_TITLES: Final = {
    403: "forbidden",
    404: "missing",
    405: "missing",
    413: "malformed",
    422: "malformed",
    503: "busy",
}


class Broken(Exception):
    """A mistake of ours, of which those outside are told no more than that."""


class Guarded:
    """Around the application: headers on every answer, and no unsafe request of another site."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, guarded."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        has_begun = False

        async def guarded(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _dress(scope, MutableHeaders(scope=message))
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] not in SAFE and "authorization" not in headers:
            try:
                check_origin(headers)
            except CrossSite as problem:
                answer = _refused(Request(scope), problem, 403, title="cross_site")
                await answer(scope, receive, guarded)
                return
        try:
            await self._app(scope, receive, guarded)
        except Exception:
            if not has_begun:
                broken = _refused(Request(scope), Broken(_BROKEN), 500)
                await broken(scope, receive, guarded)
            raise


def guard(app: FastAPI) -> None:
    """Put the guard around the application, and have it say refusals as they are to be said."""
    app.add_middleware(Guarded)
    app.add_exception_handler(SignedOut, _signed_out)
    for kind, answer in (
        (Forbidden, _forbidden),
        (CrossSite, _cross_site),
        (UnknownItem, _missing),
        (NoAnswer, _later),
        (DatabaseBusy, _later),
        (DatabaseUnreachable, _later),
        (HTTPException, _http),
        (RequestValidationError, _malformed),
    ):
        app.add_exception_handler(kind, answer)


def is_api(request: Request) -> bool:
    """Whether a program asks, who reads problem details and follows no redirect."""
    return request.url.path.startswith(API)


def _dress(scope: MutableMapping[str, Any], headers: MutableHeaders) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if scope.get("scheme") == "https":
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if not str(scope.get("path", "")).startswith(STATIC):
        headers.setdefault("Cache-Control", "no-store")


async def _signed_out(request: Request, problem: Exception) -> Response:
    if is_api(request):
        return _told(problem, 401)
    is_stream = "text/event-stream" in request.headers.get("accept", "")
    is_page = request.method in SAFE and not is_stream
    query = f"?{request.url.query}" if request.url.query else ""
    there = sign_in_url(f"{request.url.path}{query}" if is_page else "/")
    if "hx-request" in request.headers:
        # htmx follows redirects by itself, and would put the sign-in page into this one
        return Response(status_code=401, headers={"HX-Redirect": there})
    if is_stream:
        return Response(status_code=401)
    return RedirectResponse(there, 303)


async def _forbidden(request: Request, problem: Exception) -> Response:
    return _refused(request, problem, 403)


async def _cross_site(request: Request, problem: Exception) -> Response:
    return _refused(request, problem, 403, title="cross_site")


async def _missing(request: Request, problem: Exception) -> Response:
    return _refused(request, problem, 404)


async def _later(request: Request, problem: Exception) -> Response:
    answer = _refused(request, problem, 503)
    answer.headers.setdefault("Retry-After", AGAIN_AFTER)
    return answer


async def _http(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)  # noqa: S101 - what it is registered for
    answer = _refused(request, problem, problem.status_code)
    answer.headers.update(problem.headers or {})
    return answer


async def _malformed(request: Request, problem: Exception) -> Response:
    return _refused(request, problem, 422)


def _refused(
    request: Request, problem: Exception, status: int, *, title: str | None = None
) -> Response:
    if is_api(request):
        return _told(problem, status)
    known = title or _TITLES.get(status, "broken")
    sentence = "" if isinstance(problem, HTTPException) else _sentence(problem)
    return plain_page(request, "error.html", status=status, title=known, sentence=sentence)


def _sentence(problem: Exception) -> str:
    if isinstance(problem, RequestValidationError):
        return "; ".join(
            f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in problem.errors()
        )
    return str(problem)


def _told(problem: Exception, status: int) -> Response:
    """The problem as programs read it, from the API's own list where that has it."""
    known = answer_to(problem)
    if known is not None:
        return known
    said = HTTPStatus(status)
    kind = type(problem).__name__
    return answer_of(Problem(type=kind, title=said.phrase, status=said, detail=str(problem)))
