"""The composition root: builds the rooms and polls until SIGTERM."""

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
from activities.mail_out import Delivers, Keeping, MailOut, Sending
from activities.mail_under_way import MailUnderWay
from activities.services import Endpoint, ServiceCalls
from activities.smtp_client import SmtpServer
from activities.webhooks import WebhookSender
from activities.webhooks import http_client as webhook_http_client
from catalog.files import CatalogInvalid
from catalog.loader import Catalog, load
from mail.address_book import Directory
from mail.smtp_settings import Relay
from reconciliation.fsck import Checker, Difference
from starter.client import NoAnswer
from starter.connection import (
    connect,
    register_attributes,
)
from starter.process import patiently, run, unbroken
from starter.settings import Settings
from starter.webhook_relay import relay_webhooks
from store.auth.shared_secrets import MAIL, secret_named
from store.engine import engine_of
from store.errors import StoreFault
from store.mail.mail_acceptance import is_under_way
from store.projection.writer import GroupWriter
from store.schema.versions import upgrade
from workflows.runtime.payload_interceptor import OnePayload
from workflows.runtime.worker_config import SANDBOX, WORKFLOWS, publishing
from workflows.webhook import TASK_QUEUE_SUFFIX, WebhookWorkflow

LOG: Final = logging.getLogger("casekeep.worker")
DRAIN_WITHIN: Final = timedelta(seconds=10)
"""How long running activities may go on after SIGTERM."""
CACHED_ITEMS: Final = 2000
"""Items kept in memory, at about 100 KB each; others are replayed when something happens."""
STICKY_WITHIN: Final = timedelta(seconds=2)
"""How long a task waits for the worker that has its item in memory: with the SDK's 10 seconds,
each item that a killed worker held stood still that long although another worker was there."""
_AGAIN: Final = 2.0
"""Seconds before a row whose item does not answer is compared again."""
_Compare = Callable[[str], Awaitable[list[Difference]]]


class Recheck:
    """Compares rows that may be ahead of history, each as soon as it is named."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._loop = asyncio.get_running_loop()
        self._comparing: dict[str, asyncio.Task[None]] = {}
        self._named_again: set[str] = set()
        self._is_over = False

    def name(self, reference: str) -> None:
        """Have this item's row compared; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._begin, reference, self._checker.check)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """First the newest rows of other workers; besides, whatever is named meanwhile."""
        self._begin("the newest rows of other workers", lambda _: self._checker.newest())
        try:
            yield
        finally:
            self._is_over = True
            for task in self._comparing.values():
                task.cancel()

    def _begin(self, what: str, compare: _Compare) -> None:
        if self._is_over:
            return
        if what in self._comparing:
            self._named_again.add(what)
            return
        self._comparing[what] = task = asyncio.create_task(_patiently(what, compare))
        task.add_done_callback(lambda ended: self._end(what, compare, ended))

    def _end(self, what: str, compare: _Compare, ended: asyncio.Task[None]) -> None:
        del self._comparing[what]
        if not ended.cancelled() and (error := ended.exception()):
            LOG.error("cannot compare %s", what, exc_info=error)
        if what in self._named_again:
            self._named_again.discard(what)
            self._begin(what, compare)


async def _patiently(what: str, compare: _Compare) -> None:
    while True:
        try:
            for difference in await compare(what):
                LOG.info("%s: %s: %s", difference.reference, difference.found, difference.done)
        except (RPCError, StoreFault, NoAnswer) as problem:
            LOG.warning("cannot compare %s yet: %s", what, problem)
            await asyncio.sleep(_AGAIN)
        else:
            return


@asynccontextmanager
async def working(
    client: Client, engine: Engine, settings: Settings, *, max_cached_workflows: int = CACHED_ITEMS
) -> AsyncIterator[Worker]:
    """A worker that polls while the context lasts; the schema and the attributes are there."""
    catalog = load(settings.catalog)
    writer = f"{uuid.uuid4()}"
    recheck = Recheck(Checker(client, engine, writer))
    http = httpx.AsyncClient()
    mails = await _mails(engine, settings.relay, catalog.directory)
    with GroupWriter(engine, writer) as sink:
        worker = Worker(
            client,
            task_queue=settings.task_queue,
            workflows=WORKFLOWS,
            activities=[
                CatalogTerms(
                    catalog.categories, catalog.definitions, catalog.calendars, catalog.services
                ).terms,
                MailOut(mails).send,
                MailUnderWay(functools.partial(is_under_way, engine)).look,
                ServiceCalls(_endpoints(catalog), http).call,
            ],
            interceptors=[OnePayload()],
            workflow_runner=publishing(sink, recheck.name),
            graceful_shutdown_timeout=DRAIN_WITHIN,
            max_cached_workflows=max_cached_workflows,
            sticky_queue_schedule_to_start_timeout=STICKY_WITHIN,
        )
        async with (
            http,
            worker,
            webhook_worker(client, engine, settings),
            webhook_relay(client, engine, settings),
            recheck.serving(),
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
            graceful_shutdown_timeout=DRAIN_WITHIN,
            max_concurrent_workflow_task_polls=2,
            max_concurrent_activity_task_polls=2,
        ),
    ):
        yield


@asynccontextmanager
async def webhook_relay(client: Client, engine: Engine, settings: Settings) -> AsyncIterator[None]:
    """Run the relay of webhooks while the context lasts; restart it after unexpected errors."""
    relay = asyncio.create_task(
        unbroken(LOG, lambda: relay_webhooks(client, settings.task_queue, engine))
    )
    try:
        yield
    finally:
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay


async def _mails(engine: Engine, relay: Relay | None, directory: Directory) -> Delivers:
    """What takes mails in hand: a mail server, or nothing but the store."""
    if relay is None:
        return Keeping(engine)
    secret = await asyncio.to_thread(secret_named, engine, MAIL)
    return Sending(engine, SmtpServer(relay).transmit, directory, secret)


def _endpoints(catalog: Catalog) -> dict[str, Endpoint]:
    """The catalog's services, with their secrets from the environment."""
    endpoints = {}
    for name, service in catalog.services.items():
        try:
            headers = service.with_secrets(os.environ).headers
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
    _endpoints(load(settings.catalog))  # told now, not after a server was waited for
    engine = engine_of(settings.database_url)
    preparing = asyncio.create_task(patiently(LOG, lambda: _prepared(engine)))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({preparing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not preparing.done():
        preparing.cancel()
        return
    client = await preparing
    async with working(client, engine, settings):
        LOG.info("polling %s, namespace %s", settings.task_queue, client.namespace)
        await stopping
        LOG.info("draining")


async def _prepared(engine: Engine) -> Client:
    """A client; server, search attributes and schema are there."""
    client = await connect()
    await register_attributes(client)
    await asyncio.to_thread(upgrade, engine)
    return client


def main() -> int:
    """Run a worker with what the environment says; the exit code."""
    return run(LOG, work)


if __name__ == "__main__":
    sys.exit(main())
