"""Permissions by role, scope and queue: the only place that decides them (docs/adr/0017)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

from auth.callers import Caller, Role, Scope


class Forbidden(Exception):
    """The caller lacks a permission; the sentence names the one that is needed."""


class Duty(StrEnum):
    """Permission for anything but commands."""

    READ = "read"
    START = "start"
    TAKE = "take"
    LEAD = "lead"
    """See the state of queues, and assign items in bulk."""
    HOOKS = "hooks"
    OPERATE = "operate"
    """Manage accounts and keys, read the audit, handle dead letters."""


class OwnedItem(Protocol):
    """Fields of an item that permissions depend on."""

    @property
    def queue(self) -> str:
        """Queue of the item."""

    @property
    def assignee(self) -> str | None:
        """Person or robot that works on the item."""

    @property
    def owner(self) -> str | None:
        """Person responsible for the item."""


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
"""Lowest role (None: no person may) and scope required for each command."""
DUTIES: Final[Mapping[Duty, tuple[Role, Scope | None]]] = {
    Duty.READ: (Role.VIEWER, Scope.READ),
    Duty.START: (Role.AGENT, Scope.START),
    Duty.TAKE: (Role.AGENT, Scope.WORK),
    Duty.LEAD: (Role.LEAD, None),
    Duty.HOOKS: (Role.OPERATOR, Scope.HOOKS),
    Duty.OPERATE: (Role.OPERATOR, None),
}
"""Lowest role and scope (None: no key may) required for each other permission."""
_RANKS: Final = {role: rank for rank, role in enumerate(Role)}
_LEAD_FIELDS: Final = frozenset({"owner"})
"""Fields of `edit` that only a lead changes: the owner decides the course of a Case (K8)."""


def is_theirs(caller: Caller, item: OwnedItem) -> bool:
    """Return True for a member of the item's queue, its assignee and its owner."""
    return caller.is_member(item.queue) or caller.actor in {item.assignee, item.owner}


def check_command(
    caller: Caller, command: str, item: OwnedItem, fields: Mapping[str, object] | None = None
) -> None:
    """Raise Forbidden unless the caller may give the command to this item.

    A permission does not override the status model, whose rules are checked after it.
    """
    min_role, scope = COMMANDS[command]
    _check(caller, f"give {command}", min_role, scope)
    if not is_theirs(caller, item):
        raise Forbidden(
            f"{caller.actor} may not {command} here: the item is in the queue {item.queue}; "
            "ask a lead to be made a member of it"
        )
    if command == "edit" and _LEAD_FIELDS & set(fields or ()) and caller.role is Role.AGENT:
        raise Forbidden("only a lead changes the owner with edit: ask one, or use assign (K8)")


def check_duty(caller: Caller, duty: Duty, *, queue: str | None = None) -> None:
    """Raise Forbidden unless the caller has the permission, in the queue if one is given."""
    min_role, scope = DUTIES[duty]
    _check(caller, duty, min_role, scope)
    if queue is not None and not caller.is_member(queue):
        raise Forbidden(f"{caller.actor} is no member of the queue {queue}: ask a lead")


def check_reading(caller: Caller, item: OwnedItem) -> None:
    """Raise Forbidden unless the caller may read the item."""
    check_duty(caller, Duty.READ)
    if not is_theirs(caller, item):
        raise Forbidden(f"{caller.actor} may not see items of the queue {item.queue}: ask a lead")


def may(caller: Caller, duty: Duty, *, queue: str | None = None) -> bool:
    """Return True if the caller has the permission, in the queue if one is given."""
    try:
        check_duty(caller, duty, queue=queue)
    except Forbidden:
        return False
    return True


def _check(caller: Caller, action: str, min_role: Role | None, scope: Scope | None) -> None:
    if caller.role is not None:
        if min_role is None:
            raise Forbidden(f"only robots {action}: {caller.actor} is a person")
        if _RANKS[caller.role] < _RANKS[min_role]:
            raise Forbidden(
                f"to {action} takes the role {min_role}; {caller.actor} is {caller.role}"
            )
        return
    if scope is None:
        raise Forbidden(f"to {action} takes a person who is {min_role}; {caller.actor} has a key")
    if scope not in caller.scopes:
        raise Forbidden(f"to {action} takes the scope {scope}, which this key does not have")
