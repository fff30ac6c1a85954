"""Endpoints of queues: waiting items, the next item, and the load."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response

from auth.callers import EVERY_QUEUE, Caller
from auth.permissions import Duty, check_duty
from catalog.queues import DEFAULT_ROBOT_KINDS
from domain.rules.submitting import DEFAULT_QUEUE
from store.items.paging import PAGE_SIZE
from store.items.queries import list_waiting
from store.items.queue_load import count_by_queue
from web.api.items import CursorParameter, LimitParameter, item_list
from web.api.models import ItemList, QueueList, QueueLoadView, QueueView
from web.api.problem_details import ApiRoute
from web.api.responses import (
    READ_PROBLEMS,
    json_response,
    problem_docs,
    response_docs,
    state_doc,
    state_response,
)
from web.context import AppContext, CallerDep, Context
from web.use_cases import take_next_as

router = APIRouter(route_class=ApiRoute, tags=["queues"])
QueueName = Annotated[
    str, Path(max_length=100, description="A queue's name.", examples=["accounts-payable"])
]


def visible_queue_names(context: AppContext, caller: Caller) -> tuple[str, ...]:
    """Return the names of the queues that the caller is a member of."""
    names = {*context.catalog.queues, DEFAULT_QUEUE, *caller.queues} - {EVERY_QUEUE}
    return tuple(sorted(name for name in names if caller.is_member(name)))


@router.get(
    "/queues",
    operation_id="list_queues",
    summary="List the caller's queues",
    responses=response_docs({200: {"model": QueueList}}) | problem_docs(*READ_PROBLEMS),
)
def list_queues(context: Context, caller: CallerDep) -> Response:
    """Return the caller's queues."""
    check_duty(caller, Duty.READ)
    queues = context.catalog.queues
    return json_response(
        QueueList(
            queues=tuple(
                QueueView(
                    name=name,
                    title=queues[name].title if name in queues else "",
                    robots=queues[name].robots if name in queues else tuple(DEFAULT_ROBOT_KINDS),
                )
                for name in visible_queue_names(context, caller)
            )
        )
    )


@router.get(
    "/queues/{name}/items",
    operation_id="list_queue",
    summary="List the waiting items of a queue",
    description="Overdue first, then rejected by a robot, then soonest due, then oldest (Q1).",
    responses=response_docs({200: {"model": ItemList}}) | problem_docs(*READ_PROBLEMS),
)
def list_queue(
    context: Context,
    caller: CallerDep,
    name: QueueName,
    limit: LimitParameter = PAGE_SIZE,
    cursor: CursorParameter = None,
) -> Response:
    """Return a page of unassigned items."""
    check_duty(caller, Duty.READ, queue=name)
    page = list_waiting(context.engine, name, now=datetime.now(UTC), limit=limit, cursor=cursor)
    return json_response(item_list(page))


@router.post(
    "/queues/{name}/next",
    operation_id="take_next",
    summary="Take the next item of a queue",
    description="The item is assigned to the caller and In Progress. Callers that ask at the same "
    "time get different items.",
    responses=response_docs(
        {
            200: state_doc("The item, now assigned to the caller."),
            204: {"description": "The queue has no item for the caller."},
        }
    )
    | problem_docs(*READ_PROBLEMS),
)
async def take_next_item(context: Context, caller: CallerDep, name: QueueName) -> Response:
    """Start the queue's next item for the caller."""
    return await take_next_response(context, caller, name)


async def take_next_response(context: AppContext, caller: Caller, *queues: str) -> Response:
    """Take the next item of the first of these queues that has one; return 204 if none has."""
    state = await take_next_as(context, caller, *queues)
    return Response(status_code=204) if state is None else state_response(state)


@router.get(
    "/queues/{name}/load",
    operation_id="read_load",
    summary="Read a queue's load",
    description="Numbers of waiting, assigned, overdue and at-risk items; for leads.",
    responses=response_docs({200: {"model": QueueLoadView}}) | problem_docs(*READ_PROBLEMS),
)
async def read_load(context: Context, caller: CallerDep, name: QueueName) -> Response:
    """Return the numbers of the queue's items."""
    check_duty(caller, Duty.LEAD, queue=name)
    (workload,) = await asyncio.to_thread(
        count_by_queue, context.engine, (name,), datetime.now(UTC)
    )
    return json_response(QueueLoadView.model_validate(workload))
