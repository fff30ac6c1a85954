"""JSON Schemas of request bodies: the models of starts and commands without `by`, the caller."""

from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.model.commands import COMMANDS, Command
from domain.model.starts import CaseStart, TicketStart

Schema = dict[str, Any]
_REF: Final = "#/components/schemas/{model}Input"
STARTS: Final[tuple[type[BaseModel], ...]] = (TicketStart, CaseStart)


@cache
def _schemas() -> tuple[dict[type, str], dict[str, Schema]]:
    models: tuple[type[BaseModel], ...] = (*STARTS, *COMMANDS)
    refs, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF
    )
    names: dict[type, str] = {
        model: ref["$ref"].rpartition("/")[2] for (model, _), ref in refs.items()
    }
    schemas = {f"{name}Input": schema for name, schema in definitions["$defs"].items()}
    for model in models:
        schema = schemas[names[model]]
        schema["properties"].pop("by")
        schema["required"] = [name for name in schema.get("required", ()) if name != "by"]
        if not schema["required"]:
            del schema["required"]
    for start in STARTS:
        schemas[names[start]]["properties"]["reference"] = {
            "type": "string",
            "title": "Reference",
            "description": "One of your own, which makes the start idempotent; else one is made.",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        }
    return names, schemas


def component_schemas() -> dict[str, Schema]:
    """Return the schemas by their names in the OpenAPI document."""
    return _schemas()[1]


def command_body(*models: type[BaseModel], examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the OpenAPI request body that refers to these models, without `by`."""
    names, schemas = _schemas()
    refs = [{"$ref": f"#/components/schemas/{names[model]}"} for model in models]
    is_required = any("required" in schemas[names[model]] for model in models)
    content = {
        "schema": refs[0] if len(refs) == 1 else {"anyOf": refs},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": is_required, "content": {"application/json": content}}}


def model_body(model: type[BaseModel], examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the OpenAPI request body with the model's own schema."""
    schema = model.model_json_schema()
    content = {
        "schema": schema,
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    is_required = bool(schema.get("required"))
    return {"requestBody": {"required": is_required, "content": {"application/json": content}}}


def command_models(name: str) -> tuple[type[Command], ...]:
    """Return the models of the commands of this name: one for all kinds, or one for each."""
    return tuple(model for model in COMMANDS if model.name == name)
