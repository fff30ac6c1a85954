"""Schemas of what callers send: of the models that decide, without `by`, which is the caller."""

from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.model.commands import COMMANDS, Command
from domain.model.starts import CaseStart, TicketStart

Schema = dict[str, Any]
_REF: Final = "#/components/schemas/{model}Given"
STARTS: Final[tuple[type[BaseModel], ...]] = (TicketStart, CaseStart)


@cache
def _made() -> tuple[dict[type, str], dict[str, Schema]]:
    models: tuple[type[BaseModel], ...] = (*STARTS, *COMMANDS)
    refs, whole = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    names: dict[type, str] = {
        model: ref["$ref"].rpartition("/")[2] for (model, _), ref in refs.items()
    }
    given = {f"{name}Given": schema for name, schema in whole["$defs"].items()}
    for model in models:
        schema = given[names[model]]
        schema["properties"].pop("by")
        schema["required"] = [name for name in schema.get("required", ()) if name != "by"]
        if not schema["required"]:
            del schema["required"]
    for start in STARTS:
        given[names[start]]["properties"]["reference"] = {
            "type": "string",
            "title": "Reference",
            "description": "One of your own, which makes the start idempotent; else one is made.",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        }
    return names, given


def components() -> dict[str, Schema]:
    """The schemas by their names in the document."""
    return _made()[1]


def body_of(*models: type[BaseModel], examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The request body in the document: one of these models, without `by`."""
    names, given = _made()
    refs = [{"$ref": f"#/components/schemas/{names[model]}"} for model in models]
    needed = any("required" in given[names[model]] for model in models)
    content = {
        "schema": refs[0] if len(refs) == 1 else {"anyOf": refs},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": needed, "content": {"application/json": content}}}


def body_like(model: type[BaseModel], examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The request body in the document: such an object, written out there."""
    schema = model.model_json_schema()
    content = {
        "schema": schema,
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    needed = bool(schema.get("required"))
    return {"requestBody": {"required": needed, "content": {"application/json": content}}}


def models_named(name: str) -> tuple[type[Command], ...]:
    """The command's models: one for all kinds, or one for each."""
    return tuple(model for model in COMMANDS if model.name == name)
