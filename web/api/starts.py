"""Starting Tickets and Cases."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Response

from auth.audit import note_done
from auth.callers import Caller
from auth.permissions import Duty, check_duty
from domain.base.refusals import Conflict, InvalidCommand, NotAllowed
from domain.base.values import ACTION_PATTERN, REFERENCE_PATTERN, Kind
from domain.engine.decide import decode_as
from domain.model.starts import CaseStart, TicketStart
from domain.model.states import State
from starter.item_reader import state_now
from starter.references import new_reference, reference_from
from store.items.start_keys import OtherStart, remember_start
from store.schema.auth_tables import Audited
from web.api.command_schemas import body_of
from web.api.examples import CASE, TICKET, Example
from web.api.problem_details import ApiRoute
from web.api.request_bodies import Fields, Given, IdempotencyKey, scoped
from web.api.responses import WRITING, documented, problems, state_answer, state_documented
from web.commands import known
from web.context import Calls, House, InHouse

router = APIRouter(route_class=ApiRoute, tags=["items"])
_MODELS: Final[dict[Kind, type[TicketStart | CaseStart]]] = {
    Kind.TICKET: TicketStart,
    Kind.CASE: CaseStart,
}
_EXAMPLES: Final[dict[Kind, dict[str, Example]]] = {Kind.TICKET: TICKET, Kind.CASE: CASE}


async def started(
    house: House, caller: Caller, kind: Kind, fields: Fields, idempotency_key: str | None
) -> State:
    """Start an item as the caller; its state.

    Raises Forbidden, InvalidCommand, NoAnswer, Conflict where the reference is somebody else's
    item, and NotAllowed where it is a closed one's.
    """
    check_duty(caller, Duty.START)
    if "by" in fields:
        raise InvalidCommand("by: is whoever is signed in; leave it out", fields=("by",))
    content = json.dumps({name: value for name, value in fields.items() if name != "reference"})
    whole = json.loads(content) | {"by": caller.actor}
    start = decode_as(_MODELS[kind], json.dumps(whole).encode())
    own = _own_reference(fields)
    reference = own or new_reference(kind)
    is_again = False
    if idempotency_key is not None:
        key = scoped(caller, idempotency_key)
        body = hashlib.sha256(json.dumps([kind, fields], sort_keys=True).encode()).hexdigest()
        derived = own or reference_from(kind, key)
        is_again = True
        try:
            reference = await asyncio.to_thread(
                remember_start, house.engine, key, body=body, reference=derived
            )
        except OtherStart as other:
            raise InvalidCommand(str(other), rule="C17", fields=("Idempotency-Key",)) from None
    try:
        await house.desk.start(start, reference)
        state = await state_now(house.desk, reference)
    except NotAllowed:
        if not is_again:
            raise
        state = await known(house, reference)
    if state.created_by != caller.actor or state.kind is not kind:
        sentence = f"reference {reference} is another item's: give one that is not used"
        raise Conflict(sentence, fields=("reference",))
    what = kind.lower()
    await asyncio.to_thread(note_done, house.engine, caller, Audited.START, what, item=reference)
    return state


def _own_reference(fields: Fields) -> str | None:
    given = fields.get("reference")
    if given is None:
        return None
    if (
        not isinstance(given, str)
        or not REFERENCE_PATTERN.fullmatch(given)
        or ACTION_PATTERN.fullmatch(given)
    ):
        sentence = "reference: must be letters, digits, - and _, at most 64, not ending in -A1"
        raise InvalidCommand(sentence, fields=("reference",))
    return given


def _endpoint(kind: Kind) -> Callable[..., Awaitable[Response]]:
    async def endpoint(
        house: InHouse, caller: Calls, given: Given, idempotency_key: IdempotencyKey = None
    ) -> Response:
        state = await started(house, caller, kind, given, idempotency_key)
        location = f"/api/v1/items/{state.reference}"
        return state_answer(state, HTTPStatus.CREATED, location=location)

    return endpoint


for _kind, _model in _MODELS.items():
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
