"""Refuses docstrings that begin with a riddle: `python docs/prose.py [FILE ...]`.

A summary begins with a verb ("Return every entry.") or with the noun that the thing is ("Timer for
the next deadline."). One that begins with What, Who, Whether, Where, How or As, or that is only the
number of a rule, tells a reader nothing (docs/dev/style.md). Without arguments every Python file
that git knows is read.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_RIDDLE: Final = re.compile(r"(What|Who|Whose|Whom|Whether|Where|How|As)\b")
_ONLY_A_RULE: Final = re.compile(r"\W*([CTKADQM]\d+\W*)+$")


def problems_in(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and summary of each docstring that is refused, those of fields included."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        summary = str(node.value.value).strip().partition("\n")[0]
        if _RIDDLE.match(summary) or _ONLY_A_RULE.match(summary):
            yield node.lineno, summary


def _tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def main(names: Sequence[str]) -> int:
    """Print every problem with its place; return 1 if there is one, else 0."""
    found = {
        f"{name}:{line}: {summary}"
        for name in names or _tracked_files()
        for line, summary in problems_in((ROOT / name).read_text("utf-8"))
    }
    for problem in sorted(found):
        print(problem)  # noqa: T201 - a script
    if found:
        print(f"{len(found)} summaries to begin with a verb or a noun (docs/dev/style.md)")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
