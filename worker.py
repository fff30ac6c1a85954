"""Worker process and composition root: builds all parts and polls until SIGTERM."""

import asyncio
import functools
import logging
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

import httpx
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.catalog import CatalogTerms
from activities.mail_out import DeliverMail, MailSender, SmtpDelivery, StoreOnlyDelivery
from activities.mail_under_way import MailUnderWay
from activities.services import Endpoint, ServiceCalls
from activities.smtp_client import SmtpClient
from activities.webhooks import WebhookSender
from activities.webhooks import http_client as webhook_http_client
from catalog.files import CatalogInvalid
from catalog.loader import Catalog, load_catalog
from mail.address_book import AddressBook
from mail.smtp_settings import SmtpSettings
from reconciliation.fsck import Checker, Difference
from starter.client import NoAnswer
from starter.connection import (
    connect,
    register_attributes,
)
from starter.process import retry_until_available, run_forever, run_process
from starter.settings import Settings
from starter.webhook_relay import relay_webhooks
from store.auth.shared_secrets import MESSAGE_ID_KEY, get_secret
from store.engine import open_engine
from store.errors import StoreError
from store.mail.mail_acceptance import is_mail_under_way
from store.projection.writer import GroupWriter
from store.schema.versions import upgrade_schema
from workflows.runtime.payload_interceptor import OnePayloadInterceptor
from workflows.webhook import TASK_QUEUE_SUFFIX, WebhookWorkflow
from workflows.worker_config import SANDBOX, WORKFLOWS, workflow_runner

LOG: Final = logging.getLogger("casekeep.worker")
DRAIN_TIMEOUT: Final = timedelta(seconds=10)
"""Time that running activities have after SIGTERM."""
MAX_CACHED_ITEMS: Final = 2000
"""Items cached in memory, about 100 KB each; others are replayed at their next event."""
STICKY_TIMEOUT: Final = timedelta(seconds=2)
"""Time a task waits for the worker that has its item in its cache: with the SDK's 10 seconds,
each item cached by a killed worker stood still that long although another worker was there."""
_RETRY_DELAY: Final = 2.0
"""Seconds before a row whose item does not answer is compared again."""
_Compare = Callable[[str], Awaitable[list[Difference]]]


class RowRechecker:
    """Compares rows that may be ahead of history, each as soon as it is requested."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._requested_again: set[str] = set()
        self._is_stopped = False

    def request(self, reference: str) -> None:
        """Request the comparison of an item's row; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._start, reference, self._checker.check)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Compare the newest rows of other workers, then requested rows, until the context ends."""
        self._start("the newest rows of other workers", lambda _: self._checker.newest())
        try:
            yield
        finally:
            self._is_stopped = True
            for task in self._tasks.values():
                task.cancel()

    def _start(self, what: str, compare: _Compare) -> None:
        if self._is_stopped:
            return
        if what in self._tasks:
            self._requested_again.add(what)
            return
        self._tasks[what] = task = asyncio.create_task(_compare_with_retries(what, compare))
        task.add_done_callback(lambda ended: self._end(what, compare, ended))

    def _end(self, what: str, compare: _Compare, ended: asyncio.Task[None]) -> None:
        del self._tasks[what]
        if not ended.cancelled() and (error := ended.exception()):
            LOG.error("error: cannot compare %s", what, exc_info=error)
        if what in self._requested_again:
            self._requested_again.discard(what)
            self._start(what, compare)


async def _compare_with_retries(what: str, compare: _Compare) -> None:
    while True:
        try:
            for difference in await compare(what):
                LOG.info("%s: %s: %s", difference.reference, difference.found, difference.done)
        except (RPCError, StoreError, NoAnswer) as problem:
            LOG.warning("cannot compare %s, retrying in %g s: %s", what, _RETRY_DELAY, problem)
            await asyncio.sleep(_RETRY_DELAY)
        else:
            return


@asynccontextmanager
async def running_worker(
    client: Client,
    engine: Engine,
    settings: Settings,
    *,
    max_cached_workflows: int = MAX_CACHED_ITEMS,
) -> AsyncIterator[Worker]:
    """Run a worker during the context; schema and search attributes must exist."""
    catalog = load_catalog(settings.catalog)
    writer = f"{uuid.uuid4()}"
    rechecker = RowRechecker(Checker(client, engine, writer))
    http = httpx.AsyncClient()
    mails = await _mail_delivery(engine, settings.relay, catalog.address_book)
    with GroupWriter(engine, writer) as sink:
        worker = Worker(
            client,
            task_queue=settings.task_queue,
            workflows=WORKFLOWS,
            activities=[
                CatalogTerms(
                    catalog.categories, catalog.definitions, catalog.calendars, catalog.services
                ).terms,
                MailSender(mails).send,
                MailUnderWay(functools.partial(is_mail_under_way, engine)).check,
                ServiceCalls(_endpoints(catalog), http).call,
            ],
            interceptors=[OnePayloadInterceptor()],
            workflow_runner=workflow_runner(sink, rechecker.request),
            graceful_shutdown_timeout=DRAIN_TIMEOUT,
            max_cached_workflows=max_cached_workflows,
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        )
        async with (
            http,
            worker,
            webhook_worker(client, engine, settings),
            webhook_relay(client, engine, settings),
            rechecker.running(),
        ):
            yield worker


@asynccontextmanager
async def webhook_worker(client: Client, engine: Engine, settings: Settings) -> AsyncIterator[None]:
    """Worker for webhooks alone, so that slow receivers delay no item."""
    async with (
        webhook_http_client() as http,
        Worker(
            client,
            task_queue=settings.task_queue + TASK_QUEUE_SUFFIX,
            workflows=[WebhookWorkflow],
            activities=[WebhookSender(engine, http).send_queued],
            workflow_runner=SANDBOX,
            graceful_shutdown_timeout=DRAIN_TIMEOUT,
            max_concurrent_workflow_task_polls=2,
            max_concurrent_activity_task_polls=2,
        ),
    ):
        yield


@asynccontextmanager
async def webhook_relay(client: Client, engine: Engine, settings: Settings) -> AsyncIterator[None]:
    """Run the relay of webhooks while the context lasts; restart it after unexpected errors."""
    relay = asyncio.create_task(
        run_forever(LOG, lambda: relay_webhooks(client, settings.task_queue, engine))
    )
    try:
        yield
    finally:
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay


async def _mail_delivery(
    engine: Engine, relay: SmtpSettings | None, directory: AddressBook
) -> DeliverMail:
    """Return the delivery of mails: by a mail server, or none but marking them as kept."""
    if relay is None:
        return StoreOnlyDelivery(engine)
    secret = await asyncio.to_thread(get_secret, engine, MESSAGE_ID_KEY)
    return SmtpDelivery(engine, SmtpClient(relay).transmit, directory, secret)


def _endpoints(catalog: Catalog) -> dict[str, Endpoint]:
    """Return the catalog's services, with their secrets from the environment."""
    endpoints = {}
    for name, service in catalog.services.items():
        try:
            headers = service.resolve_secrets(os.environ).headers
        except KeyError as missing:
            problem = f"services.yaml: {name}: {missing} is not set in the environment"
            raise CatalogInvalid(problem) from None
        endpoints[name] = Endpoint(service.url, headers)
    return endpoints


async def work(settings: Settings) -> None:
    """Wait for the server and the database, then poll until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    _endpoints(load_catalog(settings.catalog))  # report a wrong catalog before waiting for a server
    engine = open_engine(settings.database_url)
    preparing = asyncio.create_task(retry_until_available(LOG, lambda: _prepare(engine)))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({preparing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not preparing.done():
        preparing.cancel()
        return
    client = await preparing
    async with running_worker(client, engine, settings):
        LOG.info("polling %s, namespace %s", settings.task_queue, client.namespace)
        await stopping
        LOG.info("draining")


async def _prepare(engine: Engine) -> Client:
    """Connect, register the search attributes, migrate the schema; return the client."""
    client = await connect()
    await register_attributes(client)
    await asyncio.to_thread(upgrade_schema, engine)
    return client


def main() -> int:
    """Run a worker as the environment configures it; return the exit code."""
    return run_process(LOG, work)


if __name__ == "__main__":
    sys.exit(main())
