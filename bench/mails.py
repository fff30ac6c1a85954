"""Benchmark of mails from SMTP to their Tickets, compared with the start calls alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Final

from aiosmtplib import SMTP
from pydantic import JsonValue
from sqlalchemy import Engine
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from bench.lives import BARE, CONCURRENCY, START
from devstack.stack import Stack
from domain.base.values import Kind, StartedBy
from domain.model.commands import ReceiveEmail
from domain.model.starts import Contact, FirstMail, PartStart
from starter.client import CasekeepClient
from starter.references import new_reference
from starter.settings import Settings
from store.engine import open_engine
from store.mail import inbound_mail
from store.schema.tables import InboundMailState

DESK: Final = "reminders@desk.example"
SENDER: Final = "ada@example.org"
SUBJECT: Final = "The invoice of May"
TEXT: Final = "Good morning,\n\nwhere is the invoice of May? We wait for it.\n\nAda Lovelace\n" * 4
POLL_INTERVAL: Final = 0.02


@dataclass
class MailFigures:
    """Mails or calls a second, one figure a round."""

    whole_way: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    """Update-with-start of the same Tickets, by the same client code."""
    bare_calls: list[float] = field(default_factory=list)
    """Update-with-start of a workflow that does nothing."""


def mail_stack(folder: Path) -> Stack:
    """Return a stack with a mailroom, on free ports."""
    settings = Settings(
        database_url=f"sqlite:///{folder / 'casekeep.db'}", mail_listen="127.0.0.1:0"
    )
    return Stack(folder, temporal_port=0, ui_port=0, mailroom=True, settings=settings)


def make_mail(number: int) -> EmailMessage:
    """Return a mail that starts a Ticket."""
    mail = EmailMessage()
    mail["From"], mail["To"] = f"Ada Lovelace <{SENDER}>", DESK
    mail["Subject"] = f"{SUBJECT} {number}"
    mail["Message-ID"] = make_msgid(domain="example.org")
    mail.set_content(TEXT)
    mail.add_alternative(f"<p>{TEXT}</p>", subtype="html")
    return mail


async def by_mail(stack: Stack, engine: Engine, mails: int) -> float:
    """Return mails a second, from the first connection until each is delivered to its item."""
    host, _, port = (stack.mail_listen or "").rpartition(":")
    waiting = [make_mail(number) for number in range(mails)]
    before = inbound_mail.count_by_state(engine).get(InboundMailState.HANDLED, 0)

    async def connection() -> None:
        async with SMTP(hostname=host, port=int(port), start_tls=False) as smtp:
            while waiting:
                await smtp.send_message(waiting.pop())

    started_at = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONCURRENCY)))
    while inbound_mail.count_by_state(engine).get(InboundMailState.HANDLED, 0) < before + mails:  # noqa: ASYNC110 - another process changes it
        await asyncio.sleep(POLL_INTERVAL)
    return mails / (time.perf_counter() - started_at)


async def by_call(mails: int, call: Callable[[int], Awaitable[object]]) -> float:
    """Return calls a second, with as many at a time as there are connections for mails."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(number: int) -> None:
        async with slots:
            await call(number)

    started_at = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(mails)))
    return mails / (time.perf_counter() - started_at)


async def start_ticket(desk: CasekeepClient, number: int) -> None:
    """Start a Ticket as the mailroom does for such a mail."""
    contact = Contact(name="Ada Lovelace", email=SENDER)
    start = PartStart(
        by="service:bench",
        title=f"{SUBJECT} {number}",
        description=TEXT,
        category="payment-reminder",
        queue="accounts-payable",
        primary_contact=contact,
        requester=contact,
        submit=True,
        started_by=StartedBy.EMAIL,
        mail=FirstMail(stored_as=f"bench-{number}"),
    )
    message_id = make_msgid(domain="example.org")
    fields: dict[str, JsonValue] = {
        "by": "service:bench",
        "command_id": message_id,
        "message_id": message_id,
        "sender": f"Ada Lovelace <{SENDER}>",
        "recipients": [DESK],
        "subject": start.title,
        "excerpt": TEXT,
        "stored_as": f"bench-{number}",
    }
    await desk.start_with(start, new_reference(Kind.TICKET), ReceiveEmail.name, fields)


async def start_bare(client: Client, _number: int) -> None:
    """Make the same call to a workflow that does nothing."""
    operation: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
        BARE.workflow,
        START,
        id=make_msgid(),
        task_queue=BARE.queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    await client.execute_update_with_start_workflow(
        "add_note", {"by": "amy", "text": TEXT}, start_workflow_operation=operation
    )


async def measure_mails(stack: Stack, rounds: int, mails: int) -> MailFigures:
    """Measure the ways in turn, round by round."""
    found = MailFigures()
    client, desk = await stack.client(), await stack.desk()
    engine = open_engine(stack.settings.database_url)
    ways: list[tuple[list[float], Callable[[], Awaitable[float]]]] = [
        (found.whole_way, lambda: by_mail(stack, engine, mails)),
        (found.calls, lambda: by_call(mails, lambda n: start_ticket(desk, n))),
        (found.bare_calls, lambda: by_call(mails, lambda n: start_bare(client, n))),
    ]
    await by_mail(stack, engine, CONCURRENCY)
    for turn in range(rounds):
        for figures, way in ways if turn % 2 == 0 else reversed(ways):
            figures.append(await way())
    engine.dispose()
    return found
