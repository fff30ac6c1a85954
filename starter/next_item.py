"""The next item of a queue, started for whoever asks: one asker each (Q1, Q2)."""

import asyncio
import uuid
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from pydantic import JsonValue
from sqlalchemy import Engine

from catalog.queues import ROBOTS_DO
from domain.base.refusals import Conflict, NotAllowed
from domain.base.values import Kind, is_robot
from domain.model.states import State
from starter.client import Answer, UnknownItem
from starter.item_reader import state_of_answer
from store.errors import DatabaseBusy
from store.items.claims import Claimed, claim_next

_TRIES: Final = 5
"""How often a database that others hold is asked."""


class NothingThere(LookupError):
    """The queue has nothing for this actor now."""


class Gives(Protocol):
    """What gives commands: a desk, or one that insists."""

    async def do(self, reference: str, command: str, fields: Mapping[str, JsonValue]) -> Answer:
        """Give a command and return the new state."""


async def take_next(
    desk: Gives, engine: Engine, queue: str, *, by: str, robots: Collection[Kind] = ROBOTS_DO
) -> State:
    """Start the queue's next item for this actor, who then has it; its state.

    `robots` are the kinds that the queue allows robots. The store says what comes next, to each
    asker another item; the item says who gets it, and one that is not as its row says any more is
    passed over.

    Raises:
        NothingThere: the queue has nothing that nobody has and that is for this actor.
        NoAnswer: an item was asked, and no worker answered; it may be this actor's now.
    """
    kinds = robots if is_robot(by) else None
    passed: set[Claimed] = set()
    while (found := await _claimed(engine, queue, by, kinds)) is not None and found not in passed:
        given: dict[str, JsonValue] = {
            "by": by,
            "expected_revision": found.revision,
            "command_id": f"next-{uuid.uuid4()}",
        }
        try:
            return state_of_answer(await desk.do(found.reference, "start", given))
        except (Conflict, NotAllowed, UnknownItem):
            passed.add(found)
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
