"""What the API answers, and how its document says so."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Response
from pydantic import BaseModel

from domain.model.states import ActionItemState, CaseState, State, TicketState
from web.api.problem_details import PROBLEM_JSON
from web.api.request_bodies import etag_of

AnyState = TicketState | CaseState | ActionItemState
Documented = dict[int | str, dict[str, Any]]
_ETAG: Final = {
    "description": "The item's revision, in quotes: for `If-Match` and `If-None-Match`.",
    "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    "required": True,
}
LOCATION: Final = {
    "description": "Where the new thing is.",
    "schema": {"type": "string", "format": "uri-reference"},
    "required": True,
}
_RETRY: Final = {"description": "Seconds.", "schema": {"type": "string"}, "required": True}
_SAYS: Final[Mapping[int, str]] = {
    400: "The body is no JSON object.",
    401: "Nobody is signed in, or the key is revoked, expired or none.",
    403: "The caller may not do this: the sentence says what would be needed.",
    404: "There is no such item.",
    409: "Refused: by a rule of the status model (`NotAllowed`), or because the item is not at the "
    "revision or under the lease that was named (`Conflict`).",
    412: "The item is not any more at the revision that `If-Match` names; nothing was done.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
    422: "Malformed: every field that is wrong is named.",
    503: "Nobody was there to answer: the same request may be sent again, best with an "
    "`Idempotency-Key`.",
}
READING: Final = (401, 403, 422, 503)
WRITING: Final = (400, 401, 403, 413, 415, 422, 503)


def documented(answers: Documented) -> Documented:
    """What an endpoint answers where it does what was asked."""
    return answers


def problems(*statuses: int) -> Documented:
    """The problem documents that an endpoint answers."""
    return {
        status: {
            "description": _SAYS[status],
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **(
                {"headers": {"Retry-After": _RETRY}}
                if status == HTTPStatus.SERVICE_UNAVAILABLE
                else {}
            ),
        }
        for status in sorted(set(statuses))
    }


def state_documented(sentence: str, *, located: bool = False) -> dict[str, Any]:
    """How the document shows an answer that is an item's state."""
    headers = {"ETag": _ETAG} | ({"Location": LOCATION} if located else {})
    return {"model": AnyState, "description": sentence, "headers": headers}


def json_answer(model: BaseModel, status: int = HTTPStatus.OK) -> Response:
    """A model as JSON, by its aliases."""
    return Response(
        model.model_dump_json(by_alias=True),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def state_answer(
    state: State, status: int = HTTPStatus.OK, *, location: str | None = None
) -> Response:
    """An item's state, with its revision as ETag."""
    answer = json_answer(state, status)
    answer.headers["ETag"] = etag_of(state.revision)
    answer.headers["Cache-Control"] = "private, no-cache"
    if location is not None:
        answer.headers["Location"] = location
    return answer
