"""Who comes in by what, as the store knows it."""

from sqlalchemy import Engine

from auth import api_keys, sessions
from auth.callers import Caller


class StoreDoors:
    """`web.context.Doors` over the database; each look costs one statement."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def by_session(self, token: str) -> Caller | None:
        """The person whose session this is; None if it is not, or not any more."""
        return sessions.caller(self._engine, token)

    def by_key(self, key: str) -> Caller | None:
        """The robot or service whose key this is; None if it is revoked, expired or none."""
        return api_keys.caller(self._engine, key)
