"""Which rule decides which command, and how a command becomes changes (C1-C21, T, K, A, Q)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from domain.base.fast_replace import replace
from domain.base.refusals import NotAllowed
from domain.base.rules import Rule
from domain.base.values import Status
from domain.model import commands as c
from domain.model import internal_messages as n
from domain.model.definitions import Lookup, Terms
from domain.model.items import AnyItem, Case, Change
from domain.model.leases import heartbeat
from domain.model.proposed_changes import Move, commit
from domain.model.serialization import check_size
from domain.model.transition_table import check_status
from domain.rules.assignment import (
    assign,
    mark_read,
    reject,
    set_to_do,
    start,
    taken_over,
    unassign,
)
from domain.rules.automatic_actions import awaited_ended, mail_received, work_ended
from domain.rules.correspondence import (
    acknowledge,
    add_note,
    feedback,
    filled,
    mail_failed,
    send_email,
    told_failed,
)
from domain.rules.flow import (
    action_ended,
    advanced,
    calendar_to_look_up,
    reset_in_progress,
    rework,
    start_action,
)
from domain.rules.merging import merge, merge_answered, merge_asked
from domain.rules.resolving import (
    cancel,
    case_cancelled,
    reopen,
    resolve_action,
    resolve_case,
    resolve_ticket,
    send_and_resolve,
)
from domain.rules.reviewing import answer_checklist, review
from domain.rules.split_and_launch import launch_case, split
from domain.rules.submitting import as_submission, edit, lookup_to_submit, submitted
from domain.rules.waiting import resume, wait

Decision = Callable[[Any, Any, datetime], Move | None]
AskingDecision = Callable[[Any, Any, datetime, Terms | None], Move | None]

RULES: Final[Mapping[type[c.Command], Decision]] = {
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
    c.ReceiveEmail: mail_received,
    c.Feedback: feedback,
    c.ResolveTicket: resolve_ticket,
    c.ResolveCase: resolve_case,
    c.ResolveAction: resolve_action,
    c.SendAndResolve: send_and_resolve,
    c.Reopen: reopen,
    c.Cancel: cancel,
    c.Rework: rework,
    c.ResetInProgress: reset_in_progress,
    c.Review: review,
    c.AnswerChecklist: answer_checklist,
    c.Split: split,
    c.Merge: merge,
    n.MergeAsked: merge_asked,
    n.MergeAnswered: merge_answered,
    n.ItemEnded: awaited_ended,
    n.WorkEnded: work_ended,
    n.ActionEnded: action_ended,
    n.CaseCancelled: case_cancelled,
    n.Acknowledge: acknowledge,
    n.MailFailed: mail_failed,
}
"""Every command that the item alone decides, and its rule; a `heartbeat` makes no move."""

ASKING_RULES: Final[Mapping[type[c.Command], AskingDecision]] = {
    c.StartAction: start_action,
    c.LaunchCase: launch_case,
}
"""Commands whose rule may need the catalog's terms too; `lookup_for` says when."""

SUBMITTING: Final = (c.Submit, c.Wait, c.Resolve, c.SendAndResolve)
"""C18: what hands a Draft in, by itself or on the way."""


GROWING: Final = (c.Edit, c.LaunchCase, c.Rework, c.Split, c.StartAction)
"""What may make an item larger than can be carried."""


def submits(item: AnyItem, command: c.Command) -> bool:
    """Whether the command would hand this item in."""
    return item.status is Status.DRAFT and isinstance(command, SUBMITTING)


def lookup_for(item: AnyItem, command: c.Command) -> Lookup | None:
    """What the command needs of the catalog before it can be decided; None if nothing."""
    if submits(item, command):
        if isinstance(item, Case):
            definition = item.definition or item.definition_name
            return lookup_to_submit(definition=definition, settings=item.settings)
        return lookup_to_submit(category=item.category, settings=item.settings)
    if isinstance(command, c.LaunchCase) and isinstance(command.definition, str):
        return Lookup(what="definition", name=command.definition)
    if isinstance(item, Case) and isinstance(command, c.StartAction):
        name = calendar_to_look_up(item, command)
        return None if name is None else Lookup(calendars=(name,))
    return None


def apply(item: AnyItem, command: c.Command, at: datetime, *, terms: Terms | None = None) -> Change:
    """The change that a command makes at a moment, with no entry if it changes nothing.

    Raises a refusal that names its rule.
    """
    if item.status is Status.CLOSED and isinstance(command, n.ActionEnded | n.ItemEnded):
        return Change(item=item)  # what it waited for has ended too late to matter
    if item.status is Status.CLOSED and isinstance(command, n.MailFailed):
        raise NotAllowed(told_failed(command), rule=Rule.M5)
    check_status(item, command.name)
    if not submits(item, command):
        return _applied(item, command, at, terms)
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
    ready = handed_in.item
    if not isinstance(command, c.Wait):  # T9: from Draft, evidence counts since it was started
        ready = replace(ready, evidence=item.evidence, evidence_mails=item.evidence_mails)
    return handed_in.then(_applied(ready, command, at))


def _applied(item: AnyItem, command: c.Command, at: datetime, terms: Terms | None = None) -> Change:
    if isinstance(command, c.Heartbeat):
        return Change(item=heartbeat(item, command, at))
    asking = ASKING_RULES.get(type(command))
    if asking is None:
        move = RULES[type(command)](item, command, at)
    else:
        move = asking(item, command, at, terms)
    if move is None:
        return Change(item=item)
    if isinstance(command, GROWING):
        check_size(move.item)
    return commit(item, advanced(move, at), at=at, by=command.by, command=command.name)
