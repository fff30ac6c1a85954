"""The Action: one task of a Case, which is its parent and hears of its end exactly once."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import ClassVar, Final

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.services import ServiceCalls
    from domain.base.refusals import InvalidCommand
    from domain.base.values import SYSTEM, Kind, Outcome, printable
    from domain.model.effects import CallService, Effect, ReportEnd, StartItem
    from domain.model.internal_messages import ActionEnded, WorkEnded
    from domain.model.items import Action
    from domain.model.starts import ActionStart, Start
    from domain.model.states import State
    from workflows.handlers import accepts
    from workflows.linked_items import Linked

ONE_TRY: Final = timedelta(seconds=30)
"""How long a service may take to answer, unless its Action says otherwise."""
LONGEST_PAUSE: Final = timedelta(minutes=5)
"""Between two tries of a call."""


@workflow.defn(name=Kind.ACTION)
@accepts(Kind.ACTION)
class ActionWorkflow(Linked):
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
        """Report the end and call services, besides what every item does."""
        if isinstance(effect, ReportEnd):
            return self._report(effect)
        if isinstance(effect, CallService):
            return self._call(effect)
        return super().perform(effect)

    def on_mail(self, key: str, problem: str | None) -> None:
        """A8: the mail that this Action is about is sent, or failed: the end of its work."""
        if key == self._work_key:
            self._end_work(key, problem and f"mail {key} was not delivered: {problem}")
        else:
            super().on_mail(key, problem)

    def on_mail_given_up(self, key: str, problem: str) -> None:
        """A8, as before."""
        if key == self._work_key:
            self._end_work(key, problem)

    def on_item_started(self, effect: StartItem) -> None:
        """A8: a Case that is merely started is all there is to do."""
        if effect.key == self._work_key:
            self._end_work(effect.key, None)

    def on_item_vanished(self, effect: StartItem, reason: str) -> None:
        """A8: a Case that could not be started; one that is waited for is told of elsewhere."""
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
                start_to_close_timeout=call.timeout.total if call.timeout else ONE_TRY,
                retry_policy=RetryPolicy(
                    maximum_attempts=call.retries + 1, maximum_interval=LONGEST_PAUSE
                ),
                summary=f"{call.method} {call.service}{call.path}",
            )
        except ActivityError as error:
            self._end_work(effect.key, f"{call.service}: {error.cause or error}")
        else:
            self.hear(WorkEnded(by=SYSTEM, command_id=effect.key, answer=answer))

    def _end_work(self, key: str, problem: str | None) -> None:
        reason = None if problem is None else printable(problem)
        self.hear(WorkEnded(by=SYSTEM, command_id=f"{key}:done", reason=reason))

    @property
    def _work_key(self) -> str | None:
        return self.item.work_key if isinstance(self.item, Action) else None

    async def _report(self, effect: ReportEnd) -> None:
        """A4: to whichever run of the Case is current; one that is gone hears nothing any more."""
        problem = await self.tell(effect)
        if problem is not None and effect.outcome != Outcome.CANCELLED:
            gone = f"case {effect.case} is gone: {problem}"
            self.note_refused(ActionEnded.name, gone, "A4")
