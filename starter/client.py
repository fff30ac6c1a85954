"""Client facade: starts items, gives them commands and reads them; refusals are exceptions."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from pydantic import JsonValue
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.base.refusals import InvalidCommand, ItemClosed, refusal_class
from domain.base.rules import Rule
from domain.base.sentences import noun_of, say, sentence_from
from domain.base.values import Kind
from domain.model.starts import CaseStart, TicketStart, kind_of, title_of
from domain.model.transition_table import closed_refusal
from starter.references import new_reference

_NOT_STARTED_YET: Final = 0.05
"""Seconds between two queries of an item that has only just been started."""
UPDATE_LIMIT: Final = 240_000
"""Bytes of JSON; the server admits 250,000 of updates at a time, and others have it retried."""
PATIENCE: Final = timedelta(seconds=30)
"""Timeout of an answer: after that no worker is taken to be running."""
_PAUSES: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds before a command that no workflow task took is sent again, by the same id.

The item continued as new meanwhile, or its task was dropped.
"""
_UNPROCESSED: Final = "UnprocessedUpdate"
Answer = dict[str, Any]


class UnknownItem(LookupError):
    """Temporal knows no item of this reference."""


class JustStarted(UnknownItem):
    """Temporal has the item, but not far enough to give it anything: ask again."""


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
        kind = kind_of(start)
        reference = reference or new_reference(kind)
        try:
            await self.client.start_workflow(kind.value, **self._opening(start, reference))
        except WorkflowAlreadyStartedError:
            raise _used(kind, reference) from None
        return reference

    async def start_with(
        self,
        start: TicketStart | CaseStart,
        reference: str,
        command: str,
        fields: Mapping[str, JsonValue],
    ) -> Answer:
        """Start an item and give it a first command, in one call; the state after it.

        One that runs already is given the command alone. Raises the refusal of the start or of the
        command, NotAllowed if the reference belongs to a closed item, or NoAnswer.
        """
        kind = kind_of(start)

        def give(update_id: str) -> Awaitable[Answer]:
            return self.client.execute_update_with_start_workflow(
                command,
                dict(fields),
                start_workflow_operation=WithStartWorkflowOperation[Any, Any](
                    kind.value, **self._opening(start, reference)
                ),
                id=update_id,
                rpc_timeout=PATIENCE,
            )

        try:
            return await self._given(reference, command, fields, give)
        except WorkflowAlreadyStartedError:
            raise _used(kind, reference) from None

    def _opening(self, start: TicketStart | CaseStart, reference: str) -> dict[str, Any]:
        """Return the arguments of the workflow's start."""
        return {
            "arg": start.model_dump(mode="json", exclude_none=True),
            "id": reference,
            "task_queue": self.task_queue,
            "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "static_summary": (title_of(start) or reference)[:200],
        }

    async def tell(self, reference: str, notice: str, fields: Mapping[str, JsonValue]) -> None:
        """Signal an item something that nobody waits for; raises UnknownItem if it is gone."""
        handle = self.client.get_workflow_handle(reference)
        try:
            await handle.signal(notice, dict(fields))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise UnknownItem(f"no open item {reference}") from None
            raise

    async def do(self, reference: str, command: str, fields: Mapping[str, JsonValue]) -> Answer:
        """Give a command and return the new state; raises the refusal, UnknownItem or NoAnswer."""
        size = len(json.dumps(dict(fields), ensure_ascii=False).encode())
        if size > UPDATE_LIMIT:
            sentence = f"{command}: {size} bytes of JSON; an update takes at most {UPDATE_LIMIT}"
            raise InvalidCommand(sentence)
        handle = self.client.get_workflow_handle(reference)

        def give(update_id: str) -> Awaitable[Answer]:
            return handle.execute_update(
                command, dict(fields), id=update_id, rpc_timeout=PATIENCE, result_type=Answer
            )

        return await self._given(reference, command, fields, give)

    async def _given(
        self,
        reference: str,
        command: str,
        fields: Mapping[str, JsonValue],
        give: Callable[[str], Awaitable[Answer]],
    ) -> Answer:
        """Send an update until a workflow task takes it, and return its answer."""
        update_id = _update_id(command, fields)
        for pause in _PAUSES:
            try:
                return await give(update_id)
            except WorkflowUpdateFailedError as error:
                if not isinstance(error.cause, ApplicationError) or (
                    error.cause.type != _UNPROCESSED
                ):
                    raise _refusal(error.cause) from None
            except WorkflowUpdateRPCTimeoutOrCancelledError:
                raise _no_answer(reference) from None
            except RPCError as error:
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise await self._explained(error, reference, command) from None
            await asyncio.sleep(pause)
        raise _no_answer(reference)

    async def state(self, reference: str) -> Answer:
        """Return the state; raises UnknownItem, NoAnswer, or InvalidCommand for a bad start."""
        return await self._query(reference, "state")

    async def timeline(self, reference: str, from_revision: int = 0) -> Answer:
        """Return a page of the timeline that the item still carries."""
        return await self._query(reference, "timeline", {"from_revision": from_revision})

    async def moves(self, reference: str, by: str) -> Answer:
        """Return the commands this actor may give now; raises NotAllowed if it is closed (C15)."""
        return await self._query(reference, "moves", {"by": by})

    async def flow(self, case: str) -> Answer:
        """Return the Case's steps, their Actions and every copy of each that Temporal still has."""
        return await self._query(case, "flow")

    async def closed(self, reference: str) -> Answer:
        """Wait until the item is closed; return its last state."""
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
            return JustStarted(f"item {reference} has only just been started: ask again")
        return closed_refusal(Kind(described.workflow_type), reference, command)


def _update_id(command: str, fields: Mapping[str, JsonValue]) -> str:
    """Return an update id made of the command's id and its content.

    Temporal answers a known update id by itself. With the command's id alone, another command under
    it would get the first one's outcome, where the item has to refuse it (C17).
    """
    given = fields.get("command_id")
    if not isinstance(given, str):
        return str(uuid.uuid4())
    content = json.dumps([command, dict(fields)], sort_keys=True)
    return f"{given[:100]}-{sha256(content.encode()).hexdigest()[:16]}"


def _refusal(cause: BaseException | None) -> Exception:
    if not isinstance(cause, ApplicationError):
        return RuntimeError(f"the item failed: {cause}")
    details: Any = cause.details[0] if cause.details else {}
    if not isinstance(details, dict):
        details = {}
    refused = refusal_class(cause.type, details.get("reason"))
    if refused is None:
        return RuntimeError(f"the item failed: {cause}")
    said = sentence_from(details.get("message"), details.get("parameters"))
    is_same = said is not None and str(said) == cause.message  # else it is of another version
    return refused(
        said if said is not None and is_same else cause.message,
        rule=Rule.of(details.get("rule")),
        fields=tuple(details.get("fields", ())),
    )


def _used(kind: Kind, reference: str) -> ItemClosed:
    sentence = say("item.reference_used", item=noun_of(kind, reference))
    return ItemClosed(sentence, rule=Rule.C15)


def _no_answer(reference: str) -> NoAnswer:
    seconds = int(PATIENCE.total_seconds())
    return NoAnswer(f"no answer from {reference} within {seconds} s: is a worker running?")
