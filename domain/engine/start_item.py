"""A new item from its start (T1, K1, A1, C21)."""

from datetime import datetime
from typing import Any

from domain.base.fast_replace import replace
from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import ACTION_PATTERN, REFERENCE_PATTERN, SYSTEM, StartedBy, Status
from domain.model.definitions import Lookup, Settings, Terms
from domain.model.due_clock import DueClock
from domain.model.items import Action, AnyItem, Case, Change, Line, Ticket
from domain.model.proposed_changes import Move, commit
from domain.model.serialization import check_size
from domain.model.starts import (
    ActionStart,
    CaseStart,
    Inheritance,
    LaunchedStart,
    PartStart,
    Start,
    TicketStart,
)
from domain.rules.automatic_actions import begun
from domain.rules.flow import advanced
from domain.rules.submitting import (
    DEFAULT_QUEUE,
    as_submission,
    defined,
    described,
    lookup_to_submit,
    submitted,
)
from domain.rules.unknown_address import nowhere

CREATE = "create"
"""What the timeline calls an item's first entry."""


def check_reference(start: Start, reference: str) -> None:
    """Refuse a workflow id that is no reference of this kind (contract, identifiers)."""
    of_action = ACTION_PATTERN.fullmatch(reference)
    if isinstance(start, ActionStart):
        if of_action is None or of_action["case"] != start.case:
            sentence = say("start.action_reference", reference=repr(reference), case=start.case)
            raise InvalidCommand(sentence, rule=Rule.A1, fields=("reference",))
    elif of_action is not None or REFERENCE_PATTERN.fullmatch(reference) is None:
        sentence = say("start.reference", reference=repr(reference[:100]))
        raise InvalidCommand(sentence, fields=("reference",))


def lookup_of_start(start: Start) -> Lookup | None:
    """What to ask the catalog before this start, if it submits at once."""
    if isinstance(start, ActionStart) or not start.submits:
        return None
    if isinstance(start, PartStart) and start.inherited is not None:
        return None
    if isinstance(start, TicketStart):
        return lookup_to_submit(category=start.category, settings=start.settings)
    return lookup_to_submit(definition=start.definition, settings=start.settings)


def open_item(
    start: Start, *, reference: str, run: str, at: datetime, terms: Terms | None = None
) -> Change:
    """The item that a start makes, as its first change.

    `run` is Temporal's id of the first run, `terms` what the catalog says of the category or
    definition. Raises InvalidCommand if the start cannot become an item.
    """
    check_reference(start, reference)
    if isinstance(start, ActionStart):
        return _opened_action(start, _action(start, reference, run, at), at)
    move = _drafted(start, reference, run, at)
    inherited = start.inherited if isinstance(start, PartStart | LaunchedStart) else None
    if isinstance(start, PartStart) and inherited is not None:
        move = _submission(_part(move.item, inherited, at), move)
    elif start.submits:
        try:
            item = submitted(move.item, terms, at)
        except NotAllowed as refusal:
            raise InvalidCommand(refusal.said, rule=refusal.rule, fields=refusal.fields) from None
        move = _submission(item, move)
    if inherited is not None:
        move = replace(move, item=replace(move.item, waiter=inherited.waiter))
    mail = start.mail if isinstance(start, PartStart | LaunchedStart) else None
    if mail is not None:
        move = replace(move, mail=mail.stored_as)
    check_size(move.item)
    change = commit(None, advanced(move, at), at=at, by=start.by, command=CREATE)
    if mail is not None and mail.unknown_address is not None:
        return change.then(nowhere(change.item, mail.unknown_address, at))
    return change if inherited is None else change.then(_come_along(change.item, inherited, at))


def _part(draft: AnyItem, inherited: Inheritance, at: datetime) -> AnyItem:
    """T14: To Do at once, with what its original was submitted with."""
    return replace(
        draft,
        status=Status.TO_DO,
        assignee=None,
        submitted_at=at,
        started_at=inherited.started_at or at,
        due=inherited.due,
        calendar=inherited.calendar,
    )


def _come_along(item: AnyItem, inherited: Inheritance, at: datetime) -> Change:
    """T14, T15: the notes and mails so far, as an entry of their own."""
    if not inherited.communications:
        return Change(item=item)
    move = Move(item=item, note=inherited.communications, kept_as="communications")
    return commit(item, move, at=at, by=SYSTEM, command="communications")


def _opened_action(start: ActionStart, action: Action, at: datetime) -> Change:
    """A1, A8: To Do; what runs by itself begins at once."""
    check_size(action)
    change = commit(None, Move(item=action), at=at, by=start.by, command=CREATE)
    move = begun(change.item)
    if move is None:
        return change
    return change.then(commit(change.item, move, at=at, by=SYSTEM, command="start"))


def _submission(item: AnyItem, draft: Move) -> Move:
    return (
        as_submission(item)
        if draft.note is None
        else replace(draft, item=item, kept_as="submission")
    )


def _drafted(start: TicketStart | CaseStart, reference: str, run: str, at: datetime) -> Move:
    common: dict[str, Any] = {
        "reference": reference,
        "run": run,
        "queue": start.queue or DEFAULT_QUEUE,
        "queue_chosen": start.queue is not None,
        "primary_contact": start.primary_contact,
        "requester": start.requester,
        "links": start.links,
        "settings": start.settings or Settings(),
        "started_by": start.origin,
        "created_by": start.by,
        "started_at": at,
        "changed_at": at,
        "status": Status.DRAFT,
        "assignee": start.by,
    }
    if isinstance(start, CaseStart):
        case = Case(
            title=start.short_description or "",
            owner=start.owner,
            data=start.data,
            **defined(start.definition),
            **common,
        )
        return Move(item=case)
    ticket = Ticket(title=start.title or "", category=start.category, **common)
    return described(Move(item=ticket), start.description or "")


def _action(start: ActionStart, reference: str, run: str, at: datetime) -> Action:
    return Action(
        reference=reference,
        run=run,
        title=start.title,
        queue=start.queue,
        queue_chosen=True,
        primary_contact=start.primary_contact,
        requester=start.requester,
        started_by=StartedBy.ACTION,
        created_by=start.by,
        started_at=at,
        submitted_at=at,
        changed_at=at,
        status=Status.TO_DO,
        due=None
        if start.due is None
        else DueClock(rule=start.due, calendar=start.due_calendar, since=at),
        peer_review=start.peer_review,
        checklist=tuple(Line(key=q.key, text=q.text or q.key) for q in start.checklist),
        work=start.work,
        data=start.data or {},
        settings=Settings(lease=start.lease),
        case=start.case,
        case_run=start.case_run,
        key=start.key,
        copy_number=start.copy_number,
        performer=start.performer,
    )
