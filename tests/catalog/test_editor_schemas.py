"""JSON Schemas for editors accept and refuse the same catalog files as the loader."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from catalog import editor_schemas
from catalog.loader import SAMPLE_FOLDER
from catalog.yaml_lines import read_yaml
from tests.cli.conftest import run_command
from tests.cli.test_catalog_draw import EVERYTHING
from tests.cli.test_simulate import PLAN

DOCS = Path(__file__).parents[2] / "docs"
FILES = sorted(SAMPLE_FOLDER.rglob("*.yaml"))


def problems(name: str, value: object) -> list[str]:
    validator = jsonschema.Draft202012Validator(editor_schemas.editor_schema(name))
    return [error.message for error in validator.iter_errors(value)]


@pytest.mark.parametrize("name", editor_schemas.SCHEMA_NAMES)
def test_the_schemas_in_the_documentation_are_those_of_the_code(name: str) -> None:
    written = json.loads((DOCS / f"schemas/{name}.json").read_text())
    assert written == editor_schemas.editor_schema(name), "run `make docs`"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_of_the_sample_names_its_schema_and_keeps_to_it(path: Path) -> None:
    comment = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
    assert comment is not None, f"{path} names no schema"
    schema = (path.parent / comment[1]).resolve()
    assert schema.parent == DOCS / "schemas"
    assert problems(schema.stem, read_yaml(path.read_text()).value) == []


def test_all_that_a_definition_or_a_plan_may_say_keeps_to_its_schema() -> None:
    assert problems("case", read_yaml(EVERYTHING).value) == []
    assert problems("plan", read_yaml(PLAN).value) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("case", {"name": "a", "stepps": []}),
        ("case", {"name": "a", "steps": [{"key": "s", "actions": [{"key": "a", "performer": 5}]}]}),
        ("categories", {"a": {"que": "b"}}),
        ("schedules", {"a": {"definition": "b", "short_description": "c", "corn": "* * * * *"}}),
        ("plan", {"staff": {"desk": {"people": 0}}}),
    ],
)
def test_an_editor_marks_what_the_catalog_would_refuse(name: str, value: object) -> None:
    assert problems(name, value)


def test_an_editor_shows_what_a_field_is_for() -> None:
    fields = editor_schemas.editor_schema("plan")["$defs"]["Staff"]["properties"]
    assert "working calendar of the catalog" in fields["calendar"]["description"]


def test_the_shell_prints_one_schema_or_all_of_them() -> None:
    assert run_command("catalog", "schema", "case").json == editor_schemas.editor_schema("case")
    assert set(run_command("catalog", "schema").json) == set(editor_schemas.SCHEMA_NAMES)


def test_an_unknown_schema_is_told_with_the_known_ones() -> None:
    ran = run_command("catalog", "schema", "cases")
    assert ran.code == 1
    assert "no schema cases; there are calendars, case, categories" in ran.err
