"""Compares the rows of the store with the items' workflows, and repairs the rows.

The workflow of an open item is authoritative. A row can be ahead of it (a worker died between
committing the row and reporting the task, and the command was never sent again) or behind it (the
database was restored). A starting worker compares the newest rows of its predecessors;
`casekeep fsck` compares all rows.
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
    without_heartbeats,
)
from domain.rules.item_messages import vanished_action_message, vanished_item_message
from reconciliation.workflow_state import ABNORMAL_STATUSES, WorkflowStateReader, describe_end
from starter.client import NoAnswer
from store.items import queries
from store.projection import crash_recovery
from store.projection.rows import StoredItem

MAX_CONCURRENT_ITEMS: Final = 16
"""Items that are compared at the same time."""
ANSWER_TIMEOUT: Final = timedelta(seconds=30)
CRASH_WINDOW: Final = timedelta(seconds=3)
"""Time before a worker's death in which it may have committed rows of an unreported task."""
_MAX_ATTEMPTS: Final = 5
_OPEN_ITEMS_QUERY: Final = (
    "WorkflowType IN ('Ticket', 'Case', 'Action') AND ExecutionStatus = 'Running'"
)


class Difference(BaseModel):
    """Difference between an item and its row, and the repair."""

    reference: str
    found: str
    done: str


class Checker:
    """Compares rows with workflows and repairs the rows, for one item or all."""

    def __init__(
        self,
        client: Client,
        engine: Engine,
        writer: str,
        *,
        answer_timeout: timedelta = ANSWER_TIMEOUT,
    ) -> None:
        """Query items through `client`; write to the store under the id `writer`."""
        self._client = client
        self._engine = engine
        self._writer = writer
        self._reader = WorkflowStateReader(client, answer_timeout)
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_ITEMS)

    async def all(self) -> AsyncIterator[Difference]:
        """Check every item that is open in Temporal or in the store; yield the differences.

        An item that does not answer is a difference; raises NoAnswer if no item answers.
        """
        references = set(await asyncio.to_thread(self._open_in_store))
        async for running in self._client.list_workflows(_OPEN_ITEMS_QUERY):
            references.add(running.id)
        answered = False
        async with self._checks(sorted(references)) as checks:
            pending = set(checks)
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                answered = answered or any(task.exception() is None for task in done)
                for task in done:
                    if answered and isinstance(task.exception(), NoAnswer):
                        problem = f"{task.exception()}"
                        yield Difference(reference=checks[task], found=problem, done="nothing")
                        continue
                    for difference in task.result():
                        yield difference

    async def newest(self) -> list[Difference]:
        """Check the last rows of workers that are gone; raises NoAnswer."""
        differences: list[Difference] = []
        lives = await asyncio.to_thread(
            crash_recovery.unsettled_rows,
            self._engine,
            except_writer=self._writer,
            within=CRASH_WINDOW,
        )
        for life in lives:
            async with self._checks(row.reference for row in life.rows) as checks:
                for found in await asyncio.gather(*checks):
                    differences += found
            await asyncio.to_thread(crash_recovery.mark_settled, self._engine, life)
        return differences

    async def check(self, reference: str) -> list[Difference]:
        """Compare an item with its row, repair the row, and report vanished Actions (C21).

        Raises NoAnswer if no worker answers for the item.
        """
        async with self._slots:
            return await self._check(reference)

    @asynccontextmanager
    async def _checks(
        self, references: Iterable[str]
    ) -> AsyncIterator[dict[asyncio.Task[list[Difference]], str]]:
        """Start the checks concurrently; cancel the unfinished ones after the context."""
        tasks = {asyncio.create_task(self.check(reference)): reference for reference in references}
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _check(self, reference: str) -> list[Difference]:
        for _ in range(_MAX_ATTEMPTS):
            row = await asyncio.to_thread(queries.find_item, self._engine, reference)
            actual = await self._reader.read(reference)
            if actual is None:
                return []
            problem = await self._compare(row, actual)
            if problem is None:
                return await self._report_vanished(actual)
            if await self._repair(row, actual):
                repaired = Difference(reference=reference, found=problem, done="row repaired")
                return [repaired, *await self._report_vanished(actual)]
        return []

    def _open_in_store(self) -> list[str]:
        return [row.state.reference for row in queries.iterate_open_items(self._engine)]

    async def _compare(self, row: StoredItem | None, actual: Publication) -> str | None:
        """Return the difference between row and item as a sentence; None without a difference."""
        if row is None:
            return f"no row; the item is at revision {actual.state.revision}"
        if row.version.run != actual.state.run:
            return "the row is of an earlier item of this reference"
        is_alike = without_heartbeats(row.state) == without_heartbeats(actual.state)
        if row.version.serial != actual.serial or not is_alike:
            return (
                f"the row is at revision {row.state.revision} ({row.state.status}); "
                f"the item at {actual.state.revision} ({actual.state.status})"
            )
        serials = await asyncio.to_thread(
            queries.list_entry_serials, self._engine, actual.state.reference, actual.state.run
        )
        carried = {entry.serial for entry in actual.entries}
        wrong = (carried - set(serials)) | {serial for serial in serials if serial > actual.serial}
        return f"{len(wrong)} timeline entries missing or too many" if wrong else None

    async def _repair(self, row: StoredItem | None, actual: Publication) -> bool:
        """Overwrite the row; return False if another writer changed it in between."""
        seen = None if row is None else row.version
        return await asyncio.to_thread(
            crash_recovery.repair_row, self._engine, actual, seen, writer=self._writer
        )

    async def _report_vanished(self, actual: Publication) -> list[Difference]:
        """Tell a waiting item about items that vanished and so never reported (C21, T14, T15)."""
        waiting = actual.state
        reports: list[ActionEnded | ItemEnded] = []
        if waiting.status is Status.CLOSED:
            return []
        if isinstance(waiting, CaseState):
            actions = [await self._report_of_action(waiting, copy) for copy in waiting.actions]
            reports += [report for report in actions if report is not None]
        elif isinstance(waiting, TicketState | ActionItemState):
            items = [await self._report_of_item(waiting, awaited) for awaited in waiting.awaited]
            reports += [report for report in items if report is not None]
        handle = self._client.get_workflow_handle(waiting.reference)
        differences = []
        for report in reports:
            await handle.signal(report.name, report)
            receiver = "its Case" if isinstance(report, ActionEnded) else waiting.reference
            differences.append(
                Difference(
                    reference=report.reference,
                    found=f"ended unheard: {report.reason}",
                    done=f"told {receiver}",
                )
            )
        return differences

    async def _report_of_action(self, case: CaseState, copy: ActionState) -> ActionEnded | None:
        """Return the report for an Action that vanished; None for any other."""
        reason = None if copy.outcome else await self._why_vanished(copy.reference, case.run)
        if reason is None:
            return None
        return vanished_action_message(
            copy.reference, case_run=case.run, key=copy.reference, reason=reason
        )

    async def _report_of_item(
        self, waiting: TicketState | ActionItemState, awaited: AwaitedState
    ) -> ItemEnded | None:
        """Return the report for a part, launched Case or sub-Case that vanished, else None."""
        reference = awaited.reference
        reason = None if awaited.ended else await self._why_vanished(reference, None)
        if reason is None:
            return None
        return vanished_item_message(
            reference, waiter_run=waiting.run, key=reference, reason=reason
        )

    async def _why_vanished(self, reference: str, case_run: str | None) -> str | None:
        """Return the abnormal end of a workflow; None if it is open, starting or ended normally."""
        described = await self._reader.describe(reference)
        if described is not None:
            return describe_end(described) if described.status in ABNORMAL_STATUSES else None
        row = await asyncio.to_thread(queries.find_item, self._engine, reference)
        has_existed = row is not None and (
            case_run is None
            or (isinstance(row.state, ActionItemState) and row.state.case_run == case_run)
        )
        return "its workflow was deleted from Temporal" if has_existed else None
