"""Loading of the catalog: reads all files and checks them together."""

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
from catalog.cross_check import CatalogFiles, cross_check
from catalog.files import CatalogInvalid, SourceLocation, read_definition, read_entries
from catalog.mailboxes import MailAddress, Mailbox
from catalog.people import Colleague, Sender, build_address_book
from catalog.queues import Queue
from catalog.schedules import Schedule, ScheduleName
from catalog.services import Service
from domain.base.values import Address
from domain.model.calendars import WorkingCalendar
from domain.model.definitions import CaseDefinition, ItemTerms
from mail.address_book import AddressBook

LOG: Final = logging.getLogger("casekeep.catalog")
CATALOG_FILES: Final = (
    "calendars.yaml",
    "categories.yaml",
    "mailboxes.yaml",
    "people.yaml",
    "queues.yaml",
    "schedules.yaml",
    "senders.yaml",
    "services.yaml",
)
"""Files that each map names to entries; `cases/*.yaml` hold one case definition each."""
CASES_FOLDER: Final = "cases"
SAMPLE_FOLDER: Final = Path(__file__).with_name("sample")
"""Catalog of an example desk."""
_MAIL_ADDRESS: Final = TypeAdapter[str](MailAddress)
_ADDRESS: Final = TypeAdapter[str](Address)
_SCHEDULE_NAME: Final = TypeAdapter[str](ScheduleName)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Categories, case definitions and the other entries of a desk, by name."""

    categories: Mapping[str, ItemTerms] = field(default_factory=dict)
    category_titles: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, ItemTerms] = field(default_factory=dict)
    calendars: Mapping[str, WorkingCalendar] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    mailboxes: Mapping[str, Mailbox] = field(default_factory=dict)
    address_book: AddressBook = field(default_factory=AddressBook)


def load_catalog(folder: Path) -> Catalog:
    """Load and check a catalog.

    The default folder may be absent: then the catalog is empty. Raises CatalogInvalid, which lists
    all problems.
    """
    if folder == DEFAULT_FOLDER and not _has_catalog(folder):
        LOG.warning(
            "no catalog in %s/: no settings, no case definitions; "
            "CASEKEEP_CATALOG names another folder",
            folder,
        )
        return Catalog()
    if not folder.is_dir():
        raise CatalogInvalid(f"{folder}: is no folder; set CASEKEEP_CATALOG to the catalog's")
    problems = list(_misplaced_files(folder))
    files = _read_files(folder, problems)
    problems += cross_check(files)
    if problems:
        raise CatalogInvalid("\n".join(sorted(problems, key=_by_line)))
    return _build_catalog(files)


def load_definition(path: Path) -> CaseDefinition:
    """Load a case definition from a YAML or JSON file; raises CatalogInvalid."""
    return read_definition(path)[0]


def load_terms(name: str, folder: Path) -> ItemTerms:
    """Load a case definition by name from the catalog, or from a file; add all calendars.

    Raises CatalogInvalid.
    """
    catalog = load_catalog(folder)
    calendars = tuple(catalog.calendars.values())
    if not name.endswith((".yaml", ".yml", ".json")):
        definitions = catalog.definitions
        if name not in definitions:
            known = _there_are(definitions)
            raise CatalogInvalid(f"{folder}: no case definition {name}; {known}")
        return ItemTerms(definition=definitions[name].definition, calendars=calendars)
    definition, location = read_definition(Path(name))
    for field_, calendar in definition.calendars.items():
        if calendar not in catalog.calendars:
            problem = f"no calendar {calendar}; {_there_are(catalog.calendars)}"
            raise CatalogInvalid(location.problem(field_.split("."), problem))
    return ItemTerms(definition=definition, calendars=calendars)


def _there_are(known: Mapping[str, object]) -> str:
    return f"there are {', '.join(sorted(known))}" if known else "there is none"


def _read_files(folder: Path, problems: list[str]) -> CatalogFiles:
    problems_before = len(problems)
    definitions = _read_definitions(folder, problems)
    return CatalogFiles(
        definitions=definitions,
        are_definitions_complete=len(problems) == problems_before,
        calendars=read_entries(folder / "calendars.yaml", Calendar, problems),
        categories=read_entries(folder / "categories.yaml", Category, problems),
        mailboxes=read_entries(folder / "mailboxes.yaml", Mailbox, problems, names=_MAIL_ADDRESS),
        people=read_entries(folder / "people.yaml", Colleague, problems),
        queues=read_entries(folder / "queues.yaml", Queue, problems),
        schedules=read_entries(folder / "schedules.yaml", Schedule, problems, names=_SCHEDULE_NAME),
        senders=read_entries(folder / "senders.yaml", Sender, problems, names=_ADDRESS),
        services=read_entries(folder / "services.yaml", Service, problems),
    )


def _read_definitions(
    folder: Path, problems: list[str]
) -> dict[str, tuple[CaseDefinition, SourceLocation]]:
    definitions: dict[str, tuple[CaseDefinition, SourceLocation]] = {}
    for path in _list_files(folder):
        if path.parent != folder / CASES_FOLDER:
            continue
        try:
            definition, location = read_definition(path)
        except CatalogInvalid as invalid:
            problems += str(invalid).splitlines()
            continue
        if definition.name in definitions:
            first = definitions[definition.name][1].path
            problems.append(
                location.problem(("name",), f"{definition.name} is defined in {first} already")
            )
        definitions.setdefault(definition.name, (definition, location))
    return definitions


def _build_catalog(files: CatalogFiles) -> Catalog:
    this_year = datetime.now(UTC).year
    categories = files.categories.entries if files.categories else {}
    calendars = {
        name: calendar.to_working_calendar(name, this_year)
        for name, calendar in (files.calendars.entries if files.calendars else {}).items()
    }
    return Catalog(
        categories={
            name: ItemTerms(
                settings=category.settings,
                queue=category.queue,
                calendars=_calendars_named(
                    category.settings.calendars if category.settings else {}, calendars
                ),
            )
            for name, category in categories.items()
        },
        category_titles={
            name: category.title for name, category in categories.items() if category.title
        },
        definitions={
            name: ItemTerms(
                definition=definition, calendars=_calendars_named(definition.calendars, calendars)
            )
            for name, (definition, _) in files.definitions.items()
        },
        calendars=calendars,
        schedules=files.schedules.entries if files.schedules else {},
        queues=files.queues.entries if files.queues else {},
        services=files.services.entries if files.services else {},
        mailboxes=files.mailboxes.entries if files.mailboxes else {},
        address_book=build_address_book(
            files.senders.entries if files.senders else {},
            files.people.entries if files.people else {},
        ),
    )


def _calendars_named(
    names: Mapping[str, str], calendars: Mapping[str, WorkingCalendar]
) -> tuple[WorkingCalendar, ...]:
    return tuple(calendars[name] for name in dict.fromkeys(names.values()))


def _has_catalog(folder: Path) -> bool:
    # a checkout of Casekeep has a Python package of the default folder's name
    return any(path.parent in {folder, folder / CASES_FOLDER} for path in _list_files(folder))


def _list_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".yaml", ".yml", ".json"} and path.is_file():
            yield path


def _misplaced_files(folder: Path) -> Iterator[str]:
    for path in _list_files(folder):
        is_catalog_file = path.parent == folder and path.name in CATALOG_FILES
        if not is_catalog_file and path.parent != folder / CASES_FOLDER:
            known = f"{', '.join(CATALOG_FILES)} and {CASES_FOLDER}/*.yaml"
            yield f"{path}:1: is no file of a catalog; {known} are"


def _by_line(problem: str) -> tuple[str, int]:
    path, line, *_ = problem.split(":", 2)
    return path, int(line) if line.isdecimal() else 0
