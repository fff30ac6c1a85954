"""The one place that says who may do what (roles, scopes and queues; docs/adr/0017)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

from auth.callers import Caller, Role, Scope


class Forbidden(Exception):
    """The caller is known, and may not do this; the sentence says what would be needed."""


class Duty(StrEnum):
    """What somebody wants to do, besides giving commands."""

    READ = "read"
    START = "start"
    TAKE = "take"
    LEAD = "lead"
    """See how queues stand, and give items from one person to another in bulk."""
    HOOKS = "hooks"
    OPERATE = "operate"
    """Accounts, keys, the audit, dead letters."""


class Held(Protocol):
    """What a permit looks at of an item: where it is, and whose it is."""

    @property
    def queue(self) -> str:
        """The queue it belongs to."""

    @property
    def assignee(self) -> str | None:
        """Who works on it."""

    @property
    def owner(self) -> str | None:
        """Who answers for it."""


_WORK: Final = (Role.AGENT, Scope.WORK)
_OF_ROBOTS: Final = (None, Scope.WORK)
_OF_MAIL: Final = (Role.OPERATOR, Scope.MAIL)
COMMANDS: Final[Mapping[str, tuple[Role | None, Scope]]] = {
    "submit": _WORK,
    "edit": _WORK,
    "start": _WORK,
    "assign": _WORK,
    "unassign": _WORK,
    "set_to_do": _WORK,
    "mark_read": _WORK,
    "wait": _WORK,
    "resume": _WORK,
    "add_note": _WORK,
    "send_email": _WORK,
    "resolve": _WORK,
    "send_and_resolve": _WORK,
    "reopen": _WORK,
    "split": _WORK,
    "launch_case": _WORK,
    "merge": _WORK,
    "cancel": _WORK,
    "rework": _WORK,
    "start_action": _WORK,
    "reset_in_progress": _WORK,
    "review": _WORK,
    "answer_checklist": _WORK,
    "reject": _OF_ROBOTS,
    "heartbeat": _OF_ROBOTS,
    "receive_email": _OF_MAIL,
    "feedback": _OF_MAIL,
}
"""Of each command: the least role of a person (None: no person gives it), and a key's scope."""
DUTIES: Final[Mapping[Duty, tuple[Role, Scope | None]]] = {
    Duty.READ: (Role.VIEWER, Scope.READ),
    Duty.START: (Role.AGENT, Scope.START),
    Duty.TAKE: (Role.AGENT, Scope.WORK),
    Duty.LEAD: (Role.LEAD, None),
    Duty.HOOKS: (Role.OPERATOR, Scope.HOOKS),
    Duty.OPERATE: (Role.OPERATOR, None),
}
"""Of everything else; no scope: no key does it."""
_RANKS: Final = {role: rank for rank, role in enumerate(Role)}
_STEERING: Final = frozenset({"owner"})
"""Fields of `edit` that only a lead changes: K8 makes the owner the one who steers a Case."""


def is_theirs(caller: Caller, item: Held) -> bool:
    """Whether the item is in one of their queues, or they hold or own it."""
    return caller.is_member(item.queue) or caller.actor in {item.assignee, item.owner}


def check_command(
    caller: Caller, command: str, item: Held, fields: Mapping[str, object] | None = None
) -> None:
    """Raise Forbidden unless the caller may give the command to this item.

    The status model has its own say after this: a permit never allows what a rule refuses.
    """
    least, scope = COMMANDS[command]
    _check(caller, f"give {command}", least, scope)
    if not is_theirs(caller, item):
        raise Forbidden(
            f"{caller.actor} may not {command} here: the item is in the queue {item.queue}; "
            "ask a lead to be made a member of it"
        )
    if command == "edit" and _STEERING & set(fields or ()) and caller.role is Role.AGENT:
        raise Forbidden("only a lead changes the owner with edit: ask one, or use assign (K8)")


def check_duty(caller: Caller, duty: Duty, *, queue: str | None = None) -> None:
    """Raise Forbidden unless the caller may do this, in this queue where one is named."""
    least, scope = DUTIES[duty]
    _check(caller, duty, least, scope)
    if queue is not None and not caller.is_member(queue):
        raise Forbidden(f"{caller.actor} is no member of the queue {queue}: ask a lead")


def check_reading(caller: Caller, item: Held) -> None:
    """Raise Forbidden unless the caller may look at this item."""
    check_duty(caller, Duty.READ)
    if not is_theirs(caller, item):
        raise Forbidden(f"{caller.actor} may not see items of the queue {item.queue}: ask a lead")


def may(caller: Caller, duty: Duty, *, queue: str | None = None) -> bool:
    """Whether `check_duty` would let them."""
    try:
        check_duty(caller, duty, queue=queue)
    except Forbidden:
        return False
    return True


def _check(caller: Caller, what: str, least: Role | None, scope: Scope | None) -> None:
    if caller.role is not None:
        if least is None:
            raise Forbidden(f"only robots {what}: {caller.actor} is a person")
        if _RANKS[caller.role] < _RANKS[least]:
            raise Forbidden(f"to {what} takes the role {least}; {caller.actor} is {caller.role}")
        return
    if scope is None:
        raise Forbidden(f"to {what} takes a person who is {least}; {caller.actor} has a key")
    if scope not in caller.scopes:
        raise Forbidden(f"to {what} takes the scope {scope}, which this key does not have")
