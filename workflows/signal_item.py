"""Signals from one item to the current run of another."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.model.commands import Command


async def signal_item(reference: str, message: Command) -> str | None:
    """Signal another item; return None on success, Temporal's message if the item is gone.

    A signal to an item that is gone fails at once and for good, so there is no retry.
    """
    other = workflow.get_external_workflow_handle(reference)
    try:
        await other.signal(message.name, message)
    except ApplicationError as error:
        return error.message
    return None
