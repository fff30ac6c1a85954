"""`casekeep catalog draw`: Mermaid, SVG and PNG of a case definition."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from catalog.loader import SAMPLE_FOLDER, load_definition
from drawing import case_definition
from drawing.canvas import UnknownImageFormat, save_image, wrap_text
from tests.cli.conftest import RunResult, run_command

SVG = "{http://www.w3.org/2000/svg}"
EVERYTHING = """\
name: everything
queue: desk
settings: {due: {within: P10D, calendar: paris-office}, feedback_window: P3D}
steps:
  - key: first
    title: Ask <b>everybody</b> & "quote" `it` as issue no. 1
    actions:
      - key: a
        title: Check the supplier
        performer: human
        peer_review: true
        checklist: ["Is it?", "Was it?"]
        when: data.amount > 1000
        due: {within: P1DT4H}
      - {key: m, title: Tell the supplier, kind: send_mail_and_wait, mail: {to: requester}}
      - {key: c, checklist: ["Is it?"]}
  - key: none
  - key: last
    actions:
      - {key: p, kind: call_service, call: {service: erp}}
      - {key: s, kind: wait_for_sub_cases, cases: [{definition: audit}, {definition: other}]}
      - {key: t, kind: start_case, case: {definition: audit}}
      - {key: r, performer: robot, queue: robots}
"""


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    path = tmp_path / "everything.yaml"
    path.write_text(EVERYTHING)
    return path


def draw(*words: str) -> RunResult:
    return run_command("catalog", "draw", *words, CASEKEEP_CATALOG=str(SAMPLE_FOLDER))


def texts(picture: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(picture).iter(f"{SVG}text")]


def test_mermaid_has_the_steps_in_order_with_their_actions() -> None:
    drawn = draw("supplier-invoice").out
    assert drawn.startswith("flowchart LR\n")
    links = [line.strip() for line in drawn.splitlines() if " --> " in line]
    assert links == [
        "submitted --> step1",
        "step1 --> step2",
        "step2 --> step3",
        "step3 --> resolved",
    ]
    assert 'subgraph step2["2. Verify the invoice"]' in drawn
    assert (
        'step1action2["Check the supplier and the bank account<br/>'
        'human · accounts-payable<br/>due within 1 d"]'
    ) in drawn
    assert 'step1action1[["Read the scanned invoice<br/>robot' in drawn


def test_mermaid_says_all_that_is_to_be_known_of_an_action(everything: Path) -> None:
    drawn = draw(str(everything)).out
    assert (
        "Check the supplier<br/>if data.amount #gt; 1000<br/>human · desk<br/>due within 1 d 4 h"
        "<br/>checklist of 2 questions<br/>reviewed by a colleague"
    ) in drawn
    assert "c<br/>human or robot · desk<br/>checklist of 1 question" in drawn
    assert '("Tell the supplier<br/>send mail and wait · desk")' in drawn
    assert "p<br/>calls erp" in drawn
    assert "s<br/>waits for audit, other" in drawn
    assert "t<br/>starts audit" in drawn
    assert 'step2none["nothing to do"]' in drawn


def test_signs_that_mean_something_to_mermaid_are_written_as_others(everything: Path) -> None:
    head = next(line for line in draw(str(everything)).out.splitlines() if "subgraph step1" in line)
    assert head.strip() == (
        'subgraph step1["1. Ask #lt;b#gt;everybody#lt;/b#gt; #amp; #quot;quote#quot; #96;it#96;'
        ' as issue no. 1"]'
    )


def test_svg_shows_every_step_and_action_and_what_their_colours_mean(everything: Path) -> None:
    drawn = texts(draw(str(everything), "--format", "svg").out)
    assert drawn[:2] == [
        "everything",
        "version 1, queue desk, due within 10 d of paris-office, feedback window 3 d",
    ]
    assert {"Step 1", "Step 2", "Step 3", "none", "nothing to do", "last"} <= set(drawn)
    assert {"Check the supplier", "if data.amount > 1000", "reviewed by a colleague"} <= set(drawn)
    assert drawn[-4:] == ["human", "robot", "human or robot", "by itself"]
    assert any(text.startswith("Ask <b>everybody</b> &") for text in drawn)


def test_svg_stays_within_its_sheet(everything: Path) -> None:
    root = ET.fromstring(case_definition.draw_svg(load_definition(everything)))
    wide, high = (float(root.attrib[side]) for side in ("width", "height"))
    for box in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= wide
        assert 0 <= y <= y + h <= high


def test_svg_of_a_definition_without_steps_is_still_a_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("name: empty\nsteps: []\n")
    assert texts(draw(str(tmp_path / "empty.yaml"), "--format", "svg").out)[0] == "empty"


def test_a_file_is_written_as_it_is_named(everything: Path, tmp_path: Path) -> None:
    for name, begins in (("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.mmd", b"flowchart")):
        path = tmp_path / name
        assert draw(str(everything), "--output", str(path)).code == 0
        assert path.read_bytes().startswith(begins)


def test_scripts_get_the_drawing_in_json(everything: Path, tmp_path: Path) -> None:
    found = draw(str(everything), "--json").json
    assert (found["format"], found["output"]) == ("mermaid", None)
    assert found["drawing"].startswith("flowchart LR")
    png = str(tmp_path / "a.png")
    assert draw(str(everything), "--output", png, "--json").json == {
        "format": "png",
        "output": png,
        "drawing": None,
    }


def test_a_png_is_not_written_to_a_terminal(everything: Path) -> None:
    ran = draw(str(everything), "--format", "png")
    assert (ran.code, ran.out) == (1, "")
    assert "name a file with --output" in ran.err


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    ran = draw("supplier")
    assert ran.code == 1
    assert "no case definition supplier; there are new-starter, supplier-invoice" in ran.err


def test_a_picture_that_is_neither_svg_nor_png_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownImageFormat, match=r"ends in \.svg or \.png"):
        save_image("<svg/>", tmp_path / "a.gif")


def test_what_does_not_fit_ends_in_an_ellipsis() -> None:
    assert wrap_text("word " * 40, 100, 12, 2)[-1].endswith(" …")
    assert wrap_text("", 100, 12, 2) == [""]


def test_the_pictures_of_the_sample_are_what_is_drawn_now() -> None:
    for name in ("supplier-invoice", "new-starter"):
        picture = Path(__file__).parents[2] / f"docs/pictures/{name}.svg"
        drawn = case_definition.draw_svg(load_definition(SAMPLE_FOLDER / f"cases/{name}.yaml"))
        assert picture.read_text() == drawn, f"casekeep catalog draw {name} --output {picture}"
