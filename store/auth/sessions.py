"""How people come in: sessions, links that sign in once, and how often signing in failed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    Engine,
    Select,
    String,
    Update,
    bindparam,
    case,
    delete,
    select,
    update,
)

from store.engine import INSERTS, reading, writing
from store.schema.auth_tables import account, attempt, link_in, membership, session
from store.schema.column_types import Utc

SEEN_WITHIN: Final = timedelta(minutes=1)
"""How coarsely it is known when a session was seen last: a request writes no more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session, and what is known of whose it is."""

    account: str
    name: str
    role: str
    queues: frozenset[str]
    language: str
    zone: str
    began_at: datetime


def digest_of(secret: str) -> str:
    """What a random token, link or key is known by in the store."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session that begins."""

    digest: str
    account: str
    way: str
    """How they signed in: `password`, `link` or `provider`."""
    address: str | None = None
    browser: str | None = None


def begin(engine: Engine, new: Session, *, lasts: timedelta, instead_of: str | None = None) -> None:
    """Keep a new session, and end the one that the browser had; sweeps out those that are over."""
    now = datetime.now(UTC)
    row = {name: getattr(new, name) for name in ("digest", "account", "way", "address", "browser")}
    row |= {"began_at": now, "seen_at": now, "ends_at": now + lasts}
    with writing(engine) as connection:
        connection.execute(session.insert(), row)
        gone = session.c.ends_at <= now
        if instead_of is not None:
            gone |= session.c.digest == instead_of
        connection.execute(delete(session).where(gone))


def signed_in(engine: Engine, digest: str, *, idle: timedelta) -> SignedIn | None:
    """Whose session this is, if it is one and neither over nor idle for so long."""
    now = datetime.now(UTC)
    asked = {"digest": digest, "now": now, "seen_after": now - idle}
    with reading(engine) as connection:
        rows = connection.execute(_of_session(), asked).all()
    if not rows:
        return None
    row = rows[0]
    if row.seen_at <= now - SEEN_WITHIN:
        with writing(engine) as connection:
            connection.execute(_seen(), {"of": digest, "now": now})
    return SignedIn(
        account=row.account,
        name=row.name,
        role=row.role,
        queues=frozenset(each.queue for each in rows if each.queue is not None),
        language=row.language,
        zone=row.zone,
        began_at=row.began_at,
    )


def end(engine: Engine, digest: str) -> None:
    """Sign out: the session is no more."""
    with writing(engine) as connection:
        connection.execute(delete(session).where(session.c.digest == digest))


def make_link(engine: Engine, digest: str, *, account: str, by: str, lasts: timedelta) -> None:
    """Keep a link that signs in once; sweeps out those that are over."""
    now = datetime.now(UTC)
    row = {"digest": digest, "account": account, "made_by": by, "ends_at": now + lasts}
    with writing(engine) as connection:
        connection.execute(delete(link_in).where(link_in.c.ends_at <= now))
        connection.execute(link_in.insert(), row)


def is_link(engine: Engine, digest: str) -> bool:
    """Whether a link could be used now."""
    wanted = link_in.c.digest == digest, link_in.c.ends_at > datetime.now(UTC)
    with reading(engine) as connection:
        return connection.scalar(select(link_in.c.account).where(*wanted)) is not None


def use_link(engine: Engine, digest: str) -> str | None:
    """Use a link up; whose it is, or None if it is none, was used, or is over."""
    wanted = link_in.c.digest == digest, link_in.c.ends_at > datetime.now(UTC)
    with writing(engine) as connection:
        whose: str | None = connection.scalar(
            delete(link_in).where(*wanted).returning(link_in.c.account)
        )
    return whose


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """How often signing in failed within the window that began `since`."""

    failures: int
    since: datetime


def count_attempt(engine: Engine, what: str, *, window: timedelta) -> Tries:
    """Count an attempt as failed, before it is known whether it does; what that makes it.

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
    with writing(engine) as connection:
        row = connection.execute(counted).one()
    with writing(engine) as connection:
        connection.execute(delete(attempt).where(attempt.c.since <= now - 2 * window))
    return Tries(failures=row.failures, since=row.since)


def forgive(engine: Engine, what: str, *, all_of: bool) -> None:
    """Take back one attempt that did not fail after all, or all of them."""
    of_it = attempt.c.key == digest_of(what)
    with writing(engine) as connection:
        if all_of:
            connection.execute(delete(attempt).where(of_it))
        else:
            fewer = {"failures": attempt.c.failures - 1}
            connection.execute(update(attempt).where(of_it, attempt.c.failures > 0).values(fewer))


@cache
def _of_session() -> Select[*tuple[Any, ...]]:
    now, seen = (bindparam(name, type_=Utc()) for name in ("now", "seen_after"))
    whole = session.join(account, account.c.id == session.c.account).outerjoin(
        membership, membership.c.account == session.c.account
    )
    return (
        select(
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


@cache
def _seen() -> Update:
    of = bindparam("of", type_=String())
    return (
        update(session).where(session.c.digest == of).values(seen_at=bindparam("now", type_=Utc()))
    )
