"""Rows are committed before the workflow task that made them is reported to the server.

It costs no event and no round trip (docs/adr/0003). A task whose rows cannot be committed fails,
and the server has it run again: an item never runs ahead of the store. A row can be ahead of
history only if its worker or the server dies between the commit and the report; `recheck` hears
of the latter.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, Protocol

from temporalio.bridge.proto.workflow_activation import RemoveFromCache, WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

from domain.model.publications import Publication
from workflows.runtime.row_outbox import OUTLET
from workflows.runtime.runner_wrapper import WrappedInstance, Wrapper

PATIENCE: Final = 1.5
"""Seconds to wait for a commit; the SDK takes a task of 2 seconds for deadlocked."""
_ORDINARY: Final = frozenset(
    {
        RemoveFromCache.EvictionReason.CACHE_FULL,
        RemoveFromCache.EvictionReason.WORKFLOW_EXECUTION_ENDING,
        RemoveFromCache.EvictionReason.LANG_REQUESTED,
    }
)
"""Evictions that say nothing against the rows written last."""


class Sink(Protocol):
    """What commits publications, many at once."""

    def put(self, publication: Publication) -> Future[None]:
        """Take a publication; the future ends when it is committed."""


class PublishFirst(Wrapper):
    """Runs workflows by another runner, and commits what each task published before it ends."""

    def __init__(self, inner: WorkflowRunner, sink: Sink, recheck: Callable[[str], None]) -> None:
        """`recheck` is told the reference of an item whose last task may not have been taken."""
        super().__init__(inner)
        self._sink = sink
        self._recheck = recheck

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """An instance that collects and commits."""
        return _Committed(self._inner.create_instance(det), self._sink, self._recheck)


class _Committed(WrappedInstance):
    def __init__(self, inner: WorkflowInstance, sink: Sink, recheck: Callable[[str], None]) -> None:
        super().__init__(inner)
        self._sink = sink
        self._recheck = recheck
        self._collected: list[Publication] = []

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        evicted = [job.remove_from_cache for job in act.jobs if job.HasField("remove_from_cache")]
        if any(job.reason not in _ORDINARY for job in evicted):
            self._recheck(self._inner.get_info().workflow_id)
        completion = self._collecting(act)
        # a replayed task was reported before, and so committed before; but core calls a local
        # activity's answer replayed as soon as its marker is written, also if the task that goes on
        # from there is the one under way. Committed twice, it is there once
        was_told = act.is_replaying and not any(job.resolve_activity.is_local for job in act.jobs)
        if completion.HasField("successful") and not (was_told or evicted):
            self._commit()
        return completion

    def _collecting(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Run it with the same list each time: tasks remember the context they were made in."""
        self._collected.clear()
        mark = OUTLET.set(self._collected)
        try:
            return self._inner.activate(act)
        finally:
            OUTLET.reset(mark)

    def _commit(self) -> None:
        waiting = [self._sink.put(publication) for publication in self._collected]
        if not waiting:
            return
        _, late = wait(waiting, timeout=PATIENCE)
        if late:
            msg = f"the store did not commit within {PATIENCE} s: the task will run again"
            raise TimeoutError(msg)
        for committed in waiting:
            committed.result()
