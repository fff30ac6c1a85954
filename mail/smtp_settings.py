"""Settings of the outgoing mail server, from the URL in CASEKEEP_SMTP_URL."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_HINT: Final = "give smtp://[user:password@]host[:port] or smtps://…"
_PORTS: Final = {"smtp": 25, "smtps": 465}
_OPTIONS: Final = {"tls": ("auto", "always", "never"), "verify": ("yes", "no")}


class InvalidSmtpUrl(ValueError):
    """The URL names no mail server, or an unknown option."""


class TlsMode(StrEnum):
    """Encryption of the connection."""

    AUTO = "auto"
    """STARTTLS if the server offers it."""
    ALWAYS = "always"
    NEVER = "never"
    IMPLICIT = "smtps"
    """TLS from the first byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """Address, credentials and encryption of a mail server."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls: TlsMode = TlsMode.AUTO
    verify: bool = True
    """True if the server's certificate is verified."""


def parse_smtp_url(url: str) -> SmtpSettings:
    """Parse `smtp://…` or `smtps://…`, with `?tls=` and `?verify=`.

    Raises InvalidSmtpUrl.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidSmtpUrl(f"cannot be read ({error}): {_HINT}") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
        raise InvalidSmtpUrl(f"names no mail server: {_HINT}")
    options = {name: values[-1] for name, values in parse_qs(parts.query, True).items()}  # noqa: FBT003 - keep_blank_values has no better name
    for name, value in options.items():
        if value not in _OPTIONS.get(name, ()):
            known = "; ".join(f"{option}={'|'.join(of)}" for option, of in _OPTIONS.items())
            raise InvalidSmtpUrl(f"has no option {name}={value}: there are {known}")
    is_implicit = parts.scheme == "smtps"
    return SmtpSettings(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=TlsMode.IMPLICIT if is_implicit else TlsMode(options.get("tls", "auto")),
        verify=options.get("verify", "yes") == "yes",
    )
