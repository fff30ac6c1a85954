"""Problem documents (RFC 9457): the API's responses to errors."""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send
from temporalio.service import RPCError

from auth.permissions import Forbidden
from domain.base.refusals import InvalidCommand, Refused
from starter.client import ItemNotReady, NoAnswer, UnknownItem
from store.errors import DatabaseBusy, DatabaseUnreachable, InvalidCursor
from store.webhooks.subscriptions import UnknownWebhook
from web.context import SignedOut
from web.csrf import CrossSite

LOG: Final = logging.getLogger("casekeep.api")
_ErrorTypes = type[Exception] | tuple[type[Exception], ...]
PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER: Final = "2"
"""Seconds, in the header `Retry-After` of a 503."""


class Problem(BaseModel):
    """Reason of a refusal: branch on `type` and `rule`; `detail` is for people."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: str = "about:blank"
    """`InvalidCommand`, `NotAllowed`, `Conflict`, `Stale`, `Forbidden`, `SignedOut`, …"""
    title: str
    """Phrase of the HTTP status."""
    status: int = Field(ge=400, le=599)
    detail: str
    """One sentence: the object, the reason, and the way out."""
    rule: str | None = None
    """Rule of the status model that forbids the request: `C8` is `docs/status-model.md#c8`."""
    fields: tuple[str, ...] = ()
    """Names of all invalid fields."""
    reason: str | None = None
    """Tells refusals of one type apart: `item_closed`, `held_by_another`, `fields_missing`, …"""
    message: str | None = None
    """Key of the sentence, for its translation."""
    parameters: JsonValue = None
    """Parameters of the sentence, by name."""


class BadRequest(Exception):
    """Request that the API cannot read, with the status, type and sentence of its problem."""

    def __init__(
        self, status: HTTPStatus, type_: str, sentence: str, fields: tuple[str, ...] = ()
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.type = type_
        self.sentence = sentence
        self.fields = fields


class StaleRevision(Exception):
    """`If-Match` is not the item's present revision."""


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return the problem as a response."""
    return Response(
        problem.model_dump_json(),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers={"Cache-Control": "no-store"} | dict(headers or {}),
    )


_METHODS: Final[dict[str, set[str]]] = {}
"""Methods by path; a route knows only its own."""


class ApiRoute(APIRoute):
    """Route that turns errors into problem documents."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401
        super().__init__(path, endpoint, **options)
        _METHODS.setdefault(self.path, set()).update(self.methods or ())

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request; a 405 lists the methods of all routes of the path."""
        try:
            await super().handle(scope, receive, send)
        except HTTPException as refusal:
            if refusal.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                refusal.headers = {"Allow": ", ".join(sorted(_METHODS[self.path]))}
            raise

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which turns errors into responses."""
        handler: Callable[[Request], Awaitable[Response]] = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:
                response = error_response(error)
                if response is None:
                    raise
                return response

        return handled


def error_response(error: Exception) -> Response | None:
    """Return the response to an expected error; None for an unexpected one."""
    for error_types, respond in _RESPONSES:
        if isinstance(error, error_types):
            return respond(error)
    return None


def _refused(refusal: Exception) -> Response:
    assert isinstance(refusal, Refused)  # noqa: S101 - its listed type
    is_malformed = isinstance(refusal, InvalidCommand)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_malformed else HTTPStatus.CONFLICT
    return problem_response(
        Problem(
            type=refusal.type,
            title=status.phrase,
            status=status,
            detail=refusal.sentence,
            rule=refusal.rule and str(refusal.rule),
            fields=refusal.fields,
            reason=refusal.reason,
            message=refusal.message,
            parameters=refusal.parameters,
        )
    )


def _invalid_request(error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    messages = {_path(each["loc"]): str(each["msg"]) for each in error.errors()}
    sentence = "; ".join(
        f"{field}: {message[:1].lower()}{message[1:]}" for field, message in messages.items()
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return problem_response(_problem(status, "InvalidRequest", sentence, tuple(messages)))


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _signed_out(_error: Exception) -> Response:
    sentence = "nobody is signed in: send Authorization: Bearer KEY with a key that is good"
    problem = _problem(HTTPStatus.UNAUTHORIZED, "SignedOut", sentence)
    return problem_response(problem, {"WWW-Authenticate": "Bearer"})


def _bad_request(error: Exception) -> Response:
    assert isinstance(error, BadRequest)  # noqa: S101 - as above
    return problem_response(_problem(error.status, error.type, error.sentence, error.fields))


def _http(error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    status = HTTPStatus(error.status_code)
    return problem_response(_problem(status, status.phrase.replace(" ", ""), str(error.detail)))


def _temporal(error: Exception) -> Response:
    LOG.warning("no answer from Temporal: %s", error)
    return _unavailable(RuntimeError("Temporal does not answer: try again"))


def _unavailable(error: Exception) -> Response:
    problem = _problem(HTTPStatus.SERVICE_UNAVAILABLE, "NoAnswer", str(error))
    return problem_response(problem, {"Retry-After": RETRY_AFTER})


def _plain(
    status: HTTPStatus, type_: str, fields: tuple[str, ...] = ()
) -> Callable[[Exception], Response]:
    def respond(error: Exception) -> Response:
        # not str(error): a KeyError puts its message in quotes
        return problem_response(_problem(status, type_, str(error.args[0]), fields))

    return respond


def _problem(
    status: HTTPStatus, type_: str, sentence: str, fields: tuple[str, ...] = ()
) -> Problem:
    return Problem(type=type_, title=status.phrase, status=status, detail=sentence, fields=fields)


_RESPONSES: Final[tuple[tuple[_ErrorTypes, Callable[[Exception], Response]], ...]] = (
    (Refused, _refused),
    (StaleRevision, _plain(HTTPStatus.PRECONDITION_FAILED, "Stale")),
    (BadRequest, _bad_request),
    (Forbidden, _plain(HTTPStatus.FORBIDDEN, "Forbidden")),
    (CrossSite, _plain(HTTPStatus.FORBIDDEN, "CrossSite")),
    (SignedOut, _signed_out),
    ((ItemNotReady, NoAnswer, DatabaseBusy, DatabaseUnreachable), _unavailable),
    (UnknownItem, _plain(HTTPStatus.NOT_FOUND, "UnknownItem")),
    (UnknownWebhook, _plain(HTTPStatus.NOT_FOUND, "UnknownHook")),
    (InvalidCursor, _plain(HTTPStatus.UNPROCESSABLE_ENTITY, "InvalidRequest", ("cursor",))),
    (RequestValidationError, _invalid_request),
    (HTTPException, _http),
    (RPCError, _temporal),
)
"""The first match counts: JustStarted is a subclass of UnknownItem."""
