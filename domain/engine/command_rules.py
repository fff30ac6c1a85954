"""Table of commands and their rules; applies a command to an item (C1-C21, T, K, A, Q)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from domain.base.fast_replace import replace
from domain.base.refusals import NotAllowed
from domain.base.rules import Rule
from domain.base.values import Status
from domain.model import commands as c
from domain.model import internal_messages as n
from domain.model.definitions import CatalogLookup, ItemTerms
from domain.model.items import AnyItem, Case, Change
from domain.model.leases import renew_lease
from domain.model.proposed_changes import ProposedChange, commit
from domain.model.serialization import check_item_size
from domain.model.transition_table import check_status
from domain.rules.assignment import (
    assign,
    mark_read,
    reject,
    set_to_do,
    start,
    take_over,
    unassign,
)
from domain.rules.automatic_actions import on_item_ended, on_mail_received, on_work_ended
from domain.rules.correspondence import (
    acknowledge,
    add_note,
    describe_failed_mail,
    feedback,
    fill_from_mail,
    on_mail_failed,
    send_email,
)
from domain.rules.flow import (
    advance_flow,
    calendar_to_look_up,
    on_action_ended,
    reset_in_progress,
    rework,
    start_action,
)
from domain.rules.merging import merge, on_merge_answered, on_merge_asked
from domain.rules.resolving import (
    cancel,
    on_case_cancelled,
    reopen,
    resolve_action,
    resolve_case,
    resolve_ticket,
    send_and_resolve,
)
from domain.rules.reviewing import answer_checklist, review
from domain.rules.split_and_launch import launch_case, split
from domain.rules.submitting import edit, lookup_to_submit, submission_change, submit_item
from domain.rules.waiting import resume, wait

RuleFunction = Callable[[Any, Any, datetime], ProposedChange | None]
CatalogRuleFunction = Callable[[Any, Any, datetime, ItemTerms | None], ProposedChange | None]

RULES: Final[Mapping[type[c.Command], RuleFunction]] = {
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
    c.ReceiveEmail: on_mail_received,
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
    n.MergeAsked: on_merge_asked,
    n.MergeAnswered: on_merge_answered,
    n.ItemEnded: on_item_ended,
    n.WorkEnded: on_work_ended,
    n.ActionEnded: on_action_ended,
    n.CaseCancelled: on_case_cancelled,
    n.Acknowledge: acknowledge,
    n.MailFailed: on_mail_failed,
}
"""Rules of the commands that need the item only; a heartbeat proposes no change."""

CATALOG_RULES: Final[Mapping[type[c.Command], CatalogRuleFunction]] = {
    c.StartAction: start_action,
    c.LaunchCase: launch_case,
}
"""Rules of the commands that may also need the catalog; see `lookup_for`."""

SUBMITTING_COMMANDS: Final = (c.Submit, c.Wait, c.Resolve, c.SendAndResolve)
"""Commands that submit a Draft, alone or as their first part (C18)."""

GROWING_COMMANDS: Final = (c.Edit, c.LaunchCase, c.Rework, c.Split, c.StartAction)
"""Commands after which the item's size is checked."""


def submits_draft(item: AnyItem, command: c.Command) -> bool:
    """Return True if the command submits this item."""
    return item.status is Status.DRAFT and isinstance(command, SUBMITTING_COMMANDS)


def lookup_for(item: AnyItem, command: c.Command) -> CatalogLookup | None:
    """Return what the catalog is asked before the command is decided; None if nothing."""
    if submits_draft(item, command):
        if isinstance(item, Case):
            definition = item.definition or item.definition_name
            return lookup_to_submit(definition=definition, settings=item.settings)
        return lookup_to_submit(category=item.category, settings=item.settings)
    if isinstance(command, c.LaunchCase) and isinstance(command.definition, str):
        return CatalogLookup(what="definition", name=command.definition)
    if isinstance(item, Case) and isinstance(command, c.StartAction):
        name = calendar_to_look_up(item, command)
        return None if name is None else CatalogLookup(calendars=(name,))
    return None


def apply_command(
    item: AnyItem, command: c.Command, at: datetime, *, terms: ItemTerms | None = None
) -> Change:
    """Return the change that a command makes at a moment, without an entry if nothing changes.

    Raises a refusal that names its rule.
    """
    if item.status is Status.CLOSED and isinstance(command, n.ActionEnded | n.ItemEnded):
        return Change(item=item)  # the item is closed already: this end has no effect
    if item.status is Status.CLOSED and isinstance(command, n.MailFailed):
        raise NotAllowed(describe_failed_mail(command), rule=Rule.M5)
    check_status(item, command.name)
    if not submits_draft(item, command):
        return _apply_rule(item, command, at, terms)
    if isinstance(command, c.TakeOverCommand):
        item = take_over(item, command)
    proposal = ProposedChange(item=item)
    if isinstance(command, c.SendAndResolve):
        proposal = fill_from_mail(proposal, command)
    proposal = submission_change(submit_item(proposal.item, terms, at))
    check_item_size(proposal.item)
    if isinstance(command, c.Submit):
        return commit(item, advance_flow(proposal, at), at=at, by=command.by, command="submit")
    submission = commit(item, proposal, at=at, by=command.by, command="submit")
    submitted = submission.item
    if not isinstance(command, c.Wait):  # evidence collected in the Draft counts (T9)
        submitted = replace(submitted, evidence=item.evidence, evidence_mails=item.evidence_mails)
    return submission.then(_apply_rule(submitted, command, at))


def _apply_rule(
    item: AnyItem, command: c.Command, at: datetime, terms: ItemTerms | None = None
) -> Change:
    if isinstance(command, c.Heartbeat):
        return Change(item=renew_lease(item, command, at))
    catalog_rule = CATALOG_RULES.get(type(command))
    if catalog_rule is None:
        proposal = RULES[type(command)](item, command, at)
    else:
        proposal = catalog_rule(item, command, at, terms)
    if proposal is None:
        return Change(item=item)
    if isinstance(command, GROWING_COMMANDS):
        check_item_size(proposal.item)
    return commit(item, advance_flow(proposal, at), at=at, by=command.by, command=command.name)
