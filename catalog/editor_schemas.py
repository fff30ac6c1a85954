"""JSON Schemas of the catalog's files, for completion and checks in editors."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from catalog.calendars import Calendar
from catalog.categories import Category
from catalog.mailboxes import MailAddress, Mailbox
from catalog.people import Colleague, Sender
from catalog.queues import Queue
from catalog.schedules import Schedule, ScheduleName
from catalog.services import Service
from domain.base.values import Address, Name
from domain.model.definitions import SizedCaseDefinition
from simulation.plan import SimulationPlan

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCHEMAS: Final[Mapping[str, tuple[str, TypeAdapter[Any]]]] = {
    "calendars": ("working calendars, by name", TypeAdapter(dict[Name, Calendar])),
    "case": ("a case definition", TypeAdapter(SizedCaseDefinition)),
    "categories": ("categories of Tickets, by name", TypeAdapter(dict[Name, Category | None])),
    "mailboxes": (
        "mailboxes, by address, with the kind of item that a mail starts",
        TypeAdapter(dict[MailAddress, Mailbox]),
    ),
    "people": ("people of the desk, by account", TypeAdapter(dict[Name, Colleague])),
    "plan": ("assumptions of a simulation", TypeAdapter(SimulationPlan)),
    "queues": ("queues, by name", TypeAdapter(dict[Name, Queue | None])),
    "schedules": (
        "schedules that start Cases, by name",
        TypeAdapter(dict[ScheduleName, Schedule]),
    ),
    "senders": (
        "addresses that the desk writes from; the first is the default",
        TypeAdapter(dict[Address, Sender | None]),
    ),
    "services": ("services that Actions call, by name", TypeAdapter(dict[Name, Service])),
}
SCHEMA_NAMES: Final = tuple(_SCHEMAS)
"""Names of the schemas."""


class UnknownSchema(Exception):
    """No schema has this name."""


def editor_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file; raises UnknownSchema."""
    if name not in _SCHEMAS:
        raise UnknownSchema(f"no schema {name}; there are {', '.join(SCHEMA_NAMES)}")
    title, adapter = _SCHEMAS[name]
    return {"$schema": DIALECT, "title": f"Casekeep: {title}"} | {
        key: value for key, value in adapter.json_schema().items() if key != "title"
    }
