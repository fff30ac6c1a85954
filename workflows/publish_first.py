"""Rows are committed before the workflow task that made them is reported to the server.

It costs no event and no round trip (docs/adr/0003). A task whose rows cannot be committed fails,
and the server has it run again: an item never runs ahead of the store. A row can be ahead of
history only if its worker or the server dies between the commit and the report; `recheck` hears
of the latter.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Any, Final, Protocol

from temporalio.bridge.proto.workflow_activation import RemoveFromCache, WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info

from domain.publications import Publication
from workflows.outlet import OUTLET

PATIENCE: Final = 1.5
"""Seconds to wait for a commit; the SDK takes a task of 2 seconds for deadlocked."""
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


class PublishFirst(WorkflowRunner):
    """Runs workflows by another runner, and commits what each task published before it ends."""

    def __init__(self, inner: WorkflowRunner, sink: Sink, recheck: Callable[[str], None]) -> None:
        """`recheck` is told the reference of an item whose last task may not have been taken."""
        self._inner = inner
        self._sink = sink
        self._recheck = recheck

    def prepare_workflow(self, defn: Any) -> None:  # noqa: ANN401 - private to the SDK
        """Leave it to the inner runner."""
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """An instance that collects and commits."""
        return _Committed(self._inner.create_instance(det), self._sink, self._recheck)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        """Leave it to the inner runner."""
        self._inner.set_worker_level_failure_exception_types(types)


class _Committed(WorkflowInstance):
    def __init__(self, inner: WorkflowInstance, sink: Sink, recheck: Callable[[str], None]) -> None:
        self._inner = inner
        self._sink = sink
        self._recheck = recheck
        self._collected: list[Publication] = []
        self._moment = 0

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        evicted = [job.remove_from_cache for job in act.jobs if job.HasField("remove_from_cache")]
        if any(job.reason not in _ORDINARY for job in evicted):
            self._recheck(self._inner.get_info().workflow_id)
        if not evicted:
            self._check_started(act)
        completion = self._collecting(act)
        # a replayed task was reported before, and so committed before
        if completion.HasField("successful") and not (act.is_replaying or evicted):
            self._commit()
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

    def get_serialization_context(self, command_info: Any) -> Any:  # noqa: ANN401
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:  # noqa: ANN401
        return self._inner.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        return self._inner.get_thread_id()
