"""Sessions and links that begin them: random, and known to the store by their digest alone."""

import hmac
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import Engine

from auth.callers import Caller, Role
from store.auth import sessions
from store.auth.sessions import Session, digest_of
from store.items.paging import plain

IDLE: Final = timedelta(hours=2)
"""A session that nobody uses for so long is over."""
LASTS: Final = timedelta(hours=12)
"""And so is any, after so long: a shift and what is around it."""
LINK_LASTS: Final = timedelta(minutes=15)
_BYTES: Final = 32


def begin(
    engine: Engine,
    account: str,
    *,
    way: str,
    address: str | None = None,
    browser: str | None = None,
    instead_of: str | None = None,
) -> str:
    """Begin a session; its token, always a new one. `instead_of`: what the browser came with."""
    token = secrets.token_urlsafe(_BYTES)
    new = Session(
        digest=digest_of(token),
        account=account,
        way=way,
        address=address,
        browser=None if browser is None else plain(browser)[:200],
    )
    over = digest_of(instead_of) if instead_of else None
    sessions.begin(engine, new, lasts=LASTS, instead_of=over)
    return token


def caller(engine: Engine, token: str) -> Caller | None:
    """Whose session it is; None if it is none, or over."""
    digest = digest_of(token)
    found = sessions.signed_in(engine, digest, idle=IDLE)
    if found is None:
        return None
    return Caller(
        actor=found.account,
        name=found.name,
        role=Role(found.role),
        queues=found.queues,
        language=found.language,
        zone=found.zone,
        credential=f"session {digest[:16]}",
        csrf=csrf_of(token),
    )


def end(engine: Engine, token: str) -> None:
    """Sign out."""
    sessions.end(engine, digest_of(token))


def csrf_of(token: str) -> str:
    """What pages carry to show that a request is theirs; tells nothing of the token."""
    return hmac.digest(token.encode("utf-8", "replace"), b"csrf", "sha256").hex()


def link(engine: Engine, account: str, *, by: str) -> str:
    """What a link carries that signs in once, within `LINK_LASTS`."""
    token = secrets.token_urlsafe(_BYTES)
    sessions.make_link(engine, digest_of(token), account=account, by=by, lasts=LINK_LASTS)
    return token
