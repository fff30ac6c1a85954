"""Check of a whole catalog: every name that a file uses is defined, and no definition loops."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.calendars import Calendar
from catalog.categories import Category
from catalog.files import NamedEntries, SourceLocation
from catalog.mailboxes import Mailbox
from catalog.people import Colleague, Sender
from catalog.queues import Queue, is_known_queue, queues_in_definition
from catalog.schedules import Schedule
from catalog.services import Service
from domain.model.definitions import CaseDefinition

Definitions = Mapping[str, tuple[CaseDefinition, SourceLocation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFiles:
    """Files of a catalog as they were read; None for an absent file."""

    calendars: NamedEntries[Calendar] | None
    categories: NamedEntries[Category] | None
    mailboxes: NamedEntries[Mailbox] | None
    people: NamedEntries[Colleague] | None
    queues: NamedEntries[Queue] | None
    schedules: NamedEntries[Schedule] | None
    senders: NamedEntries[Sender] | None
    services: NamedEntries[Service] | None
    definitions: Definitions
    are_definitions_complete: bool


def cross_check(files: CatalogFiles) -> Iterator[str]:
    """Yield a problem for each use of an undefined name, and for each cycle of definitions.

    Names of a file with invalid entries are not checked: the entry may be an invalid one.
    """
    yield from _check_calendars(files)
    yield from _check_queues(files)
    yield from _check_services(files)
    yield from _check_categories(files)
    yield from _check_senders(files)
    if files.are_definitions_complete:
        yield from _check_definitions(files)
        yield from _cycles(files.definitions)


def _check_calendars(files: CatalogFiles) -> Iterator[str]:
    known = files.calendars.entries if files.calendars else {}
    if files.calendars is not None and not files.calendars.is_complete:
        return
    used = [
        (location, field, name)
        for definition, location in files.definitions.values()
        for field, name in definition.calendars.items()
    ]
    if files.categories is not None:
        used += [
            (files.categories.locations[category], f"settings.{field}", name)
            for category, entry in files.categories.entries.items()
            if entry.settings is not None
            for field, name in entry.settings.calendars.items()
        ]
    for location, field, name in used:
        if name not in known:
            known_names = ", ".join(known) or "none"
            sentence = f"no calendar named {name}; calendars.yaml has {known_names}"
            yield location.problem(field.split("."), sentence)


def _check_queues(files: CatalogFiles) -> Iterator[str]:
    """Check the queues that are named anywhere, if the catalog lists queues."""
    if files.queues is None or not files.queues.is_complete:
        return
    used = [
        (location, field, queue)
        for definition, location in files.definitions.values()
        for field, queue in queues_in_definition(definition)
    ]
    for listed in (files.categories, files.mailboxes, files.schedules):
        if listed is not None:
            used += [
                (listed.locations[name], ("queue",), entry.queue)
                for name, entry in listed.entries.items()
                if entry.queue is not None
            ]
    if files.senders is not None:
        used += [
            (files.senders.locations[address], ("queues", str(at)), queue)
            for address, sender in files.senders.entries.items()
            for at, queue in enumerate(sender.queues)
        ]
    for location, field, queue in used:
        if not is_known_queue(files.queues.entries, queue):
            known_names = ", ".join(files.queues.entries) or "none"
            sentence = f"unknown queue {queue}: list it in queues.yaml, which has {known_names}"
            yield location.problem(field, sentence)


def _check_categories(files: CatalogFiles) -> Iterator[str]:
    """Check the categories of mailboxes, if the catalog lists categories."""
    if files.mailboxes is None or files.categories is None or not files.categories.is_complete:
        return
    known = files.categories.entries
    for name, mailbox in files.mailboxes.entries.items():
        if mailbox.ticket is not None and mailbox.ticket not in known:
            sentence = f"no category {mailbox.ticket}; categories.yaml has {', '.join(known)}"
            yield files.mailboxes.locations[name].problem(("ticket",), sentence)


def _check_services(files: CatalogFiles) -> Iterator[str]:
    if files.services is not None and not files.services.is_complete:
        return
    known = files.services.entries if files.services else {}
    for definition, location in files.definitions.values():
        for step_index, step in enumerate(definition.steps):
            for action_index, action in enumerate(step.actions):
                if action.call is not None and action.call.service not in known:
                    field = (
                        "steps",
                        str(step_index),
                        "actions",
                        str(action_index),
                        "call",
                        "service",
                    )
                    known_names = ", ".join(known) or "none"
                    sentence = (
                        f"no service named {action.call.service}; services.yaml has {known_names}"
                    )
                    yield location.problem(field, sentence)


def _check_senders(files: CatalogFiles) -> Iterator[str]:
    """Check that each sender is a mailbox, and the only one for its queues and categories."""
    if files.senders is None:
        return
    known, boxes = files.categories, files.mailboxes
    taken: dict[tuple[str, str], str] = {}
    for address, sender in files.senders.entries.items():
        location = files.senders.locations[address]
        if boxes is not None and boxes.is_complete and address.lower() not in boxes.entries:
            sentence = "is no mailbox, so answers to what is closed start nothing; add it to "
            yield location.problem((), f"{sentence}mailboxes.yaml")
        for field, names in (("categories", sender.categories), ("queues", sender.queues)):
            for at, name in enumerate(names):
                first = taken.setdefault((field, name), address)
                if first != address:
                    sentence = f"{name} has {first} already; leave it out here or there"
                    yield location.problem((field, str(at)), sentence)
        for at, name in enumerate(sender.categories):
            if known is not None and known.is_complete and name not in known.entries:
                known_names = ", ".join(known.entries) or "none"
                sentence = f"no category named {name}; categories.yaml has {known_names}"
                yield location.problem(("categories", str(at)), sentence)


def _started_by(definition: CaseDefinition) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the definitions of the Cases that this one starts, each after the path of its field."""
    for step_index, step in enumerate(definition.steps):
        for action_index, action in enumerate(step.actions):
            action_path = ("steps", str(step_index), "actions", str(action_index))
            if action.case is not None:
                yield (*action_path, "case", "definition"), action.case.definition
            for number, order in enumerate(action.cases or ()):
                yield (*action_path, "cases", str(number), "definition"), order.definition


def _check_definitions(files: CatalogFiles) -> Iterator[str]:
    known_names = ", ".join(sorted(files.definitions)) or "none"
    used = [
        (location, field, name)
        for definition, location in files.definitions.values()
        for field, name in _started_by(definition)
    ]
    if files.schedules is not None:
        used += [
            (files.schedules.locations[name], ("definition",), schedule.definition)
            for name, schedule in files.schedules.entries.items()
        ]
    if files.mailboxes is not None:
        used += [
            (files.mailboxes.locations[name], ("case",), mailbox.case)
            for name, mailbox in files.mailboxes.entries.items()
            if mailbox.case is not None
        ]
    for location, field, name in used:
        if name not in files.definitions:
            yield location.problem(field, f"no case definition {name}; there are {known_names}")


def _cycles(definitions: Definitions) -> Iterator[str]:
    """Report definitions that start each other without end; each cycle once."""
    reported: set[frozenset[str]] = set()
    for name, (definition, location) in definitions.items():
        for field, first in _started_by(definition):
            cycle = _path_back(definitions, first, name)
            if cycle is not None and frozenset(cycle) not in reported:
                reported.add(frozenset(cycle))
                path = " starts ".join((name, *cycle))
                yield location.problem(field, f"goes round without end: {path}")


def _path_back(
    definitions: Definitions, start: str, goal: str, seen: tuple[str, ...] = ()
) -> tuple[str, ...] | None:
    if start == goal:
        return (*seen, start)
    if start in seen or start not in definitions:
        return None
    for _, following in _started_by(definitions[start][0]):
        found = _path_back(definitions, following, goal, (*seen, start))
        if found is not None:
            return found
    return None
