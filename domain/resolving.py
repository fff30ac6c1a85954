"""Resolve, reopen and cancel (T8-T12, T17, K11, K12, A3, A4)."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.commands import (
    Cancel,
    CaseCancelled,
    Reopen,
    Resolve,
    ResolveAction,
    ResolveTicket,
    SendAndResolve,
)
from domain.corresponding import sent
from domain.effects import CancelAction, ReportEnd
from domain.holding import come_back, only_the_owner, taken_over
from domain.items import (
    Action,
    AnyItem,
    Case,
    FirstResolution,
    Resolution,
    Ticket,
    owner_after,
)
from domain.moves import Move, key_for, with_effect
from domain.refusals import NotAllowed
from domain.values import Method, Outcome, Status, is_person


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


def window_of(item: AnyItem) -> timedelta:
    """T11: how long the item stays Resolved; none by default, and never for Actions (A3)."""
    window = item.settings.feedback_window
    return timedelta(0) if window is None or isinstance(item, Action) else window.total


def resolve(item: AnyItem, command: Resolve, at: datetime) -> Move:
    """T8, T9, K11, A3: by method or outcome."""
    item = taken_over(item, command)
    note = command.note if (command.note or "").strip() else None
    move = Move(
        item=item,
        note=note,
        kept_as=note and "resolution",
        resolution=note is not None,
    )
    if isinstance(command, ResolveTicket):
        return _ticket_resolved(move, command.method, command.by, at)
    if isinstance(command, ResolveAction):
        return _action_resolved(move, command, at)
    return _case_resolved(move, command, at)


def send_and_resolve(item: AnyItem, command: SendAndResolve, at: datetime) -> Move:
    """T10: one command sends the mail and resolves; the mail is the evidence."""
    move = sent(taken_over(item, command), command, resolution=True)
    return _ticket_resolved(move, command.method, command.by, at)


def _ticket_resolved(move: Move, method: Method, by: str, at: datetime) -> Move:
    item = move.item
    spam = method is Method.REJECTED_AS_SPAM
    if item.settings.resolution_evidence and not (spam or item.evidence or move.resolution):
        sentence = (
            f"{item.noun} needs evidence before it is resolved: send a resolution mail, "
            "add a resolution note, or resolve with a note"
        )
        raise NotAllowed(sentence, rule="T9", fields=("note",))
    end = Resolution(by=by, at=at, method=method)
    return replace(move, item=at_rest(item, end, window=timedelta(0) if spam else window_of(item)))


def _case_resolved(move: Move, command: Resolve, at: datetime) -> Move:
    item = move.item
    if isinstance(item, Case):
        if item.open_actions:
            names = ", ".join(copy.reference for copy in item.open_actions)
            sentence = f"{item.noun} has open Actions: {names}; end them first, or cancel the Case"
            raise NotAllowed(sentence, rule="K11")
        item = replace(item, position=max(item.steps, item.position))
    end = Resolution(by=command.by, at=at, outcome=Outcome.COMPLETE)
    return replace(move, item=at_rest(item, end, window=window_of(item)))


def _action_resolved(move: Move, command: ResolveAction, at: datetime) -> Move:
    end = Resolution(by=command.by, at=at, outcome=command.outcome, reason=command.reason)
    item = at_rest(move.item, end, window=timedelta(0))
    return replace(move, item=_reporting(item, end), reason=command.reason)


def _reporting(item: AnyItem, end: Resolution) -> AnyItem:
    if not isinstance(item, Action) or end.outcome is None:
        return item
    report = ReportEnd(
        key=key_for(item),
        case=item.case,
        case_run=item.case_run,
        by=end.by,
        outcome=end.outcome,
        reason=end.reason,
    )
    return with_effect(item, report)


def reopen(item: AnyItem, command: Reopen, _at: datetime) -> Move:
    """T12: by hand, for the owner, else for who reopens it."""
    item = come_back(item)
    if item.assignee is None and is_person(command.by):
        item = replace(item, assignee=command.by)
    return Move(item=item)


def cancel(item: AnyItem, command: Cancel, at: datetime) -> Move:
    """T17, K12: discard a Draft, or close a Case at once with its open Actions."""
    if isinstance(item, Action):
        sentence = f"{item.noun} cannot be cancelled by itself: resolve it, or cancel its Case"
        raise NotAllowed(sentence, rule="C21")
    if isinstance(item, Ticket) and item.status is not Status.DRAFT:
        sentence = f"{item.noun} was submitted: only a Draft can be cancelled; resolve it instead"
        raise NotAllowed(sentence, rule="T17")
    only_the_owner(item, command)
    end = Resolution(
        by=command.by,
        at=at,
        method=Method.DISCARDED if isinstance(item, Ticket) else None,
        outcome=Outcome.CANCELLED if isinstance(item, Case) else None,
        reason=command.reason,
    )
    first = item.first_resolution
    item = replace(at_rest(item, end, window=timedelta(0)), cancelled=True, first_resolution=first)
    if isinstance(item, Case):
        item = without_actions(item, command.by, command.reason or "the Case was cancelled")
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


def case_cancelled(item: AnyItem, command: CaseCancelled, at: datetime) -> Move:
    """K10, K12, A4: the Action ends because its Case said so, and reports that as any end."""
    if isinstance(item, Action) and command.case_run != item.case_run:
        sentence = f"{item.noun} belongs to another Case than the one that cancels it"
        raise NotAllowed(sentence, rule="A1", fields=("case_run",))
    end = Resolution(by=command.by, at=at, outcome=Outcome.CANCELLED, reason=command.reason)
    first = item.first_resolution
    item = replace(at_rest(item, end, window=timedelta(0)), cancelled=True, first_resolution=first)
    return Move(item=_reporting(item, end), reason=command.reason)
