"""What a model's JSON Schema says of one of its fields."""

from collections.abc import Iterator, Sequence
from typing import Any

Schema = dict[str, Any]


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


def fields_at(root: Schema, path: Sequence[str]) -> tuple[str, ...]:
    """The names of the fields that an object at a path may have; none if no object is there."""
    at = list(branches(root, root))
    for part in path:
        at = [inner for schema in at for inner in _inner(schema, part, root)]
    return tuple(dict.fromkeys(name for schema in at for name in schema.get("properties", ())))


def _inner(schema: Schema, part: str, root: Schema) -> Iterator[Schema]:
    if part in schema.get("properties", {}):
        yield from branches(schema["properties"][part], root)
    elif "items" in schema and part.isdecimal():
        yield from branches(schema["items"], root)
