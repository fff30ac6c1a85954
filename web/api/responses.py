"""Responses of the API, and their descriptions in the OpenAPI document."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Response
from pydantic import BaseModel

from domain.model.states import ActionItemState, CaseState, State, TicketState
from web.api.problem_details import PROBLEM_JSON
from web.api.request_bodies import format_etag

AnyState = TicketState | CaseState | ActionItemState
ResponseDocs = dict[int | str, dict[str, Any]]
_ETAG: Final = {
    "description": "The item's revision in quotes, for `If-Match` and `If-None-Match`.",
    "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    "required": True,
}
LOCATION_HEADER: Final = {
    "description": "Path of the new resource.",
    "schema": {"type": "string", "format": "uri-reference"},
    "required": True,
}
_RETRY_AFTER: Final = {"description": "Seconds.", "schema": {"type": "string"}, "required": True}
_DESCRIPTIONS: Final[Mapping[int, str]] = {
    400: "The body is no JSON object.",
    401: "The key or session is missing, revoked or expired.",
    403: "The caller lacks a permission, which the sentence names.",
    404: "There is no such item.",
    409: "Refused by a rule of the status model (`NotAllowed`), or because the item has another "
    "revision or lease than the request (`Conflict`).",
    412: "The item has another revision than `If-Match`; it was not changed.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
    422: "Malformed: `fields` names every invalid field.",
    503: "Temporal, a worker or the database did not answer: send the request again, best with an "
    "`Idempotency-Key`.",
}
READ_PROBLEMS: Final = (401, 403, 422, 503)
WRITE_PROBLEMS: Final = (400, 401, 403, 413, 415, 422, 503)


def response_docs(responses: ResponseDocs) -> ResponseDocs:
    """Return the descriptions of an endpoint's successful responses; fixes their type."""
    return responses


def problem_docs(*statuses: int) -> ResponseDocs:
    """Return the descriptions of an endpoint's problem documents."""
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **(
                {"headers": {"Retry-After": _RETRY_AFTER}}
                if status == HTTPStatus.SERVICE_UNAVAILABLE
                else {}
            ),
        }
        for status in sorted(set(statuses))
    }


def state_doc(sentence: str, *, located: bool = False) -> dict[str, Any]:
    """Return the description of a response with an item's state."""
    headers = {"ETag": _ETAG} | ({"Location": LOCATION_HEADER} if located else {})
    return {"model": AnyState, "description": sentence, "headers": headers}


def json_response(model: BaseModel, status: int = HTTPStatus.OK) -> Response:
    """Return the model as JSON, by its aliases."""
    return Response(
        model.model_dump_json(by_alias=True),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def state_response(
    state: State, status: int = HTTPStatus.OK, *, location: str | None = None
) -> Response:
    """Return an item's state, with its revision as ETag."""
    response = json_response(state, status)
    response.headers["ETag"] = format_etag(state.revision)
    response.headers["Cache-Control"] = "private, no-cache"
    if location is not None:
        response.headers["Location"] = location
    return response
