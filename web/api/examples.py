"""Examples of starts and commands in the OpenAPI document; a test validates each."""

from typing import Any, Final

Example = dict[str, Any]
_IDA: Final = {"name": "Ida Berg", "email": "ida@example.org"}
TICKET_EXAMPLES: Final[dict[str, Example]] = {
    "a draft": {"title": "No invoice"},
    "submitted at once": {
        "title": "No invoice",
        "description": "The invoice of May never came.",
        "category": "billing",
        "primary_contact": _IDA,
        "requester": _IDA,
        "queue": "accounts-payable",
        "submit": True,
    },
}
CASE_EXAMPLES: Final[dict[str, Example]] = {
    "with a definition of its own": {
        "short_description": "Pay invoice 4711",
        "queue": "accounts-payable",
        "submit": True,
        "definition": {
            "name": "supplier invoice",
            "steps": [{"key": "check", "actions": [{"key": "read"}, {"key": "match"}]}],
        },
    },
}
_MAIL: Final = {
    "to": ["ida@example.org"],
    "subject": "Your invoice of May",
    "body": "Dear Ms Berg,\n\nhere it is.",
}
COMMAND_EXAMPLES: Final[dict[str, dict[str, Example]]] = {
    "submit": {"submit": {}},
    "edit": {
        "a Ticket": {"title": "No invoice of May", "category": "billing"},
        "a Case": {"short_description": "Pay invoice 4712"},
        "an Action": {"title": "Match with the order"},
    },
    "start": {"start": {}, "from somebody else": {"take_over": True}},
    "assign": {"assign": {"to": "bo"}},
    "unassign": {"to its queue": {}, "to another queue": {"queue": "accounts-payable"}},
    "set_to_do": {"set_to_do": {}},
    "mark_read": {"mark_read": {}},
    "reject": {"reject": {"reason": "the scan cannot be read", "lease": "7Q2D"}},
    "wait": {
        "for an answer": {"type": "more_information", "waiting_for": "customer"},
        "until a moment": {"type": "until", "until": "2030-01-07T09:00:00Z"},
        "then close": {
            "type": "more_information",
            "days_to_wait": 5,
            "close_if_no_response": True,
        },
    },
    "resume": {"resume": {}},
    "add_note": {"add_note": {"text": "Asked the supplier by telephone."}},
    "send_email": {"send_email": _MAIL},
    "receive_email": {
        "receive_email": {
            "message_id": "<b6d7c3f2@mail.example.org>",
            "sender": "Ida Berg <ida@example.org>",
            "subject": "Re: Your invoice of May",
            "excerpt": "Thank you!",
        }
    },
    "feedback": {"feedback": {"rating": 90, "comment": "Quick and friendly."}},
    "resolve": {
        "a Ticket": {"method": "customer_response", "note": "Sent once more."},
        "a Case": {"note": "Paid."},
        "an Action": {"outcome": "complete"},
        "an Action that cannot be done": {
            "outcome": "unable_to_complete",
            "reason": "there is no such order",
        },
    },
    "send_and_resolve": {"send_and_resolve": _MAIL | {"method": "customer_response"}},
    "reopen": {"reopen": {}},
    "split": {
        "split": {
            "parts": [
                {"title": "No invoice", "description": "The invoice of May never came."},
                {"title": "Wrong address", "description": "We have moved."},
            ]
        }
    },
    "launch_case": {"launch_case": {"definition": "supplier-invoice"}},
    "merge": {"merge": {"into": "T-7F3K9Q2D"}},
    "cancel": {"cancel": {"reason": "the supplier withdrew it"}},
    "rework": {
        "from a step on": {"step": "check", "reason": "the order was wrong"},
        "some Actions": {"actions": ["match"]},
    },
    "start_action": {
        "again": {"action": "match"},
        "ad hoc": {"action": {"title": "Call the supplier", "queue": "accounts-payable"}},
    },
    "reset_in_progress": {"reset_in_progress": {}},
    "review": {
        "passed": {"verdict": "pass"},
        "given back": {"verdict": "fail", "comment": "The amounts differ."},
    },
    "answer_checklist": {"answer_checklist": {"answers": {"amount": "yes"}}},
    "heartbeat": {"heartbeat": {"lease": "7Q2D"}},
}
