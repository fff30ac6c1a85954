"""Workers in the test's own process: real workflows, a store in memory, fake mail delivery."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import httpx
import pytest
from pydantic import TypeAdapter
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Interceptor, Worker

from activities.catalog import CatalogTerms
from activities.mail_out import MailSender, Undeliverable
from activities.mail_under_way import MailUnderWay
from activities.services import Endpoint, ServiceCalls
from devstack.stack import SERVER_LIMITS
from domain.model.calendars import WorkingCalendar
from domain.model.definitions import ItemTerms
from domain.model.items import Entry, Mail, Note
from domain.model.publications import Publication
from domain.model.states import State
from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.runtime.payload_interceptor import OnePayloadInterceptor
from workflows.search_attributes import ALL
from workflows.worker_config import WORKFLOWS, workflow_runner

Fields = dict[str, Any]
TEMPORAL: Final = Path(sys.executable).with_name("temporal")
TEST_SERVER: Final = Path(sys.executable).with_name("temporal-test-server")
IDA: Final = {"name": "Ida Berg", "email": "ida@example.org"}
TICKET: Final[Fields] = {
    "by": "amy",
    "title": "No invoice",
    "description": "The invoice of May never came.",
    "category": "billing",
    "primary_contact": IDA,
    "requester": IDA,
    "submit": True,
}
"""A start that submits a complete Ticket."""
ONE_ACTION_DEFINITION: Final[Fields] = {
    "name": "errand",
    "steps": [{"key": "only", "actions": [{"key": "run", "title": "Run the errand"}]}],
}
TWO_STEP_DEFINITION: Final[Fields] = {
    "name": "supplier invoice",
    "steps": [
        {"key": "check", "actions": [{"key": "read"}, {"key": "match"}]},
        {"key": "pay", "actions": [{"key": "transfer"}]},
    ],
}
_ENTRIES: Final = TypeAdapter(list[Entry])
EVENTUAL_TIMEOUT: Final = 15.0
"""Seconds in which an awaited condition must come true."""
QUERY_TIMEOUT: Final = timedelta(seconds=3)
"""Time after which a query without answer is sent again."""
UNANSWERED_STATUSES: Final = (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)


def server_options() -> list[str]:
    """Return the dev server's arguments for the limits that the development stack sets."""
    return [
        part
        for key, value in SERVER_LIMITS.items()
        for part in ("--dynamic-config-value", f"{key}={value}")
    ]


@asynccontextmanager
async def real_server(*options: str) -> AsyncIterator[WorkflowEnvironment]:
    """Run a dev server as the development stack does, with more options if a test wants them."""
    async with await WorkflowEnvironment.start_local(
        data_converter=DATA_CONVERTER,
        search_attributes=ALL,
        dev_server_existing_path=str(TEMPORAL),
        dev_server_extra_args=[*server_options(), *options],
        dev_server_log_level="never",
    ) as env:
        yield env


async def assert_eventually(
    check: Callable[[], Awaitable[Any]], *, within: float = EVENTUAL_TIMEOUT, every: float = 0.03
) -> None:
    """Repeat a check until it passes; raise its last AssertionError after `within` seconds."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        try:
            await check()
        except AssertionError:
            if asyncio.get_running_loop().time() > deadline:
                raise
        else:
            return
        await asyncio.sleep(every)


class InMemoryStore:
    """Store in memory: refuses texts that PostgreSQL refuses, stores each entry once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._states: dict[str, tuple[int, State]] = {}
        self._entries: dict[str, dict[int, Entry]] = {}
        self._notes: dict[str, dict[tuple[int, str], Note]] = {}
        self._mails: dict[str, dict[str, Mail]] = {}

    def put(self, publication: Publication) -> Future[None]:
        """Store a publication; fail if a text holds NUL, which no database column takes."""
        committed: Future[None] = Future()
        texts = (publication.state, publication.entries, publication.notes, publication.mails)
        if "\\x00" in repr(texts):
            committed.set_exception(ValueError("a string literal cannot contain NUL characters"))
            return committed
        reference = publication.state.reference
        with self._lock:
            if publication.serial >= self._states.get(reference, (0,))[0]:
                self._states[reference] = publication.serial, publication.state
            kept = self._entries.setdefault(reference, {})
            for entry in publication.entries:  # what is told again may be told with a later time
                first = kept.get(entry.serial)
                is_told_again = first is not None and replace(first, at=entry.at) == entry
                if first is None or not is_told_again or entry.at < first.at:
                    kept[entry.serial] = entry
            for note in publication.notes:
                self._notes.setdefault(reference, {})[note.serial, note.kind] = note
            for mail in publication.mails:
                self._mails.setdefault(reference, {})[mail.key] = mail
        committed.set_result(None)
        return committed

    def serials(self) -> dict[str, int]:
        """Return the number of entries of each item."""
        with self._lock:
            return {reference: len(entries) for reference, entries in self._entries.items()}

    def references(self) -> list[str]:
        """Return the references of all items that published anything."""
        with self._lock:
            return sorted(self._states)

    def state(self, reference: str) -> State:
        """Return the newest state that the item published."""
        with self._lock:
            return self._states[reference][1]

    def entries(self, reference: str) -> list[Entry]:
        """Return the item's whole timeline."""
        with self._lock:
            return [entry for _, entry in sorted(self._entries.get(reference, {}).items())]

    def notes(self, reference: str) -> list[Note]:
        """Return the item's notes at full length, oldest first."""
        with self._lock:
            return [note for _, note in sorted(self._notes.get(reference, {}).items())]

    def mails(self, reference: str) -> list[Mail]:
        """Return the mails that the item sent."""
        with self._lock:
            return list(self._mails.get(reference, {}).values())


class FakeMailDelivery:
    """Mail delivery that accepts every mail, refuses all for good, or is temporarily down."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.is_broken = False
        self.is_slow = False
        self.missed: str | None = None
        """Recipient that a mail does not reach although it reaches others."""

    async def __call__(self, key: str, *, run: str) -> str | None:
        if self.is_broken:
            raise Undeliverable(f"mail {key} of run {run}: given up")
        if self.is_slow:
            raise TimeoutError("the mail server does not answer: retry")
        self.taken.append(key)
        return self.missed


class FakeMailroom:
    """Mailroom with undelivered mails for some items."""

    def __init__(self) -> None:
        self.under_way: set[str] = set()
        self.looked = 0

    def __call__(self, reference: str, *, until: datetime) -> bool:
        del until
        self.looked += 1
        return reference in self.under_way


@dataclass
class WorkerEnvironment:
    """Server, task queue of one test, and a store with what its items published."""

    client: Client
    queue: str
    ledger: InMemoryStore = field(default_factory=InMemoryStore)
    posted: FakeMailDelivery = field(default_factory=FakeMailDelivery)
    interceptors: tuple[Interceptor, ...] = ()
    mailroom: FakeMailroom = field(default_factory=FakeMailroom)

    async def start(self, kind: str, fields: Fields, reference: str | None = None) -> "ItemHandle":
        """Start an item; a bad start shows at the first query."""
        reference = reference or new_reference(kind)
        await self.client.start_workflow(
            kind,
            fields,
            id=reference,
            task_queue=self.queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        )
        return ItemHandle(self, reference)

    async def ticket(self, **fields: object) -> "ItemHandle":
        """Start a complete Ticket, submitted by default."""
        return await (await self.start("Ticket", TICKET | fields)).begun()

    async def case(self, definition: Fields | str | None, **fields: object) -> "ItemHandle":
        """Start a Case with this definition, submitted by default."""
        start = {"by": "amy", "short_description": "A case", "submit": True}
        defined = {} if definition is None else {"definition": definition}
        return await (await self.start("Case", start | defined | fields)).begun()

    def item(self, reference: str) -> "ItemHandle":
        """Return a handle of an item that is started elsewhere."""
        return ItemHandle(self, reference)

    @asynccontextmanager
    async def working(
        self,
        *,
        cached: int = 0,
        categories: Mapping[str, ItemTerms] | None = None,
        definitions: Mapping[str, ItemTerms] | None = None,
        calendars: Mapping[str, WorkingCalendar] | None = None,
        services: Mapping[str, Endpoint] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> AsyncIterator[Worker]:
        """Run a worker as `worker.py` builds it; without cache, every task replays."""
        async with (
            httpx.AsyncClient() as http,
            Worker(
                self.client,
                task_queue=self.queue,
                workflows=WORKFLOWS,
                activities=[
                    CatalogTerms(
                        categories or {},
                        definitions or {},
                        calendars,
                        services or {},
                        clock=clock,
                    ).terms,
                    MailSender(self.posted).send,
                    MailUnderWay(self.mailroom, clock=clock).check,
                    ServiceCalls(services or {}, http).call,
                ],
                interceptors=[OnePayloadInterceptor(), *self.interceptors],
                workflow_runner=workflow_runner(self.ledger, lambda _reference: None),
                max_cached_workflows=cached,
            ) as worker,
        ):
            yield worker
            await self.audit()
            told = self.ledger.serials()
        assert self.ledger.serials() == told, "a worker that stops tells nothing of its items"

    async def audit(self) -> None:
        """Compare all publications with the items' own state, except for instants.

        A task that failed is retried at a later time, and without cache core replays a task without
        commands together with the next task.
        """
        for reference in self.ledger.references():
            answer = await self.item(reference).ask("publication", {})
            known = {entry.serial: entry for entry in self.ledger.entries(reference)}
            serials = list(range(1, answer["serial"] + 1))
            assert list(known) == serials, f"{reference} told {known}, knows {answer['entries']}"
            for carried in _ENTRIES.validate_python(answer["entries"]):
                told = known[carried.serial]
                whole = replace(_whole(carried, told), at=told.at)
                assert told == whole, f"{reference} told {told}, says {carried}"
            told_state = self.ledger.state(reference).model_dump(mode="json")
            assert _timeless(told_state) == _timeless(answer["state"]), reference


def _timeless(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        own = {"at", "until"} if "token" in value else {"at"}  # a lease's end counts from then
        return {k: _timeless(v) for k, v in value.items() if k not in own and k[-3:] != "_at"}
    return value


def _whole(carried: Entry, told: Entry) -> Entry:
    """Return the entry with full texts: a very full item carries only their beginning."""
    note = told.note if _begins(carried.note, told.note) else carried.note
    reason = told.reason if _begins(carried.reason, told.reason) else carried.reason
    return replace(carried, note=note, reason=reason)


def _begins(short: str | None, long: str | None) -> bool:
    return short is not None and long is not None and long.startswith(short.partition("…")[0])


@dataclass(frozen=True)
class ItemHandle:
    """Handle of an item, used as other clients do: JSON in, JSON out."""

    env: WorkerEnvironment
    reference: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Temporal's handle of the current run."""
        return self.env.client.get_workflow_handle(self.reference, result_type=dict[str, Any])

    async def begun(self) -> Self:
        """Wait until the item answers; return this handle."""

        async def check() -> None:
            try:
                await self.state()
            except (WorkflowQueryFailedError, RPCError) as error:
                raise AssertionError(f"{self.reference} does not answer: {error}") from None

        await assert_eventually(check)
        return self

    async def do(self, command: str, **fields: object) -> Fields:
        """Send an update, by amy by default; return its answer or raise its refusal."""
        answer: Fields = await self.handle.execute_update(
            command, {"by": "amy"} | fields, rpc_timeout=timedelta(seconds=EVENTUAL_TIMEOUT)
        )
        return answer

    async def refusal(self, command: str, **fields: object) -> ApplicationError:
        """Send an update that is refused; return the refusal."""
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await self.do(command, **fields)
        assert isinstance(refused.value.cause, ApplicationError)
        return refused.value.cause

    async def tell(self, command: str, **fields: object) -> None:
        """Send a signal, by amy by default."""
        await self.handle.signal(command, {"by": "amy"} | fields)

    async def ask(self, query: str, *asked: Fields) -> Fields:
        """Return a query's answer; retry where the SDK would run ahead of the history.

        Without cache, a query can come together with events that no task was started for. And the
        time-skipping server drops a query that the task it came with did not answer
        (docs/adr/0015), where the real server retries it: therefore the short timeout.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + EVENTUAL_TIMEOUT
        while True:
            try:
                answer: Fields = await self.handle.query(
                    query, args=asked, rpc_timeout=QUERY_TIMEOUT
                )
            except WorkflowQueryFailedError as error:
                if "ran ahead" not in error.message:
                    raise
            except RPCError as error:
                if error.status not in UNANSWERED_STATUSES or clock() > deadline:
                    raise
            else:
                return answer

    async def state(self) -> Fields:
        """Return the answer of the query `state`."""
        return await self.ask("state")

    async def timeline(self, **asked: int) -> Fields:
        """Return a page of the timeline that the item carries."""
        return await self.ask("timeline", asked)

    async def result(self) -> Fields:
        """Wait until the item is closed; return its last state."""
        answer: Fields = await asyncio.wait_for(self.handle.result(), EVENTUAL_TIMEOUT)
        return answer

    async def eventually(self, **expected: object) -> Fields:
        """Wait until these fields have these values; return the state."""
        seen: Fields = {}

        async def check() -> None:
            seen.update(await self.state())
            assert {name: seen[name] for name in expected} == expected

        await assert_eventually(check)
        return seen

    async def events(self) -> list[str]:
        """Return the types of the current run's events, such as `TIMER_STARTED`."""
        return [
            EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
            for event in (await self.handle.fetch_history()).events
        ]

    @property
    def entries(self) -> list[Entry]:
        """The whole timeline, as published."""
        return self.env.ledger.entries(self.reference)

    @property
    def commands(self) -> list[str]:
        """Names of the accepted commands."""
        return [entry.command for entry in self.entries if not entry.refused]


def new_reference(kind: str) -> str:
    """Return a reference that no other test uses."""
    return f"{kind[0]}-{uuid.uuid4().hex[:12]}"


def new_environment(client: Client, *interceptors: Interceptor) -> WorkerEnvironment:
    """Return an environment on a task queue that no other test uses."""
    return WorkerEnvironment(client, queue=uuid.uuid4().hex, interceptors=interceptors)
