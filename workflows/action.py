"""Workflow of an Action: one task of a Case, its parent, which learns its end exactly once."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import ClassVar, Final

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.services import ServiceCalls
    from domain.base.refusals import InvalidCommand, NotAllowed
    from domain.base.rules import Rule
    from domain.base.sentences import say
    from domain.base.values import SYSTEM, Kind, Outcome, replace_control_characters
    from domain.model.effects import CallService, Effect, ReportEnd, StartItem
    from domain.model.internal_messages import ActionEnded, WorkEnded
    from domain.model.items import Action
    from domain.model.starts import ActionStart, Start
    from domain.model.states import State
    from workflows.handlers import accepts
    from workflows.linked_items import LinkedItemWorkflow

CALL_TIMEOUT: Final = timedelta(seconds=30)
"""Time a service has to answer one call, unless its Action says otherwise."""
MAX_RETRY_INTERVAL: Final = timedelta(minutes=5)
"""Longest time between two attempts of a call."""


@workflow.defn(name=Kind.ACTION)
@accepts(Kind.ACTION)
class ActionWorkflow(LinkedItemWorkflow):
    """Workflow of an Action, open until it is complete, unable to complete, or cancelled."""

    kind: ClassVar = Kind.ACTION
    start_model: ClassVar = ActionStart

    @workflow.run
    async def run(self, start: RawValue) -> State:
        """Run the Action, report its end to the Case, and return the last state."""
        return await self.run_item(start)

    def check_origin(self, start: Start) -> None:
        """Refuse a start that does not come from the Case as parent workflow (A1)."""
        parent = workflow.info().parent
        case = start.case if isinstance(start, ActionStart) else None
        if parent is None or parent.workflow_id != case:
            raise InvalidCommand(say("start.action_by_client"), rule=Rule.A1)

    def perform(self, effect: Effect) -> Awaitable[None]:
        """Report the end, call services, or do an effect that all kinds have."""
        if isinstance(effect, ReportEnd):
            return self._report(effect)
        if isinstance(effect, CallService):
            return self._call(effect)
        return super().perform(effect)

    def on_mail(self, key: str, problem: str | None) -> None:
        """End the automatic work if this is the Action's own mail (A8)."""
        if key == self._work_key:
            self._end_work(key, problem and f"mail {key} was not delivered: {problem}")
        else:
            super().on_mail(key, problem)

    def on_mail_given_up(self, key: str, problem: str) -> None:
        """End the automatic work; called in histories older than the patch `mail-failed` (A8)."""
        if key == self._work_key:
            self._end_work(key, problem)

    def on_item_started(self, effect: StartItem) -> None:
        """End the automatic work that consists of starting this Case (A8)."""
        if effect.key == self._work_key:
            self._end_work(effect.key, None)

    def on_item_vanished(self, effect: StartItem, reason: str) -> None:
        """End the automatic work if its Case could not be started, else report the item (A8)."""
        if effect.key == self._work_key:
            self._end_work(effect.key, f"Case {effect.reference} {reason}")
        else:
            super().on_item_vanished(effect, reason)

    async def _call(self, effect: CallService) -> None:
        call = effect.call
        try:
            answer = await workflow.execute_activity_method(
                ServiceCalls.call,
                args=[call, effect.body, effect.key],
                start_to_close_timeout=call.timeout.total if call.timeout else CALL_TIMEOUT,
                retry_policy=RetryPolicy(
                    maximum_attempts=call.retries + 1, maximum_interval=MAX_RETRY_INTERVAL
                ),
                summary=f"{call.method} {call.service}{call.path}",
            )
        except ActivityError as error:
            self._end_work(effect.key, f"{call.service}: {error.cause or error}")
        else:
            self.enqueue(WorkEnded(by=SYSTEM, command_id=effect.key, answer=answer))

    def _end_work(self, key: str, problem: str | None) -> None:
        reason = None if problem is None else replace_control_characters(problem)
        self.enqueue(WorkEnded(by=SYSTEM, command_id=f"{key}:done", reason=reason))

    @property
    def _work_key(self) -> str | None:
        return self.item.work_key if isinstance(self.item, Action) else None

    async def _report(self, effect: ReportEnd) -> None:
        """Signal the current run of the Case; note a refused entry if the Case is gone (A4)."""
        problem = await self.send_message(effect)
        if problem is not None and effect.outcome != Outcome.CANCELLED:
            gone = say("report.case_gone", case=effect.case, problem=problem)
            self.note_refused(ActionEnded.name, NotAllowed(gone, rule=Rule.A4))
