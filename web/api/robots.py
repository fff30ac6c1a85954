"""What a robot needs, and no more: take, heartbeat, complete, reject, each under its lease."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from pydantic import Field

from auth.callers import EVERY_QUEUE
from auth.permissions import Duty, Forbidden, check_duty
from domain.base.base_model import Defined
from domain.base.refusals import InvalidCommand
from domain.base.values import Kind, Name, Outcome
from domain.engine.decide import decode_as
from web.api.command_schemas import body_like
from web.api.commands import done
from web.api.item_paths import Named
from web.api.problem_details import ApiRoute
from web.api.queues import names_of, next_answer
from web.api.request_bodies import Given, IdempotencyKey, as_json
from web.api.responses import WRITING, documented, problems, state_answer, state_documented
from web.commands import known
from web.context import Calls, InHouse

router = APIRouter(prefix="/robots", route_class=ApiRoute, tags=["robots"])
_COMMANDS: Final = problems(*WRITING, 404, 409)


class Take(Defined):
    """Which queues to take from."""

    queues: Annotated[tuple[Name, ...], Field(strict=False, min_length=1, max_length=50)] | None = (
        None
    )
    """In this order; none: all that the robot is a member of."""


class Lease(Defined):
    """What the robot was given when it took the item."""

    lease: Name | None = None
    """The state's `lease.token`; where the item has a lease, a stale one is refused."""


class Complete(Lease):
    """How the work was done."""

    note: Annotated[str, Field(max_length=16_000)] | None = None


class Reject(Lease):
    """Why it cannot be done by a robot."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


@router.post(
    "/take",
    operation_id="robot_take",
    summary="Take the next item",
    description="Of the first queue that has one that robots may have (Q2); it is In Progress.",
    responses=documented(
        {
            200: state_documented("The item, which the robot has now; `lease` is to be kept."),
            204: {"description": "Nothing waits there for a robot: ask again later."},
        }
    )
    | problems(*WRITING),
    openapi_extra=body_like(Take, {"one queue": {"queues": ["accounts-payable"]}}),
)
async def take(house: InHouse, caller: Calls, given: Given) -> Response:
    """Take the next item for the robot."""
    if not caller.is_robot:
        raise Forbidden(f"only robots take here: {caller.actor} is none; ask a queue for its next")
    check_duty(caller, Duty.TAKE)
    wanted = decode_as(Take, as_json(given)).queues
    if wanted is None and EVERY_QUEUE in caller.queues and not house.catalog.queues:
        raise InvalidCommand("queues: say which, no catalog lists them", fields=("queues",))
    return await next_answer(house, caller, *(wanted or names_of(house, caller)))


@router.post(
    "/items/{reference}/heartbeat",
    operation_id="robot_heartbeat",
    summary="Keep the lease",
    responses=documented({200: state_documented("Kept: `lease.until` says until when.")})
    | _COMMANDS,
    openapi_extra=body_like(Lease, {"with the lease": {"lease": "7Q2D"}}),
)
async def heartbeat(house: InHouse, caller: Calls, reference: Named, given: Given) -> Response:
    """Renew the robot's lease (Q3)."""
    lease = decode_as(Lease, as_json(given))
    fields = lease.model_dump(mode="json", exclude_none=True)
    return state_answer(await done(house, caller, reference, "heartbeat", fields))


@router.post(
    "/items/{reference}/complete",
    operation_id="robot_complete",
    summary="Complete the item",
    description="An Action ends complete; a Ticket is resolved by customer response.",
    responses=documented({200: state_documented("Done.")}) | _COMMANDS,
    openapi_extra=body_like(Complete, {"with a note": {"lease": "7Q2D", "note": "Matched."}}),
)
async def complete(
    house: InHouse,
    caller: Calls,
    reference: Named,
    given: Given,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Resolve the item as its kind has it."""
    how = decode_as(Complete, as_json(given))
    fields: dict[str, Any] = how.model_dump(mode="json", exclude_none=True)
    state = await known(house, reference)
    if state.kind is Kind.ACTION:
        fields["outcome"] = Outcome.COMPLETE.value
    elif state.kind is Kind.TICKET:
        fields["method"] = "customer_response"
    return state_answer(
        await done(house, caller, reference, "resolve", fields, idempotency_key=idempotency_key)
    )


@router.post(
    "/items/{reference}/reject",
    operation_id="robot_reject",
    summary="Give the item back to people",
    description="To Do again, and no robot is offered it until a person worked on it (C7).",
    responses=documented({200: state_documented("Given back.")}) | _COMMANDS,
    openapi_extra=body_like(Reject, {"with a reason": {"reason": "the scan cannot be read"}}),
)
async def reject(
    house: InHouse,
    caller: Calls,
    reference: Named,
    given: Given,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Reject the item (C7)."""
    why = decode_as(Reject, as_json(given))
    fields = why.model_dump(mode="json", exclude_none=True)
    return state_answer(
        await done(house, caller, reference, "reject", fields, idempotency_key=idempotency_key)
    )
