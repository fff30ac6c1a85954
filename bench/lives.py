"""Lifecycle that the benchmarks measure: started, worked on, waiting, resumed, closed."""

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
LIFECYCLE: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("start", {"by": "amy"}),
    ("add_note", {"by": "amy", "text": "Asked the caretaker to look at it."}),
    ("wait", {"by": "amy", "type": "more_information", "waiting_for": "customer"}),
    ("resume", {"by": "amy"}),
    ("add_note", {"by": "amy", "text": "The caretaker put it out."}),
    ("resolve", {"by": "amy", "method": "customer_response"}),
)
"""Five changes and the close."""


@dataclass(frozen=True)
class BenchWorkflow:
    """Workflow type to measure, and the task queue of its worker."""

    name: str
    workflow: str
    queue: str


BARE: Final = BenchWorkflow("bare workflow", "Bare", "bench-bare")
TICKET: Final = BenchWorkflow("Ticket", "Ticket", "bench-ticket")
