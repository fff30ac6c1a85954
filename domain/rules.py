"""Which rule decides which command, and how a command becomes changes (C1-C21, T, K, A)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from domain import commands as c
from domain.carrying import check_size
from domain.corresponding import add_note, feedback, filled, receive_email, send_email
from domain.definitions import Terms
from domain.flow import action_ended, advanced, reset_in_progress, rework, start_action
from domain.holding import assign, mark_read, reject, set_to_do, start, taken_over, unassign
from domain.items import AnyItem, Case, Change
from domain.moves import Move, commit
from domain.resolving import (
    cancel,
    case_cancelled,
    reopen,
    resolve_action,
    resolve_case,
    resolve_ticket,
    send_and_resolve,
)
from domain.submitting import as_submission, edit, submitted
from domain.table import check_status
from domain.values import Status
from domain.waiting import resume, wait

Rule = Callable[[Any, Any, datetime], Move | None]

RULES: Final[Mapping[type[c.Command], Rule]] = {
    c.EditTicket: edit,
    c.EditCase: edit,
    c.EditAction: edit,
    c.Start: start,
    c.Assign: assign,
    c.Unassign: unassign,
    c.SetToDo: set_to_do,
    c.MarkRead: mark_read,
    c.Reject: reject,
    c.Wait: wait,
    c.Resume: resume,
    c.AddNote: add_note,
    c.SendEmail: send_email,
    c.ReceiveEmail: receive_email,
    c.Feedback: feedback,
    c.ResolveTicket: resolve_ticket,
    c.ResolveCase: resolve_case,
    c.ResolveAction: resolve_action,
    c.SendAndResolve: send_and_resolve,
    c.Reopen: reopen,
    c.Cancel: cancel,
    c.Rework: rework,
    c.StartAction: start_action,
    c.ResetInProgress: reset_in_progress,
    c.ActionEnded: action_ended,
    c.CaseCancelled: case_cancelled,
}
"""Every command but `submit`, which needs the catalog's terms, and its rule."""

SUBMITTING: Final = (c.Submit, c.Wait, c.Resolve, c.SendAndResolve)
"""C18: what hands a Draft in, by itself or on the way."""


GROWING: Final = (c.Edit, c.Rework, c.StartAction)
"""What may make an item larger than can be carried."""


def submits(item: AnyItem, command: c.Command) -> bool:
    """Whether the command would hand this item in, so that the catalog's terms are needed."""
    return item.status is Status.DRAFT and isinstance(command, SUBMITTING)


def lookup_of(item: AnyItem) -> tuple[str, str] | None:
    """What to ask the catalog before submitting: `category` or `definition`, and its name."""
    if isinstance(item, Case):
        wanted = item.definition is None and item.definition_name is not None
        return ("definition", item.definition_name or "") if wanted else None
    return None if item.category is None else ("category", item.category)


def apply(item: AnyItem, command: c.Command, at: datetime, *, terms: Terms | None = None) -> Change:
    """The change that a command makes at a moment, with no entry if it changes nothing.

    Raises a refusal that names its rule.
    """
    check_status(item, command.name)
    if not submits(item, command):
        return _applied(item, command, at)
    if isinstance(command, c.TakesOver):
        item = taken_over(item, command)
    move = Move(item=item)
    if isinstance(command, c.SendAndResolve):
        move = filled(move, command)
    move = as_submission(submitted(move.item, terms, at))
    check_size(move.item)
    if isinstance(command, c.Submit):
        return commit(item, advanced(move, at), at=at, by=command.by, command="submit")
    handed_in = commit(item, move, at=at, by=command.by, command="submit")
    evidence = item.evidence and not isinstance(command, c.Wait)
    return handed_in.then(_applied(replace(handed_in.item, evidence=evidence), command, at))


def _applied(item: AnyItem, command: c.Command, at: datetime) -> Change:
    move = RULES[type(command)](item, command, at)
    if move is None:
        return Change(item=item)
    if isinstance(command, GROWING):
        check_size(move.item)
    return commit(item, advanced(move, at), at=at, by=command.by, command=command.name)
