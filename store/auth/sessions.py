"""Sign-in: sessions of browsers, links that sign in once, and counts of failed attempts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Engine, Select, String, bindparam, case
from sqlalchemy import select as columns_of
from sqlmodel import col, delete, or_, update

from store.engine import INSERTS, read_connection, read_session, write_session
from store.schema.auth_tables import (
    AttemptRow,
    SessionRow,
    SignInLinkRow,
    account,
    attempt,
    membership,
    session,
)
from store.schema.column_types import Utc

LAST_USE_PRECISION: Final = timedelta(minutes=1)
"""Precision of a session's last use: requests write it no more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAccount:
    """Session together with its account."""

    account: str
    name: str
    role: str
    queues: frozenset[str]
    language: str
    zone: str
    began_at: datetime


def digest_of(secret: str) -> str:
    """Return the digest by which the store knows a random token, link or key."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def begin_session(engine: Engine, new: SessionRow, *, replaced: str | None = None) -> None:
    """Add a new session; delete expired ones, and the one that it replaces."""
    gone = col(SessionRow.ends_at) <= new.began_at
    if replaced is not None:
        gone = or_(gone, col(SessionRow.digest) == replaced)
    with write_session(engine) as rows:
        rows.add(new)
        rows.exec(delete(SessionRow).where(gone))


def find_session(engine: Engine, digest: str, *, idle: timedelta) -> SessionAccount | None:
    """Return the session of this digest, unless it has expired or was idle for so long."""
    now = datetime.now(UTC)
    parameters = {"digest": digest, "now": now, "seen_after": now - idle}
    # each request asks this: columns are read without the cost of rows
    with read_connection(engine) as connection:
        found = connection.execute(_select_session(), parameters).all()
    if not found:
        return None
    first = found[0]
    if first.seen_at <= now - LAST_USE_PRECISION:
        seen = update(SessionRow).where(col(SessionRow.digest) == digest).values(seen_at=now)
        with write_session(engine) as rows:
            rows.exec(seen)
    return SessionAccount(
        account=first.account,
        name=first.name,
        role=first.role,
        queues=frozenset(each.queue for each in found if each.queue is not None),
        language=first.language,
        zone=first.zone,
        began_at=first.began_at,
    )


def end_session(engine: Engine, digest: str) -> None:
    """End a session: sign out."""
    with write_session(engine) as rows:
        rows.exec(delete(SessionRow).where(col(SessionRow.digest) == digest))


def add_link(engine: Engine, digest: str, *, account: str, by: str, lifetime: timedelta) -> None:
    """Add a link that signs in once; delete expired ones."""
    now = datetime.now(UTC)
    with write_session(engine) as rows:
        rows.exec(delete(SignInLinkRow).where(col(SignInLinkRow.ends_at) <= now))
        rows.add(SignInLinkRow(digest=digest, account=account, made_by=by, ends_at=now + lifetime))


def is_link_usable(engine: Engine, digest: str) -> bool:
    """Return True if a link of this digest can be used now."""
    with read_session(engine) as rows:
        link = rows.get(SignInLinkRow, digest)
    return link is not None and link.ends_at > datetime.now(UTC)


def use_link(engine: Engine, digest: str) -> str | None:
    """Delete a link and return its account; None if it was used, has expired or never existed."""
    used = delete(SignInLinkRow).where(
        col(SignInLinkRow.digest) == digest, col(SignInLinkRow.ends_at) > datetime.now(UTC)
    )
    with write_session(engine) as rows:
        account: str | None = rows.exec(used.returning(col(SignInLinkRow.account))).scalar()
    return account


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempts:
    """Number of failed sign-ins in the window that began `since`."""

    failures: int
    since: datetime


def count_attempt(engine: Engine, subject: str, *, window: timedelta) -> FailedAttempts:
    """Count an attempt as failed before its password is checked, and return the count.

    Several processes may count at the same time; every attempt counts.
    """
    now = datetime.now(UTC)
    insert = INSERTS[engine.dialect.name](attempt).values(
        key=digest_of(subject), failures=1, since=now
    )
    is_over = attempt.c.since <= now - window
    counted = insert.on_conflict_do_update(
        index_elements=[attempt.c.key],
        set_={
            "failures": case((is_over, 1), else_=attempt.c.failures + 1),
            "since": case((is_over, now), else_=attempt.c.since),
        },
    ).returning(attempt.c.failures, attempt.c.since)
    with write_session(engine) as rows:
        count = rows.exec(counted).one()
    with write_session(engine) as rows:
        rows.exec(delete(AttemptRow).where(col(AttemptRow.since) <= now - 2 * window))
    return FailedAttempts(failures=count.failures, since=count.since)


def forgive_attempts(engine: Engine, subject: str, *, all_of: bool) -> None:
    """Take back the count of one attempt that has succeeded, or all counts."""
    with write_session(engine) as rows:
        attempts = rows.get(AttemptRow, digest_of(subject), with_for_update=True)
        if attempts is None:
            return
        if all_of:
            rows.delete(attempts)
        elif attempts.failures > 0:
            attempts.failures -= 1


@cache
def _select_session() -> Select[*tuple[Any, ...]]:
    now, seen = (bindparam(name, type_=Utc()) for name in ("now", "seen_after"))
    whole = session.join(account, account.c.id == session.c.account).outerjoin(
        membership, membership.c.account == session.c.account
    )
    return (
        columns_of(
            *(session.c.account, session.c.began_at, session.c.seen_at),
            *(account.c.name, account.c.role, account.c.language, account.c.zone),
            membership.c.queue,
        )
        .select_from(whole)
        .where(
            session.c.digest == bindparam("digest", type_=String()),
            session.c.ends_at > now,
            session.c.seen_at > seen,
            account.c.disabled_at.is_(None),
        )
    )
