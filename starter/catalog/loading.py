"""The catalog: what a desk defined in YAML, checked, with the line of every problem."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from pydantic import BaseModel, TypeAdapter, ValidationError

from domain.definitions import CaseDefinition, Defined, Settings, SizedCaseDefinition, Terms
from domain.problems import problems_of
from domain.values import Name
from starter.catalog.schemas import fields_at
from starter.catalog.yaml_lines import Document, NotYaml, read
from starter.settings import Settings as Environment

LOG: Final = logging.getLogger("casekeep.catalog")
CATEGORIES: Final = "categories.yaml"
CASES: Final = "cases"
SAMPLE: Final = Path(__file__).parents[2] / "catalog"
"""The catalog that comes with the program."""
_NAME: Final = TypeAdapter[str](Name)
_DEFINITION: Final = TypeAdapter[CaseDefinition](SizedCaseDefinition)


class CatalogInvalid(Exception):
    """The catalog cannot be used; one line a problem, `file:line: field: what is wrong`."""


class Category(Defined):
    """What holds for the Tickets of a category."""

    queue: Name | None = None
    settings: Settings | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the desk says of its categories and case definitions, by name."""

    categories: Mapping[str, Terms] = field(default_factory=dict)
    definitions: Mapping[str, Terms] = field(default_factory=dict)


def load(folder: Path) -> Catalog:
    """Read `categories.yaml` and `cases/*.yaml`; raises CatalogInvalid, which lists all problems.

    The default folder need not exist: a desk works without a catalog. One that was asked for must.
    """
    if not folder.is_dir():
        if folder != Environment.model_fields["catalog"].default:
            raise CatalogInvalid(f"{folder}: is no folder; set CASEKEEP_CATALOG to the catalog's")
        LOG.warning("no folder %s here: categories and case definitions are unknown", folder)
        return Catalog()
    problems: list[str] = []
    categories: dict[str, Terms] = {}
    definitions: dict[str, Terms] = {}
    found_in: dict[str, Path] = {}
    for path in _files(folder):
        try:
            if path == folder / CATEGORIES:
                categories = _categories(path)
            elif path.parent == folder / CASES:
                document = _read(path)
                definition = _definition(path, document)
                if definition.name in found_in:
                    first, line = found_in[definition.name], document.place_of(("name",))[0]
                    _fail(path, line, f"name: {definition.name} is defined in {first} already")
                found_in[definition.name] = path
                definitions[definition.name] = Terms(definition=definition)
            else:
                _fail(path, 1, f"is no file of a catalog; {CATEGORIES} and {CASES}/*.yaml are")
        except CatalogInvalid as invalid:
            problems += str(invalid).splitlines()
    if problems:
        raise CatalogInvalid("\n".join(problems))
    return Catalog(categories, definitions)


def definition_in(path: Path) -> CaseDefinition:
    """One case definition from a YAML or JSON file; raises CatalogInvalid."""
    return _definition(path, _read(path))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".yaml", ".yml", ".json"} and path.is_file():
            yield path


def _categories(path: Path) -> dict[str, Terms]:
    document = _read(path)
    if document.value is None:
        return {}
    if not isinstance(document.value, dict):
        _fail(path, 1, "must be a mapping of category names to their queue and settings")
    problems: list[str] = []
    terms: dict[str, Terms] = {}
    for name, value in document.value.items():
        try:
            _NAME.validate_python(name)
            category = Category.model_validate_json(json.dumps({} if value is None else value))
            terms[name] = Terms(settings=category.settings, queue=category.queue)
        except ValidationError as error:
            problems += _told(path, document, error, Category, within=name)
    if problems:
        raise CatalogInvalid("\n".join(problems))
    return terms


def _definition(path: Path, document: Document) -> CaseDefinition:
    if document.value is None:
        _fail(path, 1, "is empty; a case definition has a name and steps")
    try:
        return _DEFINITION.validate_json(json.dumps(document.value))
    except ValidationError as error:
        raise CatalogInvalid("\n".join(_told(path, document, error, CaseDefinition))) from None


def _read(path: Path) -> Document:
    try:
        return read(path.read_text("utf-8"))
    except NotYaml as unreadable:
        _fail(path, unreadable.line, str(unreadable))
    except UnicodeDecodeError:
        _fail(path, 1, "is not written in UTF-8; save it so")
    except OSError as error:
        _fail(path, 1, f"cannot be read: {error.strerror}")


def _told(
    path: Path,
    document: Document,
    error: ValidationError,
    model: type[BaseModel],
    *,
    within: str | None = None,
) -> list[str]:
    """Each problem with its place, by line; an unknown field with the ones there are."""
    above = () if within is None else (within,)
    schema = model.model_json_schema()
    told: list[tuple[int, str]] = []
    for name, sentence in problems_of(error):
        inner = tuple(name.split(".")) if name else ()
        line, found = document.place_of((*above, *inner))
        known = fields_at(schema, inner[:-1])
        problem = sentence.replace("a JSON object", "a mapping of fields")
        if problem.startswith("is not a field") and known:
            problem = f"is not a field of this; there are {', '.join(known)}"
        label = "".join(f"{part or repr('')}." for part in found).removesuffix(".")
        told.append((line, f"{path}:{line}: {label and f'{label}: '}{problem}"))
    return [line for _, line in sorted(told, key=lambda one: one[0])]


def _fail(path: Path, line: int, problem: str) -> NoReturn:
    raise CatalogInvalid(f"{path}:{line}: {problem}")
