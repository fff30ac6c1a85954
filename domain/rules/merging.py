"""Merge: the target is asked first, and the Ticket closes only if it accepts (T16).

Two Tickets that are merged into each other at the same time ask each other. The one whose reference
comes first accepts and withdraws its own request; the other one declines. So one Ticket is closed.
"""

from datetime import datetime, timedelta

from domain.base.fast_replace import replace
from domain.base.refusals import Blocked
from domain.base.rules import Rule
from domain.base.sentences import Sentence, say
from domain.base.values import ACTION_PATTERN, REFERENCE_PATTERN, Method, Status
from domain.model.commands import Merge
from domain.model.effects import AnswerMerge, AskMerge
from domain.model.internal_messages import MergeAnswered, MergeAsked
from domain.model.items import AnyItem, Merging, Resolution, Ticket
from domain.model.proposed_changes import ProposedChange, add_effect
from domain.model.starts import Link
from domain.rules.assignment import assign_to, take_over
from domain.rules.correspondence import wake_by_mail
from domain.rules.resolving import resolve_or_close
from domain.rules.split_and_launch import communications_of


def merge(ticket: Ticket, command: Merge, _at: datetime) -> ProposedChange:
    """Ask the target; there is no entry before it answers."""
    into = command.into
    problem = None
    if into == ticket.reference:
        problem = say("merge.itself")
    elif ACTION_PATTERN.fullmatch(into):
        problem = say("merge.action", target=into)
    elif not REFERENCE_PATTERN.fullmatch(into):
        problem = say("merge.no_reference", target=into)
    elif ticket.waiter is not None and into == ticket.waiter.reference:
        problem = say("merge.part", target=into)
    elif ticket.merging is not None:
        problem = say("merge.asked", target=ticket.merging.into)
    if problem is not None:
        raise merge_refusal(ticket, problem)
    take_over(ticket, command)  # raises while somebody else has it (C8)
    ticket = replace(ticket, asked=ticket.asked + 1)
    key = last_merge_key(ticket)
    request = AskMerge(
        key=key,
        into=into,
        run=ticket.run,
        by=command.by,
        title=ticket.title,
        communications=communications_of(ticket),
    )
    merging = Merging(
        ask=key,
        into=into,
        by=command.by,
        command_id=command.command_id,
        takes_over=command.take_over,
    )
    return ProposedChange(item=add_effect(replace(ticket, merging=merging), request), silent=True)


def merge_refusal(item: AnyItem, problem: Sentence | str) -> Blocked:
    """Return the refusal of a merge; the problem is a text where the target answered with it."""
    sentence = say("merge.refused", item=item.noun, problem=problem)
    return Blocked(sentence, rule=Rule.T16, fields=("into",))


def last_merge_key(ticket: Ticket) -> str:
    """Return the key of the Ticket's last merge request, answered or not."""
    return f"{ticket.reference}:merge:{ticket.asked}"


def on_merge_asked(item: AnyItem, command: MergeAsked, _at: datetime) -> ProposedChange:
    """Answer a merge request; an accepted one adds the communications and wakes as mail (C13)."""
    objection = _find_objection(item, command)
    if objection is not None:
        return ProposedChange(item=_add_answer(item, command, objection), silent=True)
    if isinstance(item, Ticket):
        item = replace(item, merging=None)
    link = Link(kind="merged_from", reference=command.asker)
    target = replace(wake_by_mail(item), links=(*item.links, link)[-100:])
    return ProposedChange(
        item=_add_answer(target, command, None),
        reason=f"{command.asker} ({command.title}) was merged into this"[:1000],
        note=command.communications or None,
        note_kind="merged" if command.communications else None,
    )


def _find_objection(item: AnyItem, command: MergeAsked) -> str | None:
    if item.status is Status.CLOSED:
        return f"{item.reference} is closed"
    if item.status is Status.DRAFT:
        return f"{item.reference} is a Draft"
    if not isinstance(item, Ticket) or item.merging is None:
        return None
    is_mutual = item.merging.into == command.asker
    if is_mutual and item.reference < command.asker:
        return None
    return f"{item.reference} is itself being merged into {item.merging.into}"


def _add_answer(item: AnyItem, command: MergeAsked, objection: str | None) -> AnyItem:
    answer = AnswerMerge(
        key=f"{command.ask}:answer",
        asker=command.asker,
        asker_run=command.asker_run,
        ask=command.ask,
        by=command.by,
        accepted=objection is None,
        reason=objection,
    )
    return add_effect(item, answer)


def on_merge_answered(
    ticket: Ticket, command: MergeAnswered, at: datetime
) -> ProposedChange | None:
    """Close the Ticket if the target accepted; an answer to a withdrawn request changes nothing."""
    merging = ticket.merging
    if merging is None or (merging.ask, ticket.run) != (command.ask, command.asker_run):
        return None
    ticket = replace(ticket, merging=None)
    if not command.accepted:
        return ProposedChange(item=ticket, silent=True)
    if merging.takes_over:
        ticket = assign_to(ticket, merging.by)
    resolution = Resolution(by=merging.by, at=at, method=Method.MERGED)
    link = Link(kind="merged_into", reference=merging.into)
    closed = resolve_or_close(ticket, resolution, window=timedelta(0))
    return ProposedChange(
        item=replace(closed, links=(*ticket.links, link)[-100:]),
        reason=f"merged into {merging.into}",
    )
