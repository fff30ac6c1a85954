"""What the API answers when it does not do what was asked: problem documents (RFC 9457)."""

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
from starter.client import JustStarted, NoAnswer, UnknownItem
from store.errors import DatabaseBusy, DatabaseUnreachable, InvalidCursor
from store.webhooks.subscriptions import UnknownWebhook
from web.context import SignedOut
from web.csrf import CrossSite

LOG: Final = logging.getLogger("casekeep.api")
_Kinds = type[Exception] | tuple[type[Exception], ...]
PROBLEM_JSON: Final = "application/problem+json"
AGAIN_AFTER: Final = "2"
"""Seconds, in `Retry-After`, where nobody was there to answer."""


class Problem(BaseModel):
    """Why something was not done: branch on `type` and `rule`; `detail` is for people."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: str = "about:blank"
    """`InvalidCommand`, `NotAllowed`, `Conflict`, `Stale`, `Forbidden`, `SignedOut`, …"""
    title: str
    """What the status says, in words."""
    status: int = Field(ge=400, le=599)
    detail: str
    """One sentence: what, why, and what to do."""
    rule: str | None = None
    """The rule that forbids it, such as `C8`: `docs/status-model.md#c8` of the project says it."""
    fields: tuple[str, ...] = ()
    """The fields that are wrong, all at once."""
    reason: str | None = None
    """Tells refusals of one type apart: `item_closed`, `held_by_another`, `fields_missing`, …"""
    message: str | None = None
    """The key of the sentence, to translate it by."""
    parameters: JsonValue = None
    """What is put into the sentence, by name."""


class WrongRequest(Exception):
    """A request that is no request of ours: its status, type and sentence."""

    def __init__(
        self, status: HTTPStatus, type_: str, sentence: str, fields: tuple[str, ...] = ()
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.type = type_
        self.sentence = sentence
        self.fields = fields


class Stale(Exception):
    """`If-Match` names another revision than the item's present one."""


def answer_of(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an answer."""
    return Response(
        problem.model_dump_json(),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers={"Cache-Control": "no-store"} | dict(headers or {}),
    )


_METHODS: Final[dict[str, set[str]]] = {}
"""Of each path: a route knows its own alone."""


class ApiRoute(APIRoute):
    """A route whose refusals are problem documents."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401
        super().__init__(path, endpoint, **options)
        _METHODS.setdefault(self.path, set()).update(self.methods or ())

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say by which methods the path is asked, whichever route they are of."""
        try:
            await super().handle(scope, receive, send)
        except HTTPException as refusal:
            if refusal.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                refusal.headers = {"Allow": ", ".join(sorted(_METHODS[self.path]))}
            raise

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with what it raises turned into an answer."""
        handler: Callable[[Request], Awaitable[Response]] = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:
                answer = answer_to(error)
                if answer is None:
                    raise
                return answer

        return handled


def answer_to(error: Exception) -> Response | None:
    """What an exception is answered with; None: it is a mistake of ours."""
    for kinds, answer in _ANSWERS:
        if isinstance(error, kinds):
            return answer(error)
    return None


def _refused(refusal: Exception) -> Response:
    assert isinstance(refusal, Refused)  # noqa: S101 - what it is listed for
    is_malformed = isinstance(refusal, InvalidCommand)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_malformed else HTTPStatus.CONFLICT
    return answer_of(
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


def _unreadable(error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    told = {_path(each["loc"]): str(each["msg"]) for each in error.errors()}
    sentence = "; ".join(f"{field}: {why[:1].lower()}{why[1:]}" for field, why in told.items())
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return answer_of(_problem(status, "InvalidRequest", sentence, tuple(told)))


def _path(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place[1:]) or str(place[0])


def _signed_out(_error: Exception) -> Response:
    sentence = "nobody is signed in: send Authorization: Bearer KEY with a key that is good"
    problem = _problem(HTTPStatus.UNAUTHORIZED, "SignedOut", sentence)
    return answer_of(problem, {"WWW-Authenticate": "Bearer"})


def _wrong(error: Exception) -> Response:
    assert isinstance(error, WrongRequest)  # noqa: S101 - as above
    return answer_of(_problem(error.status, error.type, error.sentence, error.fields))


def _http(error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    status = HTTPStatus(error.status_code)
    return answer_of(_problem(status, status.phrase.replace(" ", ""), str(error.detail)))


def _temporal(error: Exception) -> Response:
    LOG.warning("Temporal does not answer: %s", error)
    return _later(RuntimeError("Temporal does not answer: try again"))


def _later(error: Exception) -> Response:
    problem = _problem(HTTPStatus.SERVICE_UNAVAILABLE, "NoAnswer", str(error))
    return answer_of(problem, {"Retry-After": AGAIN_AFTER})


def _plain(
    status: HTTPStatus, type_: str, fields: tuple[str, ...] = ()
) -> Callable[[Exception], Response]:
    def answer(error: Exception) -> Response:
        # not str(): a LookupError shows its sentence in quotes
        return answer_of(_problem(status, type_, str(error.args[0]), fields))

    return answer


def _problem(
    status: HTTPStatus, type_: str, sentence: str, fields: tuple[str, ...] = ()
) -> Problem:
    return Problem(type=type_, title=status.phrase, status=status, detail=sentence, fields=fields)


_ANSWERS: Final[tuple[tuple[_Kinds, Callable[[Exception], Response]], ...]] = (
    (Refused, _refused),
    (Stale, _plain(HTTPStatus.PRECONDITION_FAILED, "Stale")),
    (WrongRequest, _wrong),
    (Forbidden, _plain(HTTPStatus.FORBIDDEN, "Forbidden")),
    (CrossSite, _plain(HTTPStatus.FORBIDDEN, "CrossSite")),
    (SignedOut, _signed_out),
    ((JustStarted, NoAnswer, DatabaseBusy, DatabaseUnreachable), _later),
    (UnknownItem, _plain(HTTPStatus.NOT_FOUND, "UnknownItem")),
    (UnknownWebhook, _plain(HTTPStatus.NOT_FOUND, "UnknownHook")),
    (InvalidCursor, _plain(HTTPStatus.UNPROCESSABLE_ENTITY, "InvalidRequest", ("cursor",))),
    (RequestValidationError, _unreadable),
    (HTTPException, _http),
    (RPCError, _temporal),
)
"""The first that fits: an item that has just been started is an unknown one, too."""
