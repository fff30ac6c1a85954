"""Workflow base of items that start, signal and ask other items (T14-T16, K12)."""

from collections.abc import Awaitable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.base.refusals import InvalidCommand
    from domain.base.sentences import say
    from domain.base.values import SYSTEM, replace_control_characters
    from domain.model.effects import (
        AnswerMerge,
        AskMerge,
        CancelCase,
        Effect,
        StartActionEffect,
        StartItem,
        TellWaiter,
    )
    from domain.model.internal_messages import InternalMessage, MailFailed, WorkflowMessage
    from domain.model.starts import LaunchedStart, PartStart, Start, kind_of, title_of
    from domain.rules.item_messages import (
        MessageEffect,
        absent_target_answer,
        message_for,
        vanished_item_message,
    )
    from workflows.child_items import ChildItems
    from workflows.item_workflow import ItemWorkflow
    from workflows.messages import InboxMessage
    from workflows.signal_item import signal_item


class LinkedItemWorkflow(ItemWorkflow):
    """Item related to others: starts them, waits for them, is a part of one, merges into one."""

    def __init__(self) -> None:
        """Begin without related items."""
        super().__init__()
        self.children = ChildItems()

    def check_origin(self, start: Start) -> None:
        """Refuse a start with `inherited` that does not come from the item that hands it over."""
        inherited = start.inherited if isinstance(start, PartStart | LaunchedStart) else None
        if inherited is None:
            return
        parent = workflow.info().parent
        waiter = inherited.waiter
        if parent is None or (waiter is not None and waiter.reference != parent.workflow_id):
            raise InvalidCommand(say("start.inherited"), fields=("inherited",))

    def perform(self, effect: Effect) -> Awaitable[None]:
        """Start, signal or ask another item, or do an effect that all kinds have."""
        match effect:
            case StartItem():
                return self._start_item(effect)
            case TellWaiter() | AnswerMerge():
                return self._notify(effect)
            case AskMerge():
                return self._ask_merge(effect)
            case CancelCase():
                return self._cancel_case(effect)
            case _:
                return super().perform(effect)

    def enqueue(self, command: InternalMessage | WorkflowMessage) -> None:
        """Enqueue a command of this workflow for its own item."""
        self._inbox.put(InboxMessage(name=command.name, by=command.by, command=command))

    def on_mail(self, key: str, problem: str | None) -> None:
        """Report a failed mail to the item (M5)."""
        if problem is None:
            return
        failed = MailFailed(
            by=SYSTEM,
            command_id=f"{key}:failed",
            run=self.item.run,
            mail=key,
            reason=replace_control_characters(problem),
        )
        self.enqueue(failed)

    async def _start_item(self, effect: StartItem) -> None:
        begin = effect.begin
        if await self.children.start(
            kind_of(begin),
            begin,
            effect.reference,
            title_of(begin) or "",
            lambda reason: self.on_item_vanished(effect, reason),
        ):
            self.on_item_started(effect)

    def on_item_started(self, effect: StartItem) -> None:
        """Do nothing: the started item reports its own end; subclasses override this."""

    def on_item_vanished(self, effect: StartItem, reason: str) -> None:
        """Report an item that ended abnormally, so that its waiting item goes on."""
        ended = vanished_item_message(
            effect.reference, waiter_run=self.item.run, key=effect.key, reason=reason
        )
        self.enqueue(ended)

    async def send_message(self, effect: MessageEffect) -> str | None:
        """Signal another item; return Temporal's message if that item is gone."""
        to, message = message_for(effect, self.item.reference)
        return await signal_item(to, message)

    async def _notify(self, effect: AnswerMerge | TellWaiter) -> None:
        await self.send_message(effect)

    async def _ask_merge(self, effect: AskMerge) -> None:
        if await self.send_message(effect) is not None:
            self.enqueue(absent_target_answer(effect))

    async def _cancel_case(self, effect: CancelCase) -> None:
        """Cancel a sub-Case, after its start has completed; a Case that is gone is ignored."""
        await workflow.wait_condition(lambda: not self.is_starting(effect.sub_case))
        await self.send_message(effect)

    def is_starting(self, reference: str) -> bool:
        """True while the start of this item is still under way."""
        return any(
            isinstance(effect, StartItem | StartActionEffect) and effect.reference == reference
            for effect in self.item.outbox
        )
