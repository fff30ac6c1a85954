"""Callers: people with a role, and robots or services with the scopes of a key."""

from dataclasses import dataclass
from typing import Final

from auth.roles import Role, Scope
from domain.base.values import is_robot

__all__ = ["EVERY_QUEUE", "Caller", "Role", "Scope"]
EVERY_QUEUE: Final = "*"
"""All queues, in place of a queue's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Authenticated sender of a request; no field comes from the request's own claims."""

    actor: str
    """`amy`, `robot:ocr-1` or `service:erp`: the `by` of their commands."""
    name: str = ""
    """Name for people to read; empty: use the actor."""
    role: Role | None = None
    """Role of a person; None for a key, which has scopes."""
    scopes: frozenset[Scope] = frozenset()
    queues: frozenset[str] = frozenset()
    """Queues of which the caller is a member; `*` for all."""
    language: str = "en"
    zone: str = "UTC"
    """Time zone of the person's pages."""
    credential: str = ""
    """Session or key of the request; rate limits and idempotency keys count per credential."""
    address: str = ""
    """Client address of the request, for the audit; empty if unknown."""
    csrf: str = ""
    """CSRF token that each unsafe request of the session must carry; empty for a key."""

    @property
    def is_robot(self) -> bool:
        """True for a program that leases items."""
        return is_robot(self.actor)

    def is_member(self, queue: str) -> bool:
        """Return True for a member of the queue; an operator is a member of every queue."""
        return self.role is Role.OPERATOR or bool(self.queues & {queue, EVERY_QUEUE})
