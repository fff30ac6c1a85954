"""Messages as bytes, right or wrong, as clients in any language may send them."""

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import (
    UpdateWorkflowExecutionLifecycleStage,
    WorkflowIdConflictPolicy,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    QueryWorkflowRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from tests.support.workers import WorkerEnvironment

ANSWER_TIMEOUT: Final = timedelta(seconds=10)
COMPLETED: Final = UpdateWorkflowExecutionLifecycleStage.Value(
    "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED"
)
ENCODING: Final = "encoding"
REFUSAL_STATUSES: Final = {
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.RESOURCE_EXHAUSTED,  # an update beyond history.maxInFlightUpdatePayloads
}
"""Statuses by which the server refuses for good."""


def payload(content: bytes, encoding: bytes | None = b"json/plain", **metadata: bytes) -> Payload:
    """Return one payload, by default JSON as every SDK sends it."""
    known = {} if encoding is None else {ENCODING: encoding}
    return Payload(metadata=known | metadata, data=content)


def json_payload(value: object) -> Payload:
    """Return a value as a JSON payload."""
    return payload(json.dumps(value).encode())


@dataclass(frozen=True)
class Refusal:
    """Refusal of a message, by the server or by the item."""

    by_server: bool
    type: str
    sentence: str
    details: dict[str, Any] | None = None


async def signal(
    host: WorkerEnvironment, reference: str, name: str, payloads: list[Payload]
) -> Refusal | None:
    """Send a signal and return the refusal if the server did not take it."""
    request = SignalWorkflowExecutionRequest(
        namespace=host.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=reference),
        signal_name=name,
        input=Payloads(payloads=payloads),
        request_id=uuid.uuid4().hex,
    )
    try:
        await host.client.workflow_service.signal_workflow_execution(
            request, timeout=ANSWER_TIMEOUT
        )
    except RPCError as error:
        return _by_server(error)
    return None


async def update(
    host: WorkerEnvironment, reference: str, name: str, payloads: list[Payload]
) -> Refusal | dict[str, Any]:
    """Send an update and return its answer."""
    request = UpdateWorkflowExecutionRequest(
        namespace=host.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=reference),
        wait_policy=WaitPolicy(lifecycle_stage=COMPLETED),
        request=Request(
            meta=Meta(update_id=uuid.uuid4().hex, identity="test"),
            input=Input(name=name, args=Payloads(payloads=payloads)),
        ),
    )
    service = host.client.workflow_service
    try:
        answer = await service.update_workflow_execution(request, timeout=ANSWER_TIMEOUT)
    except RPCError as error:
        return _by_server(error)
    if answer.outcome.HasField("failure"):
        return _by_item(answer.outcome.failure)
    state: dict[str, Any] = json.loads(answer.outcome.success.payloads[0].data)
    return state


async def query(
    host: WorkerEnvironment, reference: str, name: str, payloads: list[Payload]
) -> Refusal | dict[str, Any]:
    """Send a query and return its answer."""
    request = QueryWorkflowRequest(
        namespace=host.client.namespace,
        execution=WorkflowExecution(workflow_id=reference),
        query=WorkflowQuery(query_type=name, query_args=Payloads(payloads=payloads)),
    )
    try:
        answer = await host.client.workflow_service.query_workflow(request, timeout=ANSWER_TIMEOUT)
    except RPCError as error:
        return _by_server(error)
    state: dict[str, Any] = json.loads(answer.query_result.payloads[0].data)
    return state


async def start(
    host: WorkerEnvironment, kind: str, reference: str, payloads: list[Payload]
) -> Refusal | None:
    """Start a workflow and return the refusal if the server did not take it."""
    request = StartWorkflowExecutionRequest(
        namespace=host.client.namespace,
        workflow_id=reference,
        workflow_type=WorkflowType(name=kind),
        task_queue=TaskQueue(name=host.queue),
        input=Payloads(payloads=payloads),
        request_id=uuid.uuid4().hex,
        workflow_id_conflict_policy=WorkflowIdConflictPolicy.Value(
            "WORKFLOW_ID_CONFLICT_POLICY_FAIL"
        ),
    )
    try:
        await host.client.workflow_service.start_workflow_execution(request, timeout=ANSWER_TIMEOUT)
    except RPCError as error:
        return _by_server(error)
    return None


async def failure_of(host: WorkerEnvironment, reference: str) -> Refusal:
    """Return the failure of a failed workflow."""
    handle = host.client.get_workflow_handle(reference)
    last = [event async for event in handle.fetch_history_events()][-1]
    return _by_item(last.workflow_execution_failed_event_attributes.failure)


def _by_server(error: RPCError) -> Refusal:
    if error.status not in REFUSAL_STATUSES:
        raise error
    return Refusal(by_server=True, type=error.status.name, sentence=error.message)


def _by_item(failure: Failure) -> Refusal:
    failure_info = failure.application_failure_info
    details = (
        json.loads(failure_info.details.payloads[0].data) if failure_info.details.payloads else None
    )
    return Refusal(
        by_server=False, type=failure_info.type, sentence=failure.message, details=details
    )
