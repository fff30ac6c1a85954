"""`casekeep simulate`: tables, JSON, pictures, and plans that cannot be used."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from catalog.loader import SAMPLE_FOLDER
from tests.cli.conftest import RunResult, run_command

PLAN = """\
begins: 2026-01-05T00:00:00Z
actions:
  check-supplier: {takes: {uniform: [PT5M, PT25M]}}
  approve-payment:
    takes: {lognormal: PT4M, sigma: 0.8}
    waits: {chance: 0.2, lasts: {triangular: [PT1H, PT4H, P2D]}}
staff:
  accounts-payable: {people: 2, hours: {opens: "09:00", closes: "17:30", zone: Europe/Paris}}
"""
SVG = "{http://www.w3.org/2000/svg}"


def simulate(*words: str, definition: str = "supplier-invoice") -> RunResult:
    small = ("--items", "12", "--days", "5")
    return run_command("simulate", definition, *small, *words, CASEKEEP_CATALOG=str(SAMPLE_FOLDER))


def write_file(folder: Path, text: str) -> str:
    path = folder / "plan.yaml"
    path.write_text(text)
    return str(path)


def test_people_see_cases_and_queues(tmp_path: Path) -> None:
    ran = simulate("--plan", write_file(tmp_path, PLAN))
    assert ran.code == 0
    assert "12 in 5 days, 12 done" in ran.out
    assert "accounts-payable  2" in ran.out
    assert "90 % within" in ran.out


def test_scripts_get_all_figures_and_the_same_ones_for_the_same_seed() -> None:
    first, again, other = (simulate("--json", "--seed", seed).json for seed in ("1", "1", "2"))
    assert first == again
    assert first["throughput"] != other["throughput"]
    assert first["cases"]["done"] == 12
    assert first["queues"]["invoice-robots"]["done"] == 36
    assert set(first["queues"]["goods-receipt"]["waiting"]) == {
        *("count", "mean", "median", "p90", "longest")
    }
    assert len(first["daily"]) == 6


@pytest.mark.parametrize("name", ["supplier-invoice", "new-starter"])
def test_every_definition_of_the_sample_can_be_tried_out(name: str) -> None:
    assert simulate("--json", definition=name).json["cases"]["stuck"] == 0


def test_a_definition_may_be_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "errand.yaml"
    path.write_text("name: errand\nsteps:\n  - key: s\n    actions:\n      - key: run\n")
    assert simulate("--json", definition=str(path)).json["definition"] == "errand"


def test_an_unknown_definition_is_told_with_the_known_ones() -> None:
    ran = simulate(definition="supplier-invoce")
    assert ran.code == 1
    assert "no case definition supplier-invoce; there are new-starter, supplier-invoice" in ran.err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("stuff: {}\n", "1: stuff: is not a field of this; there are begins, arrivals,"),
        ("actions:\n  check: {takes: {fixed: PT1H}}\n", "2: actions.check: supplier-invoice has"),
        ("human:\n  takes: {}\n", "2: human.takes: give one of fixed"),
        ("staff:\n  robots:\n    people: 2\n", "2: staff.robots: supplier-invoice has no queue"),
        ("staff:\n  goods-receipt: {people: 0}\n", "2: staff.goods-receipt.people: must be"),
        ("arrivals: {fixed: 3 days}\n", "1: arrivals.fixed: must be an ISO 8601 duration"),
        ("", "1: must be a mapping of fields"),
    ],
)
def test_a_plan_that_cannot_be_is_told_with_its_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = write_file(tmp_path, text)
    ran = simulate("--plan", path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"{path}:{problem}")


def test_a_plot_shows_every_queue(tmp_path: Path) -> None:
    picture = tmp_path / "plot.svg"
    assert simulate("--plot", str(picture)).code == 0
    texts = [text.text or "" for text in ET.parse(picture).iter(f"{SVG}text")]
    assert any(text.startswith("accounts-payable (") for text in texts)
    assert {"Load", "Waiting", "Throughput", "Day by day", "open Cases"} <= set(texts)


def test_a_plot_may_be_a_png(tmp_path: Path) -> None:
    picture = tmp_path / "plot.png"
    assert simulate("--plot", str(picture)).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_plot_of_another_kind_is_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    ran = simulate("--plot", str(tmp_path / "plot.gif"))
    assert ran.code == 1
    assert ran.err.strip().endswith("plot.gif: a picture's name ends in .svg or .png")


def test_a_plot_of_nothing_is_still_a_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("name: empty\nsteps: []\n")
    picture = tmp_path / "plot.svg"
    assert simulate("--plot", str(picture), definition=str(tmp_path / "empty.yaml")).code == 0
    assert ET.parse(picture).getroot().tag == f"{SVG}svg"
