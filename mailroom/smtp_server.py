"""Server for SMTP, and for LMTP behind a mail server, on one port (M3)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from mail.limits import MAX_RAW_BYTES
from mailroom.acceptance import AcceptanceQueue
from mailroom.routing import ReceivedMessage
from store.errors import StoreError

LOG: Final = logging.getLogger("casekeep.mailroom")
MAX_SMTP_LINE_BYTES: Final = 1024 * 1024
"""Bytes of a line: more than the standard allows, because many mails have longer lines."""
MAX_RECIPIENTS: Final = 100
HOST_NAME: Final = "casekeep"
ACCEPTED_REPLY: Final = "250 2.0.0 accepted: stored until it is delivered to its item"
RETRY_LATER_REPLY: Final = "451 4.3.0 cannot be stored now: try again later"


class SmtpSession(SMTP):
    """Session of SMTP, or of LMTP once the client sends LHLO."""

    line_length_limit = MAX_SMTP_LINE_BYTES
    speaks_lmtp = False

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Greet a mail server that delivers by LMTP; it expects a reply for each recipient."""
        self.speaks_lmtp = True
        await self.smtp_EHLO(arg)


class SmtpHandler:
    """Handler of SMTP commands: accepts a mail, or asks its sender to try again later."""

    def __init__(self, acceptance: AcceptanceQueue) -> None:
        self._acceptance = acceptance

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Accept any address: mail to an unknown one starts a closed Ticket (M2)."""
        del server, session
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 too many recipients: send to the others in another transaction"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Reply OK only after the mail is stored (M3)."""
        del session
        addresses = tuple(dict.fromkeys(envelope.rcpt_tos))
        content = envelope.content
        message = ReceivedMessage(
            raw=content.encode() if isinstance(content, str) else bytes(content or b""),
            addresses=addresses,
            envelope_sender=envelope.mail_from,
        )
        try:
            await self._acceptance.accept(message)
        except StoreError as error:
            LOG.warning(
                "mail from %s: not accepted, sender will retry: %s", envelope.mail_from, error
            )
            reply = RETRY_LATER_REPLY
        except Exception:
            LOG.exception("mail from %s: not accepted, sender will retry", envelope.mail_from)
            reply = RETRY_LATER_REPLY
        else:
            reply = ACCEPTED_REPLY
        speaks_lmtp = isinstance(server, SmtpSession) and server.speaks_lmtp
        return "\r\n".join([reply] * (len(envelope.rcpt_tos) if speaks_lmtp else 1))

    async def handle_exception(self, error: Exception) -> str:
        """Ask the sender to try again: an unexpected error is not the sender's fault."""
        LOG.error("unexpected error in an SMTP session", exc_info=error)
        return RETRY_LATER_REPLY


@asynccontextmanager
async def serve_smtp(acceptance: AcceptanceQueue, listen: str) -> AsyncIterator[int]:
    """Serve SMTP while the context lasts, and yield the port; port 0 takes a free one."""
    host, _, port = listen.rpartition(":")
    handler = SmtpHandler(acceptance)
    loop = asyncio.get_running_loop()

    def new_session() -> SmtpSession:
        return SmtpSession(
            handler,
            data_size_limit=MAX_RAW_BYTES,
            enable_SMTPUTF8=True,
            hostname=HOST_NAME,
            loop=loop,
        )

    server = await loop.create_server(new_session, host=host.strip("[]"), port=int(port))
    async with server:
        yield server.sockets[0].getsockname()[1]
