"""Tables of access control: accounts, sessions, sign-in links, attempts, API keys and audit."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Identity, Index, Integer
from sqlmodel import Field, SQLModel

from store.schema.column_types import EnumText, Utc
from store.schema.tables import table_of


class AccountRow(SQLModel, table=True):
    """Person who works at the desk; `id` is the actor of their commands."""

    __tablename__ = "account"

    id: str = Field(primary_key=True)
    name: str
    """Display name."""
    role: str
    language: str
    zone: str
    email: str | None = Field(default=None, unique=True)
    """In lower case; matches an OpenID account at its first sign-in."""
    subject: str | None = Field(default=None, unique=True)
    """OpenID account: the provider's issuer, a space, and its `sub`."""
    password: str | None = None
    """Argon2 hash; None: no sign-in by password."""
    made_at: datetime = Field(sa_type=Utc)
    disabled_at: datetime | None = Field(default=None, sa_type=Utc)


class MembershipRow(SQLModel, table=True):
    """Membership of an account in a queue; the queue `*` stands for all."""

    __tablename__ = "membership"
    __table_args__ = (Index("membership_queue", "queue"), {"sqlite_with_rowid": False})

    account: str = Field(primary_key=True)
    queue: str = Field(primary_key=True)


class SessionRow(SQLModel, table=True):
    """Signed-in browser; only the digest of its token is stored."""

    __tablename__ = "session"

    digest: str = Field(primary_key=True)
    account: str = Field(index=True)
    way: str
    """Method of the sign-in: `password`, `link` or `provider`."""
    began_at: datetime = Field(sa_type=Utc)
    seen_at: datetime = Field(sa_type=Utc)
    """Last request, to a minute or so."""
    ends_at: datetime = Field(sa_type=Utc, index=True)
    """End even of a session that is in use."""
    address: str | None
    browser: str | None


class SignInLinkRow(SQLModel, table=True):
    """Link that signs in once; only the digest of its token is stored."""

    __tablename__ = "link_in"

    digest: str = Field(primary_key=True)
    account: str
    made_by: str
    ends_at: datetime = Field(sa_type=Utc, index=True)


class AttemptRow(SQLModel, table=True):
    """Number of sign-ins that failed within a window, for an account or from an address."""

    __tablename__ = "attempt"

    key: str = Field(primary_key=True)
    """Digest of `account NAME` or `address 192.0.2.1`: a mistyped name may be a password."""
    failures: int
    since: datetime = Field(sa_type=Utc, index=True)


class ApiKeyRow(SQLModel, table=True):
    """API key of a robot or service; only its digest is stored."""

    __tablename__ = "key"

    id: str = Field(primary_key=True)
    """Public part of the key."""
    digest: str
    actor: str
    scopes: list[str] = Field(sa_type=JSON)
    queues: list[str] = Field(sa_type=JSON)
    made_by: str
    made_at: datetime = Field(sa_type=Utc)
    ends_at: datetime | None = Field(sa_type=Utc)
    revoked_at: datetime | None = Field(default=None, sa_type=Utc)
    used_at: datetime | None = Field(default=None, sa_type=Utc)
    """Last request, to some minutes."""

    def is_valid(self, at: datetime) -> bool:
        """Return True if the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.ends_at is None or at < self.ends_at)


class AuditKind(StrEnum):
    """Kind of an audited act."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    ACCOUNT = "account"
    KEY = "key"
    START = "start"
    COMMAND = "command"
    DOWNLOAD = "download"
    HOOK = "hook"


class AuditOutcome(StrEnum):
    """Outcome of an audited act."""

    DONE = "done"
    REFUSED = "refused"
    """By a rule of the status model, or because it was malformed or stale."""
    FORBIDDEN = "forbidden"
    """By a permission."""
    FAILED = "failed"
    """Wrong credentials, or an error."""


class AuditRow(SQLModel, table=True):
    """Act of an actor, and its outcome."""

    __tablename__ = "audit"

    id: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True
        ),
    )
    at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=Utc, index=True)
    by: str
    """Actor; of a sign-in that failed, the account that was named."""
    kind: AuditKind = Field(sa_type=EnumText(AuditKind))
    what: str
    """Command's name; `add`, `disable` … of an account or key; method of a sign-in."""
    item: str | None = None
    """Reference."""
    about: str | None = None
    """Account, key or mail that was acted on."""
    outcome: AuditOutcome = Field(default=AuditOutcome.DONE, sa_type=EnumText(AuditOutcome))
    reason: str | None = None
    """Sentence of a refusal or error."""
    rule: str | None = None
    address: str | None = None
    """Network address of the request."""


account: Final = table_of(AccountRow)
membership: Final = table_of(MembershipRow)
session: Final = table_of(SessionRow)
link_in: Final = table_of(SignInLinkRow)
attempt: Final = table_of(AttemptRow)
key: Final = table_of(ApiKeyRow)
audit: Final = table_of(AuditRow)

for _name in ("by", "item", "kind"):
    Index(f"audit_{_name}", audit.c[_name], audit.c.id)
