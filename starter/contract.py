"""Contract as one JSON Schema document, built from the models of the domain."""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from temporalio.common import SearchAttributeIndexedValueType as Indexed

from domain.base.refusals import REASONS, Conflict, InvalidCommand, NotAllowed
from domain.base.values import REFERENCE, Kind
from domain.model.commands import COMMANDS, Command, commands_of
from domain.model.starts import CaseStart, TicketStart
from domain.model.states import STATES
from domain.model.timeline import TimelinePage, TimelineRequest
from workflows.search_attributes import ALL

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_STARTS: Final[dict[Kind, type[BaseModel]]] = {Kind.TICKET: TicketStart, Kind.CASE: CaseStart}
_IDENTIFIERS: Final[Schema] = {
    "reference": {
        "description": "An item's reference, which is its workflow id: T-7F3K9Q2D, or one's own.",
        "type": "string",
        "pattern": f"^(?!.*-A[0-9]+$){REFERENCE}$",
    },
    "action_reference": {
        "description": "An Action's reference: that of its Case, -A and a number.",
        "type": "string",
        "pattern": f"^{REFERENCE}-A[0-9]+$",
    },
    "actor": {
        "description": "Who acts: amy is a human, robot:ocr-1, service:erp, or system.",
        "type": "string",
        "minLength": 1,
        "maxLength": 100,
    },
    "instant": {
        "description": "RFC 3339 with a zone; answered in UTC.",
        "type": "string",
        "format": "date-time",
    },
}
_INDEXED: Final[dict[Indexed, Schema]] = {
    Indexed.KEYWORD: {"type": "string"},
    Indexed.DATETIME: {"type": "string", "format": "date-time"},
    Indexed.BOOL: {"type": "boolean"},
}


def contract_schema() -> Schema:
    """Return the contract: inputs and outputs of each kind, by name, below `properties`."""
    inputs: list[type[BaseModel]] = [*_STARTS.values(), *COMMANDS, TimelineRequest]
    outputs: list[type[BaseModel]] = [*STATES.values(), TimelinePage]
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "validation") for model in inputs),
        *((model, "serialization") for model in outputs),
    ]
    refs, definitions = models_json_schema(wanted, ref_template="#/$defs/{model}")
    named: dict[type, Schema] = {model: ref for (model, _), ref in refs.items()}
    return {
        "$schema": DIALECT,
        "title": "Casekeep: the contract",
        "description": (
            "A start is the one argument of the workflow type. A command is a signal and an update "
            "of its name with one JSON object. An update and the query state answer the state."
        ),
        "type": "object",
        "properties": {
            "identifiers": _properties("What names items, actors and moments.", _IDENTIFIERS),
            **{kind.value: _kind(kind, named) for kind in Kind},
            "refusal": _refusal(),
            "search_attributes": _properties(
                "What lists can be filtered by, in Temporal's UI and by its command.",
                {key.name: _INDEXED[key.indexed_value_type] for key in ALL},
            ),
        },
        "$defs": definitions["$defs"],
    }


def _kind(kind: Kind, named: dict[type, Schema]) -> Schema:
    commands = {name: _command(model, named) for name, model in commands_of(kind).items()}
    parts: Schema = {
        "workflow_type": {"const": kind.value},
        "commands": _properties("Each a signal and an update of this name.", commands),
        "state": named[STATES[kind]],
        "timeline": _properties(
            "The query timeline: nothing or a request in, a page out.",
            {"request": named[TimelineRequest], "page": named[TimelinePage]},
        ),
    }
    if kind in _STARTS:
        return _properties(f"A {kind.value}.", {"start": named[_STARTS[kind]], **parts})
    return _properties(f"An {kind.value}; only its Case starts it.", parts)


def _command(model: type[Command], named: dict[type, Schema]) -> Schema:
    return {"description": (model.__doc__ or "").partition("\n")[0], **named[model]}


def _refusal() -> Schema:
    details = {
        "rule": {
            "description": "The rule of the status model, such as C8: docs/status-model.md#c8.",
            "type": ["string", "null"],
        },
        "fields": {
            "description": "The fields that were wrong.",
            "type": "array",
            "items": {"type": "string"},
        },
        "reason": {
            "description": "The word for what programs tell apart within a type.",
            "enum": [None, *REASONS],
        },
        "message": {
            "description": "The key of the sentence.",
            "type": ["string", "null"],
        },
        "parameters": {
            "description": "What is put into the sentence, by name.",
            "type": "object",
        },
    }
    return _properties(
        "An application error of this type, with a sentence for people as its message.",
        {
            "type": {"enum": [InvalidCommand.type, NotAllowed.type, Conflict.type]},
            "message": {"type": "string"},
            "details": _properties("For programs.", details),
        },
    )


def _properties(description: str, properties: Schema) -> Schema:
    return {"description": description, "type": "object", "properties": properties}
