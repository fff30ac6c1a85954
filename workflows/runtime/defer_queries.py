"""Queries that the SDK would have an item answer at the wrong moment (docs/adr/0015)."""

from typing import Final

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails

from workflows.runtime.runner_wrapper import WrappedInstance, Wrapper

_OF_HISTORY: Final = frozenset(
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
"""What an activation can hold only because a workflow task was started for it."""


class QueriesInTime(Wrapper):
    """Runs workflows by another runner, which hears of queries only when all else is settled."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """An instance that has queries wait."""
        return _Patient(self._inner.create_instance(det))


class _Patient(WrappedInstance):
    def __init__(self, inner: WorkflowInstance) -> None:
        super().__init__(inner)
        self._moment = 0
        self._asked = 0
        """Local activities that were not answered yet."""

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        jobs = [job.WhichOneof("variant") for job in act.jobs]
        if "remove_from_cache" in jobs:
            return self._inner.activate(act)
        self._check_started(act)
        if self._asked and jobs and set(jobs) == {"query_workflow"}:
            return self._unanswered(act)
        self._asked -= sum(job.resolve_activity.is_local for job in act.jobs)
        completion = self._inner.activate(act)
        commands = completion.successful.commands
        self._asked += sum(one.HasField("schedule_local_activity") for one in commands)
        return completion

    def _check_started(self, act: WorkflowActivation) -> None:
        """Fail what the SDK runs ahead of its task.

        A query that waited out its worker's death comes with all of the history, also with events
        that no task was started for (sdk-go issue 755). Core would have us decide on them at the
        *last* task's time, and every replay at a later one. Failed, the query is asked again.
        """
        moment = act.timestamp.ToNanoseconds()
        is_ahead = moment == self._moment and not act.is_replaying
        if is_ahead and any(job.WhichOneof("variant") in _OF_HISTORY for job in act.jobs):
            msg = "events of a workflow task that was not started: the SDK ran ahead for a query"
            raise RuntimeError(msg)
        self._moment = moment

    @staticmethod
    def _unanswered(act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Have queries asked again, after the task in which a local activity is under way.

        Answered, core would end the task with the activity's marker, and tell the item of it in
        another one. If the worker dies then, a replay tells it a task earlier, as core takes it
        for replayed; and an update that is completed with it never is: core sends the command, but
        keeps back its message, and the server refuses the task each time it is tried.
        """
        completion = WorkflowActivationCompletion(run_id=act.run_id)
        completion.successful.SetInParent()
        return completion
