"""What pydantic found wrong, in sentences that name the field."""

import re
from typing import Final

from pydantic import ValidationError

from domain.base.sentences import Sentence, say

_WORDS: Final = {
    "missing": say("problem.missing"),
    "extra_forbidden": say("problem.extra"),
    "model_type": say("problem.object"),
    "model_attributes_type": say("problem.object"),
    "string_type": say("problem.string"),
    "dict_type": say("problem.object"),
    "bool_type": say("problem.boolean"),
    "int_type": say("problem.integer"),
    "float_type": say("problem.number"),
    "tuple_type": say("problem.list"),
    "timezone_aware": say("problem.zone"),
    "datetime_type": say("problem.instant"),
    "datetime_parsing": say("problem.instant"),
    "datetime_from_date_parsing": say("problem.instant"),
}
_LISTED: Final = 30
"""Problems told; a payload can have tens of thousands."""
_EXAMINED: Final = 300
"""Problems looked at."""
_OF_A_FIELD: Final = re.compile(r"([a-z_]+(?:\.\w+)*): (.+)", re.DOTALL)
_TAG: Final = re.compile(r"\w+-\w+\[.*|constrained-\w+|[A-Z]\w+|int|str")
"""How pydantic names the branch of a union within a location."""


def problems_of(error: ValidationError) -> list[tuple[str, Sentence]]:
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
        for field, told in _of_fields(detail["type"], detail["msg"]):
            problems.append((".".join([*place, *field]), told))
    named = {field.partition(".")[0] for field, _ in problems}
    problems += [
        (field, say("problem.no_form")) for field in dict.fromkeys(unmeant) if field not in named
    ]
    distinct = list(dict.fromkeys(problems))
    more = len(distinct) - _LISTED + max(0, error.error_count() - _EXAMINED)
    return distinct if more <= 0 else [*distinct[:_LISTED], ("", say("problem.more", count=more))]


def _of_fields(kind: str, message: str) -> list[tuple[list[str], Sentence]]:
    """What a model says of its own fields, `field: problem` and `; ` between them, by field."""
    if kind != "value_error":
        return [([], _sentence(kind, message))]
    text = _text(message)
    parts = text.split("; ")
    found = [_OF_A_FIELD.fullmatch(part) for part in parts]
    named = [([match[1]], say("problem.other", problem=match[2])) for match in found if match]
    return named if len(named) == len(parts) else [([], say("problem.other", problem=text))]


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


def _sentence(kind: str, message: str) -> Sentence:
    if kind in _WORDS:
        return _WORDS[kind]
    if kind == "json_invalid":
        return say("problem.no_json", problem=message.removeprefix("Invalid JSON: "))
    if kind in {"literal_error", "enum"}:
        message = re.sub(r"<[\w.]+: ('[^']*')>", r"\1", message)
        return say("problem.other", problem=message.replace("Input should be", "must be"))
    return say("problem.other", problem=_text(message))


def _text(message: str) -> str:
    text = message.removeprefix("Value error, ").removesuffix(" after validation")
    text = re.sub(r"^\w+ should", "must", text)
    return text[:1].lower() + text[1:]
