"""A new item from its start (T1, K1, A1, C21)."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.carrying import check_size
from domain.definitions import Settings, Terms
from domain.flow import advanced
from domain.items import Action, AnyItem, Case, Change, DueClock, Ticket
from domain.moves import Move, commit
from domain.refusals import InvalidCommand, NotAllowed
from domain.starts import ActionStart, CaseStart, Start, TicketStart
from domain.submitting import DEFAULT_QUEUE, as_submission, defined, described, submitted
from domain.values import ACTION_PATTERN, REFERENCE_PATTERN, StartedBy, Status

CREATE = "create"
"""What the timeline calls an item's first entry."""


def check_reference(start: Start, reference: str) -> None:
    """Refuse a workflow id that is no reference of this kind (contract, identifiers)."""
    of_action = ACTION_PATTERN.fullmatch(reference)
    if isinstance(start, ActionStart):
        if of_action is None or of_action["case"] != start.case:
            sentence = (
                f"workflow id {reference!r}: an Action of {start.case} is named {start.case}-A "
                "and a number"
            )
            raise InvalidCommand(sentence, rule="A1", fields=("reference",))
    elif of_action is not None or REFERENCE_PATTERN.fullmatch(reference) is None:
        sentence = (
            f"workflow id {reference[:100]!r}: a reference is 1 to 64 letters, digits, - and _, "
            "begins with a letter or digit, and does not end in -A and digits; use another id"
        )
        raise InvalidCommand(sentence, fields=("reference",))


def lookup_of_start(start: Start) -> tuple[str, str] | None:
    """What to ask the catalog before this start, if it submits at once."""
    if isinstance(start, TicketStart) and start.submits and start.category is not None:
        return ("category", start.category)
    if isinstance(start, CaseStart) and start.submits and isinstance(start.definition, str):
        return ("definition", start.definition)
    return None


def open_item(
    start: Start, *, reference: str, run: str, at: datetime, terms: Terms | None = None
) -> Change:
    """The item that a start makes, as its first change.

    `run` is Temporal's id of the first run, `terms` what the catalog says of the category or
    definition. Raises InvalidCommand if the start cannot become an item.
    """
    check_reference(start, reference)
    if isinstance(start, ActionStart):
        move = Move(item=_action(start, reference, run, at))
    else:
        move = _drafted(start, reference, run, at)
        if start.submits:
            try:
                item = submitted(move.item, terms, at)
            except NotAllowed as refusal:
                raise InvalidCommand(
                    refusal.sentence, rule=refusal.rule, fields=refusal.fields
                ) from None
            move = _submission(item, move)
    check_size(move.item)
    return commit(None, advanced(move, at), at=at, by=start.by, command=CREATE)


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
        due=None if start.due is None else DueClock(rule=start.due, since=at),
        case=start.case,
        case_run=start.case_run,
        key=start.key,
        copy_number=start.copy_number,
        performer=start.performer,
    )
