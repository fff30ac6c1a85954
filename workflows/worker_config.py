"""Configuration of our workers: workflow classes, sandbox and runner."""

from collections.abc import Callable
from typing import Final

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows.action import ActionWorkflow
from workflows.case import CaseWorkflow
from workflows.runtime.commit_rows_first import CommitRowsFirst, PublicationSink
from workflows.runtime.defer_queries import DeferQueries
from workflows.ticket import TicketWorkflow

WORKFLOWS: Final = (TicketWorkflow, CaseWorkflow, ActionWorkflow)
SANDBOX: Final = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules(
        "activities", "annotated_types", "domain", "pydantic", "pydantic_core", "workflows"
    )
)
"""Sandbox; our packages pass through, since re-importing them costs 900 KB an item, not 92."""


def workflow_runner(sink: PublicationSink, recheck: Callable[[str], None]) -> CommitRowsFirst:
    """Return a worker's runner: sandboxed, rows committed before the task is reported."""
    return CommitRowsFirst(DeferQueries(SANDBOX), sink, recheck)
