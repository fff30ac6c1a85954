"""Wait and resume (C9-C12, T5, K6, A2)."""

from datetime import datetime, timedelta
from typing import Final

from domain.base.durations import Span
from domain.base.fast_replace import replace
from domain.base.refusals import MomentPassed, NotAllowed
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import Kind, Status, WaitType
from domain.model.commands import Resume
from domain.model.commands import Wait as WaitCommand
from domain.model.items import AnyItem, Case, CurrentWait, Ticket, owner_after
from domain.model.proposed_changes import ProposedChange
from domain.model.working_time import end_of_span
from domain.rules.assignment import check_owner, pick_up, take_over

MAX_WAIT: Final = timedelta(days=36525)
"""Longest wait; the server counts timers in nanoseconds, at most 292 years."""


def wait(item: AnyItem, command: WaitCommand, at: datetime) -> ProposedChange:
    """Start or replace a wait: nobody is assigned, and the owner is responsible (C9-C11)."""
    _check_kind(item, command)
    item = take_over(item, command)
    if command.until is not None and command.until <= at:
        sentence = say("wait.passed", item=item.noun, until=f"{command.until:%Y-%m-%d %H:%M}")
        raise MomentPassed(sentence, rule=Rule.C10, fields=("until",))
    if command.until is not None and command.until - at > MAX_WAIT:
        sentence = say("wait.too_far", item=item.noun, year=f"{command.until:%Y}")
        raise NotAllowed(sentence, rule=Rule.C10, fields=("until",))
    waiting = CurrentWait(
        type=command.type,
        wakes_at=command.until
        if command.days_to_wait is None
        else _end_of_days_to_wait(item, command, at),
        days_to_wait=command.days_to_wait,
        close_if_no_response=command.close_if_no_response,
        waiting_for=command.waiting_for,
    )
    if item.status is not Status.WAIT:
        item = replace(item, owner=owner_after(item, command.by), assignee=None, status=Status.WAIT)
    return ProposedChange(item=replace(item, wait=waiting), reason=command.reason)


def _end_of_days_to_wait(item: AnyItem, command: WaitCommand, at: datetime) -> datetime:
    """Return the end of the days to wait: working days with a calendar, else 24 hours each (T5)."""
    return end_of_span(
        item.calendar, at, Span(days=command.days_to_wait or 0.0, clock=timedelta(0))
    )


def _check_kind(item: AnyItem, command: WaitCommand) -> None:
    rule = {Kind.TICKET: Rule.C10, Kind.CASE: Rule.K6, Kind.ACTION: Rule.A2}[item.kind]
    if command.type is WaitType.PAUSE and not isinstance(item, Case):
        sentence = say("wait.pause", item=item.noun)
        raise NotAllowed(sentence, rule=rule, fields=("type",))
    if command.days_to_wait is not None and not isinstance(item, Ticket):
        sentence = say("wait.days", item=item.noun)
        raise NotAllowed(sentence, rule=rule, fields=("days_to_wait",))
    if command.type is WaitType.PAUSE:
        check_owner(item, command)


def resume(item: AnyItem, command: Resume, _at: datetime) -> ProposedChange:
    """Resume work: In Progress, assigned to the actor (C12)."""
    return ProposedChange(item=pick_up(item, command.by))
