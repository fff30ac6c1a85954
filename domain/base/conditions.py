"""Conditions of Actions: CEL expressions over a Case's data and the outcomes so far (K4)."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Final

import cel
from pydantic import AfterValidator, Field

MAX_CONDITION_LENGTH: Final = 1000
"""Characters of a condition, at most."""
MAX_LOOP_DATA_BYTES: Final = 4 * 1024
"""Bytes of data that a loop over a list may read for each element, at most.

The engine copies the data for each element, and a workflow task that computes for two seconds
counts as deadlocked.
"""
_NAMES: Final = ("data", "outcomes")
_TYPES: Final = {"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint"}
_FUNCTIONS: Final = _TYPES | {
    "contains", "duration", "endsWith", "max", "min", "size", "startsWith", "timestamp", "type",
}  # fmt: skip
_LOOP: Final = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*(\w+)\s*,")
_OUTCOME_OF: Final = re.compile(r"""\boutcomes\s*(?:\[\s*["']([^"']*)["']\s*\]|\.\s*(\w+))""")
_SAMPLE: Final[dict[str, dict[str, object]]] = {"data": {}, "outcomes": {}}


class ConditionFailed(Exception):
    """Error: a condition cannot be evaluated over the Case's data; its text gives the reason."""


@lru_cache(maxsize=500)
def _compile(expression: str) -> Any:  # noqa: ANN401 - the engine's own class has no annotations
    return cel.compile(expression)


def evaluate_condition(
    expression: str, *, data: Mapping[str, Any], outcomes: Mapping[str, str | None]
) -> bool:
    """Return the value of the condition; raise ConditionFailed if there is none.

    `data` is the Case's own; `outcomes` has every Action's key of the definition, with the outcome
    of its last copy, or None while there is none.
    """
    if _loops_over_data(expression) and len(f"{data}".encode()) > MAX_LOOP_DATA_BYTES:
        problem = "goes through data for each element of a list, and data is over"
        raise ConditionFailed(f"{problem} {MAX_LOOP_DATA_BYTES} bytes")
    try:
        result = _compile(expression).execute({"data": dict(data), "outcomes": dict(outcomes)})
    except KeyError as missing:
        problem = f"there is no field {missing}; has(…) asks whether it is there"
        raise ConditionFailed(problem) from None
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ConditionFailed(_first_sentence(error)) from None
    if not isinstance(result, bool):
        raise ConditionFailed(f"gives {_type_name(result)}, not true or false")
    return result


def _check_condition(expression: str) -> str:
    """Refuse a condition that does not parse, has unknown names, or is never true or false."""
    try:
        program = _compile(expression)
    except ValueError as error:
        raise ValueError(f"is no CEL expression: {_first_sentence(error)}") from None
    bound = {match[1] for match in _LOOP.finditer(expression)}
    unknown = sorted(set(program.variables()) - bound - _TYPES - set(_NAMES))
    if unknown:
        raise ValueError(f"{unknown[0]} is not known in a condition; there are data and outcomes")
    unknown_functions = sorted(
        name for name in program.functions() if name[0].isalpha() and name not in _FUNCTIONS
    )
    if unknown_functions:
        raise ValueError(f"{unknown_functions[0]} is no function of a condition")
    if any(_LOOP.search(body) for body in _loop_bodies(expression)):
        raise ValueError("has a loop within a loop; write two conditions, or prepare data for it")
    try:
        result = program.execute(_SAMPLE)
    except TypeError as error:
        raise ValueError(f"cannot be right for any data: {_first_sentence(error)}") from None
    except (ArithmeticError, LookupError, RuntimeError, ValueError):
        return expression  # the result depends on the Case's data
    if not isinstance(result, bool):
        problem = f"gives {_type_name(result)}; a condition gives true or false"
        raise ValueError(problem)  # noqa: TRY004 - pydantic reports only ValueError as a problem
    return expression


def referenced_outcomes(expression: str) -> Iterable[str]:
    """Return the keys of the Actions whose outcomes the condition names."""
    return (match[1] or match[2] for match in _OUTCOME_OF.finditer(expression))


def _loop_bodies(expression: str) -> Iterable[str]:
    """Yield the text within the brackets of each loop."""
    for match in _LOOP.finditer(expression):
        depth, end = 1, match.end()
        while depth and end < len(expression):
            depth += {"(": 1, ")": -1}.get(expression[end], 0)
            end += 1
        yield expression[match.end() : end]


def _loops_over_data(expression: str) -> bool:
    return any(re.search(r"\bdata\b", body) for body in _loop_bodies(expression))


def _type_name(value: object) -> str:
    words = {"str": "a string", "int": "a number", "float": "a number", "list": "a list"}
    return words.get(type(value).__name__, "null" if value is None else "an object")


def _first_sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    text = text.partition("ERROR: ")[2].partition(" | ")[0] or text
    text = re.sub(r"<input>:1:(\d+): ", r"at character \1: ", text.partition(" expecting ")[0])
    return text.partition(". ")[0].rstrip(".")[:200]


Condition = Annotated[
    str, Field(min_length=1, max_length=MAX_CONDITION_LENGTH), AfterValidator(_check_condition)
]
"""CEL expression that gives true or false."""
