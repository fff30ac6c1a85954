"""A desk with its mailroom in the test's own process, to which tests give mails one by one."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from catalog.loader import load_catalog
from mailroom.acceptance import AcceptanceQueue
from mailroom.delivery import Deliverer
from mailroom.routing import MailRouter, ReceivedMessage, create_router
from store.engine import read_connection
from store.mail import inbound_mail
from store.mail.inbound_mail import InboundMail
from store.schema.tables import entry
from tests.support.process_stack import RunningStack, running_stack

IDA: Final = "Ida Berg <ida@example.org>"
EVE: Final = "eve@evil.example"
DESK: Final = "desk@desk.example"
ERRANDS: Final = "errands@desk.example"
PARENT_FIRST: Final = "first@desk.example"
HASTY: Final = "hasty@desk.example"
CATALOG: Final = {
    "categories.yaml": (
        "question: {settings: {feedback_window: P1D}}\n"
        "hasty: {settings: {feedback_window: PT1S}}\n"
        "brief: {settings: {feedback_window: PT4S}}\n"
    ),
    "cases/errand.yaml": (
        "name: errand\nsteps:\n  - key: only\n    actions:\n      - key: run\n      - key: tell\n"
    ),
    "mailboxes.yaml": (
        f"{DESK}: {{ticket: question}}\n{HASTY}: {{ticket: hasty}}\n{ERRANDS}: {{case: errand}}\n"
        f"{PARENT_FIRST}: {{case: errand, parent_first: true}}\n"
        "brief@desk.example: {ticket: brief}\n"
    ),
}
_NUMBERS: Final = itertools.count(1)


def plus_address(mailbox: str, reference: str) -> str:
    """Return the item's own address at a mailbox."""
    return mailbox.replace("@", f"+{reference}@")


def make_mail(
    *,
    sender: str | None = IDA,
    subject: str | None = "Where is it",
    body: str = "Hello",
    **headers: str,
) -> bytes:
    """Return a mail as bytes; `In_Reply_To=…` adds a header."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<m{next(_NUMBERS)}@example.org>"
    for name, value in {"From": sender, "Subject": subject, **headers}.items():
        if value is not None:
            message[name.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes()


def items_with_mail(desk: RunningStack, digest: str) -> list[str]:
    """Return the items that received this mail, once for each time; else the item it started."""
    with read_connection(desk.engine) as connection:
        rows = connection.execute(
            select(entry.c.reference, entry.c.command).where(entry.c.mail == digest)
        ).all()
    received = [row.reference for row in rows if row.command == "receive_email"]
    started = [row.reference for row in rows if row.command == "create"]
    assert len(rows) == len(received) + len(started)
    return received or started


@dataclass
class Mailroom:
    """Mailroom of a desk: accepts mails and delivers them to their items."""

    running_stack: RunningStack
    reader: MailRouter
    deliverer: Deliverer = field(init=False)

    def __post_init__(self) -> None:
        self.deliverer = Deliverer(self.running_stack.desk, self.running_stack.engine, self.reader)

    async def accept(
        self,
        raw: bytes,
        *to: str,
        received_at: datetime | None = None,
        envelope_sender: str | None = "ida@example.org",
    ) -> list[InboundMail]:
        """Accept a mail without delivering it."""
        acceptance = AcceptanceQueue(self.running_stack.engine, self.reader, budget=3)
        letter = ReceivedMessage(
            raw=raw,
            addresses=to or (DESK,),
            received_at=received_at,
            envelope_sender=envelope_sender,
        )
        accepted = await acceptance.accept(letter)
        acceptance.close()
        return accepted

    async def deliver(self) -> None:
        """Deliver all accepted mails to their items."""
        await self.deliverer.sweep()
        await self.deliverer.finish()

    async def send(self, *to: str, **mail: Any) -> InboundMail:  # noqa: ANN401 - arguments of make_mail
        """Accept and deliver a new mail, made by make_mail."""
        (accepted,) = await self.accept(make_mail(**mail), *to)
        await self.deliver()
        arrived = inbound_mail.find_mail(self.running_stack.engine, accepted.digest)
        assert arrived is not None
        return arrived

    async def start_item(self, *to: str, **mail: Any) -> str:  # noqa: ANN401 - as above
        """Return the item that a new mail starts."""
        arrived = await self.send(*to, **mail)
        assert arrived.reference is not None, arrived
        assert self.items_with(arrived) == [arrived.reference]
        return arrived.reference

    def items_with(self, arrived: InboundMail) -> list[str]:
        """Return the items that received this mail, once for each time."""
        return items_with_mail(self.running_stack, arrived.digest)

    async def links(self, reference: str) -> list[tuple[str, str]]:
        """Return kind and reference of an item's links."""
        state = await self.running_stack.desk.state(reference)
        return [(link["kind"], link["reference"]) for link in state["links"]]


@asynccontextmanager
async def mailroom(folder: Path) -> AsyncIterator[Mailroom]:
    """Run a desk with `CATALOG` and its mailroom."""
    catalog = folder / "catalog"
    for name, text in CATALOG.items():
        (catalog / name).parent.mkdir(parents=True, exist_ok=True)
        (catalog / name).write_text(text)
    database = f"sqlite:///{folder / 'casekeep.db'}"
    async with running_stack(folder, database, catalog=catalog) as desk:
        yield Mailroom(desk, create_router(desk.engine, load_catalog(catalog).mailboxes))
