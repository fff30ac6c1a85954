"""Compares what the store says of items with the items themselves, and mends the store.

The workflow is the truth of an open item. A row can be ahead of it (a worker died between
committing the row and reporting the task, and the command was never given again) or behind it (the
database was restored). A starting worker has the newest rows of its predecessors compared;
`casekeep fsck` compares all.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Engine
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.commands import ActionEnded
from domain.items import Entry
from domain.publications import Publication
from domain.states import ActionItemState, CaseState, State, TicketState
from domain.values import SYSTEM, Kind, Outcome, Status
from store import mending, queries
from store.rows import Kept

AT_ONCE: Final = 16
"""Items asked at the same time."""
ANSWER_WITHIN: Final = timedelta(seconds=30)
NEWEST_WITHIN: Final = timedelta(seconds=3)
"""How long before its death a worker may have committed rows whose task it could not report."""
_TRIES: Final = 5
_STATES: Final[dict[Kind, type[State]]] = {
    Kind.TICKET: TicketState,
    Kind.CASE: CaseState,
    Kind.ACTION: ActionItemState,
}
_OPEN: Final = "WorkflowType IN ('Ticket', 'Case', 'Action') AND ExecutionStatus = 'Running'"
_ENDED_BADLY: Final = frozenset(
    {
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.TIMED_OUT,
    }
)
_ENTRIES: Final = TypeAdapter(tuple[Entry, ...])


class Difference(BaseModel):
    """One thing that was not as it should be, and what was done about it."""

    reference: str
    found: str
    done: str


@dataclass(frozen=True, slots=True)
class _Truth:
    publication: Publication
    status: WorkflowExecutionStatus | None


class Checker:
    """Compares and mends, one item or all."""

    def __init__(self, client: Client, engine: Engine, writer: str) -> None:
        """Ask items through this client; write to this store under this writer's id."""
        self._client = client
        self._engine = engine
        self._writer = writer

    async def all(self) -> AsyncIterator[Difference]:
        """Every open item, by Temporal's list and by the store's; yields what differed."""
        references = {row.state.reference for row in await self._read(queries.open_rows)}
        async for running in self._client.list_workflows(_OPEN):
            references.add(running.id)
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(reference: str) -> list[Difference]:
            async with slots:
                return await self.check(reference)

        for checked in asyncio.as_completed([one(reference) for reference in sorted(references)]):
            for difference in await checked:
                yield difference

    async def newest(self) -> list[Difference]:
        """The rows that other workers wrote last in their lives."""
        found: list[Difference] = []
        lives = await asyncio.to_thread(
            mending.newest, self._engine, of_others=self._writer, within=NEWEST_WITHIN
        )
        for life in lives:
            for row in life.rows:
                found += await self.check(row.reference)
            await asyncio.to_thread(mending.settle, self._engine, life)
        return found

    async def check(self, reference: str) -> list[Difference]:
        """Compare one item with its row, mend the row, and notice Actions that vanished (C21)."""
        found: list[Difference] = []
        for _ in range(_TRIES):
            row = await asyncio.to_thread(queries.item_of, self._engine, reference)
            truth = await self._truth(reference, row)
            if truth is None:
                return found
            told = await self._compared(row, truth)
            if told is None:
                break
            if await self._mended(row, truth):
                found.append(Difference(reference=reference, found=told, done="row mended"))
                break
        else:
            return found
        state = truth.publication.state
        if isinstance(state, CaseState) and state.status is not Status.CLOSED:
            found += [difference async for difference in self._vanished(state)]
        return found

    async def _read(self, query: Any) -> list[Kept]:  # noqa: ANN401
        return await asyncio.to_thread(lambda: list(query(self._engine)))

    async def _compared(self, row: Kept | None, truth: _Truth) -> str | None:
        """What is wrong with the row, in words; None if nothing is."""
        published = truth.publication
        if row is None:
            return f"no row; the item is at revision {published.state.revision}"
        if row.version.run != published.state.run:
            return "the row is of an earlier item of this reference"
        if row.version.serial != published.serial or row.state != published.state:
            return (
                f"the row is at revision {row.state.revision} ({row.state.status}); "
                f"the item at {published.state.revision} ({published.state.status})"
            )
        serials = await asyncio.to_thread(
            queries.entry_serials, self._engine, published.state.reference, published.state.run
        )
        carried = {entry.serial for entry in published.entries}
        wrong = carried - set(serials) or {one for one in serials if one > published.serial}
        return f"{len(wrong)} timeline entries missing or too many" if wrong else None

    async def _mended(self, row: Kept | None, truth: _Truth) -> bool:
        published = truth.publication
        took = await asyncio.to_thread(
            mending.mend,
            self._engine,
            published,
            None if row is None else row.version,
            writer=self._writer,
        )
        if took:
            await asyncio.to_thread(
                mending.forget_after,
                self._engine,
                published.state.reference,
                published.state.run,
                published.serial,
            )
        return took

    async def _truth(self, reference: str, row: Kept | None) -> _Truth | None:
        """The item as it is; None if no item that is or was open is behind the reference."""
        handle = self._client.get_workflow_handle(reference)
        try:
            status = (await handle.describe(rpc_timeout=ANSWER_WITHIN)).status
            carried = await self._carried(reference)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        except WorkflowQueryFailedError:
            return None
        if status in _ENDED_BADLY and carried.state.status is not Status.CLOSED:
            return _Truth(_ended(carried, str(status and status.name), row), status)
        return _Truth(carried, status)

    async def _carried(self, reference: str) -> Publication:
        handle = self._client.get_workflow_handle(reference)
        serial: int | None = 1
        entries: tuple[Entry, ...] = ()
        answer: dict[str, Any] = {}
        while serial is not None:
            answer = await handle.query(
                "publication", {"from_serial": serial}, rpc_timeout=ANSWER_WITHIN
            )
            entries += _ENTRIES.validate_python(answer["entries"])
            serial = answer["next_serial"]
        state = _STATES[Kind(answer["state"]["kind"])].model_validate(answer["state"])
        return Publication(
            serial=answer["serial"], state=state, entries=entries, notes=(), mails=()
        )

    async def _vanished(self, case: CaseState) -> AsyncIterator[Difference]:
        """C21: an Action that ended without its Case hearing of it is reported for it."""
        for copy in case.actions:
            if copy.outcome is not None:
                continue
            ended = await self._end_of(copy.reference)
            if ended is None:
                continue
            outcome, why = ended
            report = ActionEnded(
                by=SYSTEM,
                command_id=f"{copy.reference}:vanished",
                case_run=case.run,
                reference=copy.reference,
                outcome=outcome,
                reason=why,
            )
            await self._client.get_workflow_handle(case.reference).signal(ActionEnded.name, report)
            yield Difference(
                reference=copy.reference, found=f"ended unheard: {why}", done="told its Case"
            )

    async def _end_of(self, reference: str) -> tuple[Outcome, str] | None:
        try:
            described = await self._client.get_workflow_handle(reference).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        if described.status in _ENDED_BADLY:
            return Outcome.UNABLE_TO_COMPLETE, f"its workflow was {described.status.name.lower()}"
        return None


def _ended(carried: Publication, how: str, row: Kept | None) -> Publication:
    """What the store shows of an item whose workflow an operator ended: closed, and why."""
    serial = carried.serial + 1
    if row is not None and row.state.status is Status.CLOSED and row.version.serial == serial:
        return Publication(serial=serial, state=row.state, entries=(), notes=(), mails=())
    state = carried.state.model_copy(
        update={
            "status": Status.CLOSED,
            "revision": carried.state.revision + 1,
            "assignee": None,
            "wait": None,
            "cancelled": True,
            "wakes_at": None,
            "closes_at": None,
        }
    )
    entry = Entry(
        serial=serial,
        revision=state.revision,
        at=state.changed_at,
        by=SYSTEM,
        command="vanished",
        before=carried.state.status,
        after=Status.CLOSED,
        reason=f"its workflow was {how.lower()} in Temporal",
    )
    return Publication(
        serial=serial, state=state, entries=(*carried.entries, entry), notes=(), mails=()
    )
