"""Takes the next item of a queue: each actor who asks gets another item (Q1, Q2)."""

import asyncio
import uuid
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from pydantic import JsonValue
from sqlalchemy import Engine

from catalog.queues import DEFAULT_ROBOT_KINDS
from domain.base.refusals import Conflict, NotAllowed
from domain.base.values import Kind, is_robot
from domain.model.states import State
from starter.client import Answer, UnknownItem
from starter.item_reader import parse_state
from store.errors import DatabaseBusy
from store.items.claims import Claimed, claim_next

_TRIES: Final = 5
"""Attempts to read a database that another writer holds."""


class NothingThere(LookupError):
    """The queue has nothing for this actor now."""


class Gives(Protocol):
    """Client that gives commands, with or without retries of its own."""

    async def do(self, reference: str, command: str, fields: Mapping[str, JsonValue]) -> Answer:
        """Give a command and return the new state."""


async def take_next(
    desk: Gives,
    engine: Engine,
    queue: str,
    *,
    by: str,
    robots: Collection[Kind] = DEFAULT_ROBOT_KINDS,
) -> State:
    """Start the queue's next item for this actor, who is its assignee then; return its state.

    `robots` are the kinds that the queue allows robots. The store offers each actor another item;
    the item itself decides who gets it. An item that changed since its row was written is skipped.

    Raises:
        NothingThere: no item without an assignee is for this actor.
        NoAnswer: an item was asked, and no worker answered; it may be this actor's now.
    """
    kinds = robots if is_robot(by) else None
    skipped: set[Claimed] = set()
    while (claimed := await _claimed(engine, queue, by, kinds)) is not None:
        if claimed in skipped:
            break
        fields: dict[str, JsonValue] = {
            "by": by,
            "expected_revision": claimed.revision,
            "command_id": f"next-{uuid.uuid4()}",
        }
        try:
            return parse_state(await desk.do(claimed.reference, "start", fields))
        except (Conflict, NotAllowed, UnknownItem):
            skipped.add(claimed)
    raise NothingThere(f"nothing waits in the queue {queue} for {by}")


async def _claimed(
    engine: Engine, queue: str, by: str, robots: Collection[Kind] | None
) -> Claimed | None:
    left = _TRIES
    while True:
        try:
            return await asyncio.to_thread(claim_next, engine, queue, by=by, robots=robots)
        except DatabaseBusy:
            left -= 1
            if not left:
                raise
