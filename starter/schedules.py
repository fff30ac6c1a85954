"""Synchronises Temporal's Schedules with the catalog; foreign ones stay (ADR 0010)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    ScheduleActionStartWorkflow,
    ScheduleDescription,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.client import Schedule as TemporalSchedule
from temporalio.service import RPCError, RPCStatusCode

from catalog.schedules import Schedule
from domain.base.values import Kind

SCHEDULE_ID_PREFIX: Final = "casekeep-"
DESK_MEMO: Final = "casekeep_desk"
"""Memo key of a schedule: the task queue of the desk whose catalog defines it."""
DIGEST_MEMO: Final = "casekeep_schedule"
"""Memo key of the started Case: a digest of the catalog's entry; the server rewrites entries."""


class ScheduleRefused(Exception):
    """A schedule cannot be as the catalog defines it; nothing was changed before the check."""


class ScheduleChange(StrEnum):
    """Change of a schedule."""

    CREATED = "created"
    UPDATED = "updated"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """Schedule by its name in the catalog, and its change."""

    name: str
    step: ScheduleChange


class ScheduleSync:
    """Synchronises the schedules of one desk."""

    def __init__(self, client: Client, task_queue: str) -> None:
        """Start Cases on this task queue."""
        self._client = client
        self._task_queue = task_queue

    async def plan(self, wanted: Mapping[str, Schedule]) -> list[PlannedChange]:
        """Return the changes by name; raises ScheduleRefused if a foreign schedule has a name."""
        planned = [await self._compare(name, entry) for name, entry in sorted(wanted.items())]
        gone = [name for name in await self._own_names() if name not in wanted]
        return planned + [PlannedChange(name, ScheduleChange.REMOVED) for name in sorted(gone)]

    async def apply(self, wanted: Mapping[str, Schedule]) -> list[PlannedChange]:
        """Apply the changes and return them."""
        planned = await self.plan(wanted)
        for one in planned:
            try:
                await self._do(one, wanted)
            except RPCError as error:
                if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                    raise
                raise ScheduleRefused(f"schedule {one.name}: Temporal says {error}") from None
        return planned

    async def _do(self, one: PlannedChange, wanted: Mapping[str, Schedule]) -> None:
        identity = f"{SCHEDULE_ID_PREFIX}{one.name}"
        handle = self._client.get_schedule_handle(identity)
        match one.step:
            case ScheduleChange.CREATED:
                await self._client.create_schedule(
                    identity,
                    self._schedule(one.name, wanted[one.name], ScheduleState()),
                    memo={DESK_MEMO: self._task_queue},
                )
            case ScheduleChange.UPDATED:

                def changed(found: ScheduleUpdateInput) -> ScheduleUpdate:
                    state = found.description.schedule.state
                    return ScheduleUpdate(self._schedule(one.name, wanted[one.name], state))

                await handle.update(changed)
            case ScheduleChange.REMOVED:
                await handle.delete()
            case ScheduleChange.UNCHANGED:
                pass

    async def _compare(self, name: str, entry: Schedule) -> PlannedChange:
        found = await self._describe(name)
        if found is None:
            return PlannedChange(name, ScheduleChange.CREATED)
        if await found.memo_value(DESK_MEMO, default=None) != self._task_queue:
            raise ScheduleRefused(
                f"schedule {name}: Temporal's schedule {SCHEDULE_ID_PREFIX}{name} is not of this "
                "desk; rename the catalog's schedule, or delete Temporal's"
            )
        action = found.schedule.action
        memo = action.memo if isinstance(action, ScheduleActionStartWorkflow) else None
        same = await self._digest_in(memo or {}) == self._digest(entry)
        if same and entry.paused in {None, found.schedule.state.paused}:
            return PlannedChange(name, ScheduleChange.UNCHANGED)
        return PlannedChange(name, ScheduleChange.UPDATED)

    async def _describe(self, name: str) -> ScheduleDescription | None:
        try:
            return await self._client.get_schedule_handle(f"{SCHEDULE_ID_PREFIX}{name}").describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _own_names(self) -> list[str]:
        """Return the names of our schedules; the list lags behind, so each is described."""
        names = []
        async for listed in await self._client.list_schedules():
            name = listed.id.removeprefix(SCHEDULE_ID_PREFIX)
            if (
                listed.id == name
                or await listed.memo_value(DESK_MEMO, default=None) != self._task_queue
            ):
                continue
            if await self._describe(name) is not None:
                names.append(name)
        return names

    async def _digest_in(self, memo: Mapping[str, Payload]) -> str | None:
        if DIGEST_MEMO not in memo:
            return None
        (digest,) = await self._client.data_converter.decode([memo[DIGEST_MEMO]], [str])
        return str(digest)

    def _digest(self, entry: Schedule) -> str:
        content = entry.model_dump(mode="json", exclude={"paused"}, exclude_defaults=True)
        text = json.dumps([self._task_queue, content], sort_keys=True)
        return sha256(text.encode()).hexdigest()[:16]

    def _schedule(self, name: str, entry: Schedule, state: ScheduleState) -> TemporalSchedule:
        state.paused = state.paused if entry.paused is None else entry.paused
        return TemporalSchedule(
            action=ScheduleActionStartWorkflow(
                Kind.CASE.value,
                entry.start.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
                id=name,
                task_queue=self._task_queue,
                static_summary=entry.short_description[:200],
                memo={DIGEST_MEMO: self._digest(entry)},
            ),
            spec=ScheduleSpec(
                cron_expressions=[] if entry.cron is None else [entry.cron],
                intervals=[] if entry.every is None else [ScheduleIntervalSpec(entry.every.total)],
                time_zone_name=entry.zone,
            ),
            # a Case may be open for weeks: the next one starts all the same
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.ALLOW_ALL),
            state=state,
        )
