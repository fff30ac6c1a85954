"""Resolve, reopen and cancel (T8-T12, T17, K11, K12, A3, A4)."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.commands import (
    Cancel,
    CaseCancelled,
    Reopen,
    Resolve,
    ResolveAction,
    ResolveCase,
    ResolveTicket,
    SendAndResolve,
)
from domain.corresponding import sent
from domain.effects import CancelAction, ReportEnd
from domain.holding import only_the_owner, reopened, taken_over
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
from domain.values import Method, Outcome, Status


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
        sentence = f"{case.noun} has open Actions: {names}; end them first, or cancel the Case"
        raise NotAllowed(sentence, rule="K11")
    case = replace(case, position=max(case.steps, case.position), attention=())
    move = _with_note(case, command)
    end = Resolution(by=command.by, at=at, outcome=Outcome.COMPLETE)
    return replace(move, item=at_rest(move.item, end, window=window_of(case)))


def resolve_action(action: Action, command: ResolveAction, at: datetime) -> Move:
    """A3, A4: complete or not, it is closed, and its Case hears of it."""
    move = _with_note(action, command)
    end = Resolution(by=command.by, at=at, outcome=command.outcome, reason=command.reason)
    closed = at_rest(move.item, end, window=timedelta(0))
    return replace(move, item=_reporting(closed, action, end), reason=command.reason)


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
    if item.settings.resolution_evidence and not (spam or item.evidence or move.resolution):
        sentence = (
            f"{item.noun} needs evidence before it is resolved: send a resolution mail, "
            "add a resolution note, or resolve with a note"
        )
        raise NotAllowed(sentence, rule="T9", fields=("note",))
    end = Resolution(by=by, at=at, method=method)
    return replace(move, item=at_rest(item, end, window=timedelta(0) if spam else window_of(item)))


def _reporting(item: AnyItem, action: Action, end: Resolution) -> AnyItem:
    report = ReportEnd(
        key=key_for(item),
        case=action.case,
        case_run=action.case_run,
        by=end.by,
        outcome=str(end.outcome),
        reason=end.reason,
    )
    return with_effect(item, report)


def reopen(item: AnyItem, command: Reopen, _at: datetime) -> Move:
    """T12: by hand."""
    return Move(item=reopened(item, command.by))


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


def case_cancelled(action: Action, command: CaseCancelled, at: datetime) -> Move:
    """K10, K12, A4: the Action ends because its Case said so, and reports that as any end."""
    if command.case_run != action.case_run:
        sentence = f"{action.noun} belongs to another Case than the one that cancels it"
        raise NotAllowed(sentence, rule="A1", fields=("case_run",))
    end = Resolution(by=command.by, at=at, outcome=Outcome.CANCELLED, reason=command.reason)
    return Move(item=_reporting(_cancelled(action, end), action, end), reason=command.reason)


def _cancelled(item: AnyItem, end: Resolution) -> AnyItem:
    first = item.first_resolution
    item = at_rest(item, end, window=timedelta(0))
    return replace(item, cancelled=True, first_resolution=first)
