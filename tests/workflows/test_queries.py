"""Queries that come while an item asks the catalog leave its workflow task whole (C15, C16)."""

import asyncio

from temporalio.testing import WorkflowEnvironment

from tests.support.workers import TICKET, new_environment

TICKETS = 10


async def test_a_query_leaves_alone_the_task_in_which_a_command_waits_for_the_catalog(
    server: WorkflowEnvironment,
) -> None:
    """Answered within it, the rest of the task would be another one (docs/adr/0015)."""
    host = new_environment(server.client)
    tickets = [await host.start("Ticket", TICKET) for _ in range(TICKETS)]
    starting = [asyncio.create_task(ticket.do("start")) for ticket in tickets]
    asking = [asyncio.create_task(ticket.state()) for ticket in tickets]
    async with host.working(cached=50):
        assert {one["status"] for one in await asyncio.gather(*starting)} == {"IN_PROGRESS"}
        assert {one["reference"] for one in await asyncio.gather(*asking)} == {
            ticket.reference for ticket in tickets
        }
        for ticket in tickets:
            events = await ticket.events()
            assert not _between(events), events


def _between(events: list[str]) -> list[str]:
    """The tasks that ended between the accepting and the answering of the update."""
    begin = events.index("WORKFLOW_EXECUTION_UPDATE_ACCEPTED")
    end = events.index("WORKFLOW_EXECUTION_UPDATE_COMPLETED")
    return [one for one in events[begin:end] if one == "WORKFLOW_TASK_COMPLETED"]
