"""Robot: takes the next item of its queue, runs a program on it, and sends the commands.

While the program runs, the robot sends a heartbeat every third of its lease. All its commands carry
the lease, so a late one is refused, and a command id, so none is applied twice.
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
from domain.model.leases import MAX_HEARTBEATS_PER_LEASE
from domain.model.states import ActionItemState, State, TicketState
from robots.answers import RobotAnswer, commands_for, parse_answer, rejection
from robots.program import OnStderr, RobotProgram
from starter.client import CasekeepClient, JsonAnswer, NoAnswer, UnknownItem
from starter.next_item import QueueEmpty, take_next
from starter.orphan_guard import OrphanGuard
from store.errors import StoreError

_RETRY_DELAY: Final = 1.0
"""Seconds before a command without answer is sent again."""
_MIN_HEARTBEAT_INTERVAL: Final = 0.05
"""Minimum seconds between two heartbeats."""
_LOST_ERRORS: Final = (Conflict, NotAllowed, UnknownItem)
"""Refusals for an item that the robot does not have any more."""


OnProblem = Callable[[str], None]


class JobResult(BaseModel):
    """Result of a robot's work on an item; `did` is `lost` if another actor took the item."""

    reference: str
    did: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotJob:
    """Configuration of a robot: its actor name, queue and program."""

    by: str
    queue: str
    robots: Collection[Kind]
    program: Sequence[str]
    poll: float
    """Seconds before an empty queue is polled again."""


class Robot:
    """Robot that works on a queue; reports results by `on_result`, problems by `on_problem`."""

    def __init__(
        self,
        desk: CasekeepClient,
        engine: Engine,
        job: RobotJob,
        *,
        on_result: Callable[[JobResult], None],
        on_problem: OnProblem,
        on_stderr: OnStderr,
    ) -> None:
        """Prepare a robot; `on_stderr` gets what its programs write to standard error."""
        self._engine = engine
        self._job = job
        self._on_result = on_result
        self._on_problem = on_problem
        self._on_stderr = on_stderr
        self._stopping = asyncio.Event()
        self._desk = desk
        self._retrying_desk = _RetryingDesk(desk, self._stopping, on_problem)
        self._guard = OrphanGuard()

    def stop(self) -> None:
        """Return the current item to its queue and take no other."""
        self._stopping.set()

    async def work(self, *, once: bool) -> None:
        """Work until stopped, or `once` on one item; then an empty queue raises QueueEmpty.

        Raises OSError if the program cannot be started; the item is returned to its queue.
        """
        try:
            while not self._stopping.is_set():
                item = await self._take_next(once=once)
                if item is not None and self._stopping.is_set():
                    await self._give_back(item)
                elif item is not None:
                    await self._process(item)
                if once:
                    return
        finally:
            await self._guard.close()

    async def _take_next(self, *, once: bool) -> State | None:
        job = self._job
        try:
            return await take_next(
                self._retrying_desk, self._engine, job.queue, by=job.by, robots=job.robots
            )
        except QueueEmpty:
            if once:
                raise
        except (StoreError, NoAnswer, RPCError) as problem:
            if once:
                raise
            self._on_problem(f"{problem}; retrying")
        await _wait(self._stopping, job.poll)
        return None

    async def _process(self, item: State) -> None:
        try:
            program = await RobotProgram.start(
                self._job.program, item.model_dump_json().encode(), self._guard, self._on_stderr
            )
        except OSError:
            await self._give_back(item)
            raise
        exit_task = asyncio.create_task(program.wait())
        heartbeat_task = asyncio.create_task(self._send_heartbeats(item))
        stop_task = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait(
                {exit_task, heartbeat_task, stop_task}, return_when=asyncio.FIRST_COMPLETED
            )
            if exit_task.done():
                await self._send_answer(item, parse_answer(item.kind, exit_task.result()))
            elif heartbeat_task.done():
                await program.stop()
                self._report_lost(item, heartbeat_task.result())
            else:
                await program.stop()
                await self._give_back(item)
        finally:
            tasks = (exit_task, heartbeat_task, stop_task)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._guard.forget_ended()

    async def _send_heartbeats(self, item: State) -> Exception:
        """Send heartbeats until one is refused; return the refusal."""
        while True:
            await asyncio.sleep(
                max(_MIN_HEARTBEAT_INTERVAL, _lease_seconds(item) / MAX_HEARTBEATS_PER_LEASE)
            )
            try:
                await self._desk.execute(item.reference, "heartbeat", self._common_fields(item))
            except _LOST_ERRORS as refusal:
                return refusal
            except (NoAnswer, RPCError) as problem:
                self._on_problem(f"{item.reference}: heartbeat failed: {problem}")

    async def _send_answer(self, item: State, answer: RobotAnswer) -> None:
        for command, fields in commands_for(item.kind, answer):
            try:
                await self._send(item, command, fields)
            except Conflict as refusal:
                self._report_lost(item, refusal)
                return
            except (NotAllowed, InvalidCommand) as refusal:
                if answer.outcome == "reject":
                    self._report_lost(item, refusal)
                else:
                    # a rule refuses the answer: a person has to decide
                    await self._send_answer(item, rejection(f"{command} was refused: {refusal}"))
                return
            except UnknownItem as unknown:
                self._report_lost(item, unknown)
                return
        self._on_result(
            JobResult(reference=item.reference, did=answer.outcome, reason=answer.reason)
        )

    async def _give_back(self, item: State) -> None:
        try:
            await self._send(item, "unassign", {})
        except (Refused, UnknownItem) as refusal:
            self._report_lost(item, refusal)
        else:
            self._on_result(JobResult(reference=item.reference, did="given back"))

    def _report_lost(self, item: State, reason: Exception) -> None:
        self._on_result(JobResult(reference=item.reference, did="lost", reason=f"{reason}"))

    async def _send(self, item: State, command: str, fields: Mapping[str, JsonValue]) -> None:
        common = self._common_fields(item) | {"command_id": f"{command}-{uuid.uuid4()}"}
        await self._retrying_desk.execute(item.reference, command, common | dict(fields))

    def _common_fields(self, item: State) -> dict[str, JsonValue]:
        lease = item.lease if isinstance(item, TicketState | ActionItemState) else None
        by: dict[str, JsonValue] = {"by": self._job.by}
        return by if lease is None else by | {"lease": lease.token}


class _RetryingDesk:
    """Desk that sends a command until it is answered; the command id makes it count once."""

    def __init__(
        self, desk: CasekeepClient, stopping: asyncio.Event, on_problem: OnProblem
    ) -> None:
        self._desk = desk
        self._stopping = stopping
        self._on_problem = on_problem

    async def execute(
        self, reference: str, command: str, fields: Mapping[str, JsonValue]
    ) -> JsonAnswer:
        while True:
            try:
                return await self._desk.execute(reference, command, fields)
            except (NoAnswer, RPCError) as problem:
                if self._stopping.is_set():
                    raise
                self._on_problem(f"{command}: {problem}; retrying")
            await _wait(self._stopping, _RETRY_DELAY)


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    """Wait for some seconds, or until stopped."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


def _lease_seconds(item: State) -> float:
    """Return the length in seconds of an item's lease; infinity without a lease."""
    if not isinstance(item, TicketState | ActionItemState) or item.lease is None:
        return float("inf")
    return (item.lease.until - item.changed_at).total_seconds()
