"""The Case: a piece of work with a flow, whose Actions are its children."""

from collections.abc import Awaitable
from typing import ClassVar

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from domain.base.values import Kind
    from domain.model.case_flow_view import Unfolded, unfolded
    from domain.model.effects import CancelAction, Effect, StartAction
    from domain.model.items import Case
    from domain.model.starts import LaunchedStart
    from domain.model.states import State
    from domain.rules.item_messages import action_vanished
    from workflows.handlers import accepts
    from workflows.linked_items import Linked


@workflow.defn(name=Kind.CASE)
@accepts(Kind.CASE)
class CaseWorkflow(Linked):
    """A Case starts the Actions of its steps, hears of their ends, and goes on as the rules say."""

    kind: ClassVar = Kind.CASE
    start_model: ClassVar = LaunchedStart

    @workflow.run
    async def run(self, start: RawValue) -> State:
        """Live, and end with the last state."""
        return await self.live(start)

    @workflow.query(name="flow", description="Its steps, and every Action of each")
    def flow(self, _nothing: RawValue | None = None) -> Unfolded:
        """The flow that was pinned at submit, as it stands; what work pages draw."""
        return unfolded(self.item) if isinstance(self.item, Case) else Unfolded()

    def perform(self, effect: Effect) -> Awaitable[None]:
        """Start and cancel Actions, besides what every item does."""
        if isinstance(effect, StartAction):
            return self._start(effect)
        if isinstance(effect, CancelAction):
            return self._cancel(effect)
        return super().perform(effect)

    async def _start(self, effect: StartAction) -> None:
        await self.children.start(
            Kind.ACTION,
            effect.start,
            effect.reference,
            effect.start.title,
            lambda why: self._on_vanished(effect, why),
        )

    def _on_vanished(self, effect: StartAction, reason: str) -> None:
        run = effect.start.case_run
        ended = action_vanished(effect.reference, case_run=run, key=effect.key, reason=reason)
        self.hear(ended)

    async def _cancel(self, effect: CancelAction) -> None:
        """Tell an Action to end, once it is started; one that is gone needs no telling."""
        await workflow.wait_condition(lambda: not self.is_starting(effect.reference))
        problem = await self.tell(effect)
        if problem is not None:
            workflow.logger.info("action %s is gone: %s", effect.reference, problem)
