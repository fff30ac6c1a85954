"""A desk with its mailroom, and the real mail host by which people write to it and are answered."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import select

from store.engine import reading
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
WINDOW: Final = "PT15S"
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
    """The desk, and the mail host."""

    running_stack: RunningStack
    host: MailHost

    async def settled(self, *, within: float = EVENTUAL_TIMEOUT) -> None:
        """Wait until no accepted mail is under way any more."""

        async def check() -> None:
            counts = await asyncio.to_thread(inbound_mail.counts, self.running_stack.engine)
            assert counts[InboundMailState.ACCEPTED] == 0, counts

        await assert_eventually(check, within=within)

    async def arrived(self, message_id: str, *, desk: str = SUPPORT) -> InboundMail:
        """The mail of this Message-ID, once it has been handled, or is a dead letter."""
        found: list[InboundMail] = []

        async def check() -> None:
            found[:] = [
                one
                for one in self.all_with(message_id)
                if one.state is not InboundMailState.ACCEPTED
            ]
            assert desk in {one.desk for one in found}, (message_id, self.host.log[-3000:])

        await assert_eventually(check)
        return next(one for one in found if one.desk == desk)

    def all_with(self, message_id: str) -> list[InboundMail]:
        """The mails of this Message-ID, one for each desk of ours that it came to."""
        with reading(self.running_stack.engine) as connection:
            digests = connection.scalars(
                select(mail_in.c.digest)
                .where(mail_in.c.message_id == message_id.strip("<>"))
                .order_by(mail_in.c.desk)
            ).all()
        found = [inbound_mail.mail_of(self.running_stack.engine, digest) for digest in digests]
        return [one for one in found if one is not None]

    async def answered(self, user: str, count: int) -> list[EmailMessage]:
        """Somebody's mailbox, once it has so many mails of ours."""
        found: list[EmailMessage] = []

        async def check() -> None:
            mails = await self.host.mails(user)
            found[:] = [one for one in mails if str(one["from"]).endswith("@desk.example>")]
            assert len(found) >= count, self.host.log[-3000:]

        await assert_eventually(check)
        assert len(found) == count
        return found

    def arrivals(self) -> list[InboundMail]:
        """All mails that came in."""
        with reading(self.running_stack.engine) as connection:
            digests = connection.scalars(select(mail_in.c.digest)).all()
        found = [inbound_mail.mail_of(self.running_stack.engine, digest) for digest in digests]
        return [one for one in found if one is not None]

    def items(self) -> list[str]:
        """The references of all items."""
        with reading(self.running_stack.engine) as connection:
            return list(connection.scalars(select(item.c.reference)).all())

    def effects(self) -> list[tuple[str, str]]:
        """Each time that an item took a mail: which item, and which mail."""
        with reading(self.running_stack.engine) as connection:
            rows = connection.execute(
                select(entry.c.reference, entry.c.mail).where(entry.c.command == "receive_email")
            ).all()
        return [(row.reference, row.mail) for row in rows]

    def written(self) -> list[tuple[str, str, str]]:
        """The mails out: of which item, by which template, and how far they are."""
        with reading(self.running_stack.engine) as connection:
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
    """Everything running; `polled` is a user of the mail host whose mailbox is polled.

    Where it does not send, the desk's mails are kept.
    """
    catalog = folder / "catalog"
    files = {"categories": categories, "mailboxes": mailboxes, "senders": senders}
    await asyncio.to_thread(write_catalog, catalog, files)
    port = free_port()
    async with mail_host(*users, desk_port=port) as host:
        given: Fields = {"mail_listen": f"127.0.0.1:{port}"} | settings
        if polled is not None:
            given["imap_url"] = f"{host.imap_url(polled)}?to={SUPPORT}"
        async with running_stack(
            folder,
            database_url or f"sqlite:///{folder / 'casekeep.db'}",
            catalog=catalog,
            smtp_url=host.smtp_url if sends else None,
            settings=given,
            mailroom=mailroom,
        ) as desk:
            yield MailDesk(desk, host)


def write_catalog(folder: Path, files: dict[str, Fields]) -> None:
    """A catalog of these files."""
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def plain(
    message_id: str,
    *headers: str,
    sender: str = "Ida Berg <ida@example.org>",
    to: str = SUPPORT,
    subject: str = "Where is my invoice?",
    body: str = "I have not got it.",
) -> bytes:
    """A mail as a simple program writes it."""
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
