"""Running stacks for tests that kill processes: server, worker, store, retrying clients."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from sqlalchemy import Engine
from temporalio.service import RPCError

from catalog.loader import SAMPLE_FOLDER
from devstack.stack import Stack
from domain.model.starts import CaseStart, TicketStart
from domain.model.states import without_heartbeats
from reconciliation.fsck import Checker, Difference
from reconciliation.workflow_state import WorkflowStateReader
from starter.client import CasekeepClient, JsonAnswer, NoAnswer, UnknownItem
from starter.settings import Settings
from store.engine import open_engine
from store.items import queries
from tests.support.workers import TICKET

__all__ = ["desk", "shared_stack"]

Fields = dict[str, Any]
EVENTUAL_TIMEOUT: Final = 45.0
"""Seconds in which an awaited condition must come true; a server waits 10 for a dead worker."""
ROWS_AGREE_TIMEOUT: Final = 5.0
"""Seconds until rows and items must agree, once every item answers again."""
CASE: Final[Fields] = {
    "by": "service:erp",
    "short_description": "Pay invoice 4711",
    "definition": {
        "name": "supplier invoice",
        "steps": [
            {"key": "check", "actions": [{"key": "read"}, {"key": "match"}]},
            {"key": "pay", "actions": [{"key": "transfer"}]},
        ],
    },
    "submit": True,
}
UNREACHABLE_ERRORS: Final = (NoAnswer, UnknownItem, RPCError)
"""Errors of a client while a desk is down or starting."""


async def assert_eventually(
    check: Callable[[], Awaitable[Any]], *, within: float = EVENTUAL_TIMEOUT, every: float = 0.1
) -> None:
    """Repeat a check until it passes; raise its last AssertionError after `within` seconds."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + within
    while True:
        try:
            await check()
        except (AssertionError, *UNREACHABLE_ERRORS) as problem:
            if clock() > deadline:
                raise AssertionError(f"not within {within:g} s: {problem!r}") from problem
        else:
            return
        await asyncio.sleep(every)


@dataclass(frozen=True)
class RunningStack:
    """Stack with its store, used by clients that retry while its processes die."""

    stack: Stack
    engine: Engine
    desk: CasekeepClient

    @property
    def log(self) -> str:
        """The workers' log so far."""
        return (self.stack.folder / "worker.log").read_text(errors="replace")

    async def ticket(self, reference: str | None = None, **fields: object) -> str:
        """Start a Ticket and return its reference."""
        start = TicketStart.model_validate_json(json.dumps(TICKET | fields))
        return await self.start(start, reference)

    async def case(self, reference: str | None = None, **fields: object) -> str:
        """Start a Case and return its reference."""
        start = CaseStart.model_validate_json(json.dumps(CASE | fields))
        return await self.start(start, reference)

    async def start(self, start: TicketStart | CaseStart, reference: str | None) -> str:
        """Start an item, with retries until the server confirms the start."""
        chosen = reference or f"{type(start).__name__[0]}-{uuid.uuid4().hex[:10]}"

        async def attempt() -> None:
            await self.desk.start(start, chosen)

        await assert_eventually(attempt)
        return chosen

    async def do(
        self, reference: str, command: str, *, within: float = EVENTUAL_TIMEOUT, **fields: object
    ) -> JsonAnswer:
        """Send a command under one id, with retries until it is answered."""
        content: Fields = {"by": "amy", "command_id": uuid.uuid4().hex} | fields
        answers: list[JsonAnswer] = []

        async def attempt() -> None:
            try:
                answers.append(await self.desk.execute(reference, command, content))
            except RuntimeError as error:
                # the server's answer if a worker did not process an update
                if "UnprocessedUpdate" not in str(error):
                    raise
                raise NoAnswer(str(error)) from error

        await assert_eventually(attempt, within=within)
        return answers[-1]

    async def tell(self, reference: str, command: str, **fields: object) -> None:
        """Signal a command under one id, with retries until the server accepts it."""
        content: Fields = {"by": "amy", "command_id": uuid.uuid4().hex} | fields
        handle = self.desk.client.get_workflow_handle(reference)

        async def attempt() -> None:
            await handle.signal(command, content)

        await assert_eventually(attempt)

    async def eventually(
        self, reference: str, *, within: float = EVENTUAL_TIMEOUT, **expected: object
    ) -> JsonAnswer:
        """Wait until these fields have these values; return the item's state."""
        seen: JsonAnswer = {}

        async def check() -> None:
            seen.update(await self.desk.state(reference))
            assert {name: seen[name] for name in expected} == expected, reference

        await assert_eventually(check, within=within)
        return seen

    async def timeline(self, reference: str) -> list[Fields]:
        """Return the timeline that the item itself carries."""
        entries: list[Fields] = (await self.desk.timeline(reference))["entries"]
        return entries

    async def kill_all(self) -> None:
        """Kill the server and the worker at once, as a power cut would."""
        await asyncio.gather(self.stack.kill_server(), self.stack.kill_worker())

    async def revive(self) -> None:
        """Start the processes that are dead, the server first."""
        if self.stack.server_pid is None:
            await self.stack.start_server()
        if self.stack.worker_pid is None:
            await self.stack.start_worker()

    async def rows_agree(self, references: Iterable[str]) -> None:
        """Assert, without repair, that the rows of these items agree with the items."""
        await asyncio.gather(*(self._row_agrees(reference) for reference in references))

    async def _row_agrees(self, reference: str) -> None:
        truth = await WorkflowStateReader(
            self.desk.client, timedelta(seconds=EVENTUAL_TIMEOUT)
        ).read(reference)
        assert truth is not None, reference
        row = await asyncio.to_thread(queries.find_item, self.engine, reference)
        assert row is not None, f"no row of {reference}"
        told, true = without_heartbeats(row.state), without_heartbeats(truth.state)
        differing = {
            name: (value, getattr(true, name))
            for name, value in told
            if value != getattr(true, name)
        }
        assert not differing, f"{reference}: row and item differ: {differing}"
        assert row.version.serial == truth.serial, reference
        serials = await asyncio.to_thread(
            queries.list_entry_serials, self.engine, reference, truth.state.run
        )
        assert serials == tuple(range(1, truth.serial + 1)), reference

    async def differences(self, **options: Any) -> list[Difference]:  # noqa: ANN401
        """Return the differences that a run of `casekeep fsck` finds."""
        checker = Checker(self.desk.client, self.engine, f"fsck-{uuid.uuid4()}", **options)
        return [difference async for difference in checker.all()]

    async def recovers(self, references: Iterable[str]) -> None:
        """Assert that these items answer, and that `fsck` finds nothing soon after."""
        known = list(references)
        await asyncio.gather(*(self.eventually(reference) for reference in known))
        await assert_eventually(lambda: self.rows_agree(known), within=ROWS_AGREE_TIMEOUT)
        assert await self.differences() == []


@asynccontextmanager
async def running_stack(
    folder: Path,
    database_url: str,
    *,
    catalog: Path = SAMPLE_FOLDER,
    smtp_url: str | None = None,
    settings: Fields | None = None,
    **options: Any,  # noqa: ANN401
) -> AsyncIterator[RunningStack]:
    """Run a stack in this folder, with more `settings` if given; kill it at the end."""
    given: Fields = {
        "database_url": database_url,
        "task_queue": f"desk-{folder.name[-20:]}",
        "smtp_url": smtp_url,
        "catalog": catalog,
    } | (settings or {})
    settings_of_desk = Settings.model_validate(given)
    stack = Stack(folder, temporal_port=0, ui_port=0, settings=settings_of_desk, **options)
    engine = open_engine(database_url)
    async with stack:
        yield RunningStack(stack, engine, await stack.desk())
        await stack.kill_worker()
        await stack.kill_server()
    engine.dispose()


@pytest_asyncio.fixture(
    scope="session",
    params=[
        pytest.param(kind, marks=pytest.mark.xdist_group(f"crash-{kind}"))
        for kind in ("sqlite", "postgresql")
    ],
)
async def shared_stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningStack]:
    """One stack for each kind of database, shared by tests that kill its processes."""
    folder = tmp_path_factory.mktemp(f"desk on {request.param}")
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'casekeep.db'}"
    else:
        url = request.getfixturevalue("postgresql").create_database(empty=True)
    async with running_stack(folder, url) as desk:
        yield desk


@pytest_asyncio.fixture
async def desk(shared_stack: RunningStack) -> RunningStack:
    """The shared stack, with all its processes alive."""
    await shared_stack.revive()
    return shared_stack
