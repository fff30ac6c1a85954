"""Next item of a queue: actors that ask at the same time get different items (Q1, Q2)."""

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
from starter.client import JsonAnswer, UnknownItem
from starter.item_reader import parse_state
from store.errors import DatabaseBusy
from store.items.claims import Claimed, claim_next

_MAX_ATTEMPTS: Final = 5
"""Attempts to read a database that another writer holds."""


class QueueEmpty(LookupError):
    """The queue has no item for this actor now."""


class CommandExecutor(Protocol):
    """Client that executes commands, with or without retries."""

    async def execute(
        self, reference: str, command: str, fields: Mapping[str, JsonValue]
    ) -> JsonAnswer:
        """Execute a command and return the new state."""


async def take_next(
    client: CommandExecutor,
    engine: Engine,
    queue: str,
    *,
    by: str,
    robots: Collection[Kind] = DEFAULT_ROBOT_KINDS,
) -> State:
    """Start the queue's next item for this actor, who becomes its assignee; return its state.

    `robots` are the kinds that the queue allows robots. The store offers each actor a different
    item; the item itself decides. An item that has changed since its row was written is skipped.

    Raises:
        QueueEmpty: no unassigned item is for this actor.
        NoAnswer: no worker answered; an item may have been assigned to the actor.
    """
    kinds = robots if is_robot(by) else None
    skipped: set[Claimed] = set()
    while (claim := await _claim_next(engine, queue, by, kinds)) is not None:
        if claim in skipped:
            break
        fields: dict[str, JsonValue] = {
            "by": by,
            "expected_revision": claim.revision,
            "command_id": f"next-{uuid.uuid4()}",
        }
        try:
            return parse_state(await client.execute(claim.reference, "start", fields))
        except (Conflict, NotAllowed, UnknownItem):
            skipped.add(claim)
    raise QueueEmpty(f"nothing waits in the queue {queue} for {by}")


async def _claim_next(
    engine: Engine, queue: str, by: str, robots: Collection[Kind] | None
) -> Claimed | None:
    attempts_left = _MAX_ATTEMPTS
    while True:
        try:
            return await asyncio.to_thread(claim_next, engine, queue, by=by, robots=robots)
        except DatabaseBusy:
            attempts_left -= 1
            if not attempts_left:
                raise
