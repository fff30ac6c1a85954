"""The printed schema against docs/contract.md, whose tables were copied here by hand."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from catalog.field_schemas import fields_at
from domain.base.refusals import Conflict, InvalidCommand, NotAllowed
from starter.contract import contract_schema
from tests.cli.conftest import PERSON, CommandRunner, run_command
from tests.contract.command_table import DETAILS, ROWS

COMMON = {"by", "command_id", "expected_revision", "lease"}
DESCRIPTIVE = {"queue", "primary_contact", "requester", "settings", "started_by", "links"}
TICKETS = {
    "submit": set(),
    "edit": {"take_over", "title", "description", "category", *DESCRIPTIVE},
    "start": {"take_over"},
    "assign": {"to"},
    "unassign": {"queue"},
    "set_to_do": {"take_over"},
    "mark_read": set(),
    "reject": {"reason"},
    "wait": {
        *("take_over", "type", "until", "days_to_wait"),
        *("close_if_no_response", "waiting_for", "reason"),
    },
    "resume": {"take_over"},
    "add_note": {"text", "resolution"},
    "send_email": {"to", "cc", "subject", "body", "resolution"},
    "receive_email": {
        *("message_id", "sender", "recipients", "subject", "excerpt"),
        *("received_at", "automatic", "stored_as"),
    },
    "feedback": {"rating", "comment", "received_at"},
    "resolve": {"take_over", "method", "note"},
    "send_and_resolve": {"take_over", "to", "cc", "subject", "body", "resolution", "method"},
    "reopen": set(),
    "cancel": {"reason"},
    "split": {"take_over", "parts"},
    "launch_case": {"take_over", "definition", "short_description"},
    "merge": {"take_over", "into"},
    "heartbeat": set(),
}
CASES = {
    name: fields
    for name, fields in TICKETS.items()
    if name not in {"send_and_resolve", "split", "launch_case", "merge", "heartbeat"}
} | {
    "edit": {"take_over", "short_description", "definition", "owner", "data", *DESCRIPTIVE},
    "resolve": {"take_over", "note"},
    "rework": {"step", "actions", "reason"},
    "start_action": {"action"},
    "reset_in_progress": set(),
}
ACTIONS = {
    name: TICKETS[name]
    for name in (
        *("start", "assign", "unassign", "set_to_do", "mark_read", "reject", "wait", "resume"),
        *("add_note", "send_email", "receive_email", "heartbeat"),
    )
} | {
    "review": {"verdict", "comment"},
    "answer_checklist": {"take_over", "answers"},
    "edit": {"take_over", "queue", "title", "primary_contact", "requester"},
    "resolve": {"take_over", "outcome", "reason", "note"},
}
START = {"by", "primary_contact", "requester", "queue", "submit", "started_by", "links", "settings"}
STARTS = {
    "Ticket": {"title", "description", "category", *START},
    "Case": {"short_description", "definition", "owner", "data", *START},
}
STATE = {
    *("reference", "kind", "title", "category", "queue", "status", "revision", "assignee", "owner"),
    *("wait", "resolution", "first_resolution", "cancelled", "new_information", "robot_rejected"),
    *("attention", "due_at", "clock", "due_text", "closes_at", "wakes_at", "links"),
}
STATES = {
    "Ticket": STATE,
    "Case": STATE | {"step", "actions"},
    "Action": STATE | {"case", "in_review", "checklist", "lease"},
}
ATTRIBUTES = {
    **dict.fromkeys(
        ("ItemStatus", "ItemQueue", "ItemAssignee", "ItemOwner", "ItemWait", "ItemCategory"),
        "string",
    ),
    "ItemResolution": "string",
    "ItemDue": "string",
    "ItemWakesAt": "string",
    "NeedsAttention": "boolean",
    "NewInformation": "boolean",
}


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    return contract_schema()


def part(contract: dict[str, Any], *path: str) -> dict[str, Any]:
    at = contract
    for name in path:
        at = at["properties"][name]
    if "$ref" in at:
        at = contract["$defs"][at["$ref"].rpartition("/")[2]]
    return at


def fields(contract: dict[str, Any], *path: str) -> set[str]:
    return set(part(contract, *path)["properties"])


def is_valid(contract: dict[str, Any], path: tuple[str, ...], value: object) -> bool:
    schema = {"$defs": contract["$defs"], **part(contract, *path)}
    return Draft202012Validator(schema).is_valid(value)


def test_the_copied_tables_are_those_of_the_page() -> None:
    kinds = {"Ticket": TICKETS, "Case": CASES, "Action": ACTIONS}
    assert {
        name: tuple(kind for kind, commands in kinds.items() if name in commands)
        for name in TICKETS | CASES | ACTIONS
    } == {name: of_kinds for name, (of_kinds, _) in ROWS.items()}
    for name, (of_kinds, cell) in ROWS.items():
        if name in {"edit", "send_and_resolve"}:
            continue  # in words: the fields of a start, and those of another command
        fields = set(re.findall(r"`(\w+)", re.sub(r"\([^)]*\)", "", cell)))
        copied = set().union(*(kinds[kind][name] for kind in of_kinds))
        assert copied - {"take_over"} == fields, name


def test_it_is_a_json_schema(contract: dict[str, Any]) -> None:
    assert contract["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(contract)


def test_every_reference_within_it_leads_somewhere(contract: dict[str, Any]) -> None:
    text = json.dumps(contract)
    named = {piece.partition('"')[0] for piece in text.split('"$ref": "#/$defs/')[1:]}
    assert named == set(contract["$defs"])


# T11, D1, D2: no more and no less, as a start's settings go before the catalog's
@pytest.mark.parametrize("kind", ["Ticket", "Case"])
def test_settings_have_the_fields_of_the_page(contract: dict[str, Any], kind: str) -> None:
    at = (kind, "start", "settings")
    assert set(fields_at(contract, at)) == {
        *("feedback_window", "resolution_evidence", "calendar", "due", "notify", "lease"),
        "reopen_on",
    }
    due = {"within", "calendar", "add_wait_time", "waits", "at_risk"}
    assert set(fields_at(contract, (*at, "due"))) == due


@pytest.mark.parametrize(
    ("kind", "commands"), [("Ticket", TICKETS), ("Case", CASES), ("Action", ACTIONS)]
)
def test_each_kind_has_the_commands_of_the_page_with_their_fields(
    contract: dict[str, Any], kind: str, commands: dict[str, set[str]]
) -> None:
    assert fields(contract, kind, "commands") == set(commands)
    for name, own in commands.items():
        assert fields(contract, kind, "commands", name) == COMMON | own, name
        assert part(contract, kind)["properties"]["commands"]["properties"][name]["description"]


def test_starts_have_the_fields_of_the_page_and_an_action_has_no_start(
    contract: dict[str, Any],
) -> None:
    for kind, expected in STARTS.items():
        assert fields(contract, kind, "start") == expected
    assert "start" not in fields(contract, "Action")


def test_states_have_at_least_the_fields_of_the_page(contract: dict[str, Any]) -> None:
    for kind, expected in STATES.items():
        assert fields(contract, kind, "state") >= expected
    assert {"key", "reference", "copy", "status", "outcome"} <= set(
        contract["$defs"]["ActionState"]["properties"]
    )


def test_the_timeline_has_the_fields_of_the_page(contract: dict[str, Any]) -> None:
    assert fields(contract, "Ticket", "timeline", "request") == {"from_revision", "limit"}
    assert fields(contract, "Ticket", "timeline", "page") >= {"entries", "next"}
    assert set(contract["$defs"]["TimelineEntry"]["properties"]) >= {
        *("revision", "at", "by", "command", "from", "to", "reason", "note", "refused")
    }


def test_refusals_and_search_attributes_are_those_of_the_page(contract: dict[str, Any]) -> None:
    refusal = part(contract, "refusal")["properties"]
    assert set(refusal["type"]["enum"]) == {*(InvalidCommand.type, NotAllowed.type, Conflict.type)}
    assert fields(contract, "refusal", "details") == DETAILS
    attributes = part(contract, "search_attributes")["properties"]
    assert {name: schema["type"] for name, schema in attributes.items()} == ATTRIBUTES


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        (
            ("Ticket", "start"),
            {"by": "amy", "title": "x", "primary_contact": PERSON, "settings": {"due": None}},
            {"by": "amy", "titel": "x"},
        ),
        (
            ("Case", "start"),
            {"by": "service:erp", "definition": {"name": "e", "steps": [{"key": "a"}]}},
            {"by": "service:erp", "definition": {"name": "e"}},
        ),
        (
            ("Case", "commands", "start_action"),
            {"by": "a", "action": "k"},
            {"by": "a", "action": 5},
        ),
        (("Ticket", "commands", "wait"), {"by": "a", "type": "pause"}, {"by": "a", "type": "rest"}),
        (("Action", "commands", "resolve"), {"by": "a", "outcome": "complete"}, {"by": "a"}),
        (("Ticket", "commands", "start"), {"by": "a", "take_over": True}, {"take_over": True}),
        (("identifiers", "reference"), "T-7F3K9Q2D", "T-1-A2"),
        (("identifiers", "action_reference"), "T-1-A2", "T-1"),
    ],
)
def test_it_accepts_good_messages_and_refuses_bad_ones(
    contract: dict[str, Any], path: tuple[str, ...], good: object, bad: object
) -> None:
    assert is_valid(contract, path, good)
    assert not is_valid(contract, path, bad)


def test_casekeep_contract_prints_it_and_nothing_else(contract: dict[str, Any]) -> None:
    assert run_command("contract").json == contract
    assert run_command("contract", "--json").json == contract


@pytest.mark.xdist_group("starter-desk")
async def test_real_answers_are_as_it_says(contract: dict[str, Any], shell: CommandRunner) -> None:
    begun = await shell.run_checked(
        *("new", "case", "x", "--definition", "new-starter", "--submit", "--json")
    )
    reference = begun.json["reference"]
    assert is_valid(contract, ("Case", "state"), begun.json)
    action = (await shell.run_checked("do", f"{reference}-A1", "start", "--json")).json
    assert is_valid(contract, ("Action", "state"), action)
    entries = (await shell.run_checked("timeline", reference, "--json")).json["entries"]
    page = {"entries": entries, "next": None, "refused_dropped": 0}
    assert entries
    assert is_valid(contract, ("Case", "timeline", "page"), page)
