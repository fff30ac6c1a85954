"""Look-ups in a model's JSON Schema: the fields at a path, and the type of a field."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

Schema = dict[str, Any]
_TYPE_WORDS: Final = {
    "boolean": "true|false",
    "integer": "NUMBER",
    "number": "NUMBER",
    "object": "{JSON}",
    "date-time": "DATE",
    "duration": "DURATION",
}


def alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    """Yield the alternatives of a schema, with references resolved and without `null`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from alternatives(root["$defs"][name], root)
    elif "anyOf" in schema:
        for alternative in schema["anyOf"]:
            yield from alternatives(alternative, root)
    elif schema.get("type") != "null":
        yield schema


def alternatives_at(root: Schema, path: Sequence[str]) -> list[Schema]:
    """Return the alternatives for the field at a path; empty if there is no such field."""
    schemas = list(alternatives(root, root))
    for part in path:
        schemas = [inner for schema in schemas for inner in _inner(schema, part, root)]
    return schemas


def fields_at(root: Schema, path: Sequence[str]) -> tuple[str, ...]:
    """Return the field names of the object at a path; empty if no object is there."""
    objects = alternatives_at(root, path)
    return tuple(dict.fromkeys(name for schema in objects for name in schema.get("properties", ())))


def describe_type(schema: Schema, root: Schema) -> str:
    """Return the type of a field in a few words: `a|b`, `NUMBER`, `DATE`, `TEXT,…`."""
    return "|".join(
        dict.fromkeys(_word(alternative, root) for alternative in alternatives(schema, root))
    )


def _word(schema: Schema, root: Schema) -> str:
    if "enum" in schema:
        return "|".join(schema["enum"])
    if schema.get("type") == "array":
        return f"{describe_type(schema['items'], root)},…"
    if is_contact(schema):
        return "NAME <MAIL>"
    return _TYPE_WORDS.get(str(schema.get("format", schema.get("type"))), "TEXT")


def is_contact(schema: Schema) -> bool:
    """Return True for the schema of a contact, by name and mail address."""
    return set(schema.get("properties", ())) == {"name", "email"}


def _inner(schema: Schema, part: str, root: Schema) -> Iterator[Schema]:
    if part in schema.get("properties", {}):
        yield from alternatives(schema["properties"][part], root)
    elif "items" in schema and part.isdecimal():
        yield from alternatives(schema["items"], root)
