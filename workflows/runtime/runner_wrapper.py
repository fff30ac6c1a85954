"""Base classes of workflow runners that wrap another runner and delegate to it."""

from collections.abc import Sequence
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info


class RunnerWrapper(WorkflowRunner):
    """Workflow runner that delegates to another one."""

    def __init__(self, inner: WorkflowRunner) -> None:
        """Wrap `inner`."""
        self._inner = inner

    def prepare_workflow(self, defn: Any) -> None:  # noqa: ANN401 - private to the SDK
        """Delegate to the inner runner."""
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Delegate to the inner runner."""
        return self._inner.create_instance(det)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        """Delegate to the inner runner."""
        self._inner.set_worker_level_failure_exception_types(types)


class InstanceWrapper(WorkflowInstance):
    """Workflow instance that delegates to another one."""

    def __init__(self, inner: WorkflowInstance) -> None:
        """Wrap `inner`."""
        self._inner = inner

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Delegate to the inner instance."""
        return self._inner.activate(act)

    def get_serialization_context(self, command_info: Any) -> Any:  # noqa: ANN401
        """Delegate to the inner instance."""
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:  # noqa: ANN401
        """Delegate to the inner instance."""
        return self._inner.get_external_store_context(command_info)

    def get_info(self) -> Info:
        """Delegate to the inner instance."""
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        """Delegate to the inner instance."""
        return self._inner.get_thread_id()
