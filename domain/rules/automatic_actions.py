"""Actions that run by themselves, until they are done or fall to their queue (A8, K12)."""

from datetime import datetime
from typing import Final

from pydantic import JsonValue

from domain.base.fast_replace import replace
from domain.base.values import (
    SYSTEM,
    Kind,
    Outcome,
    StartedBy,
    Status,
    Template,
    WaitType,
    is_address,
    unfit,
)
from domain.model.action_kinds import ActionKind, CaseOrder, MailOrder, Work
from domain.model.commands import ReceiveEmail
from domain.model.effects import CallService, StartItem
from domain.model.internal_messages import ItemEnded, WorkEnded
from domain.model.items import Action, AnyItem, Awaited, Mail, Resolution, Ticket, Wait
from domain.model.proposed_changes import Move, key_for, mailing, with_effect
from domain.model.starts import DATA_LIMIT, Inheritance, LaunchedStart, Link, Waiter, size_of
from domain.rules.assignment import given_back
from domain.rules.correspondence import receive_email
from domain.rules.resolving import ended
from domain.rules.split_and_launch import item_ended, marked, reference_for, told_of

REPLY: Final = "reply"
"""What an Action waits for that sent a mail by itself."""


def begun(action: AnyItem) -> Move | None:
    """What the Action does by itself, under way; None if it is done by hand."""
    if not isinstance(action, Action) or action.work is None:
        return None
    work = action.work
    working = replace(action, status=Status.IN_PROGRESS, assignee=SYSTEM)
    move = Move(item=working, reason=f"runs by itself: {work.kind.replace('_', ' ')}")
    if work.mail is not None:
        return _mailed(move, working, work.mail)
    if work.call is not None:
        call = CallService(key=key_for(working), call=work.call, body=_body(working, work))
        return replace(move, item=replace(with_effect(working, call), work_key=call.key))
    too_large = [field for field, order in work.orders.items() if not _fits(working, order)]
    if too_large:
        told = f"data of {', '.join(too_large)} and of the Case are over {DATA_LIMIT} bytes of JSON"
        return _fallen(working, told)
    return replace(move, item=_with_cases(working, work))


def _fits(action: Action, order: CaseOrder) -> bool:
    return size_of(action.data | order.data) <= DATA_LIMIT


def _mailed(move: Move, action: Action, order: MailOrder) -> Move:
    people = {"primary_contact": action.primary_contact, "requester": action.requester}
    to: list[str] = []
    missing: list[str] = []
    for one in order.to:
        contact = people.get(one)
        address = contact.email if contact else one
        (to if address is not None and is_address(address) else missing).append(address or one)
    if missing:
        problem = f"no mail address of {', '.join(missing)} is known"
        return _fallen(action, problem)
    mail = Mail(
        key=key_for(action),
        to=tuple(dict.fromkeys(to)),
        cc=order.cc,
        subject=order.subject or action.title,
        body=order.body,
        template=Template.MESSAGE,
    )
    move = replace(move, item=replace(action, work_key=mail.key), note=order.body or None)
    return mailing(move, mail)


def _body(action: Action, work: Work) -> dict[str, JsonValue]:
    if work.call is not None and work.call.body is not None:
        return work.call.body
    return {
        "case": action.case,
        "action": action.reference,
        "title": action.title,
        "data": action.data,
    }


def _with_cases(action: Action, work: Work) -> Action:
    waits = work.kind is ActionKind.WAIT_FOR_SUB_CASES
    awaited = []
    for number, order in enumerate(work.orders.values()):
        reference = reference_for(action, Kind.CASE, number)
        start = _start(action, order, waits=waits)
        action = with_effect(
            action, StartItem(key=key_for(action), reference=reference, begin=start)
        )
        awaited.append(Awaited(reference=reference, title=start.short_description or ""))
    links = tuple(Link(kind="started", reference=one.reference) for one in awaited)
    started = action.outbox[-1].key
    return replace(
        action,
        awaited=tuple(awaited) if waits else (),
        links=(*action.links, *links),
        work_key=None if waits else started,
    )


def _start(action: Action, order: CaseOrder, *, waits: bool) -> LaunchedStart:
    waiter = Waiter(reference=action.reference, run=action.run) if waits else None
    return LaunchedStart(
        by=SYSTEM,
        short_description=order.short_description or action.title,
        definition=order.definition,
        primary_contact=action.primary_contact,
        requester=action.requester,
        data=action.data | order.data,
        submit=True,
        started_by=StartedBy.ACTION,
        links=(Link(kind="started_from", reference=action.case),),
        inherited=Inheritance(waiter=waiter),
    )


def work_ended(action: Action, command: WorkEnded, at: datetime) -> Move | None:
    """A8: complete, or waiting for the reply; for good in vain, To Do in its queue with the error.

    Somebody who took it over meanwhile goes on with it, and is told what came of it.
    """
    work = action.work
    if work is None:
        return None
    problem = command.reason or _unfit(command.answer)
    if action.assignee != SYSTEM:
        told = "it was done" if problem is None else f"it failed: {problem}"
        item = replace(action, new_information=True)
        return Move(item=item, reason=f"what ran by itself has ended: {told}"[:1000])
    if problem is not None:
        return _fallen(action, problem)
    if work.kind is ActionKind.SEND_MAIL_AND_WAIT and not action.replied:
        waiting = Wait(type=WaitType.MORE_INFORMATION, waiting_for=REPLY)
        item = replace(action, status=Status.WAIT, assignee=None, wait=waiting)
        return Move(item=item, reason="the mail is sent: waits for the reply")
    return _done(action, at, "done by itself", answer=command.answer)


def _unfit(answer: JsonValue) -> str | None:
    """Why a Case cannot keep what a service answered, if it cannot."""
    problem = unfit({"": answer})
    return None if problem is None else f"its answer {problem}"


def awaited_ended(item: Ticket | Action, command: ItemEnded, at: datetime) -> Move | None:
    """T14, T15, K12: what an item waits for has ended."""
    if isinstance(item, Ticket):
        return item_ended(item, command, at)
    return _sub_case_ended(item, command, at)


def _sub_case_ended(action: Action, command: ItemEnded, at: datetime) -> Move | None:
    """A8, K12: complete once every sub-Case is; one that was not completed makes it To Do."""
    found = marked(action, action.awaited, command)
    if found is None:
        return None
    action, told = replace(action, awaited=found), told_of(command)
    if action.assignee != SYSTEM:
        return Move(item=action, reason=told)
    if command.how != Outcome.COMPLETE:
        return _fallen(action, f"sub-Case {told}")
    if any(one.how is None for one in found):
        return Move(item=action, reason=told)
    return _done(action, at, told)


def mail_received(item: AnyItem, command: ReceiveEmail, at: datetime) -> Move:
    """C13; to an Action that sent a mail by itself, a mail is the reply and completes it (A8)."""
    if isinstance(item, Action) and item.work is not None and not command.automatic:
        if item.wait is not None and item.wait.waiting_for == REPLY and item.owner is None:
            heard = receive_email(item, command, at)
            return replace(heard, item=_done(item, at, "").item)
        item = replace(item, replied=True)
    return receive_email(item, command, at)


def _done(action: Action, at: datetime, told: str, *, answer: JsonValue = None) -> Move:
    end = Resolution(by=SYSTEM, at=at, outcome=Outcome.COMPLETE)
    call = action.work.call if action.work else None
    keep_as = None if call is None else call.keep_as or action.key
    return Move(item=ended(action, end, keep_as=keep_as, answer=answer), reason=told)


def _fallen(action: Action, problem: str) -> Move:
    """A8: To Do in its queue, raised, with the error."""
    item = replace(given_back(action), new_information=True)
    return Move(item=item, reason=f"cannot be done by itself: {problem}"[:1000])
