"""What a catalog's files say of each other: every name that is used has to be there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.calendars import Calendar
from catalog.categories import Category
from catalog.files import Listed, Place
from catalog.mailboxes import Mailbox
from catalog.people import Colleague, Sender
from catalog.queues import Queue, is_listed, named_in
from catalog.schedules import Schedule
from catalog.services import Service
from domain.model.definitions import CaseDefinition

Defined = Mapping[str, tuple[CaseDefinition, Place]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A catalog as it was read; a file that is absent is None."""

    calendars: Listed[Calendar] | None
    categories: Listed[Category] | None
    mailboxes: Listed[Mailbox] | None
    people: Listed[Colleague] | None
    queues: Listed[Queue] | None
    schedules: Listed[Schedule] | None
    senders: Listed[Sender] | None
    services: Listed[Service] | None
    definitions: Defined
    definitions_are_whole: bool


def unknown_names(found: Read) -> Iterator[str]:
    """Every use of a name that is not there, unless what should have it cannot be read."""
    yield from _calendars(found)
    yield from _queues(found)
    yield from _services(found)
    yield from _categories(found)
    yield from _senders(found)
    if found.definitions_are_whole:
        yield from _definitions(found)
        yield from _endless(found.definitions)


def _calendars(found: Read) -> Iterator[str]:
    known = found.calendars.entries if found.calendars else {}
    if found.calendars is not None and not found.calendars.is_whole:
        return
    used = [
        (place, field, name)
        for definition, place in found.definitions.values()
        for field, name in definition.calendars.items()
    ]
    if found.categories is not None:
        used += [
            (found.categories.places[category], f"settings.{field}", name)
            for category, entry in found.categories.entries.items()
            if entry.settings is not None
            for field, name in entry.settings.calendars.items()
        ]
    for place, field, name in used:
        if name not in known:
            there = ", ".join(known) or "none"
            sentence = f"no calendar named {name}; calendars.yaml has {there}"
            yield place.problem(field.split("."), sentence)


def _queues(found: Read) -> Iterator[str]:
    """Where queues are listed, each that is named is one of them."""
    if found.queues is None or not found.queues.is_whole:
        return
    used = [
        (place, field, queue)
        for definition, place in found.definitions.values()
        for field, queue in named_in(definition)
    ]
    for listed in (found.categories, found.mailboxes, found.schedules):
        if listed is not None:
            used += [
                (listed.places[name], ("queue",), entry.queue)
                for name, entry in listed.entries.items()
                if entry.queue is not None
            ]
    if found.senders is not None:
        used += [
            (found.senders.places[address], ("queues", str(at)), queue)
            for address, sender in found.senders.entries.items()
            for at, queue in enumerate(sender.queues)
        ]
    for place, field, queue in used:
        if not is_listed(found.queues.entries, queue):
            there = ", ".join(found.queues.entries) or "none"
            sentence = f"unknown queue {queue}: list it in queues.yaml, which has {there}"
            yield place.problem(field, sentence)


def _categories(found: Read) -> Iterator[str]:
    """Where categories are listed, those that mailboxes name are among them."""
    if found.mailboxes is None or found.categories is None or not found.categories.is_whole:
        return
    known = found.categories.entries
    for name, mailbox in found.mailboxes.entries.items():
        if mailbox.ticket is not None and mailbox.ticket not in known:
            sentence = f"no category {mailbox.ticket}; categories.yaml has {', '.join(known)}"
            yield found.mailboxes.places[name].problem(("ticket",), sentence)


def _services(found: Read) -> Iterator[str]:
    if found.services is not None and not found.services.is_whole:
        return
    known = found.services.entries if found.services else {}
    for definition, place in found.definitions.values():
        for at, step in enumerate(definition.steps):
            for which, action in enumerate(step.actions):
                if action.call is not None and action.call.service not in known:
                    field = ("steps", str(at), "actions", str(which), "call", "service")
                    there = ", ".join(known) or "none"
                    sentence = f"no service named {action.call.service}; services.yaml has {there}"
                    yield place.problem(field, sentence)


def _senders(found: Read) -> Iterator[str]:
    """What an address is for is there, and for one address alone; answers to it are taken in."""
    if found.senders is None:
        return
    known, boxes = found.categories, found.mailboxes
    taken: dict[tuple[str, str], str] = {}
    for address, sender in found.senders.entries.items():
        place = found.senders.places[address]
        if boxes is not None and boxes.is_whole and address.lower() not in boxes.entries:
            sentence = "is no mailbox, so answers to what is closed start nothing; add it to "
            yield place.problem((), f"{sentence}mailboxes.yaml")
        for field, names in (("categories", sender.categories), ("queues", sender.queues)):
            for at, name in enumerate(names):
                first = taken.setdefault((field, name), address)
                if first != address:
                    sentence = f"{name} has {first} already; leave it out here or there"
                    yield place.problem((field, str(at)), sentence)
        for at, name in enumerate(sender.categories):
            if known is not None and known.is_whole and name not in known.entries:
                there = ", ".join(known.entries) or "none"
                sentence = f"no category named {name}; categories.yaml has {there}"
                yield place.problem(("categories", str(at)), sentence)


def _started_by(definition: CaseDefinition) -> Iterator[tuple[tuple[str, ...], str]]:
    """The definitions of the Cases that it starts, each with the path of the field."""
    for at, step in enumerate(definition.steps):
        for which, action in enumerate(step.actions):
            action_at = ("steps", str(at), "actions", str(which))
            if action.case is not None:
                yield (*action_at, "case", "definition"), action.case.definition
            for number, order in enumerate(action.cases or ()):
                yield (*action_at, "cases", str(number), "definition"), order.definition


def _definitions(found: Read) -> Iterator[str]:
    there = ", ".join(sorted(found.definitions)) or "none"
    used = [
        (place, field, name)
        for definition, place in found.definitions.values()
        for field, name in _started_by(definition)
    ]
    if found.schedules is not None:
        used += [
            (found.schedules.places[name], ("definition",), schedule.definition)
            for name, schedule in found.schedules.entries.items()
        ]
    if found.mailboxes is not None:
        used += [
            (found.mailboxes.places[name], ("case",), mailbox.case)
            for name, mailbox in found.mailboxes.entries.items()
            if mailbox.case is not None
        ]
    for place, field, name in used:
        if name not in found.definitions:
            yield place.problem(field, f"no case definition {name}; there are {there}")


def _endless(definitions: Defined) -> Iterator[str]:
    """Definitions that start each other in a circle, and so without end; each circle once."""
    told: set[frozenset[str]] = set()
    for name, (definition, place) in definitions.items():
        for field, first in _started_by(definition):
            circle = _way_back(definitions, first, name)
            if circle is not None and frozenset(circle) not in told:
                told.add(frozenset(circle))
                path = " starts ".join((name, *circle))
                yield place.problem(field, f"goes round without end: {path}")


def _way_back(
    definitions: Defined, start: str, goal: str, seen: tuple[str, ...] = ()
) -> tuple[str, ...] | None:
    if start == goal:
        return (*seen, start)
    if start in seen or start not in definitions:
        return None
    for _, following in _started_by(definitions[start][0]):
        found = _way_back(definitions, following, goal, (*seen, start))
        if found is not None:
            return found
    return None
