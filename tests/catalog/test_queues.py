"""Queues in the catalog: what they allow robots, and references to unknown queues (Q2)."""

import json
from pathlib import Path

import pytest

from catalog.files import CatalogInvalid
from catalog.loader import SAMPLE_FOLDER, load_catalog
from catalog.queues import Queue, robot_kinds
from domain.base.values import Kind
from tests.cli.conftest import run_command

QUEUES = "invoices:\n  title: Invoices\nphones:\n  robots: [Ticket, Case]\npeople:\n  robots: []\n"
CATEGORIES = "billing:\n  queue: invoices\nplain:\n"
FLOW = (
    "name: errand\nqueue: invoices\nsteps:\n  - key: only\n    actions:\n"
    "      - key: run\n        queue: phones\n      - key: rest\n"
)
SCHEDULE = (
    "monthly:\n  definition: errand\n  short_description: Run it\n  every: P1D\n  queue: people\n"
)


def write(folder: Path, **files: str) -> Path:
    (folder / "cases").mkdir()
    for name, text in files.items():
        path = folder / (f"cases/{name}.yaml" if name == "errand" else f"{name}.yaml")
        path.write_text(text)
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(folder)
    return [line.removeprefix(f"{folder}/") for line in str(refused.value).splitlines()]


# Q2
def test_a_queue_allows_robots_actions_unless_it_says_otherwise(tmp_path: Path) -> None:
    queues = load_catalog(write(tmp_path, queues=QUEUES)).queues
    assert queues["invoices"] == Queue(title="Invoices", robots=(Kind.ACTION,))
    assert robot_kinds(queues, "invoices") == robot_kinds(queues, "unheard-of") == {Kind.ACTION}
    assert robot_kinds(queues, "phones") == {Kind.TICKET, Kind.CASE}
    assert robot_kinds(queues, "people") == set()


def test_what_names_a_listed_queue_is_right(tmp_path: Path) -> None:
    default = CATEGORIES + "other:\n  queue: default\n"
    write(tmp_path, queues=QUEUES, categories=default, errand=FLOW, schedules=SCHEDULE)
    assert set(load_catalog(tmp_path).queues) == {"invoices", "phones", "people"}


def test_what_names_a_queue_that_is_not_listed_is_told_with_its_line(tmp_path: Path) -> None:
    queues = "accounts:\n"
    write(tmp_path, queues=queues, categories=CATEGORIES, errand=FLOW, schedules=SCHEDULE)
    assert problems(tmp_path) == [
        f"{place}: unknown queue {queue}: list it in queues.yaml, which has accounts"
        for place, queue in (
            ("cases/errand.yaml:2: queue", "invoices"),
            ("cases/errand.yaml:7: steps.0.actions.0.queue", "phones"),
            ("categories.yaml:2: billing.queue", "invoices"),
            ("schedules.yaml:5: monthly.queue", "people"),
        )
    ]


def test_without_a_list_any_queue_may_be_named(tmp_path: Path) -> None:
    write(tmp_path, categories=CATEGORIES, errand=FLOW, schedules=SCHEDULE)
    assert load_catalog(tmp_path).queues == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a:\n  title: 5\n", "queues.yaml:2: a.title: must be a string"),
        ("a:\n  robots: [Bot]\n", "queues.yaml:2: a.robots.0: must be 'Ticket', 'Case' or"),
        ("a:\n  robots: Action\n", "queues.yaml:2: a.robots: must be a list"),
        ("a:\n  name: b\n", "queues.yaml:2: a.name: is not a field of this; there are title,"),
        ("- a\n", "queues.yaml:1: must be a mapping"),
    ],
)
def test_a_problem_of_the_queues_is_told_with_its_line_and_field(
    tmp_path: Path, text: str, problem: str
) -> None:
    # whether a queue is listed cannot be said of a list that cannot be read
    assert problems(write(tmp_path, queues=text, categories=CATEGORIES))[0].startswith(problem)


def test_the_sample_lists_its_queues_and_its_robots_work_under_leases() -> None:
    sample = load_catalog(SAMPLE_FOLDER)
    assert {"invoice-robots", "it-robots", "accounts-payable"} <= set(sample.queues)
    for terms in sample.definitions.values():
        assert terms.definition is not None
        assert terms.definition.settings is not None
        assert terms.definition.settings.lease is not None


def test_the_check_shows_the_queues(tmp_path: Path) -> None:
    folder = str(write(tmp_path, queues=QUEUES, categories=CATEGORIES))
    output = " ".join(run_command("catalog", "check", folder).out.split())
    assert "invoices Actions Invoices" in output
    assert "people nothing" in output
    assert "phones Tickets, Cases" in output
    queues = json.loads(run_command("catalog", "check", folder, "--json").out)["queues"]
    assert queues["phones"] == {"title": "", "robots": ["Ticket", "Case"]}
