"""Actions that run by themselves: start, result, failure (A8, K12)."""

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
    find_json_problem,
    is_address,
)
from domain.model.action_kinds import ActionKind, CaseOrder, MailOrder, Work
from domain.model.commands import ReceiveEmail
from domain.model.effects import CallService, StartItem
from domain.model.internal_messages import ItemEnded, WorkEnded
from domain.model.items import Action, AnyItem, Awaited, CurrentWait, Mail, Resolution, Ticket
from domain.model.proposed_changes import ProposedChange, add_effect, add_mail, next_effect_key
from domain.model.starts import DATA_LIMIT, Inheritance, LaunchedStart, Link, Waiter, json_size
from domain.rules.assignment import give_back
from domain.rules.correspondence import receive_email
from domain.rules.resolving import close_action
from domain.rules.split_and_launch import (
    describe_end,
    mark_ended,
    on_ticket_awaited_ended,
    reference_for,
)

REPLY: Final = "reply"
"""Value of `waiting_for` while an Action waits for the reply to its own mail."""


def begin_work(action: AnyItem) -> ProposedChange | None:
    """Begin an Action's automatic work; return None if the Action is done by hand (A8)."""
    if not isinstance(action, Action) or action.work is None:
        return None
    work = action.work
    working = replace(action, status=Status.IN_PROGRESS, assignee=SYSTEM)
    proposal = ProposedChange(item=working, reason=f"runs by itself: {work.kind.replace('_', ' ')}")
    if work.mail is not None:
        return _send_mail(proposal, working, work.mail)
    if work.call is not None:
        call = CallService(
            key=next_effect_key(working), call=work.call, body=_call_body(working, work)
        )
        return replace(proposal, item=replace(add_effect(working, call), work_key=call.key))
    too_large = [field for field, order in work.orders.items() if not _fits(working, order)]
    if too_large:
        problem = (
            f"data of {', '.join(too_large)} and of the Case are over {DATA_LIMIT} bytes of JSON"
        )
        return _fall_to_queue(working, problem)
    return replace(proposal, item=_start_cases(working, work))


def _fits(action: Action, order: CaseOrder) -> bool:
    return json_size(action.data | order.data) <= DATA_LIMIT


def _send_mail(proposal: ProposedChange, action: Action, order: MailOrder) -> ProposedChange:
    people = {"primary_contact": action.primary_contact, "requester": action.requester}
    to: list[str] = []
    missing: list[str] = []
    for recipient in order.to:
        contact = people.get(recipient)
        address = contact.email if contact else recipient
        (to if address is not None and is_address(address) else missing).append(
            address or recipient
        )
    if missing:
        problem = f"no mail address of {', '.join(missing)} is known"
        return _fall_to_queue(action, problem)
    mail = Mail(
        key=next_effect_key(action),
        to=tuple(dict.fromkeys(to)),
        cc=order.cc,
        subject=order.subject or action.title,
        body=order.body,
        template=Template.MESSAGE,
    )
    proposal = replace(proposal, item=replace(action, work_key=mail.key), note=order.body or None)
    return add_mail(proposal, mail)


def _call_body(action: Action, work: Work) -> dict[str, JsonValue]:
    if work.call is not None and work.call.body is not None:
        return work.call.body
    return {
        "case": action.case,
        "action": action.reference,
        "title": action.title,
        "data": action.data,
    }


def _start_cases(action: Action, work: Work) -> Action:
    waits = work.kind is ActionKind.WAIT_FOR_SUB_CASES
    awaited = []
    for number, order in enumerate(work.orders.values()):
        reference = reference_for(action, Kind.CASE, number)
        start = _case_start(action, order, waits=waits)
        action = add_effect(
            action, StartItem(key=next_effect_key(action), reference=reference, begin=start)
        )
        awaited.append(Awaited(reference=reference, title=start.short_description or ""))
    links = tuple(Link(kind="started", reference=case.reference) for case in awaited)
    started = action.outbox[-1].key
    return replace(
        action,
        awaited=tuple(awaited) if waits else (),
        links=(*action.links, *links),
        work_key=None if waits else started,
    )


def _case_start(action: Action, order: CaseOrder, *, waits: bool) -> LaunchedStart:
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


def on_work_ended(action: Action, command: WorkEnded, at: datetime) -> ProposedChange | None:
    """End automatic work: complete, wait for the reply, or fall to the queue with the error (A8).

    An Action that somebody has taken over stays with that person, with new information.
    """
    work = action.work
    if work is None:
        return None
    problem = command.reason or _find_answer_problem(command.answer)
    if action.assignee != SYSTEM:
        result = "it was done" if problem is None else f"it failed: {problem}"
        action = replace(action, new_information=True)
        return ProposedChange(item=action, reason=f"what ran by itself has ended: {result}"[:1000])
    if problem is not None:
        return _fall_to_queue(action, problem)
    if work.kind is ActionKind.SEND_MAIL_AND_WAIT and not action.replied:
        waiting = CurrentWait(type=WaitType.MORE_INFORMATION, waiting_for=REPLY)
        action = replace(action, status=Status.WAIT, assignee=None, wait=waiting)
        return ProposedChange(item=action, reason="the mail is sent: waits for the reply")
    return _complete(action, at, "done by itself", answer=command.answer)


def _find_answer_problem(answer: JsonValue) -> str | None:
    """Return why a Case cannot keep a service's answer; None if it can."""
    problem = find_json_problem({"": answer})
    return None if problem is None else f"its answer {problem}"


def on_item_ended(item: Ticket | Action, command: ItemEnded, at: datetime) -> ProposedChange | None:
    """Record the end of an item that a Ticket or an Action waits for (T14, T15, K12)."""
    if isinstance(item, Ticket):
        return on_ticket_awaited_ended(item, command, at)
    return _on_sub_case_ended(item, command, at)


def _on_sub_case_ended(action: Action, command: ItemEnded, at: datetime) -> ProposedChange | None:
    """Complete once all sub-Cases are complete; To Do if one ended otherwise (A8, K12)."""
    awaited = mark_ended(action, action.awaited, command)
    if awaited is None:
        return None
    action, reason = replace(action, awaited=awaited), describe_end(command)
    if action.assignee != SYSTEM:
        return ProposedChange(item=action, reason=reason)
    if command.how != Outcome.COMPLETE:
        return _fall_to_queue(action, f"sub-Case {reason}")
    if any(case.how is None for case in awaited):
        return ProposedChange(item=action, reason=reason)
    return _complete(action, at, reason)


def on_mail_received(item: AnyItem, command: ReceiveEmail, at: datetime) -> ProposedChange:
    """Receive a mail; a reply to an Action's own mail completes the Action (C13, A8)."""
    if isinstance(item, Action) and item.work is not None and not command.automatic:
        if item.wait is not None and item.wait.waiting_for == REPLY and item.owner is None:
            received = receive_email(item, command, at)
            return replace(received, item=_complete(item, at, "").item)
        item = replace(item, replied=True)
    return receive_email(item, command, at)


def _complete(
    action: Action, at: datetime, reason: str, *, answer: JsonValue = None
) -> ProposedChange:
    resolution = Resolution(by=SYSTEM, at=at, outcome=Outcome.COMPLETE)
    call = action.work.call if action.work else None
    keep_as = None if call is None else call.keep_as or action.key
    return ProposedChange(
        item=close_action(action, resolution, keep_as=keep_as, answer=answer), reason=reason
    )


def _fall_to_queue(action: Action, problem: str) -> ProposedChange:
    """Return the Action to its queue, To Do, with the error as new information (A8)."""
    item = replace(give_back(action), new_information=True)
    return ProposedChange(item=item, reason=f"cannot be done by itself: {problem}"[:1000])
