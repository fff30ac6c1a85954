"""Workflow runner that defers queries which the SDK delivers too early (docs/adr/0015)."""

from typing import Final

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails

from workflows.runtime.runner_wrapper import InstanceWrapper, RunnerWrapper

_TASK_ONLY_JOBS: Final = frozenset(
    {
        "cancel_workflow",
        "do_update",
        "fire_timer",
        "resolve_child_workflow_execution",
        "resolve_child_workflow_execution_start",
        "resolve_signal_external_workflow",
        "signal_workflow",
    }
)
"""Jobs that an activation can hold only if a workflow task was started for them."""


class DeferQueries(RunnerWrapper):
    """Runner that passes queries on only when no local activity is pending."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return an instance that defers queries."""
        return _DeferringInstance(self._inner.create_instance(det))


class _DeferringInstance(InstanceWrapper):
    def __init__(self, inner: WorkflowInstance) -> None:
        super().__init__(inner)
        self._task_time = 0
        self._pending = 0
        """Number of local activities without an answer yet."""

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        jobs = [job.WhichOneof("variant") for job in act.jobs]
        if "remove_from_cache" in jobs:
            return self._inner.activate(act)
        self._check_started(act)
        if self._pending and jobs and set(jobs) == {"query_workflow"}:
            return self._deferred(act)
        self._pending -= sum(job.resolve_activity.is_local for job in act.jobs)
        completion = self._inner.activate(act)
        commands = completion.successful.commands
        self._pending += sum(command.HasField("schedule_local_activity") for command in commands)
        return completion

    def _check_started(self, act: WorkflowActivation) -> None:
        """Raise RuntimeError if the SDK runs ahead of the started task.

        A query that survived its worker's death comes with the whole history, including events
        that no task was started for (sdk-go issue 755). Core would have us decide on them at the
        *last* task's time, and every replay at a later one. After the failure, the query is
        retried.
        """
        task_time = act.timestamp.ToNanoseconds()
        is_ahead = task_time == self._task_time and not act.is_replaying
        if is_ahead and any(job.WhichOneof("variant") in _TASK_ONLY_JOBS for job in act.jobs):
            msg = "events of a workflow task that was not started: the SDK ran ahead for a query"
            raise RuntimeError(msg)
        self._task_time = task_time

    @staticmethod
    def _deferred(act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Complete without an answer, so the query is retried after the local activity's task.

        If the query were answered, core would end the task with the activity's marker and deliver
        the result to the item in another task. If the worker dies then, a replay delivers it one
        task earlier, because core treats it as replayed; and an update that is completed with it
        never finishes: core sends the command without its message, and the server refuses the
        task at every attempt.
        """
        completion = WorkflowActivationCompletion(run_id=act.run_id)
        completion.successful.SetInParent()
        return completion
