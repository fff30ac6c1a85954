"""Commands of the contract: their kinds are read from docs/contract.md, never from the code."""

import re
from pathlib import Path
from typing import Any, Final

T, C, A = "Ticket", "Case", "Action"
IDA: Final = {"name": "Ida Berg", "email": "ida@example.org"}

PAGE: Final = Path(__file__).parents[2] / "docs/contract.md"
_ROW: Final = re.compile(
    r"\| (?P<names>`\w+`(?:, `\w+`)*) \| (?P<kinds>[^|]+) \| (?P<fields>[^|]*) ?\|"
)
_KINDS: Final = {"T": T, "C": C, "A": A, "Draft": ""}


def rows_of(page: str) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return each command of the table, its kinds, and what the table says of its fields.

    Commands that are marked as not yet true are left out.
    """
    section = page.partition("## Commands")[2].partition("## Reading")[0]
    return {
        name: (_kinds_in(row["kinds"]), row["fields"])
        for row in _ROW.finditer(section)
        if "*(not yet" not in row["fields"]
        for name in re.findall(r"\w+", row["names"])
    }


def _kinds_in(cell: str) -> tuple[str, ...]:
    named = {_KINDS[word] for word in re.findall(r"\w+", cell)}
    return tuple(kind for kind in (T, C, A) if kind in named)


DETAILS: Final = {"rule", "fields", "reason", "message", "parameters"}
"""Keys of what a refusal carries for programs."""
ROWS: Final = rows_of(PAGE.read_text())
COMMANDS: Final = {name: kinds for name, (kinds, _) in ROWS.items()}
"""Command to the kinds that have it; `cancel` is a Draft's on Tickets."""

_WELL_FORMED: Final[dict[str, dict[str, Any]]] = {
    "submit": {},
    "edit": {"queue": "phones"},
    "start": {"take_over": True},
    "assign": {"to": "bob"},
    "unassign": {"queue": "phones"},
    "set_to_do": {"take_over": True},
    "mark_read": {},
    "reject": {"reason": "illegible"},
    "wait": {"type": "until", "until": "2126-01-01T00:00:00Z", "reason": "asked"},
    "resume": {"take_over": True},
    "add_note": {"text": "A note.", "resolution": False},
    "send_email": {"to": ["ida@example.org"], "cc": [], "subject": "Hello", "body": "How are you?"},
    "receive_email": {
        "message_id": "<1@example.org>",
        "sender": "ida@example.org",
        "recipients": ["desk@example.org"],
        "subject": "Hello",
        "excerpt": "Fine.",
        "received_at": "2026-01-01T00:00:00Z",
        "automatic": False,
        "stored_as": "mail-1",
    },
    "feedback": {"rating": 5, "comment": "Thanks.", "received_at": "2026-01-01T00:00:00Z"},
    "send_and_resolve": {
        "to": ["ida@example.org"],
        "cc": [],
        "subject": "Hello",
        "body": "Done.",
        "method": "customer_response",
    },
    "reopen": {},
    "cancel": {"reason": "typed by mistake"},
    "rework": {"step": "only", "reason": "another try"},
    "start_action": {"action": {"title": "Call the supplier", "queue": "phones"}},
    "reset_in_progress": {},
    "heartbeat": {},
    "split": {
        "parts": [{"title": "One", "description": "1"}, {"title": "Two", "description": "2"}]
    },
    "launch_case": {"definition": {"name": "errand", "steps": []}, "short_description": "Errand"},
    "merge": {"into": "T-NOBODY"},
    "review": {"verdict": "pass", "comment": "Well done."},
    "answer_checklist": {"answers": {"signed": "not_applicable"}},
}
_RESOLVE: Final[dict[str, dict[str, Any]]] = {
    T: {"method": "rejected", "note": "No."},
    C: {"note": "Done."},
    A: {"outcome": "unable_to_complete", "reason": "illegible", "note": "Tried twice."},
}
_EDIT: Final[dict[str, dict[str, Any]]] = {
    T: {"title": "A title", "category": "billing", "primary_contact": IDA, "requester": IDA},
    C: {"short_description": "A case", "owner": "carol", "data": {"amount": 12}},
    A: {"title": "A title", "primary_contact": IDA, "requester": IDA},
}

EVERY: Final = [(kind, command) for command, kinds in COMMANDS.items() for kind in kinds]
"""Every command of every kind."""


def well_formed(kind: str, command: str) -> dict[str, Any]:
    """A command with all its fields, none malformed; whether it is allowed depends on the item."""
    fields = {"by": "amy"} | _WELL_FORMED.get(command, {})
    if command == "resolve":
        fields |= _RESOLVE[kind]
    if command == "edit":
        fields |= _EDIT[kind]
    return fields


STATE: Final = {
    "reference", "kind", "title", "category", "queue", "status", "revision", "assignee", "owner",
    "wait", "resolution", "first_resolution", "cancelled", "new_information", "robot_rejected",
    "attention", "due_at", "clock", "due_text", "closes_at", "wakes_at", "links",
}  # fmt: skip
"""Fields that the state of every kind has at least."""
STATE_OF: Final[dict[str, set[str]]] = {
    T: STATE,
    C: STATE | {"step", "actions"},
    A: STATE | {"case", "in_review", "checklist", "lease"},
}
ENTRY: Final = {"revision", "at", "by", "command", "from", "to", "reason", "note", "refused"}
"""Fields that a line of the timeline has at least."""
ATTRIBUTES: Final = {
    "ItemStatus": "Keyword", "ItemQueue": "Keyword", "ItemAssignee": "Keyword",
    "ItemOwner": "Keyword", "ItemWait": "Keyword", "ItemCategory": "Keyword",
    "ItemResolution": "Keyword", "ItemDue": "Datetime", "ItemWakesAt": "Datetime",
    "NeedsAttention": "Bool", "NewInformation": "Bool",
}  # fmt: skip
