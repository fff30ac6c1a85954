"""Queues: what waits there, the next item, and how they stand."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response

from auth.callers import EVERY_QUEUE, Caller
from auth.permissions import Duty, check_duty
from catalog.queues import ROBOTS_DO
from domain.rules.submitting import DEFAULT_QUEUE
from store.items.paging import PAGE
from store.items.queries import queue
from store.items.queue_load import loads
from web.api.items import CursorGiven, Limit, lines_of
from web.api.models import Lines, QueueLoad, Queues, QueueSeen
from web.api.problem_details import ApiRoute
from web.api.responses import (
    READING,
    documented,
    json_answer,
    problems,
    state_answer,
    state_documented,
)
from web.context import Calls, House, InHouse
from web.use_cases import take_next_as

router = APIRouter(route_class=ApiRoute, tags=["queues"])
QueueName = Annotated[
    str, Path(max_length=100, description="A queue's name.", examples=["accounts-payable"])
]


def names_of(house: House, caller: Caller) -> tuple[str, ...]:
    """The queues that the caller is a member of, as the catalog and their memberships name them."""
    listed = {*house.catalog.queues, DEFAULT_QUEUE, *caller.queues} - {EVERY_QUEUE}
    return tuple(sorted(name for name in listed if caller.is_member(name)))


@router.get(
    "/queues",
    operation_id="list_queues",
    summary="List the caller's queues",
    responses=documented({200: {"model": Queues}}) | problems(*READING),
)
def list_queues(house: InHouse, caller: Calls) -> Response:
    """The caller's queues."""
    check_duty(caller, Duty.READ)
    known = house.catalog.queues
    return json_answer(
        Queues(
            queues=tuple(
                QueueSeen(
                    name=name,
                    title=known[name].title if name in known else "",
                    robots=known[name].robots if name in known else tuple(ROBOTS_DO),
                )
                for name in names_of(house, caller)
            )
        )
    )


@router.get(
    "/queues/{name}/items",
    operation_id="list_queue",
    summary="List what waits in a queue",
    description="Overdue first, then what a robot rejected, then soonest due, then oldest (Q1).",
    responses=documented({200: {"model": Lines}}) | problems(*READING),
)
def list_queue(
    house: InHouse,
    caller: Calls,
    name: QueueName,
    limit: Limit = PAGE,
    cursor: CursorGiven = None,
) -> Response:
    """A page of what nobody has."""
    check_duty(caller, Duty.READ, queue=name)
    page = queue(house.engine, name, now=datetime.now(UTC), limit=limit, cursor=cursor)
    return json_answer(lines_of(page))


@router.post(
    "/queues/{name}/next",
    operation_id="take_next",
    summary="Take the next item of a queue",
    description="It is the caller's then, In Progress; of many who ask at once, each gets another.",
    responses=documented(
        {
            200: state_documented("The item, which the caller has now."),
            204: {"description": "Nothing waits there for the caller."},
        }
    )
    | problems(*READING),
)
async def next_of(house: InHouse, caller: Calls, name: QueueName) -> Response:
    """Start the queue's next item for the caller."""
    return await next_answer(house, caller, name)


async def next_answer(house: House, caller: Caller, *queues: str) -> Response:
    """Take the next item of the first of these queues that has one; 204 if none has."""
    state = await take_next_as(house, caller, *queues)
    return Response(status_code=204) if state is None else state_answer(state)


@router.get(
    "/queues/{name}/load",
    operation_id="read_load",
    summary="How a queue stands",
    description="For leads.",
    responses=documented({200: {"model": QueueLoad}}) | problems(*READING),
)
async def read_load(house: InHouse, caller: Calls, name: QueueName) -> Response:
    """The queue's load."""
    check_duty(caller, Duty.LEAD, queue=name)
    (found,) = await asyncio.to_thread(loads, house.engine, (name,), datetime.now(UTC))
    return json_answer(QueueLoad.model_validate(found))
