"""The life that is measured: started by a service, worked on, waiting, taken up again, closed."""

from dataclasses import dataclass
from typing import Any, Final

CONCURRENCY: Final = 32
START: Final[dict[str, Any]] = {
    "by": "service:bench",
    "title": "Printer on fire",
    "description": "It began this morning, and nobody knows why.",
    "category": "it",
    "primary_contact": {"name": "Ada Lovelace", "email": "ada@example.org"},
    "requester": {"email": "ada@example.org"},
}
LIFE: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("start", {"by": "amy"}),
    ("add_note", {"by": "amy", "text": "Asked the caretaker to look at it."}),
    ("wait", {"by": "amy", "type": "more_information", "waiting_for": "customer"}),
    ("resume", {"by": "amy"}),
    ("add_note", {"by": "amy", "text": "The caretaker put it out."}),
    ("resolve", {"by": "amy", "method": "customer_response"}),
)
"""Five changes and the close."""


@dataclass(frozen=True)
class Kind:
    """What lives: a workflow type and the task queue of its worker."""

    name: str
    workflow: str
    queue: str


BARE: Final = Kind("bare workflow", "Bare", "bench-bare")
TICKET: Final = Kind("Ticket", "Ticket", "bench-ticket")
