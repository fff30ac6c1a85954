"""Command endpoints, one for each command, generated from the command models."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Response
from pydantic import JsonValue

from auth.callers import Caller
from domain.base.refusals import Conflict, InvalidCommand
from domain.model.commands import COMMANDS
from domain.model.states import State
from web.api.command_schemas import command_body, command_models
from web.api.examples import COMMAND_EXAMPLES
from web.api.item_paths import ReferencePath
from web.api.problem_details import ApiRoute, StaleRevision
from web.api.request_bodies import IdempotencyKey, IfMatch, JsonBody, parse_if_match, scoped_key
from web.api.responses import WRITE_PROBLEMS, problem_docs, response_docs, state_doc, state_response
from web.commands import execute_command
from web.context import AppContext, CallerDep, Context

router = APIRouter(route_class=ApiRoute, tags=["commands"])
COMMAND_NAMES: Final = tuple(dict.fromkeys(command.name for command in COMMANDS))


async def execute_conditionally(
    context: AppContext,
    caller: Caller,
    reference: str,
    command: str,
    fields: dict[str, JsonValue],
    *,
    if_match: str | None = None,
    idempotency_key: str | None = None,
) -> State:
    """Execute the command with the conditions of the request's headers; return the new state.

    Raises StaleRevision if `If-Match` is not the item's revision, and the errors of web.commands.
    """
    expected = parse_if_match(if_match)
    if expected is not None:
        if fields.get("expected_revision", expected) != expected:
            sentence = "expected_revision and If-Match differ: send one of them"
            raise InvalidCommand(sentence, fields=("expected_revision", "If-Match"))
        fields = fields | {"expected_revision": expected}
    if idempotency_key is not None:
        if "command_id" in fields:
            sentence = "command_id and Idempotency-Key are for the same: send one of them"
            raise InvalidCommand(sentence, fields=("command_id", "Idempotency-Key"))
        fields = fields | {"command_id": scoped_key(caller, idempotency_key)}
    try:
        return await execute_command(context, caller, reference, command, fields)
    except Conflict as conflict:
        if expected is not None and "expected_revision" in conflict.fields:
            raise StaleRevision(conflict.sentence) from None
        raise


def _endpoint(command: str) -> Callable[..., Awaitable[Response]]:
    async def endpoint(  # noqa: PLR0917 - FastAPI fills these in
        context: Context,
        caller: CallerDep,
        reference: ReferencePath,
        body: JsonBody,
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        state = await execute_conditionally(
            context,
            caller,
            reference,
            command,
            body,
            if_match=if_match,
            idempotency_key=idempotency_key,
        )
        return state_response(state)

    return endpoint


def _kinds_of(command: str) -> str:
    kinds = sorted({kind for model in command_models(command) for kind in model.kinds})
    return ", ".join(f"{kind}s" for kind in kinds)


for _name in COMMAND_NAMES:
    _models = command_models(_name)
    _extra: dict[str, Any] = command_body(*_models, examples=COMMAND_EXAMPLES[_name])
    router.add_api_route(
        f"/items/{{reference}}/{_name}",
        _endpoint(_name),
        methods=["POST"],
        operation_id=_name,
        summary=_name.replace("_", " ").capitalize(),
        description="\n\n".join(
            [*(str(model.__doc__) for model in _models), f"For {_kinds_of(_name)}."]
        ),
        responses=response_docs({200: state_doc("Done: the state after it.")})
        | problem_docs(*WRITE_PROBLEMS, 404, 409, 412),
        openapi_extra=_extra,
    )
