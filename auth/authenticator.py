"""Authentication of requests: the caller of a session or of an API key."""

import hmac
from datetime import UTC, datetime

from sqlalchemy import Engine

from auth.api_keys import public_part
from auth.callers import Caller, Role, Scope
from auth.sessions import IDLE_TIMEOUT, csrf_of
from store.auth import api_keys, sessions
from store.auth.sessions import digest_of


class Authenticator:
    """Finds callers in the database, by one statement a request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def by_session(self, token: str) -> Caller | None:
        """Return the person of a session; None for an unknown or ended session."""
        digest = digest_of(token)
        signed_in = sessions.find_session(self._engine, digest, idle=IDLE_TIMEOUT)
        if signed_in is None:
            return None
        return Caller(
            actor=signed_in.account,
            name=signed_in.name,
            role=Role(signed_in.role),
            queues=signed_in.queues,
            language=signed_in.language,
            zone=signed_in.zone,
            credential=f"session {digest[:16]}",
            csrf=csrf_of(token),
        )

    def by_key(self, key: str) -> Caller | None:
        """Return the robot or service of a key; None for an unknown, revoked or expired key."""
        public = public_part(key)
        stored = None if public is None else api_keys.find_key(self._engine, public)
        now = datetime.now(UTC)
        if (
            stored is None
            or not hmac.compare_digest(stored.digest, digest_of(key))
            or not stored.is_valid(now)
        ):
            return None
        api_keys.record_use(self._engine, stored, now)
        return Caller(
            actor=stored.actor,
            scopes=frozenset(Scope(scope) for scope in stored.scopes),
            queues=frozenset(stored.queues),
            credential=f"key {stored.id}",
        )
