"""Workflow of a Case: a piece of work with a flow, whose Actions are child workflows."""

from collections.abc import Awaitable
from typing import ClassVar

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from domain.base.values import Kind
    from domain.model.case_flow_view import CaseFlow, build_flow
    from domain.model.effects import CancelAction, Effect, StartActionEffect
    from domain.model.items import Case
    from domain.model.starts import LaunchedStart
    from domain.model.states import State
    from domain.rules.item_messages import vanished_action_message
    from workflows.handlers import accepts
    from workflows.linked_items import LinkedItemWorkflow


@workflow.defn(name=Kind.CASE)
@accepts(Kind.CASE)
class CaseWorkflow(LinkedItemWorkflow):
    """Workflow of a Case: starts the Actions of a step and takes their reports."""

    kind: ClassVar = Kind.CASE
    start_model: ClassVar = LaunchedStart

    @workflow.run
    async def run(self, start: RawValue) -> State:
        """Run the Case and return its last state."""
        return await self.run_item(start)

    @workflow.query(name="flow", description="Its steps, and every Action of each")
    def flow(self, _nothing: RawValue | None = None) -> CaseFlow:
        """Return the steps of the flow pinned at submit, with the Actions of each."""
        return build_flow(self.item) if isinstance(self.item, Case) else CaseFlow()

    def perform(self, effect: Effect) -> Awaitable[None]:
        """Start or cancel an Action, or do an effect that all kinds have."""
        if isinstance(effect, StartActionEffect):
            return self._start(effect)
        if isinstance(effect, CancelAction):
            return self._cancel(effect)
        return super().perform(effect)

    async def _start(self, effect: StartActionEffect) -> None:
        await self.children.start(
            Kind.ACTION,
            effect.start,
            effect.reference,
            effect.start.title,
            lambda reason: self._on_vanished(effect, reason),
        )

    def _on_vanished(self, effect: StartActionEffect, reason: str) -> None:
        run = effect.start.case_run
        ended = vanished_action_message(
            effect.reference, case_run=run, key=effect.key, reason=reason
        )
        self.enqueue(ended)

    async def _cancel(self, effect: CancelAction) -> None:
        """Signal the cancellation to an Action, after its start has completed."""
        await workflow.wait_condition(lambda: not self.is_starting(effect.reference))
        problem = await self.send_message(effect)
        if problem is not None:
            workflow.logger.info("cannot cancel action %s: %s", effect.reference, problem)
