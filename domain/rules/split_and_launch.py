"""Split and launch: items that start others and wait for their ends (T14, T15, K12)."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from domain.base.fast_replace import replace
from domain.base.refusals import Blocked, InvalidCommand, NotAllowed, NotInCatalog
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import SYSTEM, Kind, Method, StartedBy, Status, WaitType
from domain.model.commands import LaunchCase, Split
from domain.model.definitions import ItemTerms
from domain.model.effects import StartItem
from domain.model.internal_messages import ItemEnded
from domain.model.items import Awaited, CurrentWait, Item, Resolution, Ticket, owner_after
from domain.model.proposed_changes import ProposedChange, add_effect, next_effect_key
from domain.model.starts import Inheritance, LaunchedStart, Link, PartStart, Waiter
from domain.rules.assignment import return_to_owner, take_over
from domain.rules.resolving import resolve_or_close

COMMUNICATIONS_LIMIT: Final = 48 * 1024
"""Bytes of JSON of the notes and mails copied to another item; the store has all of them."""
PART_LIMIT: Final = 200 * 1024
"""Bytes of JSON of one part's start; the server refuses input over 256 KB."""
PARTS_LIMIT: Final = 2_500 * 1024
"""Bytes of JSON of all parts together; the server accepts 4 MB from one workflow task."""
_ESCAPED: Final = frozenset('"\\\n\t\r')
_MAILS: Final = ("receive_email", "send_and_resolve", "send_email")
VANISHED: Final = "vanished"
"""End of an item that was terminated, or could not be started."""
_METHODS: Final = {WaitType.SPLIT: Method.SPLIT, WaitType.CASE_LAUNCHED: Method.CASE_LAUNCHED}
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 10


def reference_for(item: Item, kind: Kind, number: int) -> str:
    """Return the reference of an item that this one starts; the same for the same arguments."""
    seed = f"{item.reference} {item.run} {item.revision + 1} {number}"
    digest = int.from_bytes(sha256(seed.encode()).digest()[:16])
    letters = []
    for _ in range(_LENGTH):
        digest, at = divmod(digest, len(_LETTERS))
        letters.append(_LETTERS[at])
    return f"{kind[0]}-{''.join(letters)}"


def communications_of(item: Item) -> str:
    """Return the notes and mails that the item carries as one text, oldest first."""
    texts = [
        f"{entry.at:%Y-%m-%d %H:%M} UTC, {entry.by}, {entry.command.replace('_', ' ')}"
        f"{f': {entry.reason}' if entry.reason else ''}\n{entry.note or ''}".rstrip()
        for entry in item.log.timeline
        if entry.note is not None or entry.command in _MAILS
    ]
    return _truncate_json("\n\n".join(texts), COMMUNICATIONS_LIMIT)


def _truncate_json(text: str, limit: int) -> str:
    """Return the text, cut off after so many bytes of JSON."""
    size = 0
    for at, character in enumerate(text):
        size += len(character.encode()) + (character in _ESCAPED)
        if size > limit:
            return f"{text[:at]}… (whole in the store)"
    return text


def split(ticket: Ticket, command: Split, _at: datetime) -> ProposedChange:
    """Split a Ticket into Tickets; this one waits until all of them are closed (T14)."""
    _check_not_merging(ticket, command)
    ticket = take_over(ticket, command)
    communications = communications_of(ticket)
    parts, sizes = [], []
    for number, part in enumerate(command.parts):
        reference = reference_for(ticket, Kind.TICKET, number)
        start = PartStart(
            by=command.by,
            title=part.title,
            description=part.description,
            category=ticket.category,
            primary_contact=ticket.primary_contact,
            requester=ticket.requester,
            queue=ticket.queue,
            submit=True,
            started_by=StartedBy.SPLIT,
            links=(*ticket.links, Link(kind="split_from", reference=ticket.reference))[-100:],
            settings=ticket.settings,
            inherited=Inheritance(
                waiter=Waiter(reference=ticket.reference, run=ticket.run),
                communications=communications,
                started_at=ticket.started_at,
                due=ticket.due,
                calendar=ticket.calendar,
            ),
        )
        ticket = add_effect(
            ticket, StartItem(key=next_effect_key(ticket), reference=reference, begin=start)
        )
        parts.append(Awaited(reference=reference, title=part.title))
        sizes.append(len(start.model_dump_json().encode()))
    _check_sizes(ticket, sizes)
    ticket = _wait_for(ticket, tuple(parts), WaitType.SPLIT, "part", command.by)
    return ProposedChange(
        item=ticket, reason=f"split into {', '.join(part.reference for part in parts)}"
    )


def _check_sizes(ticket: Ticket, sizes: list[int]) -> None:
    """Refuse parts that cannot be started: too large one by one, or all together."""
    large = tuple(f"parts.{at}" for at, size in enumerate(sizes) if size > PART_LIMIT)
    if large or sum(sizes) > PARTS_LIMIT:
        sentence = say("split.too_large", item=ticket.noun)
        raise InvalidCommand(sentence, rule=Rule.T14, fields=large or ("parts",))


def _check_not_merging(ticket: Ticket, command: Split | LaunchCase) -> None:
    """Refuse a Ticket with a pending merge: the answer may close it at any moment (T16)."""
    if ticket.merging is not None:
        sentence = say(
            "merge.pending", item=ticket.noun, target=ticket.merging.into, command=command.name
        )
        raise Blocked(sentence, rule=Rule.T16)


def launch_case(
    ticket: Ticket, command: LaunchCase, _at: datetime, terms: ItemTerms | None
) -> ProposedChange:
    """Start a Case with the Ticket's contacts, notes and mails; the Ticket waits for it (T15)."""
    _check_not_merging(ticket, command)
    ticket = take_over(ticket, command)
    named = command.definition if isinstance(command.definition, str) else None
    if named is not None and (terms is None or terms.definition is None):
        sentence = say("launch.no_definition", item=ticket.noun, definition=named)
        raise NotInCatalog(sentence, rule=Rule.K2, fields=("definition",))
    reference = reference_for(ticket, Kind.CASE, 0)
    title = command.short_description.strip() or ticket.title
    start = LaunchedStart(
        by=command.by,
        short_description=title,
        definition=command.definition,
        primary_contact=ticket.primary_contact,
        requester=ticket.requester,
        submit=True,
        links=(Link(kind="launched_from", reference=ticket.reference),),
        inherited=Inheritance(
            waiter=Waiter(reference=ticket.reference, run=ticket.run),
            communications=communications_of(ticket),
        ),
    )
    ticket = add_effect(
        ticket, StartItem(key=next_effect_key(ticket), reference=reference, begin=start)
    )
    launched = (Awaited(reference=reference, title=title),)
    ticket = _wait_for(ticket, launched, WaitType.CASE_LAUNCHED, "launched", command.by)
    return ProposedChange(item=ticket, reason=f"launched Case {reference}")


def _wait_for(
    ticket: Ticket, awaited: tuple[Awaited, ...], wait_type: WaitType, link_kind: str, by: str
) -> Ticket:
    links = tuple(Link(kind=link_kind, reference=item.reference) for item in awaited)
    return replace(
        ticket,
        status=Status.WAIT,
        wait=CurrentWait(type=wait_type),
        owner=ticket.owner if ticket.status is Status.WAIT else owner_after(ticket, by),
        assignee=None,
        awaited=awaited,
        links=(*ticket.links, *links)[-100:],
    )


def on_ticket_awaited_ended(
    ticket: Ticket, command: ItemEnded, at: datetime
) -> ProposedChange | None:
    """Close a Ticket once all it waits for has ended; reopen if the Case vanished (T14, T15)."""
    awaited = mark_ended(ticket, ticket.awaited, command)
    wait = None if ticket.wait is None else ticket.wait.type
    if awaited is None or wait not in _METHODS:
        return None
    ticket, reason = replace(ticket, awaited=awaited), describe_end(command)
    if command.how == VANISHED and wait is WaitType.CASE_LAUNCHED:
        return ProposedChange(item=return_to_owner(ticket), reason=reason)
    if any(entry.how is None for entry in awaited):
        return ProposedChange(item=ticket, reason=reason)
    end = Resolution(by=SYSTEM, at=at, method=_METHODS[wait])
    return ProposedChange(item=resolve_or_close(ticket, end, window=timedelta(0)), reason=reason)


def mark_ended(
    item: Item, awaited: tuple[Awaited, ...], command: ItemEnded
) -> tuple[Awaited, ...] | None:
    """Return the awaited items with this end recorded; None if it was recorded before."""
    match = next((entry for entry in awaited if entry.reference == command.reference), None)
    if match is None or command.waiter_run != item.run:
        sentence = say("link.not_awaited", item=item.noun, reference=command.reference)
        raise NotAllowed(sentence, rule=Rule.T14, fields=("reference",))
    if match.how is not None:
        return None
    return tuple(replace(entry, how=command.how) if entry is match else entry for entry in awaited)


def describe_end(command: ItemEnded) -> str:
    """Return the reason of the timeline entry about an item that ended."""
    why = f", {command.reason}" if command.reason else ""
    return f"{command.reference} ended: {command.how.replace('_', ' ')}{why}"[:1000]
