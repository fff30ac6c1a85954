"""Queues: what waits there, the next item, and how they stand."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response

from auth.callers import EVERY_QUEUE, Caller
from auth.permissions import Duty, check_duty
from catalog.queues import DEFAULT_ROBOT_KINDS
from domain.rules.submitting import DEFAULT_QUEUE
from store.items.paging import PAGE
from store.items.queries import queue
from store.items.queue_load import loads
from web.api.items import CursorGiven, Limit, lines_of
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


def names_of(context: AppContext, caller: Caller) -> tuple[str, ...]:
    """The queues that the caller is a member of, as the catalog and their memberships name them."""
    listed = {*context.catalog.queues, DEFAULT_QUEUE, *caller.queues} - {EVERY_QUEUE}
    return tuple(sorted(name for name in listed if caller.is_member(name)))


@router.get(
    "/queues",
    operation_id="list_queues",
    summary="List the caller's queues",
    responses=response_docs({200: {"model": QueueList}}) | problem_docs(*READ_PROBLEMS),
)
def list_queues(context: Context, caller: CallerDep) -> Response:
    """The caller's queues."""
    check_duty(caller, Duty.READ)
    known = context.catalog.queues
    return json_response(
        QueueList(
            queues=tuple(
                QueueView(
                    name=name,
                    title=known[name].title if name in known else "",
                    robots=known[name].robots if name in known else tuple(DEFAULT_ROBOT_KINDS),
                )
                for name in names_of(context, caller)
            )
        )
    )


@router.get(
    "/queues/{name}/items",
    operation_id="list_queue",
    summary="List what waits in a queue",
    description="Overdue first, then what a robot rejected, then soonest due, then oldest (Q1).",
    responses=response_docs({200: {"model": ItemList}}) | problem_docs(*READ_PROBLEMS),
)
def list_queue(
    context: Context,
    caller: CallerDep,
    name: QueueName,
    limit: Limit = PAGE,
    cursor: CursorGiven = None,
) -> Response:
    """A page of what nobody has."""
    check_duty(caller, Duty.READ, queue=name)
    page = queue(context.engine, name, now=datetime.now(UTC), limit=limit, cursor=cursor)
    return json_response(lines_of(page))


@router.post(
    "/queues/{name}/next",
    operation_id="take_next",
    summary="Take the next item of a queue",
    description="It is the caller's then, In Progress; of many who ask at once, each gets another.",
    responses=response_docs(
        {
            200: state_doc("The item, which the caller has now."),
            204: {"description": "Nothing waits there for the caller."},
        }
    )
    | problem_docs(*READ_PROBLEMS),
)
async def next_of(context: Context, caller: CallerDep, name: QueueName) -> Response:
    """Start the queue's next item for the caller."""
    return await next_answer(context, caller, name)


async def next_answer(context: AppContext, caller: Caller, *queues: str) -> Response:
    """Take the next item of the first of these queues that has one; 204 if none has."""
    state = await take_next_as(context, caller, *queues)
    return Response(status_code=204) if state is None else state_response(state)


@router.get(
    "/queues/{name}/load",
    operation_id="read_load",
    summary="How a queue stands",
    description="For leads.",
    responses=response_docs({200: {"model": QueueLoadView}}) | problem_docs(*READ_PROBLEMS),
)
async def read_load(context: Context, caller: CallerDep, name: QueueName) -> Response:
    """The queue's load."""
    check_duty(caller, Duty.LEAD, queue=name)
    (found,) = await asyncio.to_thread(loads, context.engine, (name,), datetime.now(UTC))
    return json_response(QueueLoadView.model_validate(found))
