"""The Ticket: a request from a service recipient, from Draft to Closed."""

from typing import ClassVar

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from domain.base.values import Kind
    from domain.model.starts import PartStart
    from domain.model.states import State
    from workflows.handlers import accepts
    from workflows.merge import Merges


@workflow.defn(name=Kind.TICKET)
@accepts(Kind.TICKET)
class TicketWorkflow(Merges):
    """A Ticket obeys its commands and its one next deadline until it is closed."""

    kind: ClassVar = Kind.TICKET
    start_model: ClassVar = PartStart

    @workflow.run
    async def run(self, start: RawValue) -> State:
        """Live, and end with the last state."""
        return await self.live(start)
