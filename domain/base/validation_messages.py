"""What pydantic found wrong, in sentences that name the field."""

import re
from typing import Final

from pydantic import ValidationError

_WORDS: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this; leave it out",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "string_type": "must be a string",
    "dict_type": "must be a JSON object",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "tuple_type": "must be a list",
    "timezone_aware": "needs a zone, such as Z or +01:00",
    "datetime_type": "must be a date and time such as 2026-12-01T10:00:00Z",
    "datetime_parsing": "must be a date and time such as 2026-12-01T10:00:00Z",
    "datetime_from_date_parsing": "must be a date and time such as 2026-12-01T10:00:00Z",
}
_LISTED: Final = 30
"""Problems told; a payload can have tens of thousands."""
_EXAMINED: Final = 300
"""Problems looked at."""
_OF_A_FIELD: Final = re.compile(r"([a-z_]+(?:\.\w+)*): (.+)", re.DOTALL)
_TAG: Final = re.compile(r"\w+-\w+\[.*|constrained-\w+|[A-Z]\w+|int|str")
"""How pydantic names the branch of a union within a location."""


def problems_of(error: ValidationError) -> list[tuple[str, str]]:
    """Each problem as its field, dotted, empty for the whole object, and what is wrong with it.

    Only the first `_EXAMINED` are looked at, so that what is wrong ten thousand times over takes no
    longer than a workflow task may.
    """
    found = error.errors(include_url=False, include_context=False)[:_EXAMINED]
    problems, unmeant = [], []
    for detail in found:
        if _tagged(detail["loc"]) and _other_branch(detail["type"], detail["input"]):
            unmeant.append(str(detail["loc"][0]))
            continue
        place = _named(detail["loc"], detail["type"])
        for field, told in _of_fields(detail["type"], _sentence(detail["type"], detail["msg"])):
            problems.append((".".join([*place, *field]), told))
    named = {field.partition(".")[0] for field, _ in problems}
    problems += [
        (field, "is of none of the forms that this field takes")
        for field in dict.fromkeys(unmeant)
        if field not in named
    ]
    distinct = list(dict.fromkeys(problems))
    more = len(distinct) - _LISTED + max(0, error.error_count() - _EXAMINED)
    return distinct if more <= 0 else [*distinct[:_LISTED], ("", f"and {more} more problems")]


def _of_fields(kind: str, sentence: str) -> list[tuple[list[str], str]]:
    """What a model says of its own fields, `field: problem` and `; ` between them, by field."""
    parts = sentence.split("; ") if kind == "value_error" else [sentence]
    found = [_OF_A_FIELD.fullmatch(part) for part in parts]
    named = [([match[1]], match[2]) for match in found if match is not None]
    return named if len(named) == len(parts) else [([], sentence)]


def _named(location: tuple[int | str, ...], kind: str) -> list[str]:
    """The location as its sender knows it; what pydantic put in stands between, never at an end."""
    ends = {0, len(location) - 1 if kind in {"extra_forbidden", "missing"} else 0}
    return [
        str(part)[:60] for index, part in enumerate(location) if index in ends or not _is_tag(part)
    ]


def _is_tag(part: int | str) -> bool:
    return isinstance(part, str) and _TAG.fullmatch(part) is not None


def _tagged(location: tuple[int | str, ...]) -> bool:
    return any(_is_tag(part) for part in location)


def _other_branch(kind: str, given: object) -> bool:
    """Whether this is only the branch of a union that was not meant."""
    return (kind in {"string_type", "int_type"} and isinstance(given, dict)) or (
        kind in {"model_type", "int_type", "dataclass_type"} and isinstance(given, str)
    )


def _sentence(kind: str, message: str) -> str:
    if kind in _WORDS:
        return _WORDS[kind]
    if kind == "json_invalid":
        return f"is no JSON: {message.removeprefix('Invalid JSON: ')}"
    if kind in {"literal_error", "enum"}:
        return re.sub(r"<[\w.]+: ('[^']*')>", r"\1", message).replace("Input should be", "must be")
    text = message.removeprefix("Value error, ").removesuffix(" after validation")
    text = re.sub(r"^\w+ should", "must", text)
    return text[:1].lower() + text[1:]
