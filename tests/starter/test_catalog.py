import logging
from pathlib import Path

import pytest

from domain.values import Performer
from starter.catalog.loading import SAMPLE, Catalog, CatalogInvalid, definition_in, load
from tests.starter.conftest import run

GOOD = "name: errand\nsteps:\n  - key: only\n    actions:\n      - key: run\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / ("categories.yaml" if name == "categories" else f"cases/{name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(CatalogInvalid) as refused:
        load(folder)
    return [line.removeprefix(f"{folder}/") for line in str(refused.value).splitlines()]


def test_the_sample_has_categories_with_settings_and_two_definitions_of_three_steps() -> None:
    sample = load(SAMPLE)
    assert len(sample.categories) >= 2
    assert all(terms.queue and terms.settings for terms in sample.categories.values())
    assert set(sample.definitions) == {"supplier-invoice", "new-starter"}
    for terms in sample.definitions.values():
        assert terms.definition is not None
        assert len(terms.definition.steps) == 3
        performers = {action.performer for action in terms.definition.actions}
        assert {Performer.HUMAN, Performer.ROBOT} <= performers
        assert all(len(step.actions) >= 2 for step in terms.definition.steps)
        assert any(action.due for action in terms.definition.actions)
        assert any(action.queue for action in terms.definition.actions)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: [1\n", "2: is no YAML: while parsing a flow sequence"),
        ("", "1: is empty; a case definition has a name and steps"),
        ("- a\n", "1: must be a mapping of fields"),
        ("name: a\n---\nname: b\n", "2: is no YAML: expected a single document"),
        ("name: a\nname: b\nsteps: []\n", "2: name: is there twice; leave one out"),
        ("steps: []\n", "1: name: is required"),
        ("name: a\nsteps: 5\n", "2: steps: must be a list"),
        ("name: a\nstepps: []\nsteps: []\n", "2: stepps: is not a field of this; there are name,"),
        (
            "name: a\nsteps:\n  - key: b\n    actions:\n      - key: c\n        performer: bot\n",
            "6: steps.0.actions.0.performer: must be 'human', 'robot' or 'any'",
        ),
        (
            "name: a\nsettings:\n  due:\n    within: 3 days\nsteps: []\n",
            "4: settings.due.within: must be an ISO 8601 duration",
        ),
        (
            "name: a\nsettings:\n  due: {within: P1D, waits: [pause]}\nsteps: []\n",
            "3: settings.due: waits names wait types, which needs add_wait_time: true (D2)",
        ),
        ("name: a\nsteps:\n  - key: b\n  - key: b\n", "1: step keys must be unique"),
        ("name: a\nversion: 1.5\nsteps: []\n", "2: version: must be"),
        ("name: &x a\nqueue: *x\nsteps: []\n", "2: *x: write it out, no aliases"),
        ("name: a\nsteps: !!set {}\n", "2: tag:yaml.org,2002:set: leave the tag out"),
        ("name: a\n? [b]\n: 1\nsteps: []\n", "2: a field's name must be a word"),
        ("name: a\nqueue: \x07\nsteps: []\n", "2: holds a control character"),
        ("name: !!int x\nsteps: []\n", "1: x: cannot be read as"),
    ],
)
def test_a_problem_of_a_definition_is_told_with_its_file_line_and_field(
    tmp_path: Path, text: str, told: str
) -> None:
    first = problems(write(tmp_path, one=text))[0]
    assert first.startswith(f"cases/one.yaml:{told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a\n", "1: must be a mapping of category names"),
        ("a:\n  que: x\n", "2: a.que: is not a field of this; there are queue, settings"),
        ("a.b:\n  queue: 5\n", "2: a.b.queue: must be a string"),
        ("'':\n  queue: a\n", "1: '': must have at least 1 character"),
        ("a: yes\n", "1: a: must be a mapping of fields"),
        ("a:\n  settings: {reopen_on: [letter]}\n", "2: a.settings.reopen_on.0: must be 'mail'"),
    ],
)
def test_a_problem_of_the_categories_is_told_with_its_line_and_field(
    tmp_path: Path, text: str, told: str
) -> None:
    assert problems(write(tmp_path, categories=text))[0].startswith(f"categories.yaml:{told}")


def test_all_problems_of_all_files_are_told_at_once_in_order(tmp_path: Path) -> None:
    write(tmp_path, categories="a: 1\nb: 2\n", one="name: 1\nsteps: 2\n", two=GOOD)
    assert [line.rpartition(": ")[0] for line in problems(tmp_path)] == [
        "cases/one.yaml:1: name",
        "cases/one.yaml:2: steps",
        "categories.yaml:1: a",
        "categories.yaml:2: b",
    ]


def test_a_name_defined_twice_is_told_where_and_names_the_first_file(tmp_path: Path) -> None:
    write(tmp_path, one=GOOD, two=f"# again\n{GOOD}")
    assert problems(tmp_path) == [
        f"cases/two.yaml:2: name: errand is defined in {tmp_path}/cases/one.yaml already"
    ]


def test_a_file_that_is_in_the_wrong_place_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "category.yaml").write_text("a: {}\n")
    assert problems(tmp_path) == [
        "category.yaml:1: is no file of a catalog; categories.yaml and cases/*.yaml are"
    ]


def test_a_file_that_is_not_utf8_or_nested_without_end_is_refused(tmp_path: Path) -> None:
    write(tmp_path, deep=f"name: {'[' * 2000}")
    (tmp_path / "cases/latin.yaml").write_bytes("name: é\n".encode("latin-1"))
    assert problems(tmp_path) == [
        "cases/deep.yaml:1: is nested too deeply",
        "cases/latin.yaml:1: is not written in UTF-8; save it so",
    ]


def test_words_that_older_yaml_reads_as_booleans_and_dates_stay_words(tmp_path: Path) -> None:
    write(tmp_path, categories="no:\n  queue: on\n2026-01-01:\n  queue: 12:30:00\n")
    found = load(tmp_path).categories
    assert {name: terms.queue for name, terms in found.items()} == {
        "no": "on",
        "2026-01-01": "12:30:00",
    }


def test_a_category_may_leave_everything_open(tmp_path: Path) -> None:
    found = load(write(tmp_path, categories="plain:\n")).categories["plain"]
    assert (found.queue, found.settings, found.definition) == (None, None, None)


def test_no_categories_and_no_cases_are_an_empty_catalog(tmp_path: Path) -> None:
    assert load(write(tmp_path, categories="# none yet\n")) == Catalog()


def test_the_default_folder_need_not_exist_but_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert load(Path("catalog")) == Catalog()
    assert "no folder catalog here" in caplog.text


def test_a_folder_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match="is no folder"):
        load(tmp_path / "elsewhere")


def test_a_definition_is_read_from_json_as_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "errand.json"
    path.write_text('{"name": "errand", "steps": [{"key": "only", "actions": [{"key": "run"}]}]}')
    assert (
        definition_in(path)
        == load(write(tmp_path / "x", one=GOOD)).definitions["errand"].definition
    )


def test_a_definition_file_that_is_missing_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match=r"none\.yaml:1: cannot be read: No such file"):
        definition_in(tmp_path / "none.yaml")


def test_catalog_check_shows_what_there_is() -> None:
    ran = run("catalog", "check", str(SAMPLE))
    assert ran.code == 0
    assert "invoice-question" in ran.out
    assert "Verify the invoice: match-order, confirm-receipt" in ran.out


def test_catalog_check_prints_json_for_scripts() -> None:
    found = run("catalog", "check", str(SAMPLE), "--json").json
    assert found["categories"]["hr-question"]["settings"]["feedback_window"] == "P7D"
    assert found["definitions"]["new-starter"]["definition"]["steps"][0]["key"] == "prepare"


def test_catalog_check_refuses_with_every_problem_on_standard_error(tmp_path: Path) -> None:
    ran = run("catalog", "check", str(write(tmp_path, one="name: 1\nsteps: 2\n")))
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 2


def test_catalog_check_of_an_empty_catalog_says_so_kindly(tmp_path: Path) -> None:
    assert "catalog is empty" in run("catalog", "check", str(tmp_path)).out
