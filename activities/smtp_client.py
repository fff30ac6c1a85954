"""Handing mails over to a mail server."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiosmtplib

from mail.smtp_settings import Relay, Tls

ANSWERS_WITHIN: Final = 60.0
"""Seconds that the server has for each step."""
_FINAL: Final = range(500, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said to each recipient."""

    taken: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    """For good, and why."""
    delayed: Mapping[str, str] = field(default_factory=dict)
    """For now, and why."""


class NotTaken(Exception):
    """The server took the mail for nobody."""

    def __init__(self, problem: str, *, is_final: bool) -> None:
        """`is_final`: whether it is of no use to try again."""
        super().__init__(problem)
        self.is_final = is_final


class SmtpServer:
    """A mail server, one connection a mail."""

    def __init__(self, relay: Relay) -> None:
        """Hand mails over to this one."""
        self._relay = relay

    async def transmit(self, raw: bytes, sender: str, recipients: tuple[str, ...]) -> Answer:
        """Hand a mail over; raises NotTaken.

        A server that cannot be reached, or does not let us in, is one to try again: what is wrong
        there is nothing of this mail's.
        """
        relay = self._relay
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            timeout=ANSWERS_WITHIN,
            use_tls=relay.tls is Tls.FROM_THE_BEGINNING,
            start_tls={Tls.ALWAYS: True, Tls.AUTO: None}.get(relay.tls, False),
            tls_context=None if relay.tls is Tls.NEVER else _context(relay),
            username=relay.user,
            password=relay.password,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise NotTaken(f"{relay.host}:{relay.port}: {_told(error)}", is_final=False) from None
        try:
            async with client:
                plain = all(map(str.isascii, (sender, *recipients)))
                options = () if plain else ("SMTPUTF8",)
                errors, _ = await client.sendmail(sender, recipients, raw, mail_options=options)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _answer(recipients, {one.recipient: one for one in error.recipients})
        except aiosmtplib.SMTPResponseException as error:
            raise NotTaken(_told(error), is_final=error.code in _FINAL) from None
        except (aiosmtplib.SMTPNotSupported, ValueError) as error:
            raise NotTaken(_told(error), is_final=True) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotTaken(_told(error), is_final=False) from None
        return _answer(
            recipients,
            {
                address: aiosmtplib.SMTPResponseException(answer.code, answer.message)
                for address, answer in errors.items()
            },
        )


def _answer(
    recipients: tuple[str, ...], errors: Mapping[str, aiosmtplib.SMTPResponseException]
) -> Answer:
    refused: dict[str, str] = {}
    delayed: dict[str, str] = {}
    for address, error in errors.items():
        (refused if error.code in _FINAL else delayed)[address] = _told(error)
    taken = tuple(one for one in recipients if one not in errors)
    return Answer(taken=taken, refused=refused, delayed=delayed)


def _told(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return " ".join(f"{error.code} {error.message}".split())[:300]
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _context(relay: Relay) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not relay.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
