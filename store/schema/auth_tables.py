"""The tables of who may come in: accounts, sessions, links, attempts, keys, and the audit."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Identity, Index, Integer
from sqlmodel import Field, SQLModel

from store.schema.column_types import Utc
from store.schema.tables import table_of


class AccountRow(SQLModel, table=True):
    """A person of the desk; `id` is the actor that their commands are by."""

    __tablename__ = "account"

    id: str = Field(primary_key=True)
    name: str
    """For people to read."""
    role: str
    language: str
    zone: str
    email: str | None = Field(default=None, unique=True)
    """In lower case; by it a provider's account is found the first time."""
    subject: str | None = Field(default=None, unique=True)
    """Who they are at the OpenID provider: its issuer, a space, and their `sub` there."""
    password: str | None = None
    """Argon2's own text; None: no sign-in by password."""
    made_at: datetime = Field(sa_type=Utc)
    disabled_at: datetime | None = Field(default=None, sa_type=Utc)


class MembershipRow(SQLModel, table=True):
    """Whose queue it is; the queue `*` stands for all."""

    __tablename__ = "membership"
    __table_args__ = (Index("membership_queue", "queue"), {"sqlite_with_rowid": False})

    account: str = Field(primary_key=True)
    queue: str = Field(primary_key=True)


class SessionRow(SQLModel, table=True):
    """A browser in which somebody is signed in; of its token only the digest is known here."""

    __tablename__ = "session"

    digest: str = Field(primary_key=True)
    account: str = Field(index=True)
    way: str
    """How they signed in: `password`, `link` or `provider`."""
    began_at: datetime = Field(sa_type=Utc)
    seen_at: datetime = Field(sa_type=Utc)
    """Within a minute or so."""
    ends_at: datetime = Field(sa_type=Utc, index=True)
    """However busy it is."""
    address: str | None
    browser: str | None


class LinkInRow(SQLModel, table=True):
    """A link that signs in once."""

    __tablename__ = "link_in"

    digest: str = Field(primary_key=True)
    account: str
    made_by: str
    ends_at: datetime = Field(sa_type=Utc, index=True)


class AttemptRow(SQLModel, table=True):
    """How often signing in failed of late, for an account or from an address."""

    __tablename__ = "attempt"

    key: str = Field(primary_key=True)
    """A digest of `account NAME` or `address 192.0.2.1`: what people mistype may be a password."""
    failures: int
    since: datetime = Field(sa_type=Utc, index=True)


class KeyRow(SQLModel, table=True):
    """What a robot or service comes in by; of the key itself only the digest is known here."""

    __tablename__ = "key"

    id: str = Field(primary_key=True)
    """The public part of the key."""
    digest: str
    actor: str
    scopes: list[str] = Field(sa_type=JSON)
    queues: list[str] = Field(sa_type=JSON)
    made_by: str
    made_at: datetime = Field(sa_type=Utc)
    ends_at: datetime | None = Field(sa_type=Utc)
    revoked_at: datetime | None = Field(default=None, sa_type=Utc)
    used_at: datetime | None = Field(default=None, sa_type=Utc)
    """Within some minutes."""


class Audited(StrEnum):
    """What is noted of who did what."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    ACCOUNT = "account"
    KEY = "key"
    START = "start"
    COMMAND = "command"
    DOWNLOAD = "download"
    HOOK = "hook"


class Verdict(StrEnum):
    """What became of it."""

    DONE = "done"
    REFUSED = "refused"
    """By a rule of the status model, or because it was malformed or stale."""
    FORBIDDEN = "forbidden"
    """By a permit."""
    FAILED = "failed"
    """A sign-in that was none, or something that broke."""


class AuditRow(SQLModel, table=True):
    """Who did what, and what became of it."""

    __tablename__ = "audit"

    id: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True
        ),
    )
    at: datetime = Field(sa_type=Utc, index=True)
    by: str
    """Who did it; of a sign-in that failed, who they said they were."""
    kind: str
    what: str
    """The command's name, or what was done to an account or key, or how somebody signed in."""
    item: str | None
    about: str | None
    """The account, key or mail that it was done to."""
    outcome: str
    reason: str | None
    rule: str | None
    address: str | None


account: Final = table_of(AccountRow)
membership: Final = table_of(MembershipRow)
session: Final = table_of(SessionRow)
link_in: Final = table_of(LinkInRow)
attempt: Final = table_of(AttemptRow)
key: Final = table_of(KeyRow)
audit: Final = table_of(AuditRow)

for _name in ("by", "item", "kind"):
    Index(f"audit_{_name}", audit.c[_name], audit.c.id)
