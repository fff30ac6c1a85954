"""How items tell each other something: a signal to whichever run of the other one is current."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.model.commands import Command


async def post(reference: str, told: Command) -> str | None:
    """Signal another item; what Temporal says if it is gone, None once it is told.

    A signal to an item that is gone fails at once and for good, so it is not given again.
    """
    other = workflow.get_external_workflow_handle(reference)
    try:
        await other.signal(told.name, told)
    except ApplicationError as error:
        return error.message
    return None
