"""Runners around runners: what a wrapper does not change is left to the one inside."""

from collections.abc import Sequence
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info


class Wrapper(WorkflowRunner):
    """Runs workflows by another runner."""

    def __init__(self, inner: WorkflowRunner) -> None:
        """Around this one."""
        self._inner = inner

    def prepare_workflow(self, defn: Any) -> None:  # noqa: ANN401 - private to the SDK
        """Leave it to the inner runner."""
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Leave it to the inner runner."""
        return self._inner.create_instance(det)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        """Leave it to the inner runner."""
        self._inner.set_worker_level_failure_exception_types(types)


class WrappedInstance(WorkflowInstance):
    """One item in memory, run by the inner runner's instance."""

    def __init__(self, inner: WorkflowInstance) -> None:
        """Around this one."""
        self._inner = inner

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Leave it to the inner instance."""
        return self._inner.activate(act)

    def get_serialization_context(self, command_info: Any) -> Any:  # noqa: ANN401
        """Leave it to the inner instance."""
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:  # noqa: ANN401
        """Leave it to the inner instance."""
        return self._inner.get_external_store_context(command_info)

    def get_info(self) -> Info:
        """Leave it to the inner instance."""
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        """Leave it to the inner instance."""
        return self._inner.get_thread_id()
