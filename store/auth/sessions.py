"""Sign-in: sessions of browsers, links that sign in once, and counts of failed attempts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Engine, Select, String, bindparam, case
from sqlalchemy import select as columns_of
from sqlmodel import col, delete, or_, update

from store.engine import INSERTS, read_session, reading, write_session
from store.schema.auth_tables import (
    AttemptRow,
    LinkInRow,
    SessionRow,
    account,
    attempt,
    membership,
    session,
)
from store.schema.column_types import Utc

SEEN_WITHIN: Final = timedelta(minutes=1)
"""Precision of a session's last use: a request writes it no more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Session together with the account that it is of."""

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


def begin(engine: Engine, new: SessionRow, *, instead_of: str | None = None) -> None:
    """Add a new session; delete those that are over, and the browser's former one."""
    gone = col(SessionRow.ends_at) <= new.began_at
    if instead_of is not None:
        gone = or_(gone, col(SessionRow.digest) == instead_of)
    with write_session(engine) as rows:
        rows.add(new)
        rows.exec(delete(SessionRow).where(gone))


def signed_in(engine: Engine, digest: str, *, idle: timedelta) -> SignedIn | None:
    """Return the session of this digest, unless it is over or was idle for so long."""
    now = datetime.now(UTC)
    asked = {"digest": digest, "now": now, "seen_after": now - idle}
    # each request asks this: columns are read without the cost of rows
    with reading(engine) as connection:
        found = connection.execute(_of_session(), asked).all()
    if not found:
        return None
    first = found[0]
    if first.seen_at <= now - SEEN_WITHIN:
        seen = update(SessionRow).where(col(SessionRow.digest) == digest).values(seen_at=now)
        with write_session(engine) as rows:
            rows.exec(seen)
    return SignedIn(
        account=first.account,
        name=first.name,
        role=first.role,
        queues=frozenset(each.queue for each in found if each.queue is not None),
        language=first.language,
        zone=first.zone,
        began_at=first.began_at,
    )


def end(engine: Engine, digest: str) -> None:
    """End a session: sign out."""
    with write_session(engine) as rows:
        rows.exec(delete(SessionRow).where(col(SessionRow.digest) == digest))


def make_link(engine: Engine, digest: str, *, account: str, by: str, lasts: timedelta) -> None:
    """Add a link that signs in once; delete those that are over."""
    now = datetime.now(UTC)
    with write_session(engine) as rows:
        rows.exec(delete(LinkInRow).where(col(LinkInRow.ends_at) <= now))
        rows.add(LinkInRow(digest=digest, account=account, made_by=by, ends_at=now + lasts))


def is_link(engine: Engine, digest: str) -> bool:
    """Return true if a link of this digest can be used now."""
    with read_session(engine) as rows:
        link = rows.get(LinkInRow, digest)
    return link is not None and link.ends_at > datetime.now(UTC)


def use_link(engine: Engine, digest: str) -> str | None:
    """Use a link up, and return its account; None if it was used, is over or never was."""
    used = delete(LinkInRow).where(
        col(LinkInRow.digest) == digest, col(LinkInRow.ends_at) > datetime.now(UTC)
    )
    with write_session(engine) as rows:
        whose: str | None = rows.exec(used.returning(col(LinkInRow.account))).scalar()
    return whose


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """Number of sign-ins that failed within the window that began `since`."""

    failures: int
    since: datetime


def count_attempt(engine: Engine, what: str, *, window: timedelta) -> Tries:
    """Count an attempt as failed, before it is known whether it does, and return the count.

    Any number of processes may count at once, and each attempt counts.
    """
    now = datetime.now(UTC)
    insert = INSERTS[engine.dialect.name](attempt).values(
        key=digest_of(what), failures=1, since=now
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
    return Tries(failures=count.failures, since=count.since)


def forgive(engine: Engine, what: str, *, all_of: bool) -> None:
    """Take back one attempt that did not fail after all, or all of them."""
    with write_session(engine) as rows:
        tries = rows.get(AttemptRow, digest_of(what), with_for_update=True)
        if tries is None:
            return
        if all_of:
            rows.delete(tries)
        elif tries.failures > 0:
            tries.failures -= 1


@cache
def _of_session() -> Select[*tuple[Any, ...]]:
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
