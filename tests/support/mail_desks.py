"""A desk with its mailroom, behind a real mail host."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import select

from store.engine import read_connection
from store.mail import inbound_mail
from store.mail.inbound_mail import InboundMail
from store.schema.tables import InboundMailState, entry, item, mail_in, mail_out
from tests.support.mail_host import MailHost, free_port, mail_host
from tests.support.process_stack import (
    EVENTUAL_TIMEOUT,
    Fields,
    RunningStack,
    assert_eventually,
    running_stack,
)

IDA: Final = "ida@example.org"
SUPPORT: Final = "support@desk.example"
BILLING: Final = "billing@desk.example"
CATEGORIES: Final[Fields] = {
    "question": {"queue": "support", "settings": {"feedback_window": "P1D"}},
    "bill": {"queue": "billing", "settings": {"feedback_window": "P1D"}},
}
MAILBOXES: Final[Fields] = {
    SUPPORT: {"ticket": "question", "acknowledge": True},
    BILLING: {"ticket": "bill", "acknowledge": True},
}
SENDERS: Final[Fields] = {
    SUPPORT: {"name": "Support"},
    BILLING: {"name": "Billing", "queues": ["billing"]},
}


@dataclass(frozen=True)
class MailDesk:
    """Running desk with its mail host."""

    running_stack: RunningStack
    host: MailHost

    async def settled(self, *, within: float = EVENTUAL_TIMEOUT) -> None:
        """Wait until every accepted mail is delivered or a dead letter."""

        async def check() -> None:
            counts = await asyncio.to_thread(inbound_mail.count_by_state, self.running_stack.engine)
            assert counts[InboundMailState.ACCEPTED] == 0, counts

        await assert_eventually(check, within=within)

    async def arrived(self, message_id: str, *, desk: str = SUPPORT) -> InboundMail:
        """Return the mail with this Message-ID, once it is delivered or a dead letter."""
        found: list[InboundMail] = []

        async def check() -> None:
            found[:] = [
                arrival
                for arrival in self.all_with(message_id)
                if arrival.state is not InboundMailState.ACCEPTED
            ]
            assert desk in {arrival.desk for arrival in found}, (message_id, self.host.log[-3000:])

        await assert_eventually(check)
        return next(arrival for arrival in found if arrival.desk == desk)

    def all_with(self, message_id: str) -> list[InboundMail]:
        """Return the mails with this Message-ID, one for each mailbox that received it."""
        with read_connection(self.running_stack.engine) as connection:
            digests = connection.scalars(
                select(mail_in.c.digest)
                .where(mail_in.c.message_id == message_id.strip("<>"))
                .order_by(mail_in.c.desk)
            ).all()
        found = [inbound_mail.find_mail(self.running_stack.engine, digest) for digest in digests]
        return [arrival for arrival in found if arrival is not None]

    async def answered(self, user: str, count: int) -> list[EmailMessage]:
        """Wait until a mailbox has `count` mails from the desk, and return them."""
        found: list[EmailMessage] = []

        async def check() -> None:
            mails = await self.host.mails(user)
            found[:] = [mail for mail in mails if str(mail["from"]).endswith("@desk.example>")]
            assert len(found) >= count, self.host.log[-3000:]

        await assert_eventually(check)
        assert len(found) == count
        return found

    def arrivals(self) -> list[InboundMail]:
        """Return all received mails."""
        with read_connection(self.running_stack.engine) as connection:
            digests = connection.scalars(select(mail_in.c.digest)).all()
        found = [inbound_mail.find_mail(self.running_stack.engine, digest) for digest in digests]
        return [arrival for arrival in found if arrival is not None]

    def items(self) -> list[str]:
        """Return the references of all items."""
        with read_connection(self.running_stack.engine) as connection:
            return list(connection.scalars(select(item.c.reference)).all())

    def effects(self) -> list[tuple[str, str]]:
        """Return item and mail for each time that an item received a mail."""
        with read_connection(self.running_stack.engine) as connection:
            rows = connection.execute(
                select(entry.c.reference, entry.c.mail).where(entry.c.command == "receive_email")
            ).all()
        return [(row.reference, row.mail) for row in rows]

    def written(self) -> list[tuple[str, str, str]]:
        """Return item, template and status of each outgoing mail."""
        with read_connection(self.running_stack.engine) as connection:
            rows = connection.execute(
                select(mail_out.c.reference, mail_out.c.template, mail_out.c.status)
            ).all()
        return [(row.reference, row.template, row.status) for row in rows]


@asynccontextmanager
async def mail_desk(
    folder: Path,
    users: Sequence[str] = (IDA,),
    *,
    categories: Fields = CATEGORIES,
    mailboxes: Fields = MAILBOXES,
    senders: Fields = SENDERS,
    polled: str | None = None,
    database_url: str | None = None,
    mailroom: bool = True,
    sends: bool = True,
    **settings: Any,  # noqa: ANN401
) -> AsyncIterator[MailDesk]:
    """Run a desk, its mailroom and a mail host.

    `polled`: a user of the mail host whose mailbox the desk polls. `sends`: if False, the desk
    stores its mails and sends none.
    """
    catalog = folder / "catalog"
    files = {"categories": categories, "mailboxes": mailboxes, "senders": senders}
    await asyncio.to_thread(write_catalog, catalog, files)
    port = free_port()
    async with mail_host(*users, desk_port=port) as host:
        stack_settings: Fields = {"mail_listen": f"127.0.0.1:{port}"} | settings
        if polled is not None:
            stack_settings["imap_url"] = f"{host.imap_url(polled)}?to={SUPPORT}"
        async with running_stack(
            folder,
            database_url or f"sqlite:///{folder / 'casekeep.db'}",
            catalog=catalog,
            smtp_url=host.smtp_url if sends else None,
            settings=stack_settings,
            mailroom=mailroom,
        ) as desk:
            yield MailDesk(desk, host)


def write_catalog(folder: Path, files: dict[str, Fields]) -> None:
    """Write a catalog of these files."""
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def make_plain_mail(
    message_id: str,
    *headers: str,
    sender: str = "Ida Berg <ida@example.org>",
    to: str = SUPPORT,
    subject: str = "Where is my invoice?",
    body: str = "I have not got it.",
) -> bytes:
    """Return a plain-text mail as bytes."""
    lines = [
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Message-ID: <{message_id}>",
        "Date: Mon, 02 Mar 2026 10:00:00 +0100",
        *headers,
        "",
        body,
        "",
    ]
    return "\r\n".join(lines).encode()
