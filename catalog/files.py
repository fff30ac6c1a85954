"""Reading of a catalog's files into validated models, with the line of every problem."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from catalog.field_schemas import fields_at
from catalog.yaml_lines import InvalidYaml, YamlDocument, read_yaml
from domain.base.validation_messages import validation_problems
from domain.base.values import Name
from domain.model.definitions import CaseDefinition, SizedCaseDefinition

M = TypeVar("M", bound=BaseModel)
_NAME: Final = TypeAdapter[str](Name)
_DEFINITION: Final = TypeAdapter[CaseDefinition](SizedCaseDefinition)


class CatalogInvalid(Exception):
    """The catalog is invalid; one line for each problem, `file:line: field: problem`."""


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Place of an entry: its file, and the path of its fields in it."""

    path: Path
    document: YamlDocument
    within: tuple[str, ...] = ()

    def problem(self, field: Sequence[str], sentence: str) -> str:
        """Return one line that names file, line and field of a problem."""
        line, _ = self.document.locate((*self.within, *field))
        return f"{self.path}:{line}: {'.'.join((*self.within, *field))}: {sentence}"


@dataclass(frozen=True, slots=True)
class NamedEntries(Generic[M]):
    """Valid entries of a file by name, with the location of each."""

    entries: Mapping[str, M]
    locations: Mapping[str, SourceLocation]
    is_complete: bool = True
    """False if an entry is invalid and so left out: then an unknown name may be that entry's."""


def read_entries(
    path: Path,
    model: type[M],
    problems: list[str],
    *,
    names: TypeAdapter[str] = _NAME,
) -> NamedEntries[M] | None:
    """Read a file that maps names to entries of this model; None if there is no such file.

    Adds what is wrong to `problems`.
    """
    if not path.is_file():
        return None
    entries: dict[str, M] = {}
    locations: dict[str, SourceLocation] = {}
    problems_before = len(problems)
    try:
        document = _read_document(path)
        if not isinstance(document.value, dict | None):
            kind = model.__name__.lower()
            raise _invalid(path, 1, f"must be a mapping of {kind} names, each to its fields")
    except CatalogInvalid as invalid:
        problems += str(invalid).splitlines()
        return NamedEntries(entries, locations, is_complete=False)
    for name, value in (document.value or {}).items():
        try:
            names.validate_python(name)
            entries[name] = model.model_validate_json(json.dumps({} if value is None else value))
            locations[name] = SourceLocation(path, document, (name,))
        except ValidationError as error:
            problems += _problem_lines(path, document, error, model, within=(name,))
    return NamedEntries(entries, locations, is_complete=len(problems) == problems_before)


def read_definition(path: Path) -> tuple[CaseDefinition, SourceLocation]:
    """Read a case definition; raises CatalogInvalid."""
    document = _read_document(path)
    if document.value is None:
        raise _invalid(path, 1, "is empty; a case definition has a name and steps")
    try:
        definition = _DEFINITION.validate_json(json.dumps(document.value))
    except ValidationError as error:
        raise CatalogInvalid(
            "\n".join(_problem_lines(path, document, error, CaseDefinition))
        ) from None
    return definition, SourceLocation(path, document)


def read_model(
    path: Path, model: type[M], check: Callable[[M], Iterable[tuple[str, str]]] = lambda _: ()
) -> M:
    """Read a file as this model; `check` may yield further problems, as field and sentence.

    Raises CatalogInvalid.
    """
    document = _read_document(path)
    try:
        value = model.model_validate_json(json.dumps(document.value))
    except ValidationError as error:
        raise CatalogInvalid("\n".join(_problem_lines(path, document, error, model))) from None
    location = SourceLocation(path, document)
    problems = [location.problem(field.split("."), problem) for field, problem in check(value)]
    if problems:
        raise CatalogInvalid("\n".join(problems))
    return value


def _read_document(path: Path) -> YamlDocument:
    try:
        return read_yaml(path.read_text("utf-8"))
    except InvalidYaml as unreadable:
        raise _invalid(path, unreadable.line, str(unreadable)) from None
    except UnicodeDecodeError:
        raise _invalid(path, 1, "is not written in UTF-8; save it so") from None
    except OSError as error:
        raise _invalid(path, 1, f"cannot be read: {error.strerror}") from None


def _problem_lines(
    path: Path,
    document: YamlDocument,
    error: ValidationError,
    model: type[BaseModel],
    *,
    within: tuple[str, ...] = (),
) -> list[str]:
    """Return the problems in the order of their lines; unknown fields with the known ones."""
    schema = model.model_json_schema()
    lines: list[tuple[int, str]] = []
    for name, sentence in validation_problems(error):
        inner = tuple(name.split(".")) if name else ()
        line, field = document.locate((*within, *inner))
        if sentence.key == "problem.missing":
            field = (*within, *inner)
        known = fields_at(schema, inner[:-1])
        problem = str(sentence).replace("a JSON object", "a mapping of fields")
        if problem.startswith("is not a field") and known:
            problem = f"is not a field of this; there are {', '.join(known)}"
        label = "".join(f"{part or repr('')}." for part in field).removesuffix(".")
        lines.append((line, f"{path}:{line}: {label and f'{label}: '}{problem}"))
    return [text for _, text in sorted(lines, key=itemgetter(0))]


def _invalid(path: Path, line: int, problem: str) -> CatalogInvalid:
    return CatalogInvalid(f"{path}:{line}: {problem}")
