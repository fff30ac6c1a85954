"""Files of a catalog as checked values, with the line of every problem."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from catalog.field_schemas import fields_at
from catalog.yaml_lines import Document, NotYaml, read
from domain.base.validation_messages import problems_of
from domain.base.values import Name
from domain.model.definitions import CaseDefinition, SizedCaseDefinition

M = TypeVar("M", bound=BaseModel)
_NAME: Final = TypeAdapter[str](Name)
_DEFINITION: Final = TypeAdapter[CaseDefinition](SizedCaseDefinition)


class CatalogInvalid(Exception):
    """The catalog cannot be used; one line a problem, `file:line: field: what is wrong`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    path: Path
    document: Document
    within: tuple[str, ...] = ()

    def problem(self, field: Sequence[str], sentence: str) -> str:
        """One line that names file, line and field."""
        line, _ = self.document.place_of((*self.within, *field))
        return f"{self.path}:{line}: {'.'.join((*self.within, *field))}: {sentence}"


@dataclass(frozen=True, slots=True)
class Listed(Generic[M]):
    """What a file says under each name; what was wrong with it was told."""

    entries: Mapping[str, M]
    places: Mapping[str, Place]
    is_whole: bool = True
    """Whether all of it could be read, so that a name that is missing is missing."""


def listed(
    path: Path,
    model: type[M],
    problems: list[str],
    *,
    names: TypeAdapter[str] = _NAME,
) -> Listed[M] | None:
    """A mapping of names to values of this class; None if there is no such file."""
    if not path.is_file():
        return None
    entries: dict[str, M] = {}
    places: dict[str, Place] = {}
    known = len(problems)
    try:
        document = _read(path)
        if not isinstance(document.value, dict | None):
            what = model.__name__.lower()
            raise _invalid(path, 1, f"must be a mapping of {what} names, each to its fields")
    except CatalogInvalid as invalid:
        problems += str(invalid).splitlines()
        return Listed(entries, places, is_whole=False)
    for name, value in (document.value or {}).items():
        try:
            names.validate_python(name)
            entries[name] = model.model_validate_json(json.dumps({} if value is None else value))
            places[name] = Place(path, document, (name,))
        except ValidationError as error:
            problems += _told(path, document, error, model, within=(name,))
    return Listed(entries, places, is_whole=len(problems) == known)


def definition_at(path: Path) -> tuple[CaseDefinition, Place]:
    """One case definition; raises CatalogInvalid."""
    document = _read(path)
    if document.value is None:
        raise _invalid(path, 1, "is empty; a case definition has a name and steps")
    try:
        definition = _DEFINITION.validate_json(json.dumps(document.value))
    except ValidationError as error:
        raise CatalogInvalid("\n".join(_told(path, document, error, CaseDefinition))) from None
    return definition, Place(path, document)


def read_as(
    path: Path, model: type[M], check: Callable[[M], Iterable[tuple[str, str]]] = lambda _: ()
) -> M:
    """One value of this class; `check` may find more wrong with it: a field, and what it is.

    Raises CatalogInvalid.
    """
    document = _read(path)
    try:
        found = model.model_validate_json(json.dumps(document.value))
    except ValidationError as error:
        raise CatalogInvalid("\n".join(_told(path, document, error, model))) from None
    place = Place(path, document)
    told = [place.problem(name.split("."), problem) for name, problem in check(found)]
    if told:
        raise CatalogInvalid("\n".join(told))
    return found


def _read(path: Path) -> Document:
    try:
        return read(path.read_text("utf-8"))
    except NotYaml as unreadable:
        raise _invalid(path, unreadable.line, str(unreadable)) from None
    except UnicodeDecodeError:
        raise _invalid(path, 1, "is not written in UTF-8; save it so") from None
    except OSError as error:
        raise _invalid(path, 1, f"cannot be read: {error.strerror}") from None


def _told(
    path: Path,
    document: Document,
    error: ValidationError,
    model: type[BaseModel],
    *,
    within: tuple[str, ...] = (),
) -> list[str]:
    """Each problem with its place, by line; an unknown field with the ones there are."""
    schema = model.model_json_schema()
    told: list[tuple[int, str]] = []
    for name, sentence in problems_of(error):
        inner = tuple(name.split(".")) if name else ()
        line, found = document.place_of((*within, *inner))
        if sentence.key == "problem.missing":
            found = (*within, *inner)
        known = fields_at(schema, inner[:-1])
        problem = str(sentence).replace("a JSON object", "a mapping of fields")
        if problem.startswith("is not a field") and known:
            problem = f"is not a field of this; there are {', '.join(known)}"
        label = "".join(f"{part or repr('')}." for part in found).removesuffix(".")
        told.append((line, f"{path}:{line}: {label and f'{label}: '}{problem}"))
    return [line for _, line in sorted(told, key=lambda one: one[0])]


def _invalid(path: Path, line: int, problem: str) -> CatalogInvalid:
    return CatalogInvalid(f"{path}:{line}: {problem}")
