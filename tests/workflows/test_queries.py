"""A query while an item asks the catalog does not split its workflow task (C15, C16)."""

import asyncio

from temporalio.testing import WorkflowEnvironment

from tests.support.workers import TICKET, new_environment

TICKETS = 10


async def test_a_query_leaves_alone_the_task_in_which_a_command_waits_for_the_catalog(
    server: WorkflowEnvironment,
) -> None:
    """A query answered within the task would end the task and begin another (docs/adr/0015)."""
    host = new_environment(server.client)
    tickets = [await host.start("Ticket", TICKET) for _ in range(TICKETS)]
    starting = [asyncio.create_task(ticket.do("start")) for ticket in tickets]
    asking = [asyncio.create_task(ticket.state()) for ticket in tickets]
    async with host.working(cached=50):
        assert {each["status"] for each in await asyncio.gather(*starting)} == {"IN_PROGRESS"}
        assert {state["reference"] for state in await asyncio.gather(*asking)} == {
            ticket.reference for ticket in tickets
        }
        for ticket in tickets:
            events = await ticket.events()
            assert not _between(events), events


def _between(events: list[str]) -> list[str]:
    """Return the tasks that ended between the acceptance and the answer of the update."""
    begin = events.index("WORKFLOW_EXECUTION_UPDATE_ACCEPTED")
    end = events.index("WORKFLOW_EXECUTION_UPDATE_COMPLETED")
    return [event for event in events[begin:end] if event == "WORKFLOW_TASK_COMPLETED"]
