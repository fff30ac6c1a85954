"""Items that start, tell and ask other items (T14-T16, K12)."""

from collections.abc import Awaitable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.base.refusals import InvalidCommand
    from domain.base.values import SYSTEM, printable
    from domain.model.effects import (
        AnswerMerge,
        AskMerge,
        CancelCase,
        Effect,
        StartAction,
        StartItem,
        TellWaiter,
    )
    from domain.model.internal_messages import Event, MailFailed, Notice
    from domain.model.starts import LaunchedStart, PartStart, Start, kind_of, title_of
    from domain.rules.item_messages import Telling, item_vanished, message_of, nobody_answers
    from workflows.child_items import Children
    from workflows.item_workflow import Durable
    from workflows.messages import Message
    from workflows.signal_item import post


class Linked(Durable):
    """An item with others around it: what it starts, waits for, is a part of, is merged into."""

    def __init__(self) -> None:
        """It has started none."""
        super().__init__()
        self.children = Children()

    def check_origin(self, start: Start) -> None:
        """Refuse an outsider's start that says it takes something over."""
        inherited = start.inherited if isinstance(start, PartStart | LaunchedStart) else None
        if inherited is None:
            return
        parent = workflow.info().parent
        waiter = inherited.waiter
        if parent is None or (waiter is not None and waiter.reference != parent.workflow_id):
            sentence = "inherited: is not a field of this; leave it out"
            raise InvalidCommand(sentence, fields=("inherited",))

    def perform(self, effect: Effect) -> Awaitable[None]:
        """Start, tell and ask, besides what every item does."""
        match effect:
            case StartItem():
                return self._start_item(effect)
            case TellWaiter() | AnswerMerge():
                return self._tell(effect)
            case AskMerge():
                return self._ask_merge(effect)
            case CancelCase():
                return self._cancel_case(effect)
            case _:
                return super().perform(effect)

    def hear(self, command: Notice | Event) -> None:
        """Take what this workflow tells its own item."""
        self._inbox.put(Message(name=command.name, by=command.by, command=command))

    def on_mail(self, key: str, problem: str | None) -> None:
        """M5: the item hears of a mail that failed."""
        if problem is None:
            return
        failed = MailFailed(
            by=SYSTEM,
            command_id=f"{key}:failed",
            run=self.item.run,
            mail=key,
            reason=printable(problem),
        )
        self.hear(failed)

    async def _start_item(self, effect: StartItem) -> None:
        begin = effect.begin
        if await self.children.start(
            kind_of(begin),
            begin,
            effect.reference,
            title_of(begin) or "",
            lambda why: self.on_item_vanished(effect, why),
        ):
            self.on_item_started(effect)

    def on_item_started(self, effect: StartItem) -> None:
        """It is there; it tells its end by itself."""

    def on_item_vanished(self, effect: StartItem, reason: str) -> None:
        """It ended as no item does: whoever waits for it must not wait for ever."""
        ended = item_vanished(
            effect.reference, waiter_run=self.item.run, key=effect.key, reason=reason
        )
        self.hear(ended)

    async def tell(self, effect: Telling) -> str | None:
        """Tell another item; what Temporal says if that is gone."""
        to, message = message_of(effect, self.item.reference)
        return await post(to, message)

    async def _tell(self, effect: AnswerMerge | TellWaiter) -> None:
        await self.tell(effect)

    async def _ask_merge(self, effect: AskMerge) -> None:
        if await self.tell(effect) is not None:
            self.hear(nobody_answers(effect))

    async def _cancel_case(self, effect: CancelCase) -> None:
        """Once it is started; one that is gone needs no telling."""
        await workflow.wait_condition(lambda: not self.is_starting(effect.sub_case))
        await self.tell(effect)

    def is_starting(self, reference: str) -> bool:
        """Whether the start of this item is still under way."""
        return any(
            isinstance(effect, StartItem | StartAction) and effect.reference == reference
            for effect in self.item.outbox
        )
