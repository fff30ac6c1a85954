"""The contract's table of commands, written by hand from CONTRACT.md, never from the code."""

from typing import Any, Final

T, C, A = "Ticket", "Case", "Action"
IDA: Final = {"name": "Ida Berg", "email": "ida@example.org"}

COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "submit": (T, C),
    "edit": (T, C, A),
    "start": (T, C, A),
    "assign": (T, C, A),
    "unassign": (T, C, A),
    "set_to_do": (T, C, A),
    "mark_read": (T, C, A),
    "reject": (T, C, A),
    "wait": (T, C, A),
    "resume": (T, C, A),
    "add_note": (T, C, A),
    "send_email": (T, C, A),
    "receive_email": (T, C, A),
    "feedback": (T, C),
    "resolve": (T, C, A),
    "send_and_resolve": (T,),
    "reopen": (T, C),
    "cancel": (T, C),
    "rework": (C,),
    "start_action": (C,),
    "reset_in_progress": (C,),
    "split": (T,),
    "launch_case": (T,),
    "merge": (T,),
    "review": (A,),
    "answer_checklist": (A,),
    "heartbeat": (T, A),
}
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
