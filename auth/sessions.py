"""Sessions, and links that sign in once: random tokens; the store has only their digests."""

import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from store.auth import sessions
from store.auth.sessions import digest_of
from store.items.paging import storable_text
from store.schema.auth_tables import SessionRow

IDLE_TIMEOUT: Final = timedelta(hours=2)
"""A session without a request for this long has ended."""
LIFETIME: Final = timedelta(hours=12)
"""The longest session: a shift, with some margin."""
LINK_LIFETIME: Final = timedelta(minutes=15)
_TOKEN_BYTES: Final = 32
_MAX_BROWSER_LENGTH: Final = 200


def begin(
    engine: Engine,
    account: str,
    *,
    way: str,
    address: str | None = None,
    browser: str | None = None,
    instead_of: str | None = None,
) -> str:
    """Begin a session and return its new token; `instead_of` is the token of the session to end."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    now = datetime.now(UTC)
    session = SessionRow(
        digest=digest_of(token),
        account=account,
        way=way,
        began_at=now,
        seen_at=now,
        ends_at=now + LIFETIME,
        address=address,
        browser=None if browser is None else storable_text(browser)[:_MAX_BROWSER_LENGTH],
    )
    replaced = digest_of(instead_of) if instead_of else None
    sessions.begin_session(engine, session, replaced=replaced)
    return token


def end(engine: Engine, token: str) -> None:
    """End a session."""
    sessions.end_session(engine, digest_of(token))


def csrf_of(token: str) -> str:
    """Return the CSRF token of a session; the session's token cannot be computed from it."""
    return hmac.digest(token.encode("utf-8", "replace"), b"csrf", "sha256").hex()


def create_link(engine: Engine, account: str, *, by: str) -> str:
    """Return the token of a link that signs in once, within `LINK_LIFETIME`."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    sessions.add_link(engine, digest_of(token), account=account, by=by, lifetime=LINK_LIFETIME)
    return token
