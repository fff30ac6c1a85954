"""Real workers in the test's own process: our workflows, with a fake sink and a fake outside."""

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
from activities.mail_out import MailOut, Undeliverable
from activities.mail_under_way import MailUnderWay
from activities.services import Endpoint, ServiceCalls
from devstack.stack import SERVER_LIMITS
from domain.model.calendars import WorkingCalendar
from domain.model.definitions import Terms
from domain.model.items import Entry, Mail, Note
from domain.model.publications import Publication
from domain.model.states import State
from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.runtime.payload_interceptor import OnePayload
from workflows.runtime.worker_config import WORKFLOWS, publishing
from workflows.search_attributes import ALL

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
ERRAND: Final[Fields] = {
    "name": "errand",
    "steps": [{"key": "only", "actions": [{"key": "run", "title": "Run the errand"}]}],
}
INVOICE: Final[Fields] = {
    "name": "supplier invoice",
    "steps": [
        {"key": "check", "actions": [{"key": "read"}, {"key": "match"}]},
        {"key": "pay", "actions": [{"key": "transfer"}]},
    ],
}
_ENTRIES: Final = TypeAdapter(list[Entry])
PATIENCE: Final = 15.0
"""Seconds in which whatever is awaited has to be so."""
FORGOTTEN: Final = timedelta(seconds=3)
"""After this long a query that was not answered is asked again."""
UNHEARD: Final = (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)


def server_options() -> list[str]:
    """The dev server's arguments for the limits that the embedded stack sets."""
    return [
        part
        for key, value in SERVER_LIMITS.items()
        for part in ("--dynamic-config-value", f"{key}={value}")
    ]


@asynccontextmanager
async def real_server(*options: str) -> AsyncIterator[WorkflowEnvironment]:
    """A dev server as the embedded stack runs it, with more options if a test wants them."""
    async with await WorkflowEnvironment.start_local(
        data_converter=DATA_CONVERTER,
        search_attributes=ALL,
        dev_server_existing_path=str(TEMPORAL),
        dev_server_extra_args=[*server_options(), *options],
        dev_server_log_level="never",
    ) as env:
        yield env


async def assert_eventually(
    check: Callable[[], Awaitable[Any]], *, within: float = PATIENCE, every: float = 0.03
) -> None:
    """Ask again until the check holds; its last AssertionError after `within` seconds."""
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


class Ledger:
    """A store in memory: refuses what PostgreSQL would, keeps what is new, once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._states: dict[str, tuple[int, State]] = {}
        self._entries: dict[str, dict[int, Entry]] = {}
        self._notes: dict[str, dict[tuple[int, str], Note]] = {}
        self._mails: dict[str, dict[str, Mail]] = {}

    def put(self, publication: Publication) -> Future[None]:
        """Keep it at once; fails where a text holds NUL, which no database column takes."""
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
        """How many entries each item wrote."""
        with self._lock:
            return {reference: len(entries) for reference, entries in self._entries.items()}

    def references(self) -> list[str]:
        """All items that published anything."""
        with self._lock:
            return sorted(self._states)

    def state(self, reference: str) -> State:
        """The newest state that the item published."""
        with self._lock:
            return self._states[reference][1]

    def entries(self, reference: str) -> list[Entry]:
        """The item's timeline, all of it."""
        with self._lock:
            return [entry for _, entry in sorted(self._entries.get(reference, {}).items())]

    def notes(self, reference: str) -> list[Note]:
        """The item's notes at full length, oldest first."""
        with self._lock:
            return [note for _, note in sorted(self._notes.get(reference, {}).items())]

    def mails(self, reference: str) -> list[Mail]:
        """The mails that the item sent."""
        with self._lock:
            return list(self._mails.get(reference, {}).values())


class Posted:
    """An outside that takes every mail, or none, or none just now."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.is_broken = False
        self.is_slow = False
        self.missed: str | None = None
        """Whom a mail does not reach that reaches others."""

    async def __call__(self, key: str, *, run: str) -> str | None:
        if self.is_broken:
            raise Undeliverable(f"mail {key} of run {run}: given up")
        if self.is_slow:
            raise TimeoutError("the outside does not answer: try again")
        self.taken.append(key)
        return self.missed


class Mailroom:
    """A mailroom with mails under way for some items."""

    def __init__(self) -> None:
        self.under_way: set[str] = set()
        self.looked = 0

    def __call__(self, reference: str, *, until: datetime) -> bool:
        del until
        self.looked += 1
        return reference in self.under_way


@dataclass
class Host:
    """A server and a worker on a task queue of their own, and what the items there published."""

    client: Client
    queue: str
    ledger: Ledger = field(default_factory=Ledger)
    posted: Posted = field(default_factory=Posted)
    interceptors: tuple[Interceptor, ...] = ()
    mailroom: Mailroom = field(default_factory=Mailroom)

    async def start(self, kind: str, fields: Fields, reference: str | None = None) -> "Life":
        """Start an item; a bad start shows when it is asked."""
        reference = reference or new_reference(kind)
        await self.client.start_workflow(
            kind,
            fields,
            id=reference,
            task_queue=self.queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        )
        return Life(self, reference)

    async def ticket(self, **fields: object) -> "Life":
        """A complete Ticket, submitted unless said otherwise."""
        return await (await self.start("Ticket", TICKET | fields)).begun()

    async def case(self, definition: Fields | str | None, **fields: object) -> "Life":
        """A Case with this definition, submitted unless said otherwise."""
        start = {"by": "amy", "short_description": "A case", "submit": True}
        defined = {} if definition is None else {"definition": definition}
        return await (await self.start("Case", start | defined | fields)).begun()

    def item(self, reference: str) -> "Life":
        """An item that somebody else started."""
        return Life(self, reference)

    @asynccontextmanager
    async def working(
        self,
        *,
        cached: int = 0,
        categories: Mapping[str, Terms] | None = None,
        definitions: Mapping[str, Terms] | None = None,
        calendars: Mapping[str, WorkingCalendar] | None = None,
        services: Mapping[str, Endpoint] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> AsyncIterator[Worker]:
        """A worker as `worker.py` builds it; with nothing cached, every task replays."""
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
                    MailOut(self.posted).send,
                    MailUnderWay(self.mailroom, clock=clock).look,
                    ServiceCalls(services or {}, http).call,
                ],
                interceptors=[OnePayload(), *self.interceptors],
                workflow_runner=publishing(self.ledger, lambda _reference: None),
                max_cached_workflows=cached,
            ) as worker,
        ):
            yield worker
            await self.audit()
            told = self.ledger.serials()
        assert self.ledger.serials() == told, "a worker that stops tells nothing of its items"

    async def audit(self) -> None:
        """Compare all that was published with what the items themselves know.

        But for instants: a task that failed runs again at a later time, and with nothing cached
        core runs a task without commands again as one with the task after it.
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
    """The entry with the texts of which a very full item carries only the beginning."""
    note = told.note if _begins(carried.note, told.note) else carried.note
    reason = told.reason if _begins(carried.reason, told.reason) else carried.reason
    return replace(carried, note=note, reason=reason)


def _begins(short: str | None, long: str | None) -> bool:
    return short is not None and long is not None and long.startswith(short.partition("…")[0])


@dataclass(frozen=True)
class Life:
    """One item, moved and read as outsiders do: JSON in, JSON out."""

    host: Host
    reference: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Whichever run is current."""
        return self.host.client.get_workflow_handle(self.reference, result_type=dict[str, Any])

    async def begun(self) -> Self:
        """Itself, once it answers."""

        async def check() -> None:
            try:
                await self.state()
            except (WorkflowQueryFailedError, RPCError) as error:
                raise AssertionError(f"{self.reference} does not answer: {error}") from None

        await assert_eventually(check)
        return self

    async def do(self, command: str, **fields: object) -> Fields:
        """An update; amy's, unless said otherwise. Its answer, or its refusal as an exception."""
        answer: Fields = await self.handle.execute_update(
            command, {"by": "amy"} | fields, rpc_timeout=timedelta(seconds=PATIENCE)
        )
        return answer

    async def refusal(self, command: str, **fields: object) -> ApplicationError:
        """The refusal of an update."""
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await self.do(command, **fields)
        assert isinstance(refused.value.cause, ApplicationError)
        return refused.value.cause

    async def tell(self, command: str, **fields: object) -> None:
        """A signal; amy's, unless said otherwise."""
        await self.handle.signal(command, {"by": "amy"} | fields)

    async def ask(self, query: str, *asked: Fields) -> Fields:
        """What a query answers; asked again where the SDK would run ahead of the history for it.

        With nothing cached, a query can come together with events that no task was started for.
        And the server whose time we move forgets a query that the task it came with did not answer
        (docs/adr/0015), where the real one has it asked by itself: hence the short wait.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + PATIENCE
        while True:
            try:
                answer: Fields = await self.handle.query(query, args=asked, rpc_timeout=FORGOTTEN)
            except WorkflowQueryFailedError as error:
                if "ran ahead" not in error.message:
                    raise
            except RPCError as error:
                if error.status not in UNHEARD or clock() > deadline:
                    raise
            else:
                return answer

    async def state(self) -> Fields:
        """What the query `state` answers."""
        return await self.ask("state")

    async def timeline(self, **asked: int) -> Fields:
        """A page of what the item carries of its timeline."""
        return await self.ask("timeline", asked)

    async def result(self) -> Fields:
        """The last state, once it is closed."""
        answer: Fields = await asyncio.wait_for(self.handle.result(), PATIENCE)
        return answer

    async def eventually(self, **expected: object) -> Fields:
        """The state once these fields have these values."""
        seen: Fields = {}

        async def check() -> None:
            seen.update(await self.state())
            assert {name: seen[name] for name in expected} == expected

        await assert_eventually(check)
        return seen

    async def events(self) -> list[str]:
        """The types of the current run's events, such as `TIMER_STARTED`."""
        return [
            EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
            for event in (await self.handle.fetch_history()).events
        ]

    @property
    def entries(self) -> list[Entry]:
        """The whole timeline, as it was published."""
        return self.host.ledger.entries(self.reference)

    @property
    def commands(self) -> list[str]:
        """What happened, by name."""
        return [entry.command for entry in self.entries if not entry.refused]


def new_reference(kind: str) -> str:
    """A reference that no other test uses."""
    return f"{kind[0]}-{uuid.uuid4().hex[:12]}"


def new_host(client: Client, *interceptors: Interceptor) -> Host:
    """A task queue that no other test uses."""
    return Host(client, queue=uuid.uuid4().hex, interceptors=interceptors)
