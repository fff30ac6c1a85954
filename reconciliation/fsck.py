"""Compares what the store says of items with the items themselves, and mends the store.

The workflow is the truth of an open item. A row can be ahead of it (a worker died between
committing the row and reporting the task, and the command was never given again) or behind it (the
database was restored). A starting worker has the newest rows of its predecessors compared;
`casekeep fsck` compares all.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from pydantic import BaseModel
from sqlalchemy import Engine
from temporalio.client import Client

from domain.base.values import Status
from domain.model.internal_messages import ActionEnded, ItemEnded
from domain.model.publications import Publication
from domain.model.states import (
    ActionItemState,
    ActionState,
    AwaitedState,
    CaseState,
    TicketState,
    beatless,
)
from domain.rules.item_messages import action_vanished, item_vanished
from reconciliation.workflow_state import ENDED_BADLY, Truths, how_it_ended
from starter.client import NoAnswer
from store.items import queries
from store.projection import crash_recovery
from store.projection.rows import Kept

AT_ONCE: Final = 16
"""Items asked at the same time."""
ANSWER_WITHIN: Final = timedelta(seconds=30)
NEWEST_WITHIN: Final = timedelta(seconds=3)
"""How long before its death a worker may have committed rows whose task it could not report."""
_TRIES: Final = 5
_OPEN: Final = "WorkflowType IN ('Ticket', 'Case', 'Action') AND ExecutionStatus = 'Running'"


class Difference(BaseModel):
    """One thing that was not as it should be, and what was done about it."""

    reference: str
    found: str
    done: str


class Checker:
    """Compares and mends, one item or all."""

    def __init__(
        self,
        client: Client,
        engine: Engine,
        writer: str,
        *,
        answer_within: timedelta = ANSWER_WITHIN,
    ) -> None:
        """Ask items through this client; write to this store under this writer's id."""
        self._client = client
        self._engine = engine
        self._writer = writer
        self._truths = Truths(client, answer_within)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def all(self) -> AsyncIterator[Difference]:
        """Every open item, by Temporal's list and by the store's; yields what differed.

        An item that does not answer is a difference; raises NoAnswer if none does.
        """
        references = set(await asyncio.to_thread(self._open_in_store))
        async for running in self._client.list_workflows(_OPEN):
            references.add(running.id)
        answered = False
        async with self._checks(sorted(references)) as checks:
            pending = set(checks)
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                answered = answered or any(task.exception() is None for task in done)
                for task in done:
                    if answered and isinstance(task.exception(), NoAnswer):
                        silence = f"{task.exception()}"
                        yield Difference(reference=checks[task], found=silence, done="nothing")
                        continue
                    for difference in task.result():
                        yield difference

    async def newest(self) -> list[Difference]:
        """The rows that other workers wrote last in their lives; raises NoAnswer."""
        found: list[Difference] = []
        lives = await asyncio.to_thread(
            crash_recovery.newest, self._engine, of_others=self._writer, within=NEWEST_WITHIN
        )
        for life in lives:
            async with self._checks(row.reference for row in life.rows) as checks:
                for differences in await asyncio.gather(*checks):
                    found += differences
            await asyncio.to_thread(crash_recovery.settle, self._engine, life)
        return found

    async def check(self, reference: str) -> list[Difference]:
        """Compare one item with its row, mend the row, and notice Actions that vanished (C21).

        Raises NoAnswer if no worker answers for the item.
        """
        async with self._slots:
            return await self._check(reference)

    @asynccontextmanager
    async def _checks(
        self, references: Iterable[str]
    ) -> AsyncIterator[dict[asyncio.Task[list[Difference]], str]]:
        """All of them side by side; none goes on after the context."""
        tasks = {asyncio.create_task(self.check(reference)): reference for reference in references}
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _check(self, reference: str) -> list[Difference]:
        for _ in range(_TRIES):
            row = await asyncio.to_thread(queries.item_of, self._engine, reference)
            truth = await self._truths.of(reference)
            if truth is None:
                return []
            told = await self._compared(row, truth)
            if told is None:
                return await self._vanished(truth)
            if await self._mended(row, truth):
                mended = Difference(reference=reference, found=told, done="row mended")
                return [mended, *await self._vanished(truth)]
        return []

    def _open_in_store(self) -> list[str]:
        return [row.state.reference for row in queries.open_rows(self._engine)]

    async def _compared(self, row: Kept | None, truth: Publication) -> str | None:
        """What is wrong with the row, in words; None if nothing is."""
        if row is None:
            return f"no row; the item is at revision {truth.state.revision}"
        if row.version.run != truth.state.run:
            return "the row is of an earlier item of this reference"
        is_alike = beatless(row.state) == beatless(truth.state)
        if row.version.serial != truth.serial or not is_alike:
            return (
                f"the row is at revision {row.state.revision} ({row.state.status}); "
                f"the item at {truth.state.revision} ({truth.state.status})"
            )
        serials = await asyncio.to_thread(
            queries.entry_serials, self._engine, truth.state.reference, truth.state.run
        )
        carried = {entry.serial for entry in truth.entries}
        wrong = (carried - set(serials)) | {one for one in serials if one > truth.serial}
        return f"{len(wrong)} timeline entries missing or too many" if wrong else None

    async def _mended(self, row: Kept | None, truth: Publication) -> bool:
        """Overwrite the row; False if somebody else wrote it meanwhile."""
        seen = None if row is None else row.version
        return await asyncio.to_thread(
            crash_recovery.mend, self._engine, truth, seen, writer=self._writer
        )

    async def _vanished(self, truth: Publication) -> list[Difference]:
        """C21, T14, T15: what ended without whoever waits for it hearing of it is told for it."""
        waits = truth.state
        told: list[ActionEnded | ItemEnded] = []
        if waits.status is Status.CLOSED:
            return []
        if isinstance(waits, CaseState):
            reports = [await self._lost(waits, copy) for copy in waits.actions]
            told += [report for report in reports if report is not None]
        elif isinstance(waits, TicketState | ActionItemState):
            ends = [await self._missed(waits, one) for one in waits.awaited]
            told += [end for end in ends if end is not None]
        handle = self._client.get_workflow_handle(waits.reference)
        found = []
        for notice in told:
            await handle.signal(notice.name, notice)
            whom = "its Case" if isinstance(notice, ActionEnded) else waits.reference
            unheard = f"ended unheard: {notice.reason}"
            found.append(Difference(reference=notice.reference, found=unheard, done=f"told {whom}"))
        return found

    async def _lost(self, case: CaseState, copy: ActionState) -> ActionEnded | None:
        """The report of an Action that cannot report any more."""
        why = None if copy.outcome else await self._why_it_vanished(copy.reference, case.run)
        if why is None:
            return None
        return action_vanished(copy.reference, case_run=case.run, key=copy.reference, reason=why)

    async def _missed(
        self, waits: TicketState | ActionItemState, one: AwaitedState
    ) -> ItemEnded | None:
        """The end of a part, a launched Case or a sub-Case that cannot tell it any more."""
        why = None if one.ended else await self._why_it_vanished(one.reference, None)
        if why is None:
            return None
        return item_vanished(one.reference, waiter_run=waits.run, key=one.reference, reason=why)

    async def _why_it_vanished(self, reference: str, case_run: str | None) -> str | None:
        """How a workflow ended as no item does; None while it is open, starting, or ended well."""
        described = await self._truths.described(reference)
        if described is not None:
            return how_it_ended(described) if described.status in ENDED_BADLY else None
        row = await asyncio.to_thread(queries.item_of, self._engine, reference)
        was_there = row is not None and (
            case_run is None
            or (isinstance(row.state, ActionItemState) and row.state.case_run == case_run)
        )
        return "its workflow was deleted from Temporal" if was_there else None
