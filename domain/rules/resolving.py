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
from domain.model.proposed_changes import Move, key_for, with_effect
from domain.model.working_time import end_of
from domain.rules.assignment import only_the_owner, reopened, taken_over
from domain.rules.correspondence import sent


def at_rest(item: AnyItem, end: Resolution, *, window: timedelta) -> AnyItem:
    """C9, T11, A1: Resolved for the window, or Closed at once where there is none."""
    closed = window <= timedelta(0)
    return replace(
        item,
        status=Status.CLOSED if closed else Status.RESOLVED,
        owner=owner_after(item, end.by),
        assignee=None,
        wait=None,
        resolution=end,
        first_resolution=item.first_resolution or FirstResolution(by=end.by, at=end.at),
        closes_at=None if closed else end.at + window,
    )


def window_of(item: AnyItem, at: datetime) -> timedelta:
    """T11: how long an item stays Resolved from then on; no time by default and for Actions (A3).

    With a calendar days are working days, hours and minutes are opening time.
    """
    window = item.settings.feedback_window
    if window is None or isinstance(item, Action):
        return timedelta(0)
    return end_of(item.calendar, at, window) - at


def resolve_ticket(ticket: Ticket, command: ResolveTicket, at: datetime) -> Move:
    """T8, T9: by a method."""
    return _by_method(_with_note(ticket, command), command.method, command.by, at)


def send_and_resolve(ticket: Ticket, command: SendAndResolve, at: datetime) -> Move:
    """T10: one command sends the mail and resolves; the mail is the evidence."""
    move = sent(taken_over(ticket, command), command, resolution=command.resolution)
    return _by_method(move, command.method, command.by, at)


def resolve_case(case: Case, command: ResolveCase, at: datetime) -> Move:
    """K11: by hand; what failed is thereby accepted as not done."""
    if case.open_actions:
        names = ", ".join(copy.reference for copy in case.open_actions)
        raise Blocked(say("resolve.open_actions", item=case.noun, references=names), rule=Rule.K11)
    case = replace(case, position=max(case.steps, case.position), attention=())
    move = _with_note(case, command)
    end = Resolution(by=command.by, at=at, outcome=Outcome.COMPLETE)
    return replace(move, item=at_rest(move.item, end, window=window_of(case, at)))


def resolve_action(action: Action, command: ResolveAction, at: datetime) -> Move:
    """A3, A4: complete or not, it is closed, and its Case hears of it; unless reviewed first."""
    action = taken_over(action, command)
    move = _with_note(action, command)
    if command.outcome is Outcome.COMPLETE:
        _check_complete(action)
        if action.peer_review:
            return replace(move, item=_in_review(action, command.by), reason="to be reviewed")
    end = Resolution(by=command.by, at=at, outcome=command.outcome, reason=command.reason)
    return replace(move, item=ended(action, end), reason=command.reason)


def _check_complete(action: Action) -> None:
    if action.in_review:
        raise Blocked(say("resolve.in_review", item=action.noun), rule=Rule.A6)
    unanswered = [line.key for line in action.checklist if line.answer is None]
    if unanswered:
        sentence = say("resolve.checklist", item=action.noun, keys=", ".join(unanswered))
        raise Blocked(sentence, rule=Rule.A7, fields=("outcome",))


def _in_review(action: Action, performer: str) -> Action:
    """A6: To Do for somebody else."""
    given_back = replace(action, status=Status.TO_DO, assignee=None, owner=None, wait=None)
    return replace(given_back, in_review=True, performed_by=performer, robot_rejected=False)


def ended(
    action: Action, end: Resolution, *, keep_as: str | None = None, answer: JsonValue = None
) -> AnyItem:
    """A3, A4: closed, with no window, and its Case told; also what a service answered (A8)."""
    closed = at_rest(action, end, window=timedelta(0))
    return _reporting(closed, action, end, keep_as=keep_as, answer=answer)


def _with_note(item: AnyItem, command: Resolve) -> Move:
    """C8, T9: in the actor's hands, with the command's note as evidence."""
    note = command.note if (command.note or "").strip() else None
    return Move(
        item=taken_over(item, command),
        note=note,
        kept_as=note and "resolution",
        resolution=note is not None,
    )


def _by_method(move: Move, method: Method, by: str, at: datetime) -> Move:
    item = move.item
    spam = method is Method.REJECTED_AS_SPAM
    if item.settings.resolution_evidence and not (spam or item.has_evidence or move.resolution):
        sentence = say("resolve.evidence_missing", item=item.noun)
        raise EvidenceMissing(sentence, rule=Rule.T9, fields=("note",))
    end = Resolution(by=by, at=at, method=method)
    window = timedelta(0) if spam else window_of(item, at)
    return replace(move, item=at_rest(item, end, window=window))


def _reporting(
    item: AnyItem,
    action: Action,
    end: Resolution,
    *,
    keep_as: str | None = None,
    answer: JsonValue = None,
) -> AnyItem:
    report = ReportEnd(
        key=key_for(item),
        case=action.case,
        case_run=action.case_run,
        by=end.by,
        outcome=str(end.outcome),
        reason=end.reason,
        keep_as=keep_as,
        answer=answer,
    )
    return with_effect(item, report)


def reopen(item: AnyItem, command: Reopen, _at: datetime) -> Move:
    """T12: by hand."""
    return Move(item=reopened(item, command.by))


def cancel(item: AnyItem, command: Cancel, at: datetime) -> Move:
    """T17, K12: discard a Draft, or close a Case at once with its open Actions."""
    if isinstance(item, Action):
        raise NotAllowed(say("cancel.action", item=item.noun), rule=Rule.C21)
    if isinstance(item, Ticket) and item.status is not Status.DRAFT:
        raise NotAllowed(say("cancel.submitted", item=item.noun), rule=Rule.T17)
    only_the_owner(item, command)
    end = Resolution(
        by=command.by,
        at=at,
        method=Method.DISCARDED if isinstance(item, Ticket) else None,
        outcome=Outcome.CANCELLED if isinstance(item, Case) else None,
        reason=command.reason,
    )
    item = _cancelled(item, end)
    if isinstance(item, Case):
        item = without_actions(item, command.by, command.reason or "the Case was cancelled")
        item = replace(item, attention=())
    return Move(item=item, reason=command.reason)


def without_actions(case: Case, by: str, reason: str) -> Case:
    """K10, K12: the Case with its open Actions cancelled, and told so."""
    for copy in case.open_actions:
        told = CancelAction(
            key=key_for(case), reference=copy.reference, case_run=case.run, by=by, reason=reason
        )
        case = with_effect(case, told)
    ended = tuple(
        replace(copy, status=Status.CLOSED, outcome=Outcome.CANCELLED) if copy.is_open else copy
        for copy in case.actions
    )
    return replace(case, actions=ended)


def without_sub_cases(action: Action, by: str, reason: str) -> Action:
    """K12: the Action with the sub-Cases it waits for told to end."""
    if action.work is None or action.work.kind is not ActionKind.WAIT_FOR_SUB_CASES:
        return action
    for one in action.awaited:
        if one.how is None:
            told = CancelCase(key=key_for(action), sub_case=one.reference, by=by, reason=reason)
            action = with_effect(action, told)
    return action


def case_cancelled(action: Action, command: CaseCancelled, at: datetime) -> Move:
    """K10, K12, A4: the Action ends because its Case said so, and reports that as any end."""
    if command.case_run != action.case_run:
        sentence = say("cancel.other_case", item=action.noun)
        raise NotAllowed(sentence, rule=Rule.A1, fields=("case_run",))
    end = Resolution(by=command.by, at=at, outcome=Outcome.CANCELLED, reason=command.reason)
    action = without_sub_cases(action, command.by, command.reason or "its Case was cancelled")
    return Move(item=_reporting(_cancelled(action, end), action, end), reason=command.reason)


def _cancelled(item: AnyItem, end: Resolution) -> AnyItem:
    first = item.first_resolution
    item = at_rest(item, end, window=timedelta(0))
    return replace(item, cancelled=True, first_resolution=first)
