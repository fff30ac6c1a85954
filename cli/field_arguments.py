"""Words of a command line as the fields of a start or a command, read by the fields' own types."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from pydantic import BaseModel, JsonValue

from catalog.field_schemas import Schema, branches_at, described, fields_at, is_contact

Fields = dict[str, JsonValue]
_BOOLEANS: Final = {"true": True, "yes": True, "false": False, "no": False}
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(?P<fraction>\.[0-9]+)?")
_CONTACT: Final = re.compile(r"\s*(?P<name>[^<>]*?)\s*(?:<\s*(?P<email>[^<>\s]+)\s*>)?\s*")
_AHEAD: Final = re.compile(r"\+(?P<count>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[wdhms])")
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_FILES: Final = (".yaml", ".yml", ".json")


class WrongWords(ValueError):
    """A word that is no `field=value`, that names no field, or that cannot be read."""


def read_fields(model: type[BaseModel], words: Sequence[str], now: datetime) -> Fields:
    """The fields that `field=value` words give; inner ones as `due.within=P2D`.

    Values are only read as the fields' types suggest; whether they are good ones the model says.
    Raises WrongWords.
    """
    root = model.model_json_schema()
    fields: Fields = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise WrongWords(f"{word!r} is no field=value; quote a value that has spaces")
        path = name.split(".")
        at = fields
        for inner in _known(root, path):
            found = at.setdefault(inner, {})
            if not isinstance(found, dict):
                raise WrongWords(f"{inner} is given twice; leave one out")
            at = found
        value, before = _value(name, text, branches_at(root, path), now), at.get(path[-1])
        if isinstance(before, list) and isinstance(value, list):
            before += value
        elif path[-1] in at:
            raise WrongWords(f"{name} is given twice; leave one out")
        else:
            at[path[-1]] = value
    return fields


def read_contact(text: str) -> JsonValue:
    """`Ada Byron <ada@byron.example>`, or only one of the two."""
    if text.startswith("{"):
        return _json("contact", text)
    matched = _CONTACT.fullmatch(text)
    if matched is None:
        raise WrongWords(f"{text!r} is no contact; write NAME <MAIL>, or one of the two")
    name, email = matched["name"], matched["email"]
    if email is None and "@" in name:
        name, email = "", name
    return {key: value for key, value in (("name", name), ("email", email)) if value}


def read_definition(text: str) -> JsonValue:
    """A case definition's name, or the definition itself: from a file, or as JSON.

    Raises CatalogInvalid, which names every problem's line.
    """
    if text.startswith("{"):
        return _json("definition", text)
    if not text.endswith(_FILES):
        return text
    from catalog.loader import definition_in

    value: JsonValue = definition_in(Path(text)).model_dump(mode="json", exclude_none=True)
    return value


def read_moment(text: str, now: datetime) -> str:
    """A date and time with its zone; without one it is local, and `+2h` is two hours from now."""
    ahead = _AHEAD.fullmatch(text.strip())
    if ahead is not None:
        return (now + timedelta(**{_UNITS[ahead["unit"]]: float(ahead["count"])})).isoformat()
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    return given.isoformat() if given.tzinfo else given.astimezone().isoformat()


def read_free(text: str) -> JsonValue:
    """A value of free JSON: what JSON reads, else the text itself."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value


def usage(model: type[BaseModel], *, without: Sequence[str] = ()) -> str:
    """The model's fields as one types them, the required ones first: `type=… [until=DATE]`."""
    root = model.model_json_schema()
    required = root.get("required", ())
    words = {
        name: f"{name}={described(schema, root)}"
        for name, schema in root.get("properties", {}).items()
        if name not in without
    }
    needed = [word for name, word in words.items() if name in required]
    return " ".join(needed + [f"[{word}]" for name, word in words.items() if name not in required])


def alike(word: str, known: Sequence[str]) -> str:
    """What follows on a word that is not known: ` (did you mean wait?)`, or nothing."""
    near = get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _known(root: Schema, path: list[str]) -> Iterator[str]:
    """The objects above the field at a path; refuses a field that there is not."""
    for depth, part in enumerate(path):
        outer = branches_at(root, path[:depth])
        known = fields_at(root, path[:depth])
        if known and part not in known:
            there_is = f"there is no field {part}{alike(part, known)}"
            raise WrongWords(f"{there_is}; there are {', '.join(known)}")
        if not any(schema.get("type") == "object" for schema in outer):
            plain = ".".join(path[:depth])
            raise WrongWords(f"{plain} has no fields; write {plain}=VALUE")
        if depth < len(path) - 1:
            yield part
        if not known:
            break
    yield from path[depth + 1 : -1]


def _value(name: str, text: str, schemas: list[Schema], now: datetime) -> JsonValue:
    types = {str(schema.get("type")) for schema in schemas}
    if name == "definition":
        return read_definition(text)
    if text[:1] in {"{", "["} and types & {"object", "array"}:
        return _json(name, text)
    if "array" in types:
        return [part.strip() for part in text.split(",") if part.strip()]
    return _scalar(text, types, schemas, now) if schemas else read_free(text)


def _scalar(text: str, types: set[str], schemas: list[Schema], now: datetime) -> JsonValue:
    if "boolean" in types:
        return _BOOLEANS.get(text.lower(), text)
    if types & {"integer", "number"} and (number := _NUMBER.fullmatch(text)):
        return float(text) if number["fraction"] else int(text)
    if any(is_contact(schema) for schema in schemas):
        return read_contact(text)
    if any(schema.get("format") == "date-time" for schema in schemas):
        return read_moment(text, now)
    return text


def _json(name: str, text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text)
    except ValueError as error:
        raise WrongWords(f"{name} is no JSON: {error}") from None
    return value
