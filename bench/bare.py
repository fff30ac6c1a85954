"""Baseline: a workflow that accepts the messages of a Ticket and does nothing with them."""

from typing import Any

from temporalio import workflow


@workflow.defn(name="Bare")
class BareWorkflow:
    """Workflow that ends when it is resolved; it stores and publishes nothing."""

    def __init__(self) -> None:
        """Open."""
        self._is_closed = False

    @workflow.run
    async def run(self, _start: dict[str, Any]) -> None:
        """Wait for the end."""
        await workflow.wait_condition(lambda: self._is_closed and workflow.all_handlers_finished())

    @workflow.signal(name="start")
    def signal_start(self, _fields: dict[str, Any]) -> None:
        """Do nothing."""

    @workflow.signal(name="add_note")
    def signal_add_note(self, _fields: dict[str, Any]) -> None:
        """Do nothing."""

    @workflow.signal(name="wait")
    def signal_wait(self, _fields: dict[str, Any]) -> None:
        """Do nothing."""

    @workflow.signal(name="resume")
    def signal_resume(self, _fields: dict[str, Any]) -> None:
        """Do nothing."""

    @workflow.signal(name="resolve")
    def signal_resolve(self, _fields: dict[str, Any]) -> None:
        """End."""
        self._is_closed = True

    @workflow.update(name="start")
    async def update_start(self, _fields: dict[str, Any]) -> None:
        """Do nothing."""

    @workflow.update(name="add_note")
    async def update_add_note(self, _fields: dict[str, Any]) -> None:
        """Do nothing."""

    @workflow.update(name="wait")
    async def update_wait(self, _fields: dict[str, Any]) -> None:
        """Do nothing."""

    @workflow.update(name="resume")
    async def update_resume(self, _fields: dict[str, Any]) -> None:
        """Do nothing."""

    @workflow.update(name="resolve")
    async def update_resolve(self, _fields: dict[str, Any]) -> None:
        """End."""
        self._is_closed = True
