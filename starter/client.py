"""Client of items: start, command, query and signal them; refusals are exceptions."""

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

_QUERY_RETRY_DELAY: Final = 0.05
"""Seconds between two queries of an item that has just been started."""
MAX_UPDATE_BYTES: Final = 240_000
"""Bytes of JSON: the server admits 250,000 bytes of updates at a time and has others retried."""
ANSWER_TIMEOUT: Final = timedelta(seconds=30)
"""Timeout of an answer; after it, NoAnswer is raised."""
_RETRY_DELAYS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds before each retry of a command that no workflow task took, under the same id.

The item has continued as new, or its task was dropped.
"""
_UNPROCESSED: Final = "UnprocessedUpdate"
JsonAnswer = dict[str, Any]


class UnknownItem(LookupError):
    """Temporal has no item with this reference."""


class ItemNotReady(UnknownItem):
    """The item has been started, but cannot take a command yet: try again."""


class NoAnswer(Exception):
    """No worker answered in time."""


class CasekeepClient:
    """Client of one desk: of a Temporal namespace and a task queue."""

    def __init__(self, client: Client, task_queue: str) -> None:
        """Use this Temporal client; new items go to the workers of this task queue."""
        self.client = client
        self.task_queue = task_queue

    async def start(self, start: TicketStart | CaseStart, reference: str | None = None) -> str:
        """Start an item and return its reference.

        With a reference of the caller's own this is idempotent: a running item counts as started.
        Raises NotAllowed if the reference belongs to a closed item. An invalid start is not noticed
        here: `state` raises InvalidCommand for it.
        """
        kind = kind_of(start)
        reference = reference or new_reference(kind)
        try:
            await self.client.start_workflow(kind.value, **self._start_arguments(start, reference))
        except WorkflowAlreadyStartedError:
            raise _reference_closed(kind, reference) from None
        return reference

    async def start_with(
        self,
        start: TicketStart | CaseStart,
        reference: str,
        command: str,
        fields: Mapping[str, JsonValue],
    ) -> JsonAnswer:
        """Start an item and execute its first command in one call; return the state after it.

        A running item only executes the command. Raises the refusal of the start or of the
        command, NotAllowed if the reference belongs to a closed item, or NoAnswer.
        """
        kind = kind_of(start)

        def send(update_id: str) -> Awaitable[JsonAnswer]:
            return self.client.execute_update_with_start_workflow(
                command,
                dict(fields),
                start_workflow_operation=WithStartWorkflowOperation[Any, Any](
                    kind.value, **self._start_arguments(start, reference)
                ),
                id=update_id,
                rpc_timeout=ANSWER_TIMEOUT,
            )

        try:
            return await self._execute(reference, command, fields, send)
        except WorkflowAlreadyStartedError:
            raise _reference_closed(kind, reference) from None

    def _start_arguments(self, start: TicketStart | CaseStart, reference: str) -> dict[str, Any]:
        """Return the arguments of the workflow's start."""
        return {
            "arg": start.model_dump(mode="json", exclude_none=True),
            "id": reference,
            "task_queue": self.task_queue,
            "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "static_summary": (title_of(start) or reference)[:200],
        }

    async def signal(self, reference: str, message: str, fields: Mapping[str, JsonValue]) -> None:
        """Signal a message to an item, without an answer; raises UnknownItem if it is not open."""
        handle = self.client.get_workflow_handle(reference)
        try:
            await handle.signal(message, dict(fields))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise UnknownItem(f"no open item {reference}") from None
            raise

    async def execute(
        self, reference: str, command: str, fields: Mapping[str, JsonValue]
    ) -> JsonAnswer:
        """Execute a command and return the new state.

        Raises the refusal, UnknownItem or NoAnswer.
        """
        size = len(json.dumps(dict(fields), ensure_ascii=False).encode())
        if size > MAX_UPDATE_BYTES:
            sentence = (
                f"{command}: {size} bytes of JSON; an update takes at most {MAX_UPDATE_BYTES}"
            )
            raise InvalidCommand(sentence)
        handle = self.client.get_workflow_handle(reference)

        def send(update_id: str) -> Awaitable[JsonAnswer]:
            return handle.execute_update(
                command,
                dict(fields),
                id=update_id,
                rpc_timeout=ANSWER_TIMEOUT,
                result_type=JsonAnswer,
            )

        return await self._execute(reference, command, fields, send)

    async def _execute(
        self,
        reference: str,
        command: str,
        fields: Mapping[str, JsonValue],
        send: Callable[[str], Awaitable[JsonAnswer]],
    ) -> JsonAnswer:
        """Send an update until a workflow task takes it, and return its answer."""
        update_id = _update_id(command, fields)
        for delay in _RETRY_DELAYS:
            try:
                return await send(update_id)
            except WorkflowUpdateFailedError as error:
                if not isinstance(error.cause, ApplicationError) or (
                    error.cause.type != _UNPROCESSED
                ):
                    raise _refusal(error.cause) from None
            except WorkflowUpdateRPCTimeoutOrCancelledError:
                raise _no_answer(reference) from None
            except RPCError as error:
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise await self._error_of(error, reference, command) from None
            await asyncio.sleep(delay)
        raise _no_answer(reference)

    async def state(self, reference: str) -> JsonAnswer:
        """Return the state; raises UnknownItem, NoAnswer, or InvalidCommand for a bad start."""
        return await self._query(reference, "state")

    async def timeline(self, reference: str, from_revision: int = 0) -> JsonAnswer:
        """Return a page of the timeline that the item still carries."""
        return await self._query(reference, "timeline", {"from_revision": from_revision})

    async def moves(self, reference: str, by: str) -> JsonAnswer:
        """Return the commands allowed now; raises NotAllowed if the item is closed (C15)."""
        return await self._query(reference, "moves", {"by": by})

    async def flow(self, case: str) -> JsonAnswer:
        """Return the Case's steps, their Actions, and all copies that Temporal still has."""
        return await self._query(case, "flow")

    async def wait_until_closed(self, reference: str) -> JsonAnswer:
        """Wait until the item is closed; return its last state."""
        handle = self.client.get_workflow_handle(reference, result_type=dict[str, Any])
        try:
            answer: JsonAnswer = await handle.result()
        except WorkflowFailureError as error:
            raise _refusal(error.cause) from None
        return answer

    async def _query(self, reference: str, name: str, *arguments: JsonAnswer) -> JsonAnswer:
        handle = self.client.get_workflow_handle(reference)
        deadline = asyncio.get_running_loop().time() + ANSWER_TIMEOUT.total_seconds()
        while asyncio.get_running_loop().time() < deadline:
            try:
                answer: JsonAnswer = await handle.query(
                    name, args=arguments, rpc_timeout=ANSWER_TIMEOUT
                )
            except WorkflowQueryFailedError:
                if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
                    return await self.wait_until_closed(reference)
                await asyncio.sleep(_QUERY_RETRY_DELAY)
            except RPCError as error:
                raise await self._error_of(error, reference, name) from None
            else:
                return answer
        raise _no_answer(reference)

    async def _error_of(self, error: RPCError, reference: str, command: str) -> Exception:
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
            return ItemNotReady(f"item {reference} has only just been started: ask again")
        return closed_refusal(Kind(described.workflow_type), reference, command)


def _update_id(command: str, fields: Mapping[str, JsonValue]) -> str:
    """Return an update id made of the command's id and its content.

    Temporal itself answers an update id that it knows. With the command's id alone, another command
    of the same id would get the first outcome, but the item must refuse it (C17).
    """
    command_id = fields.get("command_id")
    if not isinstance(command_id, str):
        return str(uuid.uuid4())
    content = json.dumps([command, dict(fields)], sort_keys=True)
    return f"{command_id[:100]}-{sha256(content.encode()).hexdigest()[:16]}"


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


def _reference_closed(kind: Kind, reference: str) -> ItemClosed:
    sentence = say("item.reference_used", item=noun_of(kind, reference))
    return ItemClosed(sentence, rule=Rule.C15)


def _no_answer(reference: str) -> NoAnswer:
    seconds = int(ANSWER_TIMEOUT.total_seconds())
    return NoAnswer(f"no answer from {reference} within {seconds} s: is a worker running?")
