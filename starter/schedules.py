"""Makes Temporal's Schedules agree with the catalog's; all others are left alone (ADR 0010)."""

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

PREFIX: Final = "casekeep-"
DESK: Final = "casekeep_desk"
"""Memo of a schedule: the task queue of the desk whose catalog it comes from."""
CONTENT: Final = "casekeep_schedule"
"""Memo of what it starts: a digest of the catalog's entry, which the server rewrites."""


class ScheduleRefused(Exception):
    """A schedule cannot be as the catalog says; nothing was changed before it was found out."""


class Step(StrEnum):
    """What is to be done about a schedule."""

    CREATED = "created"
    UPDATED = "updated"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Planned:
    """One schedule by its name in the catalog, and what is done about it."""

    name: str
    step: Step


class Scheduler:
    """The schedules of one desk."""

    def __init__(self, client: Client, task_queue: str) -> None:
        """Have Cases started on this queue."""
        self._client = client
        self._task_queue = task_queue

    async def plan(self, wanted: Mapping[str, Schedule]) -> list[Planned]:
        """What differs, by name; raises ScheduleRefused if a name is taken by somebody else's."""
        planned = [await self._compared(name, entry) for name, entry in sorted(wanted.items())]
        gone = [name for name in await self._ours() if name not in wanted]
        return planned + [Planned(name, Step.REMOVED) for name in sorted(gone)]

    async def apply(self, wanted: Mapping[str, Schedule]) -> list[Planned]:
        """Make them agree; what was done."""
        planned = await self.plan(wanted)
        for one in planned:
            try:
                await self._do(one, wanted)
            except RPCError as error:
                if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                    raise
                raise ScheduleRefused(f"schedule {one.name}: Temporal says {error}") from None
        return planned

    async def _do(self, one: Planned, wanted: Mapping[str, Schedule]) -> None:
        identity = f"{PREFIX}{one.name}"
        handle = self._client.get_schedule_handle(identity)
        match one.step:
            case Step.CREATED:
                await self._client.create_schedule(
                    identity,
                    self._schedule(one.name, wanted[one.name], ScheduleState()),
                    memo={DESK: self._task_queue},
                )
            case Step.UPDATED:

                def changed(found: ScheduleUpdateInput) -> ScheduleUpdate:
                    state = found.description.schedule.state
                    return ScheduleUpdate(self._schedule(one.name, wanted[one.name], state))

                await handle.update(changed)
            case Step.REMOVED:
                await handle.delete()
            case Step.UNCHANGED:
                pass

    async def _compared(self, name: str, entry: Schedule) -> Planned:
        found = await self._found(name)
        if found is None:
            return Planned(name, Step.CREATED)
        if await found.memo_value(DESK, default=None) != self._task_queue:
            raise ScheduleRefused(
                f"schedule {name}: Temporal's schedule {PREFIX}{name} is not of this desk; "
                "give the catalog's another name, or delete that one"
            )
        action = found.schedule.action
        memo = action.memo if isinstance(action, ScheduleActionStartWorkflow) else None
        same = await self._digest_in(memo or {}) == self._digest(entry)
        if same and entry.paused in {None, found.schedule.state.paused}:
            return Planned(name, Step.UNCHANGED)
        return Planned(name, Step.UPDATED)

    async def _found(self, name: str) -> ScheduleDescription | None:
        try:
            return await self._client.get_schedule_handle(f"{PREFIX}{name}").describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _ours(self) -> list[str]:
        """The schedules that an earlier apply made; the list lags behind, so each is asked for."""
        names = []
        async for listed in await self._client.list_schedules():
            name = listed.id.removeprefix(PREFIX)
            if listed.id == name or await listed.memo_value(DESK, default=None) != self._task_queue:
                continue
            if await self._found(name) is not None:
                names.append(name)
        return names

    async def _digest_in(self, memo: Mapping[str, Payload]) -> str | None:
        if CONTENT not in memo:
            return None
        (digest,) = await self._client.data_converter.decode([memo[CONTENT]], [str])
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
                memo={CONTENT: self._digest(entry)},
            ),
            spec=ScheduleSpec(
                cron_expressions=[] if entry.cron is None else [entry.cron],
                intervals=[] if entry.every is None else [ScheduleIntervalSpec(entry.every.total)],
                time_zone_name=entry.zone,
            ),
            # a Case may be open for weeks: the next one is due all the same
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.ALLOW_ALL),
            state=state,
        )
