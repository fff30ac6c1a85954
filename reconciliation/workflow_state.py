"""Reads an item's authoritative state: from its workflow, or from Temporal's close status."""

from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.base.values import SYSTEM, Kind, Outcome, Status
from domain.model.items import Entry
from domain.model.publications import Publication
from domain.model.states import STATES, ResolutionState
from starter.client import NoAnswer

ABNORMAL_STATUSES: Final = frozenset(
    {
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.TIMED_OUT,
    }
)
"""Close statuses that no item reaches by itself."""
_ENTRIES: Final = TypeAdapter(tuple[Entry, ...])
_NO_ANSWER_STATUSES: Final = frozenset(
    {
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        # no worker polled for minutes, or the item's tasks fail
        RPCStatusCode.FAILED_PRECONDITION,
    }
)


class WorkflowStateReader:
    """Reads the publication that an item's row in the store must agree with."""

    def __init__(self, client: Client, answer_timeout: timedelta) -> None:
        """Query through `client`; an item that needs longer raises NoAnswer."""
        self._client = client
        self._answer_timeout = answer_timeout

    async def read(self, reference: str) -> Publication | None:
        """Return the item's publication; None if there is no item or its start failed.

        Raises NoAnswer if no worker answers for the item.
        """
        described = await self.describe(reference)
        if described is None:
            return None
        try:
            carried = await self._query_publication(reference)
        except WorkflowQueryFailedError as error:
            if described.status is WorkflowExecutionStatus.RUNNING:  # not started yet
                raise self._no_answer(reference) from error
            return None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            if error.status in _NO_ANSWER_STATUSES:
                raise self._no_answer(reference) from error
            raise
        if described.status in ABNORMAL_STATUSES and carried.state.status is not Status.CLOSED:
            return _closed_publication(carried, described)
        return carried

    async def describe(self, reference: str) -> WorkflowExecutionDescription | None:
        """Return Temporal's description of the item's newest run; None if there is none."""
        try:
            return await self._client.get_workflow_handle(reference).describe(
                rpc_timeout=self._answer_timeout
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _query_publication(self, reference: str) -> Publication:
        handle = self._client.get_workflow_handle(reference)
        serial: int | None = 1
        entries: tuple[Entry, ...] = ()
        answer: dict[str, Any] = {}
        while serial is not None:
            answer = await handle.query(
                "publication", {"from_serial": serial}, rpc_timeout=self._answer_timeout
            )
            entries += _ENTRIES.validate_python(answer["entries"])
            serial = answer["next_serial"]
        state = STATES[Kind(answer["state"]["kind"])].model_validate(answer["state"])
        return Publication(
            serial=answer["serial"], state=state, entries=entries, notes=(), mails=()
        )

    def _no_answer(self, reference: str) -> NoAnswer:
        seconds = f"{self._answer_timeout.total_seconds():g}"
        return NoAnswer(f"no answer from {reference} within {seconds} s: is a worker running?")


def describe_end(described: WorkflowExecutionDescription) -> str:
    """Return a sentence about a workflow's end by an operator or the server."""
    status = described.status.name if described.status else "ended"
    return f"its workflow was {status.lower().replace('_', ' ')} in Temporal"


def _closed_publication(
    carried: Publication, described: WorkflowExecutionDescription
) -> Publication:
    """Return the publication of an item whose workflow was ended from outside: closed."""
    state, how = carried.state, describe_end(described)
    at = _not_before(state.changed_at, described.close_time)
    outcome = Outcome.UNABLE_TO_COMPLETE if state.kind is Kind.ACTION else None
    closed = state.model_copy(
        update={
            "status": Status.CLOSED,
            "revision": state.revision + 1,
            "changed_at": at,
            "assignee": None,
            "wait": None,
            "wakes_at": None,
            "closes_at": None,
            "cancelled": outcome is None,
            "resolution": outcome
            and ResolutionState(method=None, outcome=outcome, reason=how, by=SYSTEM, at=at),
        }
    )
    entry = Entry(
        serial=carried.serial + 1,
        revision=closed.revision,
        at=at,
        by=SYSTEM,
        command="vanished",
        before=state.status,
        after=Status.CLOSED,
        reason=how,
    )
    return Publication(
        serial=entry.serial,
        state=closed,
        entries=(*carried.entries, entry),
        notes=(),
        mails=(),
    )


def _not_before(changed_at: datetime, closed_at: datetime | None) -> datetime:
    return changed_at if closed_at is None else max(changed_at, closed_at)
