"""Conditions of Actions: CEL expressions over a Case's data and the outcomes so far (K4)."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Final

import cel
from pydantic import AfterValidator, Field

LONGEST: Final = 1000
"""Characters of a condition."""
LOOP_LIMIT: Final = 4 * 1024
"""Bytes of data that an expression may go through once for each element of a list: the engine
copies them for each, and a workflow task that computes for two seconds is taken for deadlocked."""
_NAMES: Final = ("data", "outcomes")
_TYPES: Final = {"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint"}
_FUNCTIONS: Final = _TYPES | {
    "contains", "duration", "endsWith", "max", "min", "size", "startsWith", "timestamp", "type",
}  # fmt: skip
_LOOP: Final = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*(\w+)\s*,")
_OUTCOME_OF: Final = re.compile(r"""\boutcomes\s*(?:\[\s*["']([^"']*)["']\s*\]|\.\s*(\w+))""")
_SAMPLE: Final[dict[str, dict[str, object]]] = {"data": {}, "outcomes": {}}


class ConditionFailed(Exception):
    """A condition cannot be evaluated over what the Case holds; its text says why."""


@lru_cache(maxsize=500)
def _compiled(expression: str) -> Any:  # noqa: ANN401 - the engine's own class has no annotations
    return cel.compile(expression)


def holds(expression: str, *, data: Mapping[str, Any], outcomes: Mapping[str, str | None]) -> bool:
    """Whether the condition is true; raises ConditionFailed.

    `data` is the Case's own; `outcomes` has every Action's key of the definition, with the outcome
    of its last copy, or null while there is none.
    """
    if _loops_over_data(expression) and len(f"{data}".encode()) > LOOP_LIMIT:
        problem = "goes through data for each element of a list, and data is over"
        raise ConditionFailed(f"{problem} {LOOP_LIMIT} bytes")
    try:
        found = _compiled(expression).execute({"data": dict(data), "outcomes": dict(outcomes)})
    except KeyError as missing:
        problem = f"there is no field {missing}; has(…) asks whether it is there"
        raise ConditionFailed(problem) from None
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ConditionFailed(_first_sentence(error)) from None
    if not isinstance(found, bool):
        raise ConditionFailed(f"gives {_kind(found)}, not true or false")
    return found


def _checked(expression: str) -> str:
    """Refuse what does not parse, names what is not there, or cannot give true or false."""
    try:
        program = _compiled(expression)
    except ValueError as error:
        raise ValueError(f"is no CEL expression: {_first_sentence(error)}") from None
    bound = {found[1] for found in _LOOP.finditer(expression)}
    unknown = sorted(set(program.variables()) - bound - _TYPES - set(_NAMES))
    if unknown:
        raise ValueError(f"{unknown[0]} is not known in a condition; there are data and outcomes")
    strange = sorted(
        name for name in program.functions() if name[0].isalpha() and name not in _FUNCTIONS
    )
    if strange:
        raise ValueError(f"{strange[0]} is no function of a condition")
    if any(_LOOP.search(body) for body in _loops(expression)):
        raise ValueError("has a loop within a loop; write two conditions, or prepare data for it")
    try:
        found = program.execute(_SAMPLE)
    except TypeError as error:
        raise ValueError(f"cannot be right for any data: {_first_sentence(error)}") from None
    except (ArithmeticError, LookupError, RuntimeError, ValueError):
        return expression  # it depends on what the Case holds
    if not isinstance(found, bool):
        problem = f"gives {_kind(found)}; a condition gives true or false"
        raise ValueError(problem)  # noqa: TRY004 - pydantic reports only ValueError as a problem
    return expression


def outcomes_in(expression: str) -> Iterable[str]:
    """The keys of the Actions whose outcomes the condition names."""
    return (found[1] or found[2] for found in _OUTCOME_OF.finditer(expression))


def _loops(expression: str) -> Iterable[str]:
    """What stands within the brackets of each loop."""
    for found in _LOOP.finditer(expression):
        depth, end = 1, found.end()
        while depth and end < len(expression):
            depth += {"(": 1, ")": -1}.get(expression[end], 0)
            end += 1
        yield expression[found.end() : end]


def _loops_over_data(expression: str) -> bool:
    return any(re.search(r"\bdata\b", body) for body in _loops(expression))


def _kind(value: object) -> str:
    words = {"str": "a string", "int": "a number", "float": "a number", "list": "a list"}
    return words.get(type(value).__name__, "null" if value is None else "an object")


def _first_sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    text = text.partition("ERROR: ")[2].partition(" | ")[0] or text
    text = re.sub(r"<input>:1:(\d+): ", r"at character \1: ", text.partition(" expecting ")[0])
    return text.partition(". ")[0].rstrip(".")[:200]


Condition = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_checked)]
"""A CEL expression that gives true or false."""
