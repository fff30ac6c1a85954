"""The Action: one task of a Case, which is its parent and hears of its end exactly once."""

from collections.abc import Awaitable
from typing import ClassVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.commands import ActionEnded
    from domain.effects import Effect, ReportEnd
    from domain.refusals import InvalidCommand
    from domain.starts import ActionStart, Start
    from domain.states import State
    from domain.values import Kind, Outcome
    from workflows.accepting import accepts
    from workflows.durable import Durable


@workflow.defn(name=Kind.ACTION)
@accepts(Kind.ACTION)
class ActionWorkflow(Durable):
    """An Action is worked on until it is complete, unable to complete, or cancelled by its Case."""

    kind: ClassVar = Kind.ACTION
    start_model: ClassVar = ActionStart

    @workflow.run
    async def run(self, start: RawValue) -> State:
        """Live, report to the Case, and end with the last state."""
        return await self.live(start)

    def check_origin(self, start: Start) -> None:
        """A1: only its Case starts an Action, as its parent."""
        parent = workflow.info().parent
        case = start.case if isinstance(start, ActionStart) else None
        if parent is None or parent.workflow_id != case:
            sentence = "an Action is started only by its Case: use start_action on the Case"
            raise InvalidCommand(sentence, rule="A1")

    def perform(self, effect: Effect) -> Awaitable[None]:
        """Report the end, besides what every item does."""
        return self._report(effect) if isinstance(effect, ReportEnd) else super().perform(effect)

    async def _report(self, effect: ReportEnd) -> None:
        """A4: to whichever run of the Case is current; one that is gone hears nothing any more."""
        report = ActionEnded(
            by=effect.by,
            command_id=effect.key,
            case_run=effect.case_run,
            reference=workflow.info().workflow_id,
            outcome=Outcome(effect.outcome),
            reason=effect.reason,
        )
        case = workflow.get_external_workflow_handle(effect.case)
        try:
            await case.signal(ActionEnded.name, report)
        except ApplicationError as error:
            if report.outcome is not Outcome.CANCELLED:
                gone = f"case {effect.case} is gone: {error.message}"
                self.note_refused(ActionEnded.name, gone, "A4")
