"""Merge: the target is asked first, and the Ticket closes only on its yes (T16).

Two Tickets that are merged into each other at once ask each other. The one whose reference comes
first says yes and gives its own question up, the other one says no; so one is closed.
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
from domain.model.proposed_changes import Move, with_effect
from domain.model.starts import Link
from domain.rules.assignment import assigned_to, taken_over
from domain.rules.correspondence import heard
from domain.rules.resolving import at_rest
from domain.rules.split_and_launch import communications_of


def merge(ticket: Ticket, command: Merge, _at: datetime) -> Move:
    """Ask the target; nothing is written before it answers."""
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
        raise merge_refused(ticket, problem)
    taken_over(ticket, command)  # refused while somebody else has it (C8)
    ticket = replace(ticket, asked=ticket.asked + 1)
    ask = last_ask(ticket)
    asking = AskMerge(
        key=ask,
        into=into,
        run=ticket.run,
        by=command.by,
        title=ticket.title,
        communications=communications_of(ticket),
    )
    merging = Merging(
        ask=ask,
        into=into,
        by=command.by,
        command_id=command.command_id,
        takes_over=command.take_over,
    )
    return Move(item=with_effect(replace(ticket, merging=merging), asking), silent=True)


def merge_refused(item: AnyItem, problem: Sentence | str) -> Blocked:
    """Return the refusal of a merge; the problem is a text where the target answered with it."""
    sentence = say("merge.refused", item=item.noun, problem=problem)
    return Blocked(sentence, rule=Rule.T16, fields=("into",))


def last_ask(ticket: Ticket) -> str:
    """What its last question is called, whether it is answered or not."""
    return f"{ticket.reference}:merge:{ticket.asked}"


def merge_asked(item: AnyItem, command: MergeAsked, _at: datetime) -> Move:
    """The target's answer; on yes it has the communications, and wakes as by a mail (C13)."""
    problem = _why_not(item, command)
    if problem is not None:
        return Move(item=_answering(item, command, problem), silent=True)
    if isinstance(item, Ticket):
        item = replace(item, merging=None)
    link = Link(kind="merged_from", reference=command.asker)
    heard_of = replace(heard(item), links=(*item.links, link)[-100:])
    return Move(
        item=_answering(heard_of, command, None),
        reason=f"{command.asker} ({command.title}) was merged into this"[:1000],
        note=command.communications or None,
        kept_as="merged" if command.communications else None,
    )


def _why_not(item: AnyItem, command: MergeAsked) -> str | None:
    if item.status is Status.CLOSED:
        return f"{item.reference} is closed"
    if item.status is Status.DRAFT:
        return f"{item.reference} is a Draft"
    if not isinstance(item, Ticket) or item.merging is None:
        return None
    mutual = item.merging.into == command.asker
    if mutual and item.reference < command.asker:
        return None
    return f"{item.reference} is itself being merged into {item.merging.into}"


def _answering(item: AnyItem, command: MergeAsked, problem: str | None) -> AnyItem:
    answer = AnswerMerge(
        key=f"{command.ask}:answer",
        asker=command.asker,
        asker_run=command.asker_run,
        ask=command.ask,
        by=command.by,
        accepted=problem is None,
        reason=problem,
    )
    return with_effect(item, answer)


def merge_answered(ticket: Ticket, command: MergeAnswered, at: datetime) -> Move | None:
    """Closed on yes; on no as before. An answer to a question that was given up changes nothing."""
    asked = ticket.merging
    if asked is None or (asked.ask, ticket.run) != (command.ask, command.asker_run):
        return None
    ticket = replace(ticket, merging=None)
    if not command.accepted:
        return Move(item=ticket, silent=True)
    if asked.takes_over:
        ticket = assigned_to(ticket, asked.by)
    end = Resolution(by=asked.by, at=at, method=Method.MERGED)
    link = Link(kind="merged_into", reference=asked.into)
    closed = at_rest(ticket, end, window=timedelta(0))
    return Move(
        item=replace(closed, links=(*ticket.links, link)[-100:]),
        reason=f"merged into {asked.into}",
    )
