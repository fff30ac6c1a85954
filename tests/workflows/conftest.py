"""Fixtures: one server for each test process, one worker with its own queue for each test."""

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import (
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from tests.support.workers import TEST_SERVER, WorkerEnvironment, new_environment, real_server
from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.search_attributes import ALL

RENEWED_AFTER = 60
"""Events after which the renewing server suggests a new run; its default is 4,096."""


class _Unlimited(WorkflowOutboundInterceptor):
    def info(self) -> workflow.Info:
        return dataclasses.replace(super().info(), execution_timeout=None, run_timeout=None)


class _FromInside(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Unlimited(outbound))


class NoTimeouts(Interceptor):
    """Interceptor that removes the time-skipping server's timeout of ten years (C21)."""

    def workflow_interceptor_class(
        self, _input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        return _FromInside


@dataclass(frozen=True)
class Clock:
    """Clock of a server that skips time."""

    env: WorkflowEnvironment

    async def now(self) -> datetime:
        """Return the server's time."""
        return await self.env.get_current_time()

    async def skip(self, span: timedelta) -> None:
        """Skip this much time, with everything that happens in it."""
        await self.env.sleep(span)


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    """Start a real server with the embedded stack's limits."""
    async with real_server() as env:
        yield env


@pytest.fixture(scope="session")
async def renewing_server() -> AsyncIterator[WorkflowEnvironment]:
    """Start a real server that suggests a new run often."""
    suggestion = f"limit.historyCount.suggestContinueAsNew={RENEWED_AFTER}"
    async with real_server("--dynamic-config-value", suggestion) as env:
        yield env


@pytest.fixture
async def clock() -> AsyncIterator[Clock]:
    """Start a server of the test's own whose time only the test moves.

    Not shared: open or terminated workflows of another test may stop its time for good.
    """
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=DATA_CONVERTER, test_server_existing_path=str(TEST_SERVER)
    ) as env:
        types = {str: "KEYWORD", datetime: "DATETIME", bool: "BOOL"}
        attributes = {
            key.name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{types[key.value_type]}")
            for key in ALL
        }
        await env.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace="default", search_attributes=attributes)
        )
        with env.auto_time_skipping_disabled():
            yield Clock(env)


@pytest.fixture
async def host(server: WorkflowEnvironment) -> AsyncIterator[WorkerEnvironment]:
    """Start a worker that replays every task, on a real server."""
    host = new_environment(server.client)
    async with host.working():
        yield host


@pytest.fixture
async def renewing(renewing_server: WorkflowEnvironment) -> AsyncIterator[WorkerEnvironment]:
    """Start a worker that replays every task, on the server that suggests new runs often."""
    host = new_environment(renewing_server.client)
    async with host.working():
        yield host


@pytest.fixture
async def desk(clock: Clock) -> AsyncIterator[WorkerEnvironment]:
    """Start a worker that replays every task, on the server that skips time."""
    host = new_environment(clock.env.client, NoTimeouts())
    async with host.working():
        yield host
