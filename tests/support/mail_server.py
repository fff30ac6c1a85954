"""A mail server in the test's own process, which takes, refuses and delays as it is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

OK: Final = "250 OK"


@dataclass(frozen=True)
class Got:
    """A mail as the server got it."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.raw, policy=default)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, subtype: str) -> str:
        """The body, as plain text or as HTML."""
        body = self.message.get_body((subtype,))
        assert body is not None
        text = body.get_content()
        assert isinstance(text, str)
        return text


@dataclass
class MailServer:
    """What it got, and what it answers: to a recipient, and to the mail itself."""

    got: list[Got] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    answer: str = OK
    asked: Counter[str] = field(default_factory=Counter)
    """How often each recipient was named."""
    on_taken: Callable[[], Awaitable[object]] | None = None
    """What happens once it has a mail, before it says so; but the first time only."""
    loses_answers: bool = False
    """Whether it takes mails, and then breaks the connection instead of saying so."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        self.asked[address] += 1
        answer = self.answers.get(address, OK)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - as above
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.answer == OK:
            assert isinstance(envelope.content, bytes)
            mail = Got(envelope.mail_from or "", tuple(envelope.rcpt_tos), envelope.content)
            self.got.append(mail)
            happens, self.on_taken = self.on_taken, None
            if happens is not None:
                await happens()
        if self.loses_answers and server.transport is not None:
            server.transport.close()
        return self.answer

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The URL by which it is reached, while the context lasts."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(self, hostname="mail.example", enable_SMTPUTF8=True), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"smtp://127.0.0.1:{port}"
        finally:
            server.close()
            await server.wait_closed()
