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
from domain.model.items import AnyItem, Case, Ticket, Wait, owner_after
from domain.model.proposed_changes import Move
from domain.model.working_time import end_of
from domain.rules.assignment import only_the_owner, picked_up, taken_over

LONGEST_WAIT: Final = timedelta(days=36525)
"""The server counts a timer in nanoseconds, which ends after 292 years."""


def wait(item: AnyItem, command: WaitCommand, at: datetime) -> Move:
    """C9-C11: nobody is assigned, the owner answers for it."""
    _check_kind(item, command)
    item = taken_over(item, command)
    if command.until is not None and command.until <= at:
        sentence = say("wait.passed", item=item.noun, until=f"{command.until:%Y-%m-%d %H:%M}")
        raise MomentPassed(sentence, rule=Rule.C10, fields=("until",))
    if command.until is not None and command.until - at > LONGEST_WAIT:
        sentence = say("wait.too_far", item=item.noun, year=f"{command.until:%Y}")
        raise NotAllowed(sentence, rule=Rule.C10, fields=("until",))
    waiting = Wait(
        type=command.type,
        wakes_at=command.until if command.days_to_wait is None else _days_over(item, command, at),
        days_to_wait=command.days_to_wait,
        close_if_no_response=command.close_if_no_response,
        waiting_for=command.waiting_for,
    )
    if item.status is not Status.WAIT:
        item = replace(item, owner=owner_after(item, command.by), assignee=None, status=Status.WAIT)
    return Move(item=replace(item, wait=waiting), reason=command.reason)


def _days_over(item: AnyItem, command: WaitCommand, at: datetime) -> datetime:
    """T5: days to wait are working days if the item has a calendar, else 24 hours each."""
    return end_of(item.calendar, at, Span(days=command.days_to_wait or 0.0, clock=timedelta(0)))


def _check_kind(item: AnyItem, command: WaitCommand) -> None:
    rule = {Kind.TICKET: Rule.C10, Kind.CASE: Rule.K6, Kind.ACTION: Rule.A2}[item.kind]
    if command.type is WaitType.PAUSE and not isinstance(item, Case):
        sentence = say("wait.pause", item=item.noun)
        raise NotAllowed(sentence, rule=rule, fields=("type",))
    if command.days_to_wait is not None and not isinstance(item, Ticket):
        sentence = say("wait.days", item=item.noun)
        raise NotAllowed(sentence, rule=rule, fields=("days_to_wait",))
    if command.type is WaitType.PAUSE:
        only_the_owner(item, command)


def resume(item: AnyItem, command: Resume, _at: datetime) -> Move:
    """C12: off Wait, In Progress, assigned to the actor."""
    return Move(item=picked_up(item, command.by))
