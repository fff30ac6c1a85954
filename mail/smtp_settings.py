"""Where mails go out: the mail server that CASEKEEP_SMTP_URL names."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_WAY_OUT: Final = "give smtp://[user:password@]host[:port] or smtps://…"
_PORTS: Final = {"smtp": 25, "smtps": 465}
_OPTIONS: Final = {"tls": ("auto", "always", "never"), "verify": ("yes", "no")}


class RelayUnknown(ValueError):
    """The URL names no mail server."""


class Tls(StrEnum):
    """How the connection is encrypted."""

    AUTO = "auto"
    """Where the server offers STARTTLS."""
    ALWAYS = "always"
    NEVER = "never"
    FROM_THE_BEGINNING = "smtps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A mail server that takes our mails."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls: Tls = Tls.AUTO
    verify: bool = True
    """Whether the server's certificate is checked."""


def relay_of(url: str) -> Relay:
    """The server that a URL names: `smtp://…` or `smtps://…`, with `?tls=` and `?verify=`.

    Raises RelayUnknown.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RelayUnknown(f"cannot be read ({error}): {_WAY_OUT}") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
        raise RelayUnknown(f"names no mail server: {_WAY_OUT}")
    options = {name: values[-1] for name, values in parse_qs(parts.query, True).items()}  # noqa: FBT003 - keep_blank_values has no better name
    for name, value in options.items():
        if value not in _OPTIONS.get(name, ()):
            known = "; ".join(f"{one}={'|'.join(of)}" for one, of in _OPTIONS.items())
            raise RelayUnknown(f"has no option {name}={value}: there are {known}")
    wrapped = parts.scheme == "smtps"
    return Relay(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=Tls.FROM_THE_BEGINNING if wrapped else Tls(options.get("tls", "auto")),
        verify=options.get("verify", "yes") == "yes",
    )
