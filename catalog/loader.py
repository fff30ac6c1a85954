"""The catalog: what a desk defined in YAML, checked as a whole."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from catalog import DEFAULT_FOLDER
from catalog.calendars import Calendar
from catalog.categories import Category
from catalog.cross_check import Read, unknown_names
from catalog.files import CatalogInvalid, Place, definition_at, listed
from catalog.mailboxes import MailAddress, Mailbox
from catalog.people import Colleague, Sender, directory_of
from catalog.queues import Queue
from catalog.schedules import Schedule, ScheduleName
from catalog.services import Service
from domain.base.values import Address
from domain.model.calendars import WorkingCalendar
from domain.model.definitions import CaseDefinition, Terms
from mail.address_book import Directory

LOG: Final = logging.getLogger("casekeep.catalog")
FILES: Final = (
    "calendars.yaml",
    "categories.yaml",
    "mailboxes.yaml",
    "people.yaml",
    "queues.yaml",
    "schedules.yaml",
    "senders.yaml",
    "services.yaml",
)
"""Each a mapping of names; beside them, `cases/*.yaml` has one case definition a file."""
CASES: Final = "cases"
SAMPLE: Final = Path(__file__).with_name("sample")
"""The catalog that comes with the program."""
_MAIL_ADDRESS: Final = TypeAdapter[str](MailAddress)
_ADDRESS: Final = TypeAdapter[str](Address)
_SCHEDULE_NAME: Final = TypeAdapter[str](ScheduleName)


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the desk says of its categories, case definitions and the rest, by name."""

    categories: Mapping[str, Terms] = field(default_factory=dict)
    category_titles: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, Terms] = field(default_factory=dict)
    calendars: Mapping[str, WorkingCalendar] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    mailboxes: Mapping[str, Mailbox] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)


def load(folder: Path) -> Catalog:
    """Read what the folder holds.

    Raises CatalogInvalid, which lists all problems.
    The default folder need not exist: a desk works without a catalog. One that was asked for must.
    """
    if folder == DEFAULT_FOLDER and not _has_catalog(folder):
        LOG.warning("no catalog in %s/: nothing is preset, and no case definition is known", folder)
        return Catalog()
    if not folder.is_dir():
        raise CatalogInvalid(f"{folder}: is no folder; set CASEKEEP_CATALOG to the catalog's")
    problems = list(_out_of_place(folder))
    found = _read(folder, problems)
    problems += unknown_names(found)
    if problems:
        raise CatalogInvalid("\n".join(sorted(problems, key=_by_place)))
    return _catalog(found)


def definition_in(path: Path) -> CaseDefinition:
    """One case definition from a YAML or JSON file; raises CatalogInvalid."""
    return definition_at(path)[0]


def terms_named(name: str, folder: Path) -> Terms:
    """A case definition by its name in the catalog, or from a file, with all of its calendars.

    Raises CatalogInvalid.
    """
    catalog = load(folder)
    calendars = tuple(catalog.calendars.values())
    if not name.endswith((".yaml", ".yml", ".json")):
        known = catalog.definitions
        if name not in known:
            raise CatalogInvalid(f"{folder}: no case definition {name}; {_there_are(known)}")
        return Terms(definition=known[name].definition, calendars=calendars)
    definition, place = definition_at(Path(name))
    for field_, calendar in definition.calendars.items():
        if calendar not in catalog.calendars:
            told = f"no calendar {calendar}; {_there_are(catalog.calendars)}"
            raise CatalogInvalid(place.problem(field_.split("."), told))
    return Terms(definition=definition, calendars=calendars)


def _there_are(known: Mapping[str, object]) -> str:
    return f"there are {', '.join(sorted(known))}" if known else "there is none"


def _read(folder: Path, problems: list[str]) -> Read:
    known = len(problems)
    definitions = _definitions(folder, problems)
    return Read(
        definitions=definitions,
        definitions_are_whole=len(problems) == known,
        calendars=listed(folder / "calendars.yaml", Calendar, problems),
        categories=listed(folder / "categories.yaml", Category, problems),
        mailboxes=listed(folder / "mailboxes.yaml", Mailbox, problems, names=_MAIL_ADDRESS),
        people=listed(folder / "people.yaml", Colleague, problems),
        queues=listed(folder / "queues.yaml", Queue, problems),
        schedules=listed(folder / "schedules.yaml", Schedule, problems, names=_SCHEDULE_NAME),
        senders=listed(folder / "senders.yaml", Sender, problems, names=_ADDRESS),
        services=listed(folder / "services.yaml", Service, problems),
    )


def _definitions(folder: Path, problems: list[str]) -> dict[str, tuple[CaseDefinition, Place]]:
    definitions: dict[str, tuple[CaseDefinition, Place]] = {}
    for path in _files(folder):
        if path.parent != folder / CASES:
            continue
        try:
            definition, place = definition_at(path)
        except CatalogInvalid as invalid:
            problems += str(invalid).splitlines()
            continue
        if definition.name in definitions:
            first = definitions[definition.name][1].path
            problems.append(
                place.problem(("name",), f"{definition.name} is defined in {first} already")
            )
        definitions.setdefault(definition.name, (definition, place))
    return definitions


def _catalog(found: Read) -> Catalog:
    this_year = datetime.now(UTC).year
    categories = found.categories.entries if found.categories else {}
    calendars = {
        name: calendar.named(name, this_year)
        for name, calendar in (found.calendars.entries if found.calendars else {}).items()
    }
    return Catalog(
        categories={
            name: Terms(
                settings=category.settings,
                queue=category.queue,
                calendars=_pinned(
                    category.settings.calendars if category.settings else {}, calendars
                ),
            )
            for name, category in categories.items()
        },
        category_titles={
            name: category.title for name, category in categories.items() if category.title
        },
        definitions={
            name: Terms(definition=definition, calendars=_pinned(definition.calendars, calendars))
            for name, (definition, _) in found.definitions.items()
        },
        calendars=calendars,
        schedules=found.schedules.entries if found.schedules else {},
        queues=found.queues.entries if found.queues else {},
        services=found.services.entries if found.services else {},
        mailboxes=found.mailboxes.entries if found.mailboxes else {},
        directory=directory_of(
            found.senders.entries if found.senders else {},
            found.people.entries if found.people else {},
        ),
    )


def _pinned(
    named: Mapping[str, str], calendars: Mapping[str, WorkingCalendar]
) -> tuple[WorkingCalendar, ...]:
    return tuple(calendars[name] for name in dict.fromkeys(named.values()))


def _has_catalog(folder: Path) -> bool:
    # a checkout of Casekeep has a Python package of the default folder's name
    return any(path.parent in {folder, folder / CASES} for path in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".yaml", ".yml", ".json"} and path.is_file():
            yield path


def _out_of_place(folder: Path) -> Iterator[str]:
    for path in _files(folder):
        in_its_place = path.parent == folder and path.name in FILES
        if not in_its_place and path.parent != folder / CASES:
            yield f"{path}:1: is no file of a catalog; {', '.join(FILES)} and {CASES}/*.yaml are"


def _by_place(problem: str) -> tuple[str, int]:
    path, line, *_ = problem.split(":", 2)
    return path, int(line) if line.isdecimal() else 0
