"""How a merge is answered: an update waits for the target, a signal leaves what it said (T16)."""

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from domain.base.refusals import NotAllowed, Refused
    from domain.base.values import Method
    from domain.engine import decide
    from domain.model.commands import Merge
    from domain.model.internal_messages import MergeAnswered, MergeAsked
    from domain.model.items import Merging, Ticket
    from domain.model.states import State, state_of
    from domain.rules.merging import last_ask
    from workflows.linked_items import Linked
    from workflows.messages import Message
    from workflows.runtime.payload_converter import answer_of


class Merges(Linked):
    """A Ticket that asks others whether it may be merged into them (T16)."""

    def __init__(self) -> None:
        """Nobody waits for an answer."""
        super().__init__()
        self._waited_for: dict[str, Refused | None] = {}

    async def on_update(self, name: str, raw: RawValue) -> State:
        """A merge is answered once the target answered."""
        state = await super().on_update(name, raw)
        if name != Merge.name or not isinstance(self.item, Ticket):
            return state
        ask = last_ask(self.item)
        self._waited_for.setdefault(ask, None)
        await workflow.wait_condition(lambda: self._merging is None or self._merging.ask != ask)
        refusal = self._waited_for[ask]
        if refusal is None and not self._is_merged:
            refusal = self._refusal("it was closed before it was answered")
        if refusal is not None:
            raise answer_of(refusal)
        return state_of(self.item)

    async def take(self, message: Message) -> None:
        """What a Ticket asked and did not get is refused after all."""
        asked = self._merging
        await super().take(message)
        if message.answered and self._merging is not None and self._merging != asked:
            self._waited_for[self._merging.ask] = None  # the answer may be in this very task
        if asked is None or self._merging is not None or isinstance(self.item, Ticket) is False:
            return
        if self._is_merged:
            return
        answer = message.command
        if isinstance(answer, MergeAnswered):
            reason = answer.reason
        elif isinstance(answer, MergeAsked):
            reason = f"{asked.into} is merged into it instead"
        else:
            reason = None
        self._refuse(asked, reason or "it was closed before it was answered")

    def _refuse(self, asked: Merging, reason: str) -> None:
        refusal = self._refusal(reason)
        sentence = refusal.sentence
        self.replace_item(decide.refused_after_all(self.item, asked.command_id, refusal))
        if asked.ask in self._waited_for:
            self._waited_for[asked.ask] = refusal
        else:
            self.note_refused(Merge.name, sentence, "T16", by=asked.by)

    def _refusal(self, reason: str) -> NotAllowed:
        sentence = f"{self.item.noun} cannot be merged: {reason}"
        return NotAllowed(sentence, rule="T16", fields=("into",))

    @property
    def _is_merged(self) -> bool:
        end = self.item.resolution
        return end is not None and end.method is Method.MERGED

    @property
    def _merging(self) -> Merging | None:
        return self.item.merging if isinstance(self.item, Ticket) else None
