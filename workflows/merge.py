"""Answers to a merge: an update waits for the target, a signal gets a refused entry (T16)."""

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from domain.base.refusals import Refused
    from domain.base.sentences import Sentence, say
    from domain.base.values import Method
    from domain.engine import decide
    from domain.model.commands import Merge
    from domain.model.internal_messages import MergeAnswered, MergeAsked
    from domain.model.items import Merging, Ticket
    from domain.model.states import State, state_of
    from domain.rules.merging import last_merge_key, merge_refusal
    from workflows.linked_items import LinkedItemWorkflow
    from workflows.messages import InboxMessage
    from workflows.runtime.payload_converter import application_error


class MergeableWorkflow(LinkedItemWorkflow):
    """Item that asks another item whether it may be merged into it (T16)."""

    def __init__(self) -> None:
        """Begin without pending merges."""
        super().__init__()
        self._pending_merges: dict[str, Refused | None] = {}

    async def on_update(self, name: str, raw: RawValue) -> State:
        """Handle an update; answer a merge only after its target has answered."""
        state = await super().on_update(name, raw)
        if name != Merge.name or not isinstance(self.item, Ticket):
            return state
        ask = last_merge_key(self.item)
        self._pending_merges.setdefault(ask, None)
        await workflow.wait_condition(lambda: self._merging is None or self._merging.ask != ask)
        refusal = self._pending_merges[ask]
        if refusal is None and not self._is_merged:
            refusal = merge_refusal(self.item, say("merge.closed_first"))
        if refusal is not None:
            raise application_error(refusal)
        return state_of(self.item)

    async def handle_message(self, message: InboxMessage) -> None:
        """Take a message; if it ended a pending merge without success, refuse that merge."""
        asked = self._merging
        await super().handle_message(message)
        if message.expects_answer and self._merging is not None and self._merging != asked:
            self._pending_merges[self._merging.ask] = None  # the answer may come in this very task
        if asked is None or self._merging is not None or not isinstance(self.item, Ticket):
            return
        if self._is_merged:
            return
        answer = message.command
        if isinstance(answer, MergeAnswered):
            problem: Sentence | str | None = answer.reason
        elif isinstance(answer, MergeAsked):
            problem = say("merge.instead", target=asked.into)
        else:
            problem = None
        self._refuse(asked, merge_refusal(self.item, problem or say("merge.closed_first")))

    def _refuse(self, asked: Merging, refusal: Refused) -> None:
        self.replace_item(decide.remember_refusal(self.item, asked.command_id, refusal))
        if asked.ask in self._pending_merges:
            self._pending_merges[asked.ask] = refusal
        else:
            self.note_refused(Merge.name, refusal, by=asked.by)

    @property
    def _is_merged(self) -> bool:
        end = self.item.resolution
        return end is not None and end.method is Method.MERGED

    @property
    def _merging(self) -> Merging | None:
        return self.item.merging if isinstance(self.item, Ticket) else None
