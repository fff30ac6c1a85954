"""Deadlines: changes that happen when a moment has come (C10, C20, T6, T13, D3, Q3)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.base.fast_replace import replace
from domain.base.values import SYSTEM, Method, Status, Template
from domain.model.due_dates import at_risk_at, due_at, due_text, is_grey
from domain.model.items import AnyItem, Change, Mail, Resolution
from domain.model.leases import count_lost_lease
from domain.model.proposed_changes import ProposedChange, add_mail, commit, next_effect_key
from domain.rules.assignment import give_back, return_to_owner
from domain.rules.flow import advance_flow
from domain.rules.resolving import resolve_or_close


@dataclass(frozen=True, slots=True)
class Deadline:
    """Moment at which the item changes without a command."""

    at: datetime
    command: str
    """Name of the change in the timeline."""
    summary: str
    """Description of the timer, shown in Temporal's UI."""
    propose: Callable[[AnyItem, datetime], ProposedChange]
    closes_item: bool = False
    """True if the item closes: mails still under way are waited for first (M3)."""


def next_deadline(item: AnyItem) -> Deadline | None:
    """Return the item's earliest deadline; None if it has none."""
    return min(_deadlines(item), key=lambda deadline: deadline.at, default=None)


def elapse(item: AnyItem, at: datetime) -> Change | None:
    """Return the change of the earliest deadline at or before `at`; None if there is none.

    The change has the deadline's own time, however late it is noticed, but no time before the
    item's last change.
    """
    deadline = next_deadline(item)
    if deadline is None or deadline.at > at:
        return None
    return _elapse(item, deadline)


def closing_time(item: AnyItem, now: datetime) -> datetime | None:
    """Return when a deadline closed the item; None if none did up to `now` (M3)."""
    change = Change(item=item)
    while (deadline := next_deadline(change.item)) is not None and deadline.at <= now:
        if deadline.closes_item:
            return deadline.at
        change = change.then(_elapse(change.item, deadline))
    return None


def _elapse(item: AnyItem, deadline: Deadline) -> Change:
    moment = max(deadline.at, item.changed_at)
    proposal = advance_flow(deadline.propose(item, moment), moment)
    return commit(item, proposal, at=moment, by=SYSTEM, command=deadline.command)


def elapse_before(item: AnyItem, before: datetime) -> Change:
    """Return the changes of all deadlines strictly before a moment, as one (C19)."""
    change = Change(item=item)
    while (deadline := next_deadline(change.item)) is not None and deadline.at < before:
        change = change.then(_elapse(change.item, deadline))
    return change


def _deadlines(item: AnyItem) -> Iterator[Deadline]:
    wait = item.wait
    if item.status is Status.WAIT and wait is not None and wait.wakes_at is not None:
        if wait.days_to_wait is None:
            yield Deadline(wait.wakes_at, "wait_over", "wait until the moment is over", _end_wait)
        else:
            yield Deadline(
                wait.wakes_at,
                "days_to_wait_over",
                "days to wait for an answer",
                _end_days_to_wait,
                closes_item=wait.close_if_no_response,
            )
    if item.status is Status.RESOLVED and item.closes_at is not None:
        yield Deadline(
            item.closes_at, "window_over", "feedback window", _end_feedback_window, closes_item=True
        )
    if item.lease is not None:
        yield Deadline(item.lease.until, "lease_over", f"lease of {item.assignee}", _end_lease)
    due, risk = due_at(item), at_risk_at(item)
    if item.due is None or due is None or is_grey(item) or item.due.told_overdue:
        return
    if risk is not None and not item.due.told_at_risk:
        yield Deadline(risk, "at_risk", "becomes at risk", _alarm_at_risk)
    yield Deadline(due, "overdue", "becomes overdue", _alarm_overdue)


def _end_wait(item: AnyItem, _at: datetime) -> ProposedChange:
    return ProposedChange(item=return_to_owner(item), reason="the moment waited for has come")


def _end_days_to_wait(item: AnyItem, at: datetime) -> ProposedChange:
    wait = item.wait
    days = (
        f"{wait.days_to_wait:.6f}".rstrip("0").rstrip(".") if wait and wait.days_to_wait else "the"
    )
    if wait is None or not wait.close_if_no_response:
        return ProposedChange(
            item=return_to_owner(item), reason=f"no response within {days} days to wait"
        )
    resolution = Resolution(by=SYSTEM, at=at, method=Method.NO_CUSTOMER_RESPONSE)
    reason = f"no response within {days} days to wait: closed, as chosen"
    return ProposedChange(
        item=resolve_or_close(item, resolution, window=timedelta(0)), reason=reason
    )


def _end_feedback_window(item: AnyItem, _at: datetime) -> ProposedChange:
    closed = replace(item, status=Status.CLOSED, closes_at=None)
    return ProposedChange(item=closed, reason="the feedback window is over")


def _end_lease(item: AnyItem, _at: datetime) -> ProposedChange:
    reason = f"the lease of {item.assignee} is over: it did not say that it still works on it"
    return ProposedChange(item=count_lost_lease(give_back(item)), reason=reason)


def _alarm_at_risk(item: AnyItem, _at: datetime) -> ProposedChange:
    clock = item.due and replace(item.due, told_at_risk=True)
    return _raise_alarm(replace(item, due=clock), "at risk")


def _alarm_overdue(item: AnyItem, _at: datetime) -> ProposedChange:
    clock = item.due and replace(item.due, told_at_risk=True, told_overdue=True)
    return _raise_alarm(replace(item, due=clock), "overdue")


def _raise_alarm(item: AnyItem, urgency: str) -> ProposedChange:
    proposal = ProposedChange(
        item=replace(item, new_information=True), reason=f"the item is {urgency}"
    )
    if item.holder in {None, SYSTEM}:
        return proposal
    mail = Mail(
        key=next_effect_key(item),
        to=(),
        accounts=(item.holder,),
        subject=f"[{item.reference}] {item.title} is {urgency}",
        body=f"{item.noun} ({item.title}) is {urgency}. {due_text(item)}.\n",
        template=Template.DUE,
    )
    return add_mail(proposal, mail)
