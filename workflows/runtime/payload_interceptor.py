"""Interceptor that refuses a wrong number of payloads, which the SDK would not handle."""

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
from domain.base.sentences import say
from workflows.runtime.message_receiver import receiver_of, unknown_command
from workflows.runtime.payload_converter import application_error


class OnePayloadInterceptor(Interceptor):
    """Interceptor: starts, signals and updates take one payload, queries at most one."""

    def workflow_interceptor_class(
        self, _input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """Return the part of the interceptor that runs inside the workflow."""
        return _OnePayloadInbound


class _OnePayloadInbound(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002, ANN401
        if len(input.args) != 1:
            receiver = receiver_of(workflow.instance())
            raise await receiver.on_invalid_start(_wrong_count("a start", len(input.args)))
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002
        is_known = workflow.get_signal_handler(input.signal) is not None
        if is_known and len(input.args) != 1:
            refusal = _wrong_count(input.signal, len(input.args))
            receiver_of(workflow.instance()).on_invalid_signal(input.signal, refusal)
        else:
            await super().handle_signal(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002
        if workflow.get_update_handler(input.update) is None:
            raise application_error(unknown_command(input.update))
        if len(input.args) != 1:
            raise application_error(_wrong_count(input.update, len(input.args)))
        super().handle_update_validator(input)

    async def handle_query(self, input: HandleQueryInput) -> Any:  # noqa: A002, ANN401
        if len(input.args) > 1 and not input.query.startswith("__"):
            raise application_error(_wrong_count(input.query, len(input.args)))
        return await super().handle_query(input)


def _wrong_count(name: str, count: int) -> InvalidCommand:
    if count == 0:
        return InvalidCommand(say("command.no_payload", command=name[:100]))
    return InvalidCommand(say("command.payloads", command=name[:100], count=count))
