"""Webhook subscriptions of the API, and their delivery logs."""

import asyncio
import base64
import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AfterValidator, Field

from auth.audit import audited
from auth.callers import EVERY_QUEUE, Caller, Role
from auth.permissions import Duty, Forbidden, check_duty
from domain.base.base_model import StrictModel
from domain.base.values import Kind, Name, Status
from domain.engine.decide import decode_as
from store.items.paging import PAGE_SIZE
from store.schema.auth_tables import AuditKind
from store.schema.webhook_tables import DeliveryStatus, WebhookRow
from store.webhooks.deliveries import read_delivery_log
from store.webhooks.subscriptions import add_webhook, get_webhook, list_webhooks, remove_webhook
from store.webhooks.target_check import check_url
from web.api.command_schemas import model_body
from web.api.items import CursorParameter, LimitParameter
from web.api.models import DeliveryLog, DeliveryView, NewWebhookView, WebhookList, WebhookView
from web.api.problem_details import ApiRoute
from web.api.request_bodies import JsonBody, encode_fields
from web.api.responses import (
    LOCATION_HEADER,
    READ_PROBLEMS,
    WRITE_PROBLEMS,
    json_response,
    problem_docs,
    response_docs,
)
from web.context import CallerDep, Context

_KEY_BYTES: Final = 32
"""Bytes of a signing key; the Standard Webhooks specification asks for 24 to 64."""
_KEY_CREDENTIAL: Final = "key "
"""Prefix of a caller's credential that is an API key; its id follows."""
router = APIRouter(prefix="/hooks", route_class=ApiRoute, tags=["webhooks"])


def _url(value: str) -> str:
    check_url(value)
    return value


class WebhookRequest(StrictModel):
    """Target of a new webhook, and filters for the changes to deliver."""

    url: Annotated[str, Field(max_length=1_000), AfterValidator(_url)]
    """https, or http to the desk's own host."""
    kinds: Annotated[
        tuple[Annotated[Kind, Field(strict=False)], ...], Field(strict=False, max_length=3)
    ] = ()
    """Kinds of items; empty: all."""
    queues: Annotated[tuple[Name, ...], Field(strict=False, max_length=100)] = ()
    """Queues of items; empty: all that the caller is a member of."""
    statuses: Annotated[
        tuple[Annotated[Status, Field(strict=False)], ...], Field(strict=False, max_length=6)
    ] = ()
    """Statuses of the item after the change; empty: all."""


_EXAMPLE: Final[dict[str, dict[str, Any]]] = {
    "resolved tickets": {
        "url": "https://erp.example.org/casekeep",
        "kinds": ["Ticket"],
        "statuses": ["RESOLVED", "CLOSED"],
    }
}


async def _own_webhook(
    context: Context,
    caller: CallerDep,
    webhook_id: Annotated[str, Path(alias="id", max_length=40, description="A webhook's id.")],
) -> WebhookRow:
    check_duty(caller, Duty.HOOKS)
    webhook = await asyncio.to_thread(get_webhook, context.engine, webhook_id)
    if caller.role is not Role.OPERATOR and webhook.made_by != caller.actor:
        raise Forbidden(f"webhook {webhook_id} belongs to {webhook.made_by}: use one of your own")
    return webhook


OwnWebhook = Annotated[WebhookRow, Depends(_own_webhook)]


@router.post(
    "",
    operation_id="make_hook",
    summary="Create a webhook",
    description="From now on every change that passes the filters is sent as a POST, signed with "
    "the secret that this answer shows once. `queues`: those that the caller is a member of.",
    status_code=HTTPStatus.CREATED,
    responses=response_docs(
        {
            201: {
                "model": NewWebhookView,
                "description": "Created: keep the secret.",
                "headers": {"Location": LOCATION_HEADER},
            }
        }
    )
    | problem_docs(*WRITE_PROBLEMS),
    openapi_extra=model_body(WebhookRequest, _EXAMPLE),
)
async def make_hook(context: Context, caller: CallerDep, body: JsonBody) -> Response:
    """Create a webhook."""
    check_duty(caller, Duty.HOOKS)
    request = decode_as(WebhookRequest, encode_fields(body))
    webhook = WebhookRow(
        id=secrets.token_hex(8),
        url=request.url,
        secret=f"whsec_{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}",
        kinds=[kind.value for kind in request.kinds],
        queues=_queues(caller, request.queues),
        statuses=[status.value for status in request.statuses],
        made_by=caller.actor,
        made_at=datetime.now(UTC),
        key=caller.credential.removeprefix(_KEY_CREDENTIAL)
        if caller.credential.startswith(_KEY_CREDENTIAL)
        else None,
    )
    async with audited(context.engine, caller, AuditKind.HOOK, "add", about=webhook.id):
        await asyncio.to_thread(add_webhook, context.engine, webhook)
    response = json_response(NewWebhookView.model_validate(webhook), HTTPStatus.CREATED)
    response.headers["Location"] = f"/api/v1/hooks/{webhook.id}"
    return response


def _queues(caller: Caller, requested: Collection[str]) -> list[str]:
    for name in requested:
        check_duty(caller, Duty.HOOKS, queue=name)
    if requested:
        return list(requested)
    return [EVERY_QUEUE] if caller.is_member(EVERY_QUEUE) else sorted(caller.queues)


@router.get(
    "",
    operation_id="list_hooks",
    summary="List the caller's webhooks",
    responses=response_docs({200: {"model": WebhookList}}) | problem_docs(*READ_PROBLEMS),
)
def list_hooks(context: Context, caller: CallerDep) -> Response:
    """Return the caller's webhooks; for an operator, all."""
    check_duty(caller, Duty.HOOKS)
    made_by = None if caller.role is Role.OPERATOR else caller.actor
    webhooks = list_webhooks(context.engine, made_by=made_by)
    return json_response(WebhookList(hooks=tuple(map(WebhookView.model_validate, webhooks))))


@router.get(
    "/{id}",
    operation_id="read_hook",
    summary="Read a webhook",
    responses=response_docs({200: {"model": WebhookView}}) | problem_docs(*READ_PROBLEMS, 404),
)
def read_hook(webhook: OwnWebhook) -> Response:
    """Return the webhook without its secret."""
    return json_response(WebhookView.model_validate(webhook))


@router.delete(
    "/{id}",
    operation_id="remove_hook",
    summary="Delete a webhook",
    status_code=HTTPStatus.NO_CONTENT,
    responses=response_docs({204: {"description": "Deleted, with its log."}})
    | problem_docs(*READ_PROBLEMS, 404),
)
async def remove_hook(context: Context, caller: CallerDep, webhook: OwnWebhook) -> Response:
    """Delete the webhook."""
    async with audited(context.engine, caller, AuditKind.HOOK, "remove", about=webhook.id):
        await asyncio.to_thread(remove_webhook, context.engine, webhook.id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/{id}/deliveries",
    operation_id="list_deliveries",
    summary="Read a webhook's log",
    description="Newest first; accepted and given-up deliveries stay for seven days.",
    responses=response_docs({200: {"model": DeliveryLog}}) | problem_docs(*READ_PROBLEMS, 404),
)
def list_deliveries(
    context: Context,
    webhook: OwnWebhook,
    status: Annotated[list[DeliveryStatus], Query(default_factory=list, max_length=3)],
    limit: LimitParameter = PAGE_SIZE,
    cursor: CursorParameter = None,
) -> Response:
    """Return a page of the webhook's deliveries."""
    page = read_delivery_log(
        context.engine, webhook.id, statuses=status, limit=limit, cursor=cursor
    )
    log = tuple(map(DeliveryView.model_validate, page.deliveries))
    return json_response(DeliveryLog(deliveries=log, cursor=page.cursor))
