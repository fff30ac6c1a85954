"""Starting Tickets and Cases."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from domain.base.values import Kind
from starter.item_start import START_MODELS
from web.api.command_schemas import body_of
from web.api.examples import CASE, TICKET, Example
from web.api.problem_details import ApiRoute
from web.api.request_bodies import Given, IdempotencyKey, scoped
from web.api.responses import WRITING, documented, problems, state_answer, state_documented
from web.context import Calls, InHouse
from web.use_cases import start_item_as

router = APIRouter(route_class=ApiRoute, tags=["items"])
_EXAMPLES: Final[dict[Kind, dict[str, Example]]] = {Kind.TICKET: TICKET, Kind.CASE: CASE}


def _endpoint(kind: Kind) -> Callable[..., Awaitable[Response]]:
    async def endpoint(
        house: InHouse, caller: Calls, given: Given, idempotency_key: IdempotencyKey = None
    ) -> Response:
        key = None if idempotency_key is None else scoped(caller, idempotency_key)
        state = await start_item_as(house, caller, kind, given, key=key)
        location = f"/api/v1/items/{state.reference}"
        return state_answer(state, HTTPStatus.CREATED, location=location)

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
            "The fields of the contract; `by` is whoever is signed in. With a `reference` of your "
            "own, or with an `Idempotency-Key`, it is started once however often it is sent."
        ),
        responses=documented({201: state_documented("Started: its state.", located=True)})
        | problems(*WRITING, 409),
        openapi_extra=body_of(_model, examples=_EXAMPLES[_kind]),
    )
