"""Robot endpoints: take, heartbeat, complete, reject; all but the first under the robot's lease."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from pydantic import Field

from auth.callers import EVERY_QUEUE
from auth.permissions import Duty, Forbidden, check_duty
from domain.base.base_model import StrictModel
from domain.base.refusals import InvalidCommand
from domain.base.values import Kind, Name, Outcome
from domain.engine.decide import decode_as
from web.api.command_schemas import model_body
from web.api.commands import execute_conditionally
from web.api.item_paths import ReferencePath
from web.api.problem_details import ApiRoute
from web.api.queues import take_next_response, visible_queue_names
from web.api.request_bodies import IdempotencyKey, JsonBody, encode_fields
from web.api.responses import WRITE_PROBLEMS, problem_docs, response_docs, state_doc, state_response
from web.commands import find_state
from web.context import CallerDep, Context

router = APIRouter(prefix="/robots", route_class=ApiRoute, tags=["robots"])
_COMMANDS: Final = problem_docs(*WRITE_PROBLEMS, 404, 409)


class TakeRequest(StrictModel):
    """Queues to take from."""

    queues: Annotated[tuple[Name, ...], Field(strict=False, min_length=1, max_length=50)] | None = (
        None
    )
    """Queues in this order; null: all that the robot is a member of."""


class LeaseRequest(StrictModel):
    """Lease of the item, from the answer to take."""

    lease: Name | None = None
    """The state's `lease.token`; a stale one is refused if the item has a lease."""


class CompleteRequest(LeaseRequest):
    """Result of the work."""

    note: Annotated[str, Field(max_length=16_000)] | None = None


class RejectRequest(LeaseRequest):
    """Reason for which a robot cannot do the work."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


@router.post(
    "/take",
    operation_id="robot_take",
    summary="Take the next item",
    description="The first queue that has an item for robots (Q2) counts; the item is In Progress.",
    responses=response_docs(
        {
            200: state_doc("The item, now assigned to the robot; keep its `lease`."),
            204: {"description": "The queues have no item for a robot: try again later."},
        }
    )
    | problem_docs(*WRITE_PROBLEMS),
    openapi_extra=model_body(TakeRequest, {"one queue": {"queues": ["accounts-payable"]}}),
)
async def take(context: Context, caller: CallerDep, body: JsonBody) -> Response:
    """Take the next item for the robot."""
    if not caller.is_robot:
        raise Forbidden(f"{caller.actor} is no robot: cannot take; use the next item of a queue")
    check_duty(caller, Duty.TAKE)
    queues = decode_as(TakeRequest, encode_fields(body)).queues
    if queues is None and EVERY_QUEUE in caller.queues and not context.catalog.queues:
        raise InvalidCommand(
            "queues: missing, and the catalog lists none; name them", fields=("queues",)
        )
    return await take_next_response(
        context, caller, *(queues or visible_queue_names(context, caller))
    )


@router.post(
    "/items/{reference}/heartbeat",
    operation_id="robot_heartbeat",
    summary="Keep the lease",
    responses=response_docs({200: state_doc("Renewed: valid until `lease.until`.")}) | _COMMANDS,
    openapi_extra=model_body(LeaseRequest, {"with the lease": {"lease": "7Q2D"}}),
)
async def heartbeat(
    context: Context, caller: CallerDep, reference: ReferencePath, body: JsonBody
) -> Response:
    """Renew the robot's lease (Q3)."""
    lease = decode_as(LeaseRequest, encode_fields(body))
    fields = lease.model_dump(mode="json", exclude_none=True)
    return state_response(
        await execute_conditionally(context, caller, reference, "heartbeat", fields)
    )


@router.post(
    "/items/{reference}/complete",
    operation_id="robot_complete",
    summary="Complete the item",
    description="An Action ends complete; a Ticket is resolved by customer response.",
    responses=response_docs({200: state_doc("Done.")}) | _COMMANDS,
    openapi_extra=model_body(
        CompleteRequest, {"with a note": {"lease": "7Q2D", "note": "Matched."}}
    ),
)
async def complete(
    context: Context,
    caller: CallerDep,
    reference: ReferencePath,
    body: JsonBody,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Resolve the item by its kind: an Action ends complete."""
    request = decode_as(CompleteRequest, encode_fields(body))
    fields: dict[str, Any] = request.model_dump(mode="json", exclude_none=True)
    state = await find_state(context, reference)
    if state.kind is Kind.ACTION:
        fields["outcome"] = Outcome.COMPLETE.value
    elif state.kind is Kind.TICKET:
        fields["method"] = "customer_response"
    return state_response(
        await execute_conditionally(
            context, caller, reference, "resolve", fields, idempotency_key=idempotency_key
        )
    )


@router.post(
    "/items/{reference}/reject",
    operation_id="robot_reject",
    summary="Give the item back to people",
    description="The item is To Do; no robot can take it until a person has worked on it (C7).",
    responses=response_docs({200: state_doc("Rejected.")}) | _COMMANDS,
    openapi_extra=model_body(
        RejectRequest, {"with a reason": {"reason": "the scan cannot be read"}}
    ),
)
async def reject(
    context: Context,
    caller: CallerDep,
    reference: ReferencePath,
    body: JsonBody,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Reject the item (C7)."""
    request = decode_as(RejectRequest, encode_fields(body))
    fields = request.model_dump(mode="json", exclude_none=True)
    return state_response(
        await execute_conditionally(
            context, caller, reference, "reject", fields, idempotency_key=idempotency_key
        )
    )
