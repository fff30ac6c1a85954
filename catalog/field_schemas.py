"""What a model's JSON Schema says of one of its fields."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

Schema = dict[str, Any]
_WORDS: Final = {
    "boolean": "true|false",
    "integer": "NUMBER",
    "number": "NUMBER",
    "object": "{JSON}",
    "date-time": "DATE",
    "duration": "DURATION",
}


def branches(schema: Schema, root: Schema) -> Iterator[Schema]:
    """The alternatives that a field's schema allows, references resolved; `null` left out."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from branches(root["$defs"][name], root)
    elif "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from branches(one, root)
    elif schema.get("type") != "null":
        yield schema


def branches_at(root: Schema, path: Sequence[str]) -> list[Schema]:
    """The alternatives for what is at a path; none if there is no such field."""
    at = list(branches(root, root))
    for part in path:
        at = [inner for schema in at for inner in _inner(schema, part, root)]
    return at


def fields_at(root: Schema, path: Sequence[str]) -> tuple[str, ...]:
    """The names of the fields that an object at a path may have; none if no object is there."""
    objects = branches_at(root, path)
    return tuple(dict.fromkeys(name for schema in objects for name in schema.get("properties", ())))


def described(schema: Schema, root: Schema) -> str:
    """In a word or two, what a field takes: `a|b`, `NUMBER`, `DATE`, `TEXT,…`."""
    return "|".join(dict.fromkeys(_word(one, root) for one in branches(schema, root)))


def _word(schema: Schema, root: Schema) -> str:
    if "enum" in schema:
        return "|".join(schema["enum"])
    if schema.get("type") == "array":
        return f"{described(schema['items'], root)},…"
    if is_contact(schema):
        return "NAME <MAIL>"
    return _WORDS.get(str(schema.get("format", schema.get("type"))), "TEXT")


def is_contact(schema: Schema) -> bool:
    """Whether this is a person by name and mail address."""
    return set(schema.get("properties", ())) == {"name", "email"}


def _inner(schema: Schema, part: str, root: Schema) -> Iterator[Schema]:
    if part in schema.get("properties", {}):
        yield from branches(schema["properties"][part], root)
    elif "items" in schema and part.isdecimal():
        yield from branches(schema["items"], root)
