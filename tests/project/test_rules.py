"""The table of rules to tests: what counts as a proof, and what it says where there is none."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs/rules.py"
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


@dataclass(frozen=True)
class Ran:
    """What the script said of a project, by the rule or command that a row begins with."""

    code: int
    err: str
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
    return Ran(done.returncode, done.stderr, {row[0]: row[-1] for row in cells})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in {
        "docs/rules.md": "",
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
    assert rows["C10"] == "[unit/some](../tests/unit/test_some.py) 1"


def test_a_due_rule_without_a_test_is_named_with_the_way_out(root: Path) -> None:
    ran = run(root)
    assert ran.code == 1
    assert "no test names C13 (what a mail does); write one, with `# C13` above it" in ran.err
    assert "no test names C10" not in ran.err
    assert ran.rows["C13"] == "**nothing**"


def test_a_row_of_chapter_10_whose_cells_are_unknown_is_named(root: Path) -> None:
    ran = run(root)
    assert ran.rows["submit"] == "walked"
    assert "ROWS expects nothing of edit (chapter 10)" in ran.err
    assert "ROWS expects nothing of submit" not in ran.err


def test_a_rule_that_is_not_due_says_why_and_is_no_failure(root: Path) -> None:
    ran = run(root)
    assert ran.rows["L"] == "not due yet: nothing is migrated yet"
    assert "no test names L " not in ran.err


def test_a_rule_that_is_proven_in_part_shows_both(root: Path) -> None:
    (root / "tests/unit/test_old.py").write_text("def test_parts():\n    '''L: some.'''\n")
    assert (
        run(root).rows["L"]
        == "[unit/old](../tests/unit/test_old.py) 1; not all yet: nothing is migrated yet"
    )


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
