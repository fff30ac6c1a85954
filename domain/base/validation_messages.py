"""Validation errors of pydantic as sentences that name the field."""

import re
from typing import Final

from pydantic import ValidationError

from domain.base.sentences import Sentence, say

_SENTENCES: Final = {
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
_MAX_LISTED: Final = 30
"""Problems in an answer, at most; a payload can have tens of thousands."""
_MAX_EXAMINED: Final = 300
"""Problems examined, at most."""
_FIELD_PROBLEM: Final = re.compile(r"([a-z_]+(?:\.\w+)*): (.+)", re.DOTALL)
_TAG: Final = re.compile(r"\w+-\w+\[.*|constrained-\w+|[A-Z]\w+|int|str")
"""Pydantic's name for the branch of a union within a location."""


def validation_problems(error: ValidationError) -> list[tuple[str, Sentence]]:
    """Return each problem: its field, dotted, empty for the whole object, and the sentence.

    Only the first `_MAX_EXAMINED` are read: ten thousand problems would take longer than a workflow
    task may.
    """
    details = error.errors(include_url=False, include_context=False)[:_MAX_EXAMINED]
    problems, unmeant = [], []
    for detail in details:
        if _has_tag(detail["loc"]) and _is_unmeant_branch(detail["type"], detail["input"]):
            unmeant.append(str(detail["loc"][0]))
            continue
        path = _field_path(detail["loc"], detail["type"])
        for field, sentence in _split_problems(detail["type"], detail["msg"]):
            problems.append((".".join([*path, *field]), sentence))
    named = {field.partition(".")[0] for field, _ in problems}
    problems += [
        (field, say("problem.no_form")) for field in dict.fromkeys(unmeant) if field not in named
    ]
    distinct = list(dict.fromkeys(problems))
    more = len(distinct) - _MAX_LISTED + max(0, error.error_count() - _MAX_EXAMINED)
    return (
        distinct if more <= 0 else [*distinct[:_MAX_LISTED], ("", say("problem.more", count=more))]
    )


def _split_problems(kind: str, message: str) -> list[tuple[list[str], Sentence]]:
    """Return the problems in a model's own message, `field: problem; field: problem`."""
    if kind != "value_error":
        return [([], _sentence_of(kind, message))]
    text = _plain_text(message)
    parts = text.split("; ")
    matches = [_FIELD_PROBLEM.fullmatch(part) for part in parts]
    problems = [([match[1]], say("problem.other", problem=match[2])) for match in matches if match]
    return problems if len(problems) == len(parts) else [([], say("problem.other", problem=text))]


def _field_path(location: tuple[int | str, ...], kind: str) -> list[str]:
    """Return the location without pydantic's own parts, which are never at an end."""
    ends = {0, len(location) - 1 if kind in {"extra_forbidden", "missing"} else 0}
    return [
        str(part)[:60] for index, part in enumerate(location) if index in ends or not _is_tag(part)
    ]


def _is_tag(part: int | str) -> bool:
    return isinstance(part, str) and _TAG.fullmatch(part) is not None


def _has_tag(location: tuple[int | str, ...]) -> bool:
    return any(_is_tag(part) for part in location)


def _is_unmeant_branch(kind: str, value: object) -> bool:
    """Return True if the problem is only about a branch of a union that was not meant."""
    return (kind in {"string_type", "int_type"} and isinstance(value, dict)) or (
        kind in {"model_type", "int_type", "dataclass_type"} and isinstance(value, str)
    )


def _sentence_of(kind: str, message: str) -> Sentence:
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    if kind == "json_invalid":
        return say("problem.no_json", problem=message.removeprefix("Invalid JSON: "))
    if kind in {"literal_error", "enum"}:
        message = re.sub(r"<[\w.]+: ('[^']*')>", r"\1", message)
        return say("problem.other", problem=message.replace("Input should be", "must be"))
    return say("problem.other", problem=_plain_text(message))


def _plain_text(message: str) -> str:
    text = message.removeprefix("Value error, ").removesuffix(" after validation")
    text = re.sub(r"^\w+ should", "must", text)
    return text[:1].lower() + text[1:]
