"""Resolve, reopen and cancel (T8-T12, T17, K11, K12, A3, A4)."""

from datetime import datetime, timedelta

from pydantic import JsonValue

from domain.base.fast_replace import replace
from domain.base.refusals import Blocked, EvidenceMissing, NotAllowed
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import Method, Outcome, Status
from domain.model.action_kinds import ActionKind
from domain.model.commands import (
    Cancel,
    Reopen,
    Resolve,
    ResolveAction,
    ResolveCase,
    ResolveTicket,
    SendAndResolve,
)
from domain.model.effects import CancelAction, CancelCase, ReportEnd
from domain.model.internal_messages import CaseCancelled
from domain.model.items import (
    Action,
    AnyItem,
    Case,
    FirstResolution,
    Resolution,
    Ticket,
    owner_after,
)
from domain.model.proposed_changes import ProposedChange, add_effect, next_effect_key
from domain.model.working_time import end_of_span
from domain.rules.assignment import check_owner, reopen_for, take_over
from domain.rules.correspondence import queue_mail


def resolve_or_close(item: AnyItem, end: Resolution, *, window: timedelta) -> AnyItem:
    """Resolve the item for the window, or close it if there is none (C9, T11, A1)."""
    closes = window <= timedelta(0)
    return replace(
        item,
        status=Status.CLOSED if closes else Status.RESOLVED,
        owner=owner_after(item, end.by),
        assignee=None,
        wait=None,
        resolution=end,
        first_resolution=item.first_resolution or FirstResolution(by=end.by, at=end.at),
        closes_at=None if closes else end.at + window,
    )


def feedback_window_of(item: AnyItem, at: datetime) -> timedelta:
    """Return how long the item stays Resolved; zero by default and for Actions (T11, A3).

    With a calendar, days are working days, and hours and minutes are opening time.
    """
    window = item.settings.feedback_window
    if window is None or isinstance(item, Action):
        return timedelta(0)
    return end_of_span(item.calendar, at, window) - at


def resolve_ticket(ticket: Ticket, command: ResolveTicket, at: datetime) -> ProposedChange:
    """Resolve a Ticket by a method (T8, T9)."""
    return _resolve_by_method(_take_over_with_note(ticket, command), command.method, command.by, at)


def send_and_resolve(ticket: Ticket, command: SendAndResolve, at: datetime) -> ProposedChange:
    """Send a mail and resolve; the mail is the evidence (T10)."""
    proposal = queue_mail(take_over(ticket, command), command, resolution=command.resolution)
    return _resolve_by_method(proposal, command.method, command.by, at)


def resolve_case(case: Case, command: ResolveCase, at: datetime) -> ProposedChange:
    """Resolve a Case by hand; its failed Actions are accepted as not done (K11)."""
    if case.open_actions:
        names = ", ".join(copy.reference for copy in case.open_actions)
        raise Blocked(say("resolve.open_actions", item=case.noun, references=names), rule=Rule.K11)
    case = replace(case, position=max(case.step_count, case.position), attention=())
    proposal = _take_over_with_note(case, command)
    end = Resolution(by=command.by, at=at, outcome=Outcome.COMPLETE)
    return replace(
        proposal, item=resolve_or_close(proposal.item, end, window=feedback_window_of(case, at))
    )


def resolve_action(action: Action, command: ResolveAction, at: datetime) -> ProposedChange:
    """Close the Action, complete or not, and report to its Case; review first if asked (A3-A6)."""
    action = take_over(action, command)
    proposal = _take_over_with_note(action, command)
    if command.outcome is Outcome.COMPLETE:
        _check_complete(action)
        if action.peer_review:
            return replace(
                proposal, item=_send_to_review(action, command.by), reason="to be reviewed"
            )
    end = Resolution(by=command.by, at=at, outcome=command.outcome, reason=command.reason)
    return replace(proposal, item=close_action(action, end), reason=command.reason)


def _check_complete(action: Action) -> None:
    if action.in_review:
        raise Blocked(say("resolve.in_review", item=action.noun), rule=Rule.A6)
    unanswered = [line.key for line in action.checklist if line.answer is None]
    if unanswered:
        sentence = say("resolve.checklist", item=action.noun, keys=", ".join(unanswered))
        raise Blocked(sentence, rule=Rule.A7, fields=("outcome",))


def _send_to_review(action: Action, performer: str) -> Action:
    """Return the Action as To Do for a reviewer (A6)."""
    returned = replace(action, status=Status.TO_DO, assignee=None, owner=None, wait=None)
    return replace(returned, in_review=True, performed_by=performer, robot_rejected=False)


def close_action(
    action: Action, end: Resolution, *, keep_as: str | None = None, answer: JsonValue = None
) -> AnyItem:
    """Close the Action and report to its Case, with a service's answer (A3, A4, A8)."""
    closed = resolve_or_close(action, end, window=timedelta(0))
    return _add_report(closed, action, end, keep_as=keep_as, answer=answer)


def _take_over_with_note(item: AnyItem, command: Resolve) -> ProposedChange:
    """Take the item over, with the command's note as evidence (C8, T9)."""
    note = command.note if (command.note or "").strip() else None
    return ProposedChange(
        item=take_over(item, command),
        note=note,
        note_kind=note and "resolution",
        resolution=note is not None,
    )


def _resolve_by_method(
    proposal: ProposedChange, method: Method, by: str, at: datetime
) -> ProposedChange:
    item = proposal.item
    is_spam = method is Method.REJECTED_AS_SPAM
    if item.settings.resolution_evidence and not (
        is_spam or item.has_evidence or proposal.resolution
    ):
        sentence = say("resolve.evidence_missing", item=item.noun)
        raise EvidenceMissing(sentence, rule=Rule.T9, fields=("note",))
    end = Resolution(by=by, at=at, method=method)
    window = timedelta(0) if is_spam else feedback_window_of(item, at)
    return replace(proposal, item=resolve_or_close(item, end, window=window))


def _add_report(
    item: AnyItem,
    action: Action,
    end: Resolution,
    *,
    keep_as: str | None = None,
    answer: JsonValue = None,
) -> AnyItem:
    report = ReportEnd(
        key=next_effect_key(item),
        case=action.case,
        case_run=action.case_run,
        by=end.by,
        outcome=str(end.outcome),
        reason=end.reason,
        keep_as=keep_as,
        answer=answer,
    )
    return add_effect(item, report)


def reopen(item: AnyItem, command: Reopen, _at: datetime) -> ProposedChange:
    """Reopen an item by hand (T12)."""
    return ProposedChange(item=reopen_for(item, command.by))


def cancel(item: AnyItem, command: Cancel, at: datetime) -> ProposedChange:
    """Discard a Draft, or close a Case at once with its open Actions (T17, K12)."""
    if isinstance(item, Action):
        raise NotAllowed(say("cancel.action", item=item.noun), rule=Rule.C21)
    if isinstance(item, Ticket) and item.status is not Status.DRAFT:
        raise NotAllowed(say("cancel.submitted", item=item.noun), rule=Rule.T17)
    check_owner(item, command)
    end = Resolution(
        by=command.by,
        at=at,
        method=Method.DISCARDED if isinstance(item, Ticket) else None,
        outcome=Outcome.CANCELLED if isinstance(item, Case) else None,
        reason=command.reason,
    )
    item = _cancel(item, end)
    if isinstance(item, Case):
        item = cancel_actions(item, command.by, command.reason or "the Case was cancelled")
        item = replace(item, attention=())
    return ProposedChange(item=item, reason=command.reason)


def cancel_actions(case: Case, by: str, reason: str) -> Case:
    """Cancel the open Actions of a Case, each by a message (K10, K12)."""
    for copy in case.open_actions:
        effect = CancelAction(
            key=next_effect_key(case),
            reference=copy.reference,
            case_run=case.run,
            by=by,
            reason=reason,
        )
        case = add_effect(case, effect)
    actions = tuple(
        replace(copy, status=Status.CLOSED, outcome=Outcome.CANCELLED) if copy.is_open else copy
        for copy in case.actions
    )
    return replace(case, actions=actions)


def cancel_sub_cases(action: Action, by: str, reason: str) -> Action:
    """Cancel the sub-Cases that an Action waits for, each by a message (K12)."""
    if action.work is None or action.work.kind is not ActionKind.WAIT_FOR_SUB_CASES:
        return action
    for sub_case in action.awaited:
        if sub_case.how is None:
            effect = CancelCase(
                key=next_effect_key(action), sub_case=sub_case.reference, by=by, reason=reason
            )
            action = add_effect(action, effect)
    return action


def on_case_cancelled(action: Action, command: CaseCancelled, at: datetime) -> ProposedChange:
    """Cancel an Action because its Case said so, and report its end (K10, K12, A4)."""
    if command.case_run != action.case_run:
        sentence = say("cancel.other_case", item=action.noun)
        raise NotAllowed(sentence, rule=Rule.A1, fields=("case_run",))
    end = Resolution(by=command.by, at=at, outcome=Outcome.CANCELLED, reason=command.reason)
    action = cancel_sub_cases(action, command.by, command.reason or "its Case was cancelled")
    return ProposedChange(
        item=_add_report(_cancel(action, end), action, end), reason=command.reason
    )


def _cancel(item: AnyItem, end: Resolution) -> AnyItem:
    first = item.first_resolution
    item = resolve_or_close(item, end, window=timedelta(0))
    return replace(item, cancelled=True, first_resolution=first)
