"""SMTP client that transmits mails to a mail server."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiosmtplib

from mail.smtp_settings import SmtpSettings, TlsMode

SMTP_TIMEOUT: Final = 60.0
"""Seconds that the server has to answer each command."""
_PERMANENT_CODES: Final = range(500, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpReply:
    """Reply of a server for each recipient."""

    accepted: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Recipients refused for good, with the reason."""
    delayed: Mapping[str, str] = field(default_factory=dict)
    """Recipients refused temporarily, with the reason."""


class MailNotAccepted(Exception):
    """The server accepted the mail for no recipient."""

    def __init__(self, problem: str, *, is_final: bool) -> None:
        """`is_final`: a retry is of no use."""
        super().__init__(problem)
        self.is_final = is_final


class SmtpClient:
    """Client of a mail server; opens a connection for each mail."""

    def __init__(self, relay: SmtpSettings) -> None:
        """Transmit mails to this server."""
        self._relay = relay

    async def transmit(self, raw: bytes, sender: str, recipients: tuple[str, ...]) -> SmtpReply:
        """Transmit a mail; raises MailNotAccepted.

        A server that cannot be reached or refuses our login is a temporary problem: it is not
        caused by this mail.
        """
        relay = self._relay
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            timeout=SMTP_TIMEOUT,
            use_tls=relay.tls is TlsMode.IMPLICIT,
            start_tls={TlsMode.ALWAYS: True, TlsMode.AUTO: None}.get(relay.tls, False),
            tls_context=None if relay.tls is TlsMode.NEVER else _tls_context(relay),
            username=relay.user,
            password=relay.password,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise MailNotAccepted(
                f"{relay.host}:{relay.port}: {_problem(error)}", is_final=False
            ) from None
        try:
            async with client:
                is_ascii = all(map(str.isascii, (sender, *recipients)))
                options = () if is_ascii else ("SMTPUTF8",)
                errors, _ = await client.sendmail(sender, recipients, raw, mail_options=options)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _reply(recipients, {one.recipient: one for one in error.recipients})
        except aiosmtplib.SMTPResponseException as error:
            raise MailNotAccepted(
                _problem(error), is_final=error.code in _PERMANENT_CODES
            ) from None
        except (aiosmtplib.SMTPNotSupported, ValueError) as error:
            raise MailNotAccepted(_problem(error), is_final=True) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailNotAccepted(_problem(error), is_final=False) from None
        return _reply(
            recipients,
            {
                address: aiosmtplib.SMTPResponseException(answer.code, answer.message)
                for address, answer in errors.items()
            },
        )


def _reply(
    recipients: tuple[str, ...], errors: Mapping[str, aiosmtplib.SMTPResponseException]
) -> SmtpReply:
    refused: dict[str, str] = {}
    delayed: dict[str, str] = {}
    for address, error in errors.items():
        (refused if error.code in _PERMANENT_CODES else delayed)[address] = _problem(error)
    accepted = tuple(one for one in recipients if one not in errors)
    return SmtpReply(accepted=accepted, refused=refused, delayed=delayed)


def _problem(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return " ".join(f"{error.code} {error.message}".split())[:300]
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _tls_context(relay: SmtpSettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not relay.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
