"""JSON Schemas of the catalog's files, by which editors complete and check them."""

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
_WRITTEN: Final[Mapping[str, tuple[str, TypeAdapter[Any]]]] = {
    "calendars": ("working calendars, by name", TypeAdapter(dict[Name, Calendar])),
    "case": ("a case definition", TypeAdapter(SizedCaseDefinition)),
    "categories": ("categories of Tickets, by name", TypeAdapter(dict[Name, Category | None])),
    "mailboxes": (
        "what mails start, by the address they are sent to",
        TypeAdapter(dict[MailAddress, Mailbox]),
    ),
    "people": ("people of the desk, by account", TypeAdapter(dict[Name, Colleague])),
    "plan": ("what a simulation assumes", TypeAdapter(SimulationPlan)),
    "queues": ("queues, by name", TypeAdapter(dict[Name, Queue | None])),
    "schedules": (
        "Cases that start by themselves, by name",
        TypeAdapter(dict[ScheduleName, Schedule]),
    ),
    "senders": (
        "addresses that mails come from; the first for all that no other is for",
        TypeAdapter(dict[Address, Sender | None]),
    ),
    "services": ("services that Actions call, by name", TypeAdapter(dict[Name, Service])),
}
NAMES: Final = tuple(_WRITTEN)
"""What there is a schema of."""


class NoSchema(Exception):
    """There is no schema of this name."""


def document(name: str) -> dict[str, Any]:
    """The JSON Schema of such a file; raises NoSchema."""
    if name not in _WRITTEN:
        raise NoSchema(f"no schema {name}; there are {', '.join(NAMES)}")
    what, adapter = _WRITTEN[name]
    return {"$schema": DIALECT, "title": f"Casekeep: {what}"} | {
        key: value for key, value in adapter.json_schema().items() if key != "title"
    }
