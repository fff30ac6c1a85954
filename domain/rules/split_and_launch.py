"""Items that make items: split, launch a Case, and what became of them (T14, T15, K12)."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from domain.base.fast_replace import replace
from domain.base.refusals import Blocked, InvalidCommand, NotAllowed, NotInCatalog
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import SYSTEM, Kind, Method, StartedBy, Status, WaitType
from domain.model.commands import LaunchCase, Split
from domain.model.definitions import Terms
from domain.model.effects import StartItem
from domain.model.internal_messages import ItemEnded
from domain.model.items import Awaited, Item, Resolution, Ticket, Wait, owner_after
from domain.model.proposed_changes import Move, key_for, with_effect
from domain.model.starts import Inheritance, LaunchedStart, Link, PartStart, Waiter
from domain.rules.assignment import come_back, taken_over
from domain.rules.resolving import at_rest

COMMUNICATIONS_LIMIT: Final = 48 * 1024
"""Bytes, in JSON, of notes and mails that go along to another item; the store has all of them."""
PART_LIMIT: Final = 200 * 1024
"""Bytes of JSON of a part's start; the server takes no input over 256 KB."""
PARTS_LIMIT: Final = 2_500 * 1024
"""Bytes of JSON of all of them; the server takes 4 MB from one workflow task."""
_ESCAPED: Final = frozenset('"\\\n\t\r')
_MAILS: Final = ("receive_email", "send_and_resolve", "send_email")
VANISHED: Final = "vanished"
"""How an item ended that was terminated, or could not be started."""
_METHODS: Final = {WaitType.SPLIT: Method.SPLIT, WaitType.CASE_LAUNCHED: Method.CASE_LAUNCHED}
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 10


def reference_for(item: Item, kind: Kind, number: int) -> str:
    """The reference of an item that this one starts; the same whenever it is asked for."""
    seed = f"{item.reference} {item.run} {item.revision + 1} {number}"
    digest = int.from_bytes(sha256(seed.encode()).digest()[:16])
    letters = []
    for _ in range(_LENGTH):
        digest, at = divmod(digest, len(_LETTERS))
        letters.append(_LETTERS[at])
    return f"{kind[0]}-{''.join(letters)}"


def communications_of(item: Item) -> str:
    """Notes and mails of the item as one text, oldest first, as far as it carries them."""
    told = [
        f"{entry.at:%Y-%m-%d %H:%M} UTC, {entry.by}, {entry.command.replace('_', ' ')}"
        f"{f': {entry.reason}' if entry.reason else ''}\n{entry.note or ''}".rstrip()
        for entry in item.log.timeline
        if entry.note is not None or entry.command in _MAILS
    ]
    return _as_much_as("\n\n".join(told), COMMUNICATIONS_LIMIT)


def _as_much_as(text: str, limit: int) -> str:
    """The text up to so many bytes of JSON, else its beginning."""
    size = 0
    for at, letter in enumerate(text):
        size += len(letter.encode()) + (letter in _ESCAPED)
        if size > limit:
            return f"{text[:at]}… (whole in the store)"
    return text


def split(ticket: Ticket, command: Split, _at: datetime) -> Move:
    """T14: each part is a Ticket of its own; this one waits until all of them are closed."""
    _check_not_merging(ticket, command)
    ticket = taken_over(ticket, command)
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
        ticket = with_effect(
            ticket, StartItem(key=key_for(ticket), reference=reference, begin=start)
        )
        parts.append(Awaited(reference=reference, title=part.title))
        sizes.append(len(start.model_dump_json().encode()))
    _check_sizes(ticket, sizes)
    ticket = _awaiting(ticket, tuple(parts), WaitType.SPLIT, "part", command.by)
    return Move(item=ticket, reason=f"split into {', '.join(part.reference for part in parts)}")


def _check_sizes(ticket: Ticket, sizes: list[int]) -> None:
    """Refuse parts that cannot be started: too large one by one, or all together."""
    large = tuple(f"parts.{at}" for at, size in enumerate(sizes) if size > PART_LIMIT)
    if large or sum(sizes) > PARTS_LIMIT:
        sentence = say("split.too_large", item=ticket.noun)
        raise InvalidCommand(sentence, rule=Rule.T14, fields=large or ("parts",))


def _check_not_merging(ticket: Ticket, command: Split | LaunchCase) -> None:
    """T16: one that asked to be merged may be closed by the answer at any moment."""
    if ticket.merging is not None:
        sentence = say(
            "merge.pending", item=ticket.noun, target=ticket.merging.into, command=command.name
        )
        raise Blocked(sentence, rule=Rule.T16)


def launch_case(ticket: Ticket, command: LaunchCase, _at: datetime, terms: Terms | None) -> Move:
    """T15: a Case with this Ticket's contacts, notes and mails; the Ticket waits for its end."""
    _check_not_merging(ticket, command)
    ticket = taken_over(ticket, command)
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
    ticket = with_effect(ticket, StartItem(key=key_for(ticket), reference=reference, begin=start))
    launched = (Awaited(reference=reference, title=title),)
    ticket = _awaiting(ticket, launched, WaitType.CASE_LAUNCHED, "launched", command.by)
    return Move(item=ticket, reason=f"launched Case {reference}")


def _awaiting(
    ticket: Ticket, awaited: tuple[Awaited, ...], wait: WaitType, kind: str, by: str
) -> Ticket:
    links = tuple(Link(kind=kind, reference=item.reference) for item in awaited)
    return replace(
        ticket,
        status=Status.WAIT,
        wait=Wait(type=wait),
        owner=ticket.owner if ticket.status is Status.WAIT else owner_after(ticket, by),
        assignee=None,
        awaited=awaited,
        links=(*ticket.links, *links)[-100:],
    )


def item_ended(ticket: Ticket, command: ItemEnded, at: datetime) -> Move | None:
    """T14, T15: closed once all that it waits for is; back if what it launched vanished."""
    found = marked(ticket, ticket.awaited, command)
    wait = None if ticket.wait is None else ticket.wait.type
    if found is None or wait not in _METHODS:
        return None
    ticket, told = replace(ticket, awaited=found), told_of(command)
    if command.how == VANISHED and wait is WaitType.CASE_LAUNCHED:
        return Move(item=come_back(ticket), reason=told)
    if any(one.how is None for one in found):
        return Move(item=ticket, reason=told)
    end = Resolution(by=SYSTEM, at=at, method=_METHODS[wait])
    return Move(item=at_rest(ticket, end, window=timedelta(0)), reason=told)


def marked(
    item: Item, awaited: tuple[Awaited, ...], command: ItemEnded
) -> tuple[Awaited, ...] | None:
    """Those awaited once one of them told its end; None if it had told before."""
    of_it = next((one for one in awaited if one.reference == command.reference), None)
    if of_it is None or command.waiter_run != item.run:
        sentence = say("link.not_awaited", item=item.noun, reference=command.reference)
        raise NotAllowed(sentence, rule=Rule.T14, fields=("reference",))
    if of_it.how is not None:
        return None
    return tuple(replace(one, how=command.how) if one is of_it else one for one in awaited)


def told_of(command: ItemEnded) -> str:
    """What the timeline says of an item that ended."""
    why = f", {command.reason}" if command.reason else ""
    return f"{command.reference} ended: {command.how.replace('_', ' ')}{why}"[:1000]
