"""Workflow of a Ticket: a request from a service recipient, from Draft to Closed."""

from typing import ClassVar

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from domain.base.values import Kind
    from domain.model.starts import PartStart
    from domain.model.states import State
    from workflows.handlers import accepts
    from workflows.merge import MergeableWorkflow


@workflow.defn(name=Kind.TICKET)
@accepts(Kind.TICKET)
class TicketWorkflow(MergeableWorkflow):
    """Workflow of a Ticket: handles its commands and deadlines until it is closed."""

    kind: ClassVar = Kind.TICKET
    start_model: ClassVar = PartStart

    @workflow.run
    async def run(self, start: RawValue) -> State:
        """Run the Ticket and return its last state."""
        return await self.run_item(start)
