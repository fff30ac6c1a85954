"""A robot: takes what its queue offers, one item after the other, and has a program do it.

While the program runs the robot says that it lives, once in a third of its lease. All its commands
carry the lease, so that what comes too late is refused, and an id, so that none counts twice.
"""

import asyncio
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, JsonValue
from sqlalchemy import Engine
from temporalio.service import RPCError

from domain.base.refusals import Conflict, InvalidCommand, NotAllowed, Refused
from domain.base.values import Kind
from domain.model.leases import KEPT_IN_A_LEASE
from domain.model.states import ActionItemState, State, TicketState
from robots.answers import RobotAnswer, answer_of, commands_for, rejection
from robots.program import Echo, Program
from starter.client import Answer, Desk, NoAnswer, UnknownItem
from starter.next_item import NothingThere, take_next
from starter.orphan_guard import Guard
from store.errors import StoreFault

_AGAIN: Final = 1.0
"""Seconds before a command that nobody answered is given again."""
_SHORTEST: Final = 0.05
"""Seconds between two heartbeats at least, however short a lease is."""
_GONE: Final = (Conflict, NotAllowed, UnknownItem)
"""What a robot is told of an item that it has no more."""


class Did(BaseModel):
    """What became of an item in a robot's hands: `lost` if it was not the robot's any more."""

    reference: str
    did: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a robot does: under which name, from which queue, by which program."""

    by: str
    queue: str
    robots: Collection[Kind]
    program: Sequence[str]
    poll: float
    """Seconds before an empty queue is looked at again."""


class Robot:
    """One robot; `tell` hears of each item, `say` of what goes wrong besides."""

    def __init__(
        self,
        desk: Desk,
        engine: Engine,
        job: Job,
        *,
        tell: Callable[[Did], None],
        say: Callable[[str], None],
        echo: Echo,
    ) -> None:
        """Nothing happens before `work`; `echo` hears what programs say on standard error."""
        self._engine = engine
        self._job = job
        self._tell = tell
        self._say = say
        self._echo = echo
        self._stopping = asyncio.Event()
        self._desk = desk
        self._insisting = _Insistent(desk, self._stopping, say)
        self._guard = Guard()

    def stop(self) -> None:
        """Give back what it has, and take nothing more."""
        self._stopping.set()

    async def work(self, *, once: bool) -> None:
        """Work until stopped, or on one item; raises NothingThere if that is not there.

        Raises OSError if the program cannot be started: the item it had is given back.
        """
        try:
            while not self._stopping.is_set():
                item = await self._next(once=once)
                if item is not None and self._stopping.is_set():
                    await self._give_back(item)
                elif item is not None:
                    await self._do(item)
                if once:
                    return
        finally:
            await self._guard.close()

    async def _next(self, *, once: bool) -> State | None:
        job = self._job
        try:
            return await take_next(
                self._insisting, self._engine, job.queue, by=job.by, robots=job.robots
            )
        except NothingThere:
            if once:
                raise
        except (StoreFault, NoAnswer, RPCError) as problem:
            if once:
                raise
            self._say(f"{problem}; trying again")
        await _pause(self._stopping, job.poll)
        return None

    async def _do(self, item: State) -> None:
        try:
            program = await Program.begin(
                self._job.program, item.model_dump_json().encode(), self._guard, self._echo
            )
        except OSError:
            await self._give_back(item)
            raise
        ending = asyncio.create_task(program.ended())
        beating = asyncio.create_task(self._beat(item))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({ending, beating, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                await self._answer(item, answer_of(item.kind, ending.result()))
            elif beating.done():
                await program.stop()
                self._lost(item, beating.result())
            else:
                await program.stop()
                await self._give_back(item)
        finally:
            for task in (ending, beating, stopping):
                task.cancel()
            await asyncio.gather(ending, beating, stopping, return_exceptions=True)
            await self._guard.forget_ended()

    async def _beat(self, item: State) -> Exception:
        """Say that it lives, until told that the item is not the robot's any more."""
        while True:
            await asyncio.sleep(max(_SHORTEST, _span_of(item) / KEPT_IN_A_LEASE))
            try:
                await self._desk.do(item.reference, "heartbeat", self._given(item))
            except _GONE as refusal:
                return refusal
            except (NoAnswer, RPCError) as problem:
                self._say(f"{item.reference}: no heartbeat: {problem}")

    async def _answer(self, item: State, answer: RobotAnswer) -> None:
        for command, fields in commands_for(item.kind, answer):
            try:
                await self._give(item, command, fields)
            except Conflict as refusal:
                self._lost(item, refusal)
                return
            except (NotAllowed, InvalidCommand) as refusal:
                if answer.outcome == "reject":
                    self._lost(item, refusal)
                else:
                    # a rule is against it, which a person has to see to
                    await self._answer(item, rejection(f"{command} was refused: {refusal}"))
                return
            except UnknownItem as unknown:
                self._lost(item, unknown)
                return
        self._tell(Did(reference=item.reference, did=answer.outcome, reason=answer.reason))

    async def _give_back(self, item: State) -> None:
        try:
            await self._give(item, "unassign", {})
        except (Refused, UnknownItem) as refusal:
            self._lost(item, refusal)
        else:
            self._tell(Did(reference=item.reference, did="given back"))

    def _lost(self, item: State, why: Exception) -> None:
        self._tell(Did(reference=item.reference, did="lost", reason=f"{why}"))

    async def _give(self, item: State, command: str, fields: Mapping[str, JsonValue]) -> None:
        given = self._given(item) | {"command_id": f"{command}-{uuid.uuid4()}"}
        await self._insisting.do(item.reference, command, given | dict(fields))

    def _given(self, item: State) -> dict[str, JsonValue]:
        lease = item.lease if isinstance(item, TicketState | ActionItemState) else None
        by: dict[str, JsonValue] = {"by": self._job.by}
        return by if lease is None else by | {"lease": lease.token}


class _Insistent:
    """Gives a command until it is answered, the same each time, so that it counts once."""

    def __init__(self, desk: Desk, stopping: asyncio.Event, say: Callable[[str], None]) -> None:
        self._desk = desk
        self._stopping = stopping
        self._say = say

    async def do(self, reference: str, command: str, fields: Mapping[str, JsonValue]) -> Answer:
        while True:
            try:
                return await self._desk.do(reference, command, fields)
            except (NoAnswer, RPCError) as problem:
                if self._stopping.is_set():
                    raise
                self._say(f"{command}: {problem}; trying again")
            await _pause(self._stopping, _AGAIN)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait so long, unless stopped before."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


def _span_of(item: State) -> float:
    """How many seconds the lease lasts that the item was just started under; it may be none."""
    if not isinstance(item, TicketState | ActionItemState) or item.lease is None:
        return float("inf")
    return (item.lease.until - item.changed_at).total_seconds()
