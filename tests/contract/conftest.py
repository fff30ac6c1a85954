"""Fixtures for a real server with the embedded stack's settings and a production-like worker."""

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.cli.conftest import shell, stack  # noqa: F401 - fixtures
from tests.support.workers import WorkerEnvironment, new_environment, real_server


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    """Start a real server with the embedded stack's limits."""
    async with real_server() as env:
        yield env


@pytest.fixture(scope="session")
async def host(server: WorkflowEnvironment) -> AsyncIterator[WorkerEnvironment]:
    """Start a worker that keeps its items in memory, as the production worker does."""
    host = new_environment(server.client)
    async with host.working(cached=1000):
        yield host
