"""The client facade: starts items, moves them and reads them, with refusals as exceptions."""

import asyncio
import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from pydantic import JsonValue
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.refusals import Conflict, InvalidCommand, NotAllowed, Refused
from domain.starts import CaseStart, TicketStart
from domain.values import Kind
from starter.references import new_reference

_NOT_STARTED_YET: Final = 0.05
"""Seconds before an item whose start is being looked at is asked again."""
UPDATE_LIMIT: Final = 240_000
"""Bytes of JSON; the server admits 250,000 of updates at a time, and others have it retried."""
PATIENCE: Final = timedelta(seconds=30)
"""How long an answer is waited for before no worker is taken to be there."""
_PAUSES: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds before a command that no task took is given again, by the same id.

It met the renewal of its item's run, or a task that was dropped.
"""
_UNPROCESSED: Final = "UnprocessedUpdate"
Answer = dict[str, Any]
_REFUSALS: Final[Mapping[str | None, type[Refused]]] = {
    refusal.type: refusal for refusal in (InvalidCommand, NotAllowed, Conflict)
}


class UnknownItem(LookupError):
    """Temporal knows no item of this reference."""


class _NotTaken(Exception):
    """The server dropped the update with the task that held it: nothing happened."""


class NoAnswer(Exception):
    """No worker answered in time."""


class Desk:
    """One desk: a Temporal namespace and a task queue."""

    def __init__(self, client: Client, task_queue: str) -> None:
        """Steer items through this client; new ones go to this queue's workers."""
        self.client = client
        self.task_queue = task_queue

    async def start(self, start: TicketStart | CaseStart, reference: str | None = None) -> str:
        """Start an item and return its reference.

        With a reference of the caller's own this is idempotent: one that runs already counts as
        started. Raises NotAllowed if the reference belongs to a closed item. Whether the start was
        a good one shows when the item is asked: `state` raises InvalidCommand.
        """
        kind = Kind.TICKET if isinstance(start, TicketStart) else Kind.CASE
        title = start.title if isinstance(start, TicketStart) else start.short_description
        reference = reference or new_reference(kind)
        try:
            await self.client.start_workflow(
                kind.value,
                start.model_dump(mode="json", exclude_none=True),
                id=reference,
                task_queue=self.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=(title or reference)[:200],
            )
        except WorkflowAlreadyStartedError:
            sentence = f"{kind.lower()} {reference} is closed: its reference is not used again"
            raise NotAllowed(sentence, rule="C15") from None
        return reference

    async def do(self, reference: str, command: str, fields: Mapping[str, JsonValue]) -> Answer:
        """Give a command and return the new state; raises the refusal, UnknownItem or NoAnswer."""
        size = len(json.dumps(dict(fields), ensure_ascii=False).encode())
        if size > UPDATE_LIMIT:
            sentence = f"{command}: {size} bytes of JSON; an update takes at most {UPDATE_LIMIT}"
            raise InvalidCommand(sentence)
        given = fields.get("command_id")
        update_id = given if isinstance(given, str) else str(uuid.uuid4())
        for pause in _PAUSES:
            try:
                return await self._do(reference, command, fields, update_id)
            except _NotTaken:
                await asyncio.sleep(pause)
        raise _no_answer(reference)

    async def _do(
        self, reference: str, command: str, fields: Mapping[str, JsonValue], update_id: str
    ) -> Answer:
        handle = self.client.get_workflow_handle(reference)
        try:
            answer: Answer = await handle.execute_update(
                command, dict(fields), id=update_id, rpc_timeout=PATIENCE
            )
        except WorkflowUpdateFailedError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.type == _UNPROCESSED:
                raise _NotTaken from None
            raise _refusal(error.cause) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise _no_answer(reference) from None
        except RPCError as error:
            if error.status is RPCStatusCode.FAILED_PRECONDITION:
                raise _NotTaken from None
            raise await self._explained(error, reference, command) from None
        return answer

    async def state(self, reference: str) -> Answer:
        """The item's state; raises UnknownItem, NoAnswer, or InvalidCommand for a bad start."""
        return await self._query(reference, "state")

    async def timeline(self, reference: str, from_revision: int = 0) -> Answer:
        """What the item still carries of its timeline, a page of it."""
        return await self._query(reference, "timeline", {"from_revision": from_revision})

    async def closed(self, reference: str) -> Answer:
        """Wait until the item is closed; its last state."""
        handle = self.client.get_workflow_handle(reference, result_type=dict[str, Any])
        try:
            answer: Answer = await handle.result()
        except WorkflowFailureError as error:
            raise _refusal(error.cause) from None
        return answer

    async def _query(self, reference: str, name: str, *asked: Answer) -> Answer:
        handle = self.client.get_workflow_handle(reference)
        deadline = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
        while asyncio.get_running_loop().time() < deadline:
            try:
                answer: Answer = await handle.query(name, args=asked, rpc_timeout=PATIENCE)
            except WorkflowQueryFailedError:
                if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
                    return await self.closed(reference)
                await asyncio.sleep(_NOT_STARTED_YET)
            except RPCError as error:
                raise await self._explained(error, reference, name) from None
            else:
                return answer
        raise _no_answer(reference)

    async def _explained(self, error: RPCError, reference: str, command: str) -> Exception:
        if error.status in {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}:
            return _no_answer(reference)
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return InvalidCommand(f"{command}: {error.message}")
        if error.status is not RPCStatusCode.NOT_FOUND:
            return error
        try:
            described = await self.client.get_workflow_handle(reference).describe()
        except RPCError:
            return UnknownItem(f"no item {reference}: check the reference")
        if described.status is WorkflowExecutionStatus.RUNNING:
            return UnknownItem(f"item {reference} has only just been started: ask again")
        sentence = f"{described.workflow_type.lower()} {reference} is closed: cannot {command}"
        return NotAllowed(f"{sentence}; mail to it starts a new item", rule="C15")


def _refusal(cause: BaseException | None) -> Exception:
    if not isinstance(cause, ApplicationError) or cause.type not in _REFUSALS:
        return RuntimeError(f"the item failed: {cause}")
    details = cause.details[0] if cause.details else {}
    fields = tuple(details.get("fields", ())) if isinstance(details, dict) else ()
    rule = details.get("rule") if isinstance(details, dict) else None
    return _REFUSALS[cause.type](cause.message, rule=rule, fields=fields)


def _no_answer(reference: str) -> NoAnswer:
    seconds = int(PATIENCE.total_seconds())
    return NoAnswer(f"no answer from {reference} within {seconds} s: is a worker running?")
