"""Who calls: a person with a role, or a robot or service with a key's scopes; both with queues."""

from dataclasses import dataclass
from typing import Final

from auth.roles import Role, Scope
from domain.base.values import is_robot

__all__ = ["EVERY_QUEUE", "Caller", "Role", "Scope"]
EVERY_QUEUE: Final = "*"
"""In place of a queue's name: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever asks, as the desk knows them: never what a request says of itself."""

    actor: str
    """`amy`, `robot:ocr-1` or `service:erp`: the `by` of their commands."""
    name: str = ""
    """For people to read; empty: the actor."""
    role: Role | None = None
    """A person's; None: a key, which has scopes."""
    scopes: frozenset[Scope] = frozenset()
    queues: frozenset[str] = frozenset()
    """Whose members they are; `*` for all."""
    language: str = "en"
    zone: str = "UTC"
    """A person's own, for words and times."""
    credential: str = ""
    """Which session or key they came by: what rate limits and idempotency keys count for."""
    address: str = ""
    """Where the request came from, as far as that is known: for the audit."""
    csrf: str = ""
    """Of a session: what each unsafe request has to carry; empty for a key."""

    @property
    def is_robot(self) -> bool:
        """Whether a program works for it that leases items."""
        return is_robot(self.actor)

    def is_member(self, queue: str) -> bool:
        """Whether this queue's work is theirs; an operator's is all."""
        return self.role is Role.OPERATOR or bool(self.queues & {queue, EVERY_QUEUE})
