"""Mail server in the test's own process, which accepts, refuses or delays mails as configured."""

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
class DeliveredMail:
    """Mail that the server accepted."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.raw, policy=default)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, subtype: str) -> str:
        """Return the body, as plain text or as HTML."""
        body = self.message.get_body((subtype,))
        assert body is not None
        text = body.get_content()
        assert isinstance(text, str)
        return text


@dataclass
class MailServer:
    """Mail server that records accepted mails and replies as configured."""

    delivered: list[DeliveredMail] = field(default_factory=list)
    recipient_replies: dict[str, str] = field(default_factory=dict)
    reply: str = OK
    recipient_counts: Counter[str] = field(default_factory=Counter)
    """Number of RCPT commands by recipient."""
    on_first_delivery: Callable[[], Awaitable[object]] | None = None
    """Called once, after the first mail is accepted and before the server replies."""
    drops_connection: bool = False
    """True if the server accepts mails, but closes the connection instead of replying."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        self.recipient_counts[address] += 1
        reply = self.recipient_replies.get(address, OK)
        if reply == OK:
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(  # noqa: N802 - as above
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.reply == OK:
            assert isinstance(envelope.content, bytes)
            mail = DeliveredMail(
                envelope.mail_from or "", tuple(envelope.rcpt_tos), envelope.content
            )
            self.delivered.append(mail)
            callback, self.on_first_delivery = self.on_first_delivery, None
            if callback is not None:
                await callback()
        if self.drops_connection and server.transport is not None:
            server.transport.close()
        return self.reply

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Listen while the context lasts; yields the server's URL."""
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
