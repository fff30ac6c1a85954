"""The rule book, and the table of rules to tests: pages, enum, citations and proofs agree."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from docs.rules import MODEL, cited_in, marks_of, sentence_of, stated
from domain.base.rules import Rule

PROJECT = Path(__file__).parents[2]
SCRIPT = PROJECT / "docs/rules.py"
ROOMS = (
    *("activities", "auth", "bench", "catalog", "cli", "devstack", "domain", "drawing", "i18n"),
    *("mail", "mailroom", "reconciliation", "robots", "simulation", "starter", "store", "tests"),
    *("web", "workflows"),
)
ELSEWHERE = re.compile(r"STATUS-MODEL|CONTRACT\.md|\bshared/")
PROOFS = '''
"""C1-C9: the module's own words prove nothing."""

# C10
@pytest.mark.slow
def test_something_waits():
    pass


def test_a_range_of_rules_is_named():
    """K4-K6: in a docstring."""


async def test_a_comment_inside_counts():
    assert answer() == "C12"  # T5, chapter 10
    assert reference == "C-1-A1"  # of C-1-A1


# C13
def helper():
    """C14."""


class Lives:
    @invariant()
    def no_alarm(self):
        """D3."""
'''
WALK = """
ROWS: Final[dict[str, Any]] = {
    "submit": (NO, to(TO_DO)),
    "edit": (UNKNOWN, UNKNOWN),
}
"""
MODEL_PAGE = """
## 2. Rules

- <a id="c10"></a>**C10** A wait needs its type. *(not yet: a moment in the past is taken)*
- <a id="k9"></a>**K9** Reset goes on. Twice. *(not yet)*

## 9. Items of the old model (L)

Items come over as this table says. *(not yet: nothing is migrated)*
"""


@dataclass(frozen=True)
class Ran:
    """Return the rows that the script writes for a project, by rule or command."""

    code: int
    err: str
    out: str
    rows: dict[str, str]


def run(root: Path, *words: str) -> Ran:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--root", root, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    path = root / "docs/rules.md"
    lines = path.read_text().splitlines() if path.exists() else []
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    rows = {re.sub(r"\[([^]]+)\]\(.*", r"\1", row[0]): row[-1] for row in cells}
    return Ran(done.returncode, done.stderr, done.stdout, rows)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in {
        "docs/rules.md": "",
        "docs/status-model.md": MODEL_PAGE,
        "tests/unit/test_some.py": PROOFS,
        "tests/support/model_table.py": WALK,
        "tests/unit/domain/test_every_command_in_every_status.py": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_a_test_proves_what_its_docstring_and_comments_name(root: Path) -> None:
    rows = run(root).rows
    proven = {rule for rule, proof in rows.items() if "unit/some" in proof}
    assert proven == {"C10", "K4", "K5", "K6", "T5", "D3"}
    assert rows["K4"] == "[unit/some](../tests/unit/test_some.py) 1"


def test_a_due_rule_without_a_test_is_named_with_the_way_out(root: Path) -> None:
    ran = run(root)
    assert ran.code == 1
    assert f"no test names C13 ({Rule.C13.sentence}); write one, with `# C13` above it" in ran.err
    assert "no test names C10" not in ran.err
    assert ran.rows["C13"] == "**nothing**"


def test_a_row_of_chapter_10_whose_cells_are_unknown_is_named(root: Path) -> None:
    ran = run(root)
    assert ran.rows["submit"] == "walked"
    assert "ROWS expects nothing of edit (chapter 10)" in ran.err
    assert "ROWS expects nothing of submit" not in ran.err


def test_a_rule_that_is_marked_needs_no_test_and_says_what_is_missing(root: Path) -> None:
    ran = run(root)
    assert ran.rows["L"] == "not yet: nothing is migrated"
    assert ran.rows["K9"] == "not yet: all of it"
    assert "no test names L " not in ran.err
    assert "no test names K9 " not in ran.err


def test_a_rule_that_is_marked_and_proven_in_part_shows_both(root: Path) -> None:
    proof = "[unit/some](../tests/unit/test_some.py) 1"
    assert run(root).rows["C10"] == f"{proof}; not yet: a moment in the past is taken"


def test_a_check_lists_all_marks_and_does_not_fail_because_of_them(root: Path) -> None:
    (root / "docs/contract.md").write_text("One.\n\n| `X` | a thing *(not yet: X)* |\n")
    assert run(root, "--check").out.splitlines() == [
        "not yet true: 4",
        "  C10: a moment in the past is taken",
        "  K9",
        "  L: nothing is migrated",
        "  docs/contract.md:3: X",
    ]
    assert "not yet" not in run(root, "--check").err


def test_a_mark_of_a_rule_that_there_is_not_fails_the_check(root: Path) -> None:
    page = MODEL_PAGE.replace("C10", "C99").replace("a moment", "K77 and a moment")
    (root / "docs/status-model.md").write_text(page)
    told = run(root, "--check").err
    assert "docs/status-model.md marks C99 as not yet true: there is no such rule" in told
    assert "the mark of C99 names K77: there is no such rule" in told


def test_an_outdated_table_fails_the_check_and_is_left_as_it_is(root: Path) -> None:
    ran = run(root, "--check")
    assert ran.code == 1
    assert "docs/rules.md is out of date; run `make rules`" in ran.err
    assert (root / "docs/rules.md").read_text() == ""
    run(root)
    assert "out of date" not in run(root, "--check").err


def test_every_due_rule_of_this_project_has_a_test() -> None:
    lacking = [
        line
        for line in run(SCRIPT.parents[1], "--check").err.splitlines()
        if "out of date" not in line
    ]
    assert lacking == []


def test_the_page_states_every_rule_of_the_enum_with_its_sentence_and_no_other() -> None:
    page = (PROJECT / MODEL).read_text()
    rules = [(number, sentence_of(text)) for number, text in stated(page)]
    assert rules == [(str(rule), rule.sentence) for rule in Rule]


def test_every_rule_has_a_place_on_the_page_that_a_link_leads_to() -> None:
    page = (PROJECT / MODEL).read_text()
    assert re.findall(r'<a id="([^"]+)"></a>', page) == [rule.anchor for rule in Rule]


def test_every_rule_that_is_cited_anywhere_is_one_of_the_enum() -> None:
    unknown = [
        f"{path.relative_to(PROJECT)}: {number}"
        for path in written()
        for number in cited_in(path.read_text())
        if Rule.of(number) is None
    ]
    assert unknown == []


def test_every_rule_is_cited_by_code_or_marked_as_not_yet_true() -> None:
    code = [path for path in written() if path.suffix == ".py" and path != SCRIPT]
    cited = {number for path in code for number in cited_in(path.read_text())}
    marked = {mark.place for mark in marks_of(PROJECT)}
    assert [rule for rule in Rule if rule not in cited | marked | {Rule.CHAPTER_10}] == []


def test_no_page_and_no_code_cites_a_rule_book_outside_the_repository() -> None:
    strangers = [
        path.relative_to(PROJECT).as_posix()
        for path in written()
        if ELSEWHERE.search(path.read_text())
    ]
    assert strangers == []


def written() -> list[Path]:
    """Return the files in which somebody may cite a rule, but for the enum and this one."""
    found = [path for room in ROOMS for path in (PROJECT / room).rglob("*") if path.is_file()]
    found += (PROJECT / "docs").rglob("*.md")
    found += [*PROJECT.glob("*.md"), *PROJECT.glob("*.py"), *(PROJECT / "docs").glob("*.py")]
    kinds = {".py", ".md", ".html", ".yaml"}
    besides = {PROJECT / "domain/base/rules.py", Path(__file__)}
    return sorted(path for path in found if path.suffix in kinds and path not in besides)
