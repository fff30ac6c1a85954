"""Settings of Casekeep, all from the environment (contract, connection)."""

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
from domain.base.validation_messages import validation_problems
from mail.smtp_settings import SmtpSettings, parse_smtp_url

STATE_FOLDER = Path(".casekeep")
"""Folder with the files of the development stack, below the working directory."""
_MAX_PORT: Final = 65_535


def _check_listen_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _MAX_PORT:
        raise ValueError("must be an address and a port such as 127.0.0.1:2525")
    return value


def _check_imap_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"imap", "imaps"} or not parts.hostname or not parts.username:
        raise ValueError("must be such as imaps://user:password@host/INBOX")
    return value


class WrongEnvironment(Exception):
    """A variable has a value that cannot be used."""


class Settings(BaseSettings):
    """Settings from `CASEKEEP_…`; the connection to Temporal is in `TEMPORAL_…`."""

    model_config = SettingsConfigDict(env_prefix="CASEKEEP_", frozen=True)

    task_queue: Annotated[str, Field(min_length=1)] = "casekeep"
    """Task queue that workers poll and items are started on."""
    database_url: str = f"sqlite:///{STATE_FOLDER / 'casekeep.db'}"
    """Database of the read model: `sqlite:///…` or `postgresql://…`."""
    catalog: Path = DEFAULT_FOLDER
    """Folder of the catalog."""
    mail_listen: Annotated[str, AfterValidator(_check_listen_address)] = "127.0.0.1:2525"
    """Address of the mailroom's SMTP and LMTP server."""
    http_listen: Annotated[str, AfterValidator(_check_listen_address)] = "127.0.0.1:8080"
    """Address of the work pages and the HTTP API."""
    imap_url: Annotated[str, AfterValidator(_check_imap_url)] | None = None
    """Mailbox to poll: `imaps://user:password@host/INBOX?to=support@desk.example`."""
    mail_answers: Annotated[int, Field(ge=0)] = 3
    """Most automatic answers that one correspondent gets within an hour (M4)."""
    oidc_issuer: str | None = None
    """OpenID provider that people sign in at, such as https://login.example/realms/desk."""
    oidc_client_id: Annotated[str, Field(min_length=1)] | None = None
    """Our client id at the provider; required with an issuer."""
    oidc_client_secret: SecretStr | None = None
    """Our client secret at the provider; without one we are a public client, with PKCE only."""
    smtp_url: str | None = None
    """Mail server for outgoing mails: `smtp://…` or `smtps://…`; without one, none is sent."""

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, url: str | None) -> str | None:
        if url is not None and url.strip():
            parse_smtp_url(url)
            return url
        return None

    @field_validator("oidc_issuer")
    @classmethod
    def _check_oidc_issuer(cls, issuer: str | None) -> str | None:
        parts = urlsplit(issuer or "")
        if not issuer:
            return None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError("must be such as https://login.example/realms/desk")
        return issuer

    @model_validator(mode="after")
    def _check_oidc_client_id(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError("oidc_client_id: goes with oidc_issuer; set both or neither")
        return self

    @property
    def relay(self) -> SmtpSettings | None:
        """The mail server for outgoing mails; None if there is none."""
        return None if self.smtp_url is None else parse_smtp_url(self.smtp_url)


def read_settings() -> Settings:
    """Read the settings from the environment; raises WrongEnvironment."""
    try:
        return Settings()
    except ValidationError as error:
        (name, problem), *_ = validation_problems(error)
        raise WrongEnvironment(f"CASEKEEP_{name.upper()}: {problem}") from None
