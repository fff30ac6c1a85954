"""Counts the payloads of whatever arrives, before the SDK would stumble over the count."""

from typing import Any

from temporalio import workflow
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleQueryInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from domain.base.refusals import InvalidCommand
from workflows.handlers import taking, unknown
from workflows.runtime.payload_converter import answer_of


class OnePayload(Interceptor):
    """Starts, signals and updates take one object; queries at most one."""

    def workflow_interceptor_class(
        self, _input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """The part that stands inside the workflow."""
        return _OnePayload


class _OnePayload(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002, ANN401
        if len(input.args) != 1:
            takes = taking(workflow.instance())
            raise await takes.on_bad_start(_miscounted("a start", len(input.args)))
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002
        named = workflow.get_signal_handler(input.signal) is not None
        if named and len(input.args) != 1:
            refusal = _miscounted(input.signal, len(input.args))
            taking(workflow.instance()).on_stray(input.signal, refusal.sentence)
        else:
            await super().handle_signal(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002
        if workflow.get_update_handler(input.update) is None:
            raise answer_of(unknown(input.update))
        if len(input.args) != 1:
            raise answer_of(_miscounted(input.update, len(input.args)))
        super().handle_update_validator(input)

    async def handle_query(self, input: HandleQueryInput) -> Any:  # noqa: A002, ANN401
        if len(input.args) > 1 and not input.query.startswith("__"):
            raise answer_of(_miscounted(input.query, len(input.args)))
        return await super().handle_query(input)


def _miscounted(what: str, count: int) -> InvalidCommand:
    return InvalidCommand(f"{what[:100]}: takes one JSON object, got {count or 'no'} payloads")
