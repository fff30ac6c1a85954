"""One real server with the embedded stack's settings, and one worker as production has it."""

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.hosts import TEMPORAL, Host, new_host, server_options
from workflows.attributes import ALL
from workflows.payloads import DATA_CONVERTER


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    """A real server with the embedded stack's limits."""
    async with await WorkflowEnvironment.start_local(
        data_converter=DATA_CONVERTER,
        search_attributes=ALL,
        dev_server_existing_path=str(TEMPORAL),
        dev_server_extra_args=server_options(),
        dev_server_log_level="never",
    ) as env:
        yield env


@pytest.fixture(scope="session")
async def host(server: WorkflowEnvironment) -> AsyncIterator[Host]:
    """A worker that keeps its items in memory, as the production worker does."""
    host = new_host(server.client)
    async with host.working(cached=1000):
        yield host
