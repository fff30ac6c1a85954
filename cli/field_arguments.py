"""Parse `field=value` arguments into the fields of a start or a command, by the fields' types."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from pydantic import BaseModel, JsonValue

from catalog.field_schemas import Schema, alternatives_at, describe_type, fields_at, is_contact

Fields = dict[str, JsonValue]
_BOOLEANS: Final = {"true": True, "yes": True, "false": False, "no": False}
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(?P<fraction>\.[0-9]+)?")
_CONTACT: Final = re.compile(r"\s*(?P<name>[^<>]*?)\s*(?:<\s*(?P<email>[^<>\s]+)\s*>)?\s*")
_AHEAD: Final = re.compile(r"\+(?P<count>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[wdhms])")
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_FILE_SUFFIXES: Final = (".yaml", ".yml", ".json")


class InvalidArgument(ValueError):
    """An argument is no `field=value`, names an unknown field, or has an unreadable value."""


def parse_fields(model: type[BaseModel], words: Sequence[str], now: datetime) -> Fields:
    """Return the fields of `field=value` words; nested fields are written `due.within=P2D`.

    Values are converted by the fields' types, and validated by the model later.
    Raises InvalidArgument.
    """
    root = model.model_json_schema()
    fields: Fields = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise InvalidArgument(f"{word!r} is no field=value; quote a value that has spaces")
        path = name.split(".")
        parent = fields
        for key in _parent_keys(root, path):
            child = parent.setdefault(key, {})
            if not isinstance(child, dict):
                raise InvalidArgument(f"{key} is given twice; leave one out")
            parent = child
        value = _convert(name, text, alternatives_at(root, path), now)
        previous = parent.get(path[-1])
        if isinstance(previous, list) and isinstance(value, list):
            previous += value
        elif path[-1] in parent:
            raise InvalidArgument(f"{name} is given twice; leave one out")
        else:
            parent[path[-1]] = value
    return fields


def parse_contact(text: str) -> JsonValue:
    """Return a contact from `Ada Byron <ada@byron.example>`, either part alone, or JSON."""
    if text.startswith("{"):
        return _parse_json("contact", text)
    matched = _CONTACT.fullmatch(text)
    if matched is None:
        raise InvalidArgument(f"{text!r} is no contact; write NAME <MAIL>, or one of the two")
    name, email = matched["name"], matched["email"]
    if email is None and "@" in name:
        name, email = "", name
    return {key: value for key, value in (("name", name), ("email", email)) if value}


def parse_definition(text: str) -> JsonValue:
    """Return a case definition's name, or the definition itself: from a file, or from JSON.

    Raises CatalogInvalid, with the line of each problem.
    """
    if text.startswith("{"):
        return _parse_json("definition", text)
    if not text.endswith(_FILE_SUFFIXES):
        return text
    from catalog.loader import load_definition

    value: JsonValue = load_definition(Path(text)).model_dump(mode="json", exclude_none=True)
    return value


def parse_datetime(text: str, now: datetime) -> str:
    """Return an ISO date and time with its zone; local without one, `+2h` is relative to `now`.

    Text that is no date is returned as it is, for the model to refuse.
    """
    ahead = _AHEAD.fullmatch(text.strip())
    if ahead is not None:
        return (now + timedelta(**{_UNITS[ahead["unit"]]: float(ahead["count"])})).isoformat()
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    return parsed.isoformat() if parsed.tzinfo else parsed.astimezone().isoformat()


def parse_json_or_text(text: str) -> JsonValue:
    """Return the JSON value of the text, or the text itself if it is no JSON."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value


def field_usage(model: type[BaseModel], *, without: Sequence[str] = ()) -> str:
    """Return the model's fields as they are typed, required ones first: `type=… [until=DATE]`."""
    root = model.model_json_schema()
    required = root.get("required", ())
    words = {
        name: f"{name}={describe_type(schema, root)}"
        for name, schema in root.get("properties", {}).items()
        if name not in without
    }
    needed = [word for name, word in words.items() if name in required]
    return " ".join(needed + [f"[{word}]" for name, word in words.items() if name not in required])


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return ` (did you mean wait?)` for an unknown word, or an empty text."""
    near = get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _parent_keys(root: Schema, path: list[str]) -> Iterator[str]:
    """Yield the keys of the objects above the field at a path; refuse unknown fields."""
    for depth, part in enumerate(path):
        parents = alternatives_at(root, path[:depth])
        known = fields_at(root, path[:depth])
        if known and part not in known:
            problem = f"there is no field {part}{suggestion(part, known)}"
            raise InvalidArgument(f"{problem}; there are {', '.join(known)}")
        if not any(schema.get("type") == "object" for schema in parents):
            scalar = ".".join(path[:depth])
            raise InvalidArgument(f"{scalar} has no fields; write {scalar}=VALUE")
        if depth < len(path) - 1:
            yield part
        if not known:
            break
    yield from path[depth + 1 : -1]


def _convert(name: str, text: str, schemas: list[Schema], now: datetime) -> JsonValue:
    types = {str(schema.get("type")) for schema in schemas}
    if name == "definition":
        return parse_definition(text)
    if text[:1] in {"{", "["} and types & {"object", "array"}:
        return _parse_json(name, text)
    if "array" in types:
        return [part.strip() for part in text.split(",") if part.strip()]
    return _convert_scalar(text, types, schemas, now) if schemas else parse_json_or_text(text)


def _convert_scalar(text: str, types: set[str], schemas: list[Schema], now: datetime) -> JsonValue:
    if "boolean" in types:
        return _BOOLEANS.get(text.lower(), text)
    if types & {"integer", "number"} and (number := _NUMBER.fullmatch(text)):
        return float(text) if number["fraction"] else int(text)
    if any(is_contact(schema) for schema in schemas):
        return parse_contact(text)
    if any(schema.get("format") == "date-time" for schema in schemas):
        return parse_datetime(text, now)
    return text


def _parse_json(name: str, text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"{name} is no JSON: {error}") from None
    return value
