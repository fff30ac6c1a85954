"""What is true of an item: what its workflow says, or how Temporal ended it."""

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

ENDED_BADLY: Final = frozenset(
    {
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.TIMED_OUT,
    }
)
"""Ends that no item of ours chooses."""
_ENTRIES: Final = TypeAdapter(tuple[Entry, ...])
_SILENT: Final = frozenset(
    {
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        # no worker was seen for minutes, or the item's tasks fail
        RPCStatusCode.FAILED_PRECONDITION,
    }
)


class Truths:
    """Asks items, by reference, what should be in the store."""

    def __init__(self, client: Client, answer_within: timedelta) -> None:
        """Ask through this client; an item that is silent for so long gives no answer."""
        self._client = client
        self._within = answer_within

    async def of(self, reference: str) -> Publication | None:
        """What the item would publish; None if there is none, or it never became one.

        Raises NoAnswer if no worker answers for it.
        """
        described = await self.described(reference)
        if described is None:
            return None
        try:
            carried = await self._carried(reference)
        except WorkflowQueryFailedError as error:
            if described.status is WorkflowExecutionStatus.RUNNING:  # not begun, or asked too soon
                raise self._no_answer(reference) from error
            return None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            if error.status in _SILENT:
                raise self._no_answer(reference) from error
            raise
        if described.status in ENDED_BADLY and carried.state.status is not Status.CLOSED:
            return _ended(carried, described)
        return carried

    async def described(self, reference: str) -> WorkflowExecutionDescription | None:
        """What Temporal says of the item's newest run; None if it knows none."""
        try:
            return await self._client.get_workflow_handle(reference).describe(
                rpc_timeout=self._within
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _carried(self, reference: str) -> Publication:
        handle = self._client.get_workflow_handle(reference)
        serial: int | None = 1
        entries: tuple[Entry, ...] = ()
        answer: dict[str, Any] = {}
        while serial is not None:
            answer = await handle.query(
                "publication", {"from_serial": serial}, rpc_timeout=self._within
            )
            entries += _ENTRIES.validate_python(answer["entries"])
            serial = answer["next_serial"]
        state = STATES[Kind(answer["state"]["kind"])].model_validate(answer["state"])
        return Publication(
            serial=answer["serial"], state=state, entries=entries, notes=(), mails=()
        )

    def _no_answer(self, reference: str) -> NoAnswer:
        seconds = f"{self._within.total_seconds():g}"
        return NoAnswer(f"no answer from {reference} within {seconds} s: is a worker running?")


def how_it_ended(described: WorkflowExecutionDescription) -> str:
    """The end that an operator or the server put to an item, in words."""
    status = described.status.name if described.status else "ended"
    return f"its workflow was {status.lower().replace('_', ' ')} in Temporal"


def _ended(carried: Publication, described: WorkflowExecutionDescription) -> Publication:
    """What the store shows of an item whose workflow was ended from outside: closed, and why."""
    state, how = carried.state, how_it_ended(described)
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
