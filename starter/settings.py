"""Our own settings, all from the environment (contract, connection)."""

from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from catalog import DEFAULT_FOLDER
from domain.base.validation_messages import problems_of
from mail.smtp_settings import Relay, relay_of

STATE_FOLDER = Path(".casekeep")
"""Where the embedded stack keeps what it keeps, below the folder it is run in."""
_LAST_PORT: Final = 65_535


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _LAST_PORT:
        raise ValueError("must be an address and a port such as 127.0.0.1:2525")
    return value


def _imap(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"imap", "imaps"} or not parts.hostname or not parts.username:
        raise ValueError("must be such as imaps://user:password@host/INBOX")
    return value


class WrongEnvironment(Exception):
    """A variable has a value that cannot be used."""


class Settings(BaseSettings):
    """What `CASEKEEP_…` says; Temporal's own connection is in `TEMPORAL_…` alone."""

    model_config = SettingsConfigDict(env_prefix="CASEKEEP_", frozen=True)

    task_queue: Annotated[str, Field(min_length=1)] = "casekeep"
    """Where the worker polls, and where items are started."""
    database_url: str = f"sqlite:///{STATE_FOLDER / 'casekeep.db'}"
    """The read model: `sqlite:///…` or `postgresql://…`."""
    catalog: Path = DEFAULT_FOLDER
    """Categories and case definitions."""
    mail_listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:2525"
    """Where the mailroom takes mails in, by SMTP and LMTP."""
    http_listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8080"
    """Where the work pages and the HTTP API are."""
    imap_url: Annotated[str, AfterValidator(_imap)] | None = None
    """A mailbox that is polled: `imaps://user:password@host/INBOX?to=support@desk.example`."""
    mail_answers: Annotated[int, Field(ge=0)] = 3
    """M4: automatic answers that one correspondent gets within an hour."""
    oidc_issuer: str | None = None
    """An OpenID provider that people sign in at, such as https://login.example/realms/desk."""
    oidc_client_id: Annotated[str, Field(min_length=1)] | None = None
    """What it knows us by; needed with an issuer."""
    oidc_client_secret: SecretStr | None = None
    """What it knows that we are us by; none: we are a public client, by PKCE alone."""
    smtp_url: str | None = None
    """Where mails go out: `smtp://…` or `smtps://…`; none: mails are kept, not sent."""

    @field_validator("smtp_url")
    @classmethod
    def _names_a_mail_server(cls, url: str | None) -> str | None:
        if url is not None and url.strip():
            relay_of(url)
            return url
        return None

    @field_validator("oidc_issuer")
    @classmethod
    def _names_a_provider(cls, issuer: str | None) -> str | None:
        parts = urlsplit(issuer or "")
        if not issuer:
            return None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError("must be such as https://login.example/realms/desk")
        return issuer

    @model_validator(mode="after")
    def _names_us_at_the_provider(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError("oidc_client_id: goes with oidc_issuer; set both or neither")
        return self

    @property
    def relay(self) -> Relay | None:
        """The mail server that mails go out by."""
        return None if self.smtp_url is None else relay_of(self.smtp_url)


def read_settings() -> Settings:
    """Read the settings from the environment; raises WrongEnvironment."""
    try:
        return Settings()
    except ValidationError as error:
        (name, problem), *_ = problems_of(error)
        raise WrongEnvironment(f"CASEKEEP_{name.upper()}: {problem}") from None
