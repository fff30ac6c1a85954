"""Endpoints that start Tickets and Cases."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from domain.base.values import Kind
from starter.item_start import START_MODELS
from web.api.command_schemas import command_body
from web.api.examples import CASE_EXAMPLES, TICKET_EXAMPLES, Example
from web.api.problem_details import ApiRoute
from web.api.request_bodies import IdempotencyKey, JsonBody, scoped_key
from web.api.responses import WRITE_PROBLEMS, problem_docs, response_docs, state_doc, state_response
from web.context import CallerDep, Context
from web.use_cases import start_item_as

router = APIRouter(route_class=ApiRoute, tags=["items"])
_START_EXAMPLES: Final[dict[Kind, dict[str, Example]]] = {
    Kind.TICKET: TICKET_EXAMPLES,
    Kind.CASE: CASE_EXAMPLES,
}


def _endpoint(kind: Kind) -> Callable[..., Awaitable[Response]]:
    async def endpoint(
        context: Context, caller: CallerDep, given: JsonBody, idempotency_key: IdempotencyKey = None
    ) -> Response:
        key = None if idempotency_key is None else scoped_key(caller, idempotency_key)
        state = await start_item_as(context, caller, kind, given, key=key)
        location = f"/api/v1/items/{state.reference}"
        return state_response(state, HTTPStatus.CREATED, location=location)

    return endpoint


for _kind, _model in START_MODELS.items():
    router.add_api_route(
        f"/{_kind.lower()}s",
        _endpoint(_kind),
        methods=["POST"],
        operation_id=f"start_{_kind.lower()}",
        summary=f"Start a {_kind}",
        status_code=HTTPStatus.CREATED,
        description=(
            "The fields of the contract; `by` is the signed-in caller. With a `reference` of your "
            "own, or with an `Idempotency-Key`, a repeated request starts nothing more."
        ),
        responses=response_docs({201: state_doc("Started: its state.", located=True)})
        | problem_docs(*WRITE_PROBLEMS, 409),
        openapi_extra=command_body(_model, examples=_START_EXAMPLES[_kind]),
    )
