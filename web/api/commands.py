"""Commands: one endpoint each, generated from the models that items themselves check."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Response
from pydantic import JsonValue

from auth.callers import Caller
from domain.base.refusals import Conflict, InvalidCommand
from domain.model.commands import COMMANDS
from domain.model.states import State
from web.api.command_schemas import body_of, models_named
from web.api.examples import EXAMPLES
from web.api.item_paths import Named
from web.api.problem_details import ApiRoute, Stale
from web.api.request_bodies import Given, IdempotencyKey, IfMatch, revision_in, scoped
from web.api.responses import WRITING, documented, problems, state_answer, state_documented
from web.commands import give
from web.context import Calls, House, InHouse

router = APIRouter(route_class=ApiRoute, tags=["commands"])
NAMES: Final = tuple(dict.fromkeys(command.name for command in COMMANDS))


async def done(
    house: House,
    caller: Caller,
    reference: str,
    command: str,
    fields: dict[str, JsonValue],
    *,
    if_match: str | None = None,
    idempotency_key: str | None = None,
) -> State:
    """Give the command under the request's conditions; the state after it.

    Raises Stale where `If-Match` is not the item's revision, and what `give` raises.
    """
    expected = revision_in(if_match)
    if expected is not None:
        if fields.get("expected_revision", expected) != expected:
            sentence = "expected_revision and If-Match differ: send one of them"
            raise InvalidCommand(sentence, fields=("expected_revision", "If-Match"))
        fields = fields | {"expected_revision": expected}
    if idempotency_key is not None:
        if "command_id" in fields:
            sentence = "command_id and Idempotency-Key are for the same: send one of them"
            raise InvalidCommand(sentence, fields=("command_id", "Idempotency-Key"))
        fields = fields | {"command_id": scoped(caller, idempotency_key)}
    try:
        return await give(house, caller, reference, command, fields)
    except Conflict as conflict:
        if expected is not None and "expected_revision" in conflict.fields:
            raise Stale(conflict.sentence) from None
        raise


def _endpoint(command: str) -> Callable[..., Awaitable[Response]]:
    async def endpoint(  # noqa: PLR0917 - FastAPI fills these in
        house: InHouse,
        caller: Calls,
        reference: Named,
        given: Given,
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        state = await done(
            house,
            caller,
            reference,
            command,
            given,
            if_match=if_match,
            idempotency_key=idempotency_key,
        )
        return state_answer(state)

    return endpoint


def _kinds_of(command: str) -> str:
    kinds = sorted({kind for model in models_named(command) for kind in model.kinds})
    return ", ".join(f"{kind}s" for kind in kinds)


for _name in NAMES:
    _models = models_named(_name)
    _extra: dict[str, Any] = body_of(*_models, examples=EXAMPLES[_name])
    router.add_api_route(
        f"/items/{{reference}}/{_name}",
        _endpoint(_name),
        methods=["POST"],
        operation_id=_name,
        summary=_name.replace("_", " ").capitalize(),
        description="\n\n".join(
            [*(str(model.__doc__) for model in _models), f"For {_kinds_of(_name)}."]
        ),
        responses=documented({200: state_documented("Done: the state after it.")})
        | problems(*WRITING, 404, 409, 412),
        openapi_extra=_extra,
    )
