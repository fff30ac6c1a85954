"""Workflow runner that commits rows before the workflow task that made them is reported.

This costs no event and no round trip (docs/adr/0003). A task whose rows cannot be committed fails,
and the server retries it: an item never runs ahead of the store. A row can be ahead of history
only if its worker or the server dies between the commit and the report; the second case is
reported to `recheck`.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, Protocol

from temporalio.bridge.proto.workflow_activation import RemoveFromCache, WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

from domain.model.publications import Publication
from workflows.runtime.row_outbox import ROW_OUTBOX
from workflows.runtime.runner_wrapper import InstanceWrapper, RunnerWrapper

COMMIT_TIMEOUT: Final = 1.5
"""Seconds to wait for a commit; the SDK treats a task of 2 seconds as deadlocked."""
_HARMLESS_EVICTIONS: Final = frozenset(
    {
        RemoveFromCache.EvictionReason.CACHE_FULL,
        RemoveFromCache.EvictionReason.WORKFLOW_EXECUTION_ENDING,
        RemoveFromCache.EvictionReason.LANG_REQUESTED,
    }
)
"""Evictions after which the rows written last need no check."""


class PublicationSink(Protocol):
    """Writer that commits publications, many in one transaction."""

    def put(self, publication: Publication) -> Future[None]:
        """Queue a publication; the future resolves when it is committed."""


class CommitRowsFirst(RunnerWrapper):
    """Runner that commits each task's publications before the task ends."""

    def __init__(
        self, inner: WorkflowRunner, sink: PublicationSink, recheck: Callable[[str], None]
    ) -> None:
        """Wrap `inner`; `recheck` gets the reference of an item whose last task may be lost."""
        super().__init__(inner)
        self._sink = sink
        self._recheck = recheck

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return an instance that collects and commits publications."""
        return _CommittingInstance(self._inner.create_instance(det), self._sink, self._recheck)


class _CommittingInstance(InstanceWrapper):
    def __init__(
        self, inner: WorkflowInstance, sink: PublicationSink, recheck: Callable[[str], None]
    ) -> None:
        super().__init__(inner)
        self._sink = sink
        self._recheck = recheck
        self._collected: list[Publication] = []

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        evicted = [job.remove_from_cache for job in act.jobs if job.HasField("remove_from_cache")]
        if any(job.reason not in _HARMLESS_EVICTIONS for job in evicted):
            self._recheck(self._inner.get_info().workflow_id)
        completion = self._activate_collecting(act)
        # a replayed task was reported before, and so committed before; but core flags a local
        # activity's answer as replayed as soon as its marker is written, even if the task that goes
        # on from there is the current one. A second commit changes nothing
        was_reported = act.is_replaying and not any(
            job.resolve_activity.is_local for job in act.jobs
        )
        if completion.HasField("successful") and not (was_reported or evicted):
            self._commit()
        return completion

    def _activate_collecting(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Run the activation, always with the same list: tasks keep their first context."""
        self._collected.clear()
        mark = ROW_OUTBOX.set(self._collected)
        try:
            return self._inner.activate(act)
        finally:
            ROW_OUTBOX.reset(mark)

    def _commit(self) -> None:
        waiting = [self._sink.put(publication) for publication in self._collected]
        if not waiting:
            return
        _, late = wait(waiting, timeout=COMMIT_TIMEOUT)
        if late:
            msg = f"the store did not commit within {COMMIT_TIMEOUT} s: the task will be retried"
            raise TimeoutError(msg)
        for committed in waiting:
            committed.result()
