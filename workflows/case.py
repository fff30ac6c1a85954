"""The Case: a piece of work with a flow, whose Actions are its children."""

import asyncio
from collections.abc import Awaitable
from typing import ClassVar

from temporalio import workflow
from temporalio.common import RawValue, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)

with workflow.unsafe.imports_passed_through():
    from domain.commands import ActionEnded, CaseCancelled
    from domain.effects import CancelAction, Effect, StartAction
    from domain.starts import CaseStart
    from domain.states import State
    from domain.values import SYSTEM, Kind, Outcome, printable
    from workflows.accepting import accepts
    from workflows.action import ActionWorkflow
    from workflows.durable import Durable
    from workflows.messages import Message


@workflow.defn(name=Kind.CASE)
@accepts(Kind.CASE)
class CaseWorkflow(Durable):
    """A Case starts the Actions of its steps, hears of their ends, and goes on as the rules say."""

    kind: ClassVar = Kind.CASE
    start_model: ClassVar = CaseStart

    def __init__(self) -> None:
        """No Action is started yet."""
        super().__init__()
        self._watching: list[asyncio.Task[None]] = []

    @workflow.run
    async def run(self, start: RawValue) -> State:
        """Live, and end with the last state."""
        return await self.live(start)

    def perform(self, effect: Effect) -> Awaitable[None]:
        """Start and cancel Actions, besides what every item does."""
        if isinstance(effect, StartAction):
            return self._start(effect)
        if isinstance(effect, CancelAction):
            return self._cancel(effect)
        return super().perform(effect)

    async def _start(self, effect: StartAction) -> None:
        """Start an Action that outlives this run; one that was started before counts as started."""
        try:
            child = await workflow.start_child_workflow(
                ActionWorkflow.run,
                args=[effect.start],
                id=effect.reference,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                static_summary=effect.start.title,
            )
        except WorkflowAlreadyStartedError:
            return
        except FailureError as error:
            self._tell_vanished(effect, f"could not be started: {error.message}")
            return
        self._watching.append(asyncio.create_task(self._watch(child, effect)))

    async def _watch(
        self, child: workflow.ChildWorkflowHandle[ActionWorkflow, State], effect: StartAction
    ) -> None:
        """C21: notice an Action that ended without a report; after a renewal, `fsck` does."""
        try:
            await child
        except ChildWorkflowError as error:
            self._tell_vanished(effect, f"vanished: {(error.cause or error).args[0]}")

    def _tell_vanished(self, effect: StartAction, reason: str) -> None:
        ended = ActionEnded(
            by=SYSTEM,
            command_id=f"{effect.key}:vanished",
            case_run=effect.start.case_run,
            reference=effect.reference,
            outcome=Outcome.UNABLE_TO_COMPLETE,
            reason=printable(reason),
        )
        self._inbox.append(Message(name=ActionEnded.name, by=SYSTEM, command=ended))

    async def _cancel(self, effect: CancelAction) -> None:
        """Tell an Action to end, once it is started; one that is gone needs no telling."""
        await workflow.wait_condition(lambda: not self._is_starting(effect.reference))
        told = CaseCancelled(
            by=effect.by, command_id=effect.key, case_run=effect.case_run, reason=effect.reason
        )
        action = workflow.get_external_workflow_handle(effect.reference)
        try:
            await action.signal(CaseCancelled.name, told)
        except ApplicationError as error:
            workflow.logger.info("action %s is gone: %s", effect.reference, error.message)

    def _is_starting(self, reference: str) -> bool:
        return any(
            isinstance(effect, StartAction) and effect.reference == reference
            for effect in self.item.outbox
        )
