"""Creates an item from its start (T1, K1, A1, C21)."""

from datetime import datetime
from typing import Any

from domain.base.fast_replace import replace
from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import ACTION_PATTERN, REFERENCE_PATTERN, SYSTEM, StartedBy, Status
from domain.model.definitions import CatalogLookup, ItemSettings, ItemTerms
from domain.model.due_clock import DueClock
from domain.model.items import Action, AnyItem, Case, Change, ChecklistLine, Ticket
from domain.model.proposed_changes import ProposedChange, commit
from domain.model.serialization import check_item_size
from domain.model.starts import (
    ActionStart,
    CaseStart,
    Inheritance,
    LaunchedStart,
    PartStart,
    Start,
    TicketStart,
)
from domain.rules.automatic_actions import begin_work
from domain.rules.flow import advance_flow
from domain.rules.submitting import (
    DEFAULT_QUEUE,
    definition_fields,
    lookup_to_submit,
    set_description,
    submission_change,
    submit_item,
)
from domain.rules.unknown_address import close_as_unknown_address

CREATE_COMMAND = "create"
"""Command name of an item's first entry."""


def check_reference(start: Start, reference: str) -> None:
    """Refuse a workflow id that is no reference of the start's kind (contract, identifiers)."""
    of_action = ACTION_PATTERN.fullmatch(reference)
    if isinstance(start, ActionStart):
        if of_action is None or of_action["case"] != start.case:
            sentence = say("start.action_reference", reference=repr(reference), case=start.case)
            raise InvalidCommand(sentence, rule=Rule.A1, fields=("reference",))
    elif of_action is not None or REFERENCE_PATTERN.fullmatch(reference) is None:
        sentence = say("start.reference", reference=repr(reference[:100]))
        raise InvalidCommand(sentence, fields=("reference",))


def lookup_of_start(start: Start) -> CatalogLookup | None:
    """Return what the catalog is asked before this start; None if it does not submit."""
    if isinstance(start, ActionStart) or not start.submits:
        return None
    if isinstance(start, PartStart) and start.inherited is not None:
        return None
    if isinstance(start, TicketStart):
        return lookup_to_submit(category=start.category, settings=start.settings)
    return lookup_to_submit(definition=start.definition, settings=start.settings)


def create_item(
    start: Start, *, reference: str, run: str, at: datetime, terms: ItemTerms | None = None
) -> Change:
    """Return the first change of the item that a start makes.

    `run` is Temporal's id of the first run; `terms` is the catalog's answer for the category or
    definition. Raises InvalidCommand if the start cannot become an item.
    """
    check_reference(start, reference)
    if isinstance(start, ActionStart):
        return _create_action(start, _action_from(start, reference, run, at), at)
    proposal = _create_draft(start, reference, run, at)
    inherited = start.inherited if isinstance(start, PartStart | LaunchedStart) else None
    if isinstance(start, PartStart) and inherited is not None:
        proposal = _submit_proposal(_as_part(proposal.item, inherited, at), proposal)
    elif start.submits:
        try:
            item = submit_item(proposal.item, terms, at)
        except NotAllowed as refusal:
            raise InvalidCommand(
                refusal.wording, rule=refusal.rule, fields=refusal.fields
            ) from None
        proposal = _submit_proposal(item, proposal)
    if inherited is not None:
        proposal = replace(proposal, item=replace(proposal.item, waiter=inherited.waiter))
    mail = start.mail if isinstance(start, PartStart | LaunchedStart) else None
    if mail is not None:
        proposal = replace(proposal, mail=mail.stored_as)
    check_item_size(proposal.item)
    change = commit(None, advance_flow(proposal, at), at=at, by=start.by, command=CREATE_COMMAND)
    if mail is not None and mail.unknown_address is not None:
        return change.then(close_as_unknown_address(change.item, mail.unknown_address, at))
    return (
        change
        if inherited is None
        else change.then(_add_communications(change.item, inherited, at))
    )


def _as_part(draft: AnyItem, inherited: Inheritance, at: datetime) -> AnyItem:
    """Return a part as To Do, with the times and calendar of its original (T14)."""
    return replace(
        draft,
        status=Status.TO_DO,
        assignee=None,
        submitted_at=at,
        started_at=inherited.started_at or at,
        due=inherited.due,
        calendar=inherited.calendar,
    )


def _add_communications(item: AnyItem, inherited: Inheritance, at: datetime) -> Change:
    """Return the change that adds the earlier notes and mails as one entry (T14, T15)."""
    if not inherited.communications:
        return Change(item=item)
    proposal = ProposedChange(item=item, note=inherited.communications, note_kind="communications")
    return commit(item, proposal, at=at, by=SYSTEM, command="communications")


def _create_action(start: ActionStart, action: Action, at: datetime) -> Change:
    """Return the Action's first change: To Do, or its automatic work begun (A1, A8)."""
    check_item_size(action)
    change = commit(None, ProposedChange(item=action), at=at, by=start.by, command=CREATE_COMMAND)
    proposal = begin_work(change.item)
    if proposal is None:
        return change
    return change.then(commit(change.item, proposal, at=at, by=SYSTEM, command="start"))


def _submit_proposal(item: AnyItem, draft: ProposedChange) -> ProposedChange:
    return (
        submission_change(item)
        if draft.note is None
        else replace(draft, item=item, note_kind="submission")
    )


def _create_draft(
    start: TicketStart | CaseStart, reference: str, run: str, at: datetime
) -> ProposedChange:
    common: dict[str, Any] = {
        "reference": reference,
        "run": run,
        "queue": start.queue or DEFAULT_QUEUE,
        "queue_chosen": start.queue is not None,
        "primary_contact": start.primary_contact,
        "requester": start.requester,
        "links": start.links,
        "settings": start.settings or ItemSettings(),
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
            **definition_fields(start.definition),
            **common,
        )
        return ProposedChange(item=case)
    ticket = Ticket(title=start.title or "", category=start.category, **common)
    return set_description(ProposedChange(item=ticket), start.description or "")


def _action_from(start: ActionStart, reference: str, run: str, at: datetime) -> Action:
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
        checklist=tuple(ChecklistLine(key=q.key, text=q.text or q.key) for q in start.checklist),
        work=start.work,
        data=start.data or {},
        settings=ItemSettings(lease=start.lease),
        case=start.case,
        case_run=start.case_run,
        key=start.key,
        copy_number=start.copy_number,
        performer=start.performer,
    )
