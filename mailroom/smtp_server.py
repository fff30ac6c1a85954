"""The listener: SMTP, and LMTP behind a mail server, on one port (M3)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from mail.limits import MAX_RAW_BYTES
from mailroom.acceptance import Reception
from mailroom.routing import Letter
from store.errors import StoreFault

LOG: Final = logging.getLogger("casekeep.mailroom")
LINE_LIMIT: Final = 1024 * 1024
"""Bytes of a line; more than a mail may have by its standard, because many have."""
MOST_RECIPIENTS: Final = 100
NAME: Final = "casekeep"
TAKEN: Final = "250 2.0.0 taken: it is kept until it is with its item"
LATER: Final = "451 4.3.0 cannot be kept just now: try again later"


class Door(SMTP):
    """Speaks SMTP, or LMTP with whoever says LHLO."""

    line_length_limit = LINE_LIMIT
    speaks_lmtp = False

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's form of a verb
        """Greet a mail server that delivers by LMTP: it wants an answer for each recipient."""
        self.speaks_lmtp = True
        await self.smtp_EHLO(arg)


class Porter:
    """What happens to a mail at the door: it is kept, or its sender is told to try again."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Take any address: one that no mailbox has starts a Ticket, too (M2)."""
        del server, session
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients: send it to the others after this"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Say OK only once the mail is kept."""
        del session
        addresses = tuple(dict.fromkeys(envelope.rcpt_tos))
        content = envelope.content
        letter = Letter(
            raw=content.encode() if isinstance(content, str) else bytes(content or b""),
            addresses=addresses,
            envelope_sender=envelope.mail_from,
        )
        try:
            await self._reception.take(letter)
        except StoreFault as fault:
            LOG.warning("a mail from %s was put off: %s", envelope.mail_from, fault)
            answer = LATER
        except Exception:
            LOG.exception("a mail from %s was put off", envelope.mail_from)
            answer = LATER
        else:
            answer = TAKEN
        speaks_lmtp = isinstance(server, Door) and server.speaks_lmtp
        return "\r\n".join([answer] * (len(envelope.rcpt_tos) if speaks_lmtp else 1))

    async def handle_exception(self, error: Exception) -> str:
        """Whatever goes wrong is ours, so the mail is sent again."""
        LOG.error("a conversation went wrong", exc_info=error)
        return LATER


@asynccontextmanager
async def listening(reception: Reception, listen: str) -> AsyncIterator[int]:
    """Take mails while the context lasts; the port, which a free one is found for if it is 0."""
    host, _, port = listen.rpartition(":")
    porter = Porter(reception)
    loop = asyncio.get_running_loop()

    def door() -> Door:
        return Door(
            porter, data_size_limit=MAX_RAW_BYTES, enable_SMTPUTF8=True, hostname=NAME, loop=loop
        )

    server = await loop.create_server(door, host=host.strip("[]"), port=int(port))
    async with server:
        yield server.sockets[0].getsockname()[1]
