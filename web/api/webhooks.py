"""Webhooks: whom the desk tells of changes, and what became of it."""

import asyncio
import base64
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AfterValidator, Field

from auth.audit import audited
from auth.callers import EVERY_QUEUE, Caller, Role
from auth.permissions import Duty, Forbidden, check_duty
from domain.base.base_model import Defined
from domain.base.values import Kind, Name, Status
from domain.engine.decide import decode_as
from store.items.paging import PAGE
from store.schema.auth_tables import Audited
from store.schema.webhook_tables import DeliveryStatus
from store.webhooks.deliveries import deliveries
from store.webhooks.subscriptions import Hook, add, hook_of, hooks, remove
from store.webhooks.target_check import check_url
from web.api.command_schemas import body_like
from web.api.items import CursorGiven, Limit
from web.api.models import DeliveryLog, HookMade, Hooks, NewHook, OneDelivery
from web.api.problem_details import ApiRoute
from web.api.request_bodies import Given, as_json
from web.api.responses import LOCATION, READING, WRITING, documented, json_answer, problems
from web.context import Calls, InHouse

_KEY_BYTES: Final = 32
"""Of a signing key; the Standard Webhooks specification asks for 24 to 64."""
_KEY: Final = "key "
"""How the doors name a key that somebody came by."""
router = APIRouter(prefix="/hooks", route_class=ApiRoute, tags=["webhooks"])


def _url(value: str) -> str:
    check_url(value)
    return value


class HookWanted(Defined):
    """Where to tell of changes, and of which."""

    url: Annotated[str, Field(max_length=1_000), AfterValidator(_url)]
    """https; or http to the host that the desk itself runs on."""
    kinds: Annotated[
        tuple[Annotated[Kind, Field(strict=False)], ...], Field(strict=False, max_length=3)
    ] = ()
    """Of item; none: all."""
    queues: Annotated[tuple[Name, ...], Field(strict=False, max_length=100)] = ()
    """Whose items; none: all that the caller is a member of."""
    statuses: Annotated[
        tuple[Annotated[Status, Field(strict=False)], ...], Field(strict=False, max_length=6)
    ] = ()
    """That the item has after the change; none: all."""


_EXAMPLE: Final[dict[str, dict[str, Any]]] = {
    "tickets that were resolved": {
        "url": "https://erp.example.org/casekeep",
        "kinds": ["Ticket"],
        "statuses": ["RESOLVED", "CLOSED"],
    }
}


async def _own(
    house: InHouse,
    caller: Calls,
    id: Annotated[str, Path(max_length=40, description="A webhook's id.")],  # noqa: A002 - its name
) -> Hook:
    check_duty(caller, Duty.HOOKS)
    hook = await asyncio.to_thread(hook_of, house.engine, id)
    if caller.role is not Role.OPERATOR and hook.made_by != caller.actor:
        raise Forbidden(f"hook {id} is of {hook.made_by}")
    return hook


Own = Annotated[Hook, Depends(_own)]


@router.post(
    "",
    operation_id="make_hook",
    summary="Have changes told",
    description="From now on every change that is wanted is sent as a POST, signed with the secret "
    "that this answer shows once. `queues` are among those that the caller is a member of.",
    status_code=HTTPStatus.CREATED,
    responses=documented(
        {
            201: {
                "model": NewHook,
                "description": "Made: keep the secret.",
                "headers": {"Location": LOCATION},
            }
        }
    )
    | problems(*WRITING),
    openapi_extra=body_like(HookWanted, _EXAMPLE),
)
async def make_hook(house: InHouse, caller: Calls, given: Given) -> Response:
    """Make a webhook."""
    check_duty(caller, Duty.HOOKS)
    wanted = decode_as(HookWanted, as_json(given))
    new = Hook(
        id=secrets.token_hex(8),
        url=wanted.url,
        secret=f"whsec_{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}",
        kinds=wanted.kinds,
        queues=_queues(caller, wanted.queues),
        statuses=wanted.statuses,
        made_by=caller.actor,
        made_at=datetime.now(UTC),
        key=caller.credential.removeprefix(_KEY) if caller.credential.startswith(_KEY) else None,
    )
    async with audited(house.engine, caller, Audited.HOOK, "add", about=new.id):
        await asyncio.to_thread(add, house.engine, new)
    answer = json_answer(NewHook.model_validate(new), HTTPStatus.CREATED)
    answer.headers["Location"] = f"/api/v1/hooks/{new.id}"
    return answer


def _queues(caller: Caller, wanted: Iterable[str]) -> tuple[str, ...]:
    chosen = tuple(wanted)
    for name in chosen:
        check_duty(caller, Duty.HOOKS, queue=name)
    if chosen:
        return chosen
    return (EVERY_QUEUE,) if caller.is_member(EVERY_QUEUE) else tuple(sorted(caller.queues))


@router.get(
    "",
    operation_id="list_hooks",
    summary="List the caller's webhooks",
    responses=documented({200: {"model": Hooks}}) | problems(*READING),
)
def list_hooks(house: InHouse, caller: Calls) -> Response:
    """The caller's webhooks; an operator's are all."""
    check_duty(caller, Duty.HOOKS)
    by = None if caller.role is Role.OPERATOR else caller.actor
    found = hooks(house.engine, by=by)
    return json_answer(Hooks(hooks=tuple(map(HookMade.model_validate, found))))


@router.get(
    "/{id}",
    operation_id="read_hook",
    summary="Read a webhook",
    responses=documented({200: {"model": HookMade}}) | problems(*READING, 404),
)
def read_hook(hook: Own) -> Response:
    """The webhook, without its secret."""
    return json_answer(HookMade.model_validate(hook))


@router.delete(
    "/{id}",
    operation_id="remove_hook",
    summary="Take a webhook away",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented({204: {"description": "It is told nothing any more; its log is gone."}})
    | problems(*READING, 404),
)
async def remove_hook(house: InHouse, caller: Calls, hook: Own) -> Response:
    """Take the webhook away."""
    async with audited(house.engine, caller, Audited.HOOK, "remove", about=hook.id):
        await asyncio.to_thread(remove, house.engine, hook.id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/{id}/deliveries",
    operation_id="list_deliveries",
    summary="Read a webhook's log",
    description="Newest first; what is settled stays for seven days.",
    responses=documented({200: {"model": DeliveryLog}}) | problems(*READING, 404),
)
def list_deliveries(
    house: InHouse,
    hook: Own,
    status: Annotated[list[DeliveryStatus], Query(default_factory=list, max_length=3)],
    limit: Limit = PAGE,
    cursor: CursorGiven = None,
) -> Response:
    """A page of the webhook's deliveries."""
    page = deliveries(house.engine, hook.id, statuses=status, limit=limit, cursor=cursor)
    log = tuple(map(OneDelivery.model_validate, page.deliveries))
    return json_answer(DeliveryLog(deliveries=log, cursor=page.cursor))
