"""What happens by itself, and when (C10, C20, T6, T13, D3, Q3)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.base.fast_replace import replace
from domain.base.values import SYSTEM, Method, Status, Template
from domain.model.due_dates import at_risk_at, due_at, due_text, is_grey
from domain.model.items import AnyItem, Change, Mail, Resolution
from domain.model.leases import lost
from domain.model.proposed_changes import Move, commit, key_for, mailing
from domain.rules.assignment import come_back, given_back
from domain.rules.flow import advanced
from domain.rules.resolving import at_rest


@dataclass(frozen=True, slots=True)
class Deadline:
    """The one moment at which something happens to the item by itself."""

    at: datetime
    command: str
    """What the timeline calls it."""
    summary: str
    """What the timer waits for, for people who look at it."""
    move: Callable[[AnyItem, datetime], Move]
    closes: bool = False
    """Whether it closes the item, so that a mail still under way has to be waited for (M3)."""


def next_deadline(item: AnyItem) -> Deadline | None:
    """The earliest moment at which something happens by itself; None if nothing ever does."""
    return min(_deadlines(item), key=lambda deadline: deadline.at, default=None)


def elapse(item: AnyItem, at: datetime) -> Change | None:
    """What the earliest deadline at or before `at` leads to; None if there is none.

    It happens at its own moment, however late it is noticed; only never before the last change.
    """
    deadline = next_deadline(item)
    if deadline is None or deadline.at > at:
        return None
    return _happened(item, deadline)


def closing_before(item: AnyItem, now: datetime) -> datetime | None:
    """M3: the moment at which the item closes by itself, if that has come; None if it has not."""
    change = Change(item=item)
    while (deadline := next_deadline(change.item)) is not None and deadline.at <= now:
        if deadline.closes:
            return deadline.at
        change = change.then(_happened(change.item, deadline))
    return None


def _happened(item: AnyItem, deadline: Deadline) -> Change:
    moment = max(deadline.at, item.changed_at)
    move = advanced(deadline.move(item, moment), moment)
    return commit(item, move, at=moment, by=SYSTEM, command=deadline.command)


def elapsed(item: AnyItem, before: datetime) -> Change:
    """C19: all that happens by itself strictly before a moment."""
    change = Change(item=item)
    while (deadline := next_deadline(change.item)) is not None and deadline.at < before:
        change = change.then(_happened(change.item, deadline))
    return change


def _deadlines(item: AnyItem) -> Iterator[Deadline]:
    wait = item.wait
    if item.status is Status.WAIT and wait is not None and wait.wakes_at is not None:
        if wait.days_to_wait is None:
            yield Deadline(wait.wakes_at, "wait_over", "wait until the moment is over", _wait_over)
        else:
            yield Deadline(
                wait.wakes_at,
                "days_to_wait_over",
                "days to wait for an answer",
                _days_over,
                closes=wait.close_if_no_response,
            )
    if item.status is Status.RESOLVED and item.closes_at is not None:
        yield Deadline(item.closes_at, "window_over", "feedback window", _window_over, closes=True)
    if item.lease is not None:
        yield Deadline(item.lease.until, "lease_over", f"lease of {item.assignee}", _lease_over)
    due, risk = due_at(item), at_risk_at(item)
    if item.due is None or due is None or is_grey(item) or item.due.told_overdue:
        return
    if risk is not None and not item.due.told_at_risk:
        yield Deadline(risk, "at_risk", "becomes at risk", _at_risk)
    yield Deadline(due, "overdue", "becomes overdue", _overdue)


def _wait_over(item: AnyItem, _at: datetime) -> Move:
    return Move(item=come_back(item), reason="the moment waited for has come")


def _days_over(item: AnyItem, at: datetime) -> Move:
    wait = item.wait
    days = (
        f"{wait.days_to_wait:.6f}".rstrip("0").rstrip(".") if wait and wait.days_to_wait else "the"
    )
    if wait is None or not wait.close_if_no_response:
        return Move(item=come_back(item), reason=f"no response within {days} days to wait")
    end = Resolution(by=SYSTEM, at=at, method=Method.NO_CUSTOMER_RESPONSE)
    reason = f"no response within {days} days to wait: closed, as chosen"
    return Move(item=at_rest(item, end, window=timedelta(0)), reason=reason)


def _window_over(item: AnyItem, _at: datetime) -> Move:
    closed = replace(item, status=Status.CLOSED, closes_at=None)
    return Move(item=closed, reason="the feedback window is over")


def _lease_over(item: AnyItem, _at: datetime) -> Move:
    reason = f"the lease of {item.assignee} is over: it did not say that it still works on it"
    return Move(item=lost(given_back(item)), reason=reason)


def _at_risk(item: AnyItem, _at: datetime) -> Move:
    clock = item.due and replace(item.due, told_at_risk=True)
    return _alarm(replace(item, due=clock), "at risk")


def _overdue(item: AnyItem, _at: datetime) -> Move:
    clock = item.due and replace(item.due, told_at_risk=True, told_overdue=True)
    return _alarm(replace(item, due=clock), "overdue")


def _alarm(item: AnyItem, what: str) -> Move:
    move = Move(item=replace(item, new_information=True), reason=f"the item is {what}")
    if item.holder in {None, SYSTEM}:
        return move
    mail = Mail(
        key=key_for(item),
        to=(),
        accounts=(item.holder,),
        subject=f"[{item.reference}] {item.title} is {what}",
        body=f"{item.noun} ({item.title}) is {what}. {due_text(item)}.\n",
        template=Template.DUE,
    )
    return mailing(move, mail)
