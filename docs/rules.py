"""Table of rules and the tests that prove them: writes docs/rules.md, or checks it.

A test proves a rule that it names: in its docstring, or in a comment inside it or right above it
(`# T12`, `# C1-C3`). Run by `make rules`, and with --check by `make check`, which also lists what
docs/status-model.md and docs/contract.md mark as not yet true.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.base.rules import Rule

RULES: Final = tuple(rule for rule in Rule if rule is not Rule.CHAPTER_10)
"""The rules that a test names; chapter 10 has a table of its own."""
COMMANDS: Final = (
    *("submit", "edit", "start", "assign", "unassign", "set_to_do", "reject", "wait", "resume"),
    *("resolve", "send_and_resolve", "reopen", "feedback", "receive_email", "add_note"),
    *("send_email", "mark_read", "mark_resolution", "split", "launch_case", "merge", "rework"),
    *("start_action", "reset_in_progress", "cancel", "review", "answer_checklist", "heartbeat"),
)
"""The rows of chapter 10; one test walks all of them in every status."""
ROOT: Final = Path(__file__).parents[1]
TABLE: Final = "docs/rules.md"
MODEL: Final = "docs/status-model.md"
CONTRACT: Final = "docs/contract.md"
WALK: Final = "tests/unit/domain/test_every_command_in_every_status.py"
WALKED: Final = "tests/support/model_table.py"
"""Expectations of the walk: `ROWS` maps a command to its cells; `UNKNOWN` stands for no command."""
_NAMED: Final = re.compile(
    r"(?<![\w-])([CTKADQM])(\d{1,2})(?:\s?[-\u2013]\s?\1?(\d{1,2}))?(?![\w])"
)
_RULE: Final = re.compile(r'- <a id="[^"]+"></a>\*\*(?P<number>\w+)\*\* (?P<text>.+)')
"""A line of the status model that states a rule."""
_CHAPTER: Final = re.compile(r"## (?P<chapter>\d+)\. (?:.*\((?P<number>\w)\)$)?")
_MARK: Final = re.compile(r"\*\(not yet(?:: (?P<missing>[^)]+))?\)\*")
_SENTENCE: Final = re.compile(r".+?\.(?= |$)")
_MIGRATION: Final = re.compile(r"(?<![\w-])L(?= \(|:|,|$)")
_PROVES: Final = ("test_", "check_")
_DECORATED: Final = {"invariant", "rule"}
"""Decorators by which Hypothesis marks invariants and steps of a random life."""


@dataclass(frozen=True)
class Mark:
    """Statement of a page that is not yet true."""

    place: str
    """The number of a rule, or the page and line."""
    missing: str
    """The part that is missing; empty where all of it is."""

    def __str__(self) -> str:
        """Return it as `make check` prints it."""
        return f"{self.place}: {self.missing}" if self.missing else self.place


Found = dict[str, Counter[str]]
"""Rule to the files that prove it, and by how many tests."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def cited_in(text: str) -> Iterator[str]:
    """Yield the numbers that a text cites, known or not; `C1-C3` and `C1-3` cite three."""
    for letter, first, last in _NAMED.findall(text):
        for number in range(int(first), int(last or first) + 1):
            yield f"{letter}{number}"
    if _MIGRATION.search(text):
        yield Rule.L


def named_in(text: str) -> Iterator[Rule]:
    """Yield the rules that a text names."""
    for number in cited_in(text):
        rule = Rule.of(number)
        if rule is not None:
            yield rule


def stated(page: str) -> Iterator[tuple[str, str]]:
    """Yield each rule of the status model: its number and its text."""
    awaited = None
    for line in page.splitlines():
        chapter, rule = _CHAPTER.match(line), _RULE.fullmatch(line)
        if rule:
            yield rule["number"], rule["text"]
        elif chapter:
            tenth = f"chapter {chapter['chapter']}" == Rule.CHAPTER_10
            awaited = Rule.CHAPTER_10 if tenth else chapter["number"]
        elif awaited in {Rule.CHAPTER_10, Rule.L} and line:
            yield str(awaited), line
            awaited = None


def sentence_of(text: str) -> str:
    """Return the first sentence of a rule."""
    found = _SENTENCE.match(_MARK.sub("", text))
    return found[0] if found else ""


def marks_of(root: Path) -> list[Mark]:
    """Return what the status model and the contract mark as not yet true."""
    marks = []
    model, contract = (_page(root / name) for name in (MODEL, CONTRACT))
    for number, text in stated(model):
        marks += [Mark(number, found["missing"] or "") for found in _MARK.finditer(text)]
    of_rules = dict(stated(model)).values()
    for page, lines in ((MODEL, model.splitlines()), (CONTRACT, contract.splitlines())):
        for at, line in enumerate(lines, 1):
            if _RULE.fullmatch(line) or line in of_rules or _is_legend(line):
                continue
            place = f"{page}:{at}"
            marks += [Mark(place, found["missing"] or "") for found in _MARK.finditer(line)]
    return marks


def _is_legend(line: str) -> bool:
    return "marked *(not yet)*" in line


def _page(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def comments_of(source: str) -> dict[int, str]:
    """The comments of a file, by line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ")
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def proofs_in(tree: ast.Module) -> Iterator[Function]:
    """The functions of a file that prove something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
            marks = {call.id for call in calls if isinstance(call, ast.Name)}
            if node.name.startswith(_PROVES) or marks & _DECORATED:
                yield node


def rules_of(proof: Function, comments: Mapping[int, str], lines: list[str]) -> set[Rule]:
    """Return the rules that a test cites in its docstring, or in comments in it or above it."""
    first = min([proof.lineno, *(decorator.lineno for decorator in proof.decorator_list)])
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    inside = (
        comments[at] for at in range(first, (proof.end_lineno or first) + 1) if at in comments
    )
    return {rule for text in (ast.get_docstring(proof) or "", *inside) for rule in named_in(text)}


def proven(root: Path) -> Found:
    """All rules that tests name."""
    found: Found = {rule: Counter() for rule in Rule}
    for path in sorted((root / "tests").rglob("*.py")):
        source = path.read_text("utf-8")
        comments, lines = comments_of(source), source.splitlines()
        for proof in proofs_in(ast.parse(source)):
            for rule in rules_of(proof, comments, lines):
                found[rule][path.relative_to(root).as_posix()] += 1
    return found


def walked(root: Path) -> set[str]:
    """The commands of chapter 10 whose cells the walk expects something of."""
    if not (root / WALK).exists():
        return set()
    for node in ast.walk(ast.parse((root / WALKED).read_text("utf-8"))):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == "ROWS"
            and isinstance(node.value, ast.Dict)
        ):
            rows = zip(node.value.keys, node.value.values, strict=True)
            return {ast.literal_eval(key) for key, cells in rows if key and _is_known(cells)}
    return set()


def _is_known(cells: ast.expr) -> bool:
    parts = cells.elts if isinstance(cells, ast.Tuple) else [cells]
    return not all(isinstance(cell, ast.Name) and cell.id == "UNKNOWN" for cell in parts)


def table(found: Found, rows: set[str], marks: list[Mark]) -> str:
    """Return the table as Markdown, one line a rule."""
    lines = [
        "# Rules and the tests that prove them",
        "",
        "Written by `make rules` from what tests name; held by `make check`. How many, by file:",
        "",
        "| rule | begins | proven by |",
        "|---|---|---|",
    ]
    for rule in RULES:
        proofs = [f"[{_short(path)}](../{path}) {n}" for path, n in sorted(found[rule].items())]
        words = "; ".join([*proofs, *_excuse(rule, proofs, marks)])
        link = f"[{rule}](status-model.md#{rule.anchor})"
        lines.append(f"| {link} | {rule.sentence} | {words} |")
    lines += [
        "",
        f"Chapter 10, every command in every status, is walked by [one test](../{WALK}):",
        "",
        "| command | its cells |",
        "|---|---|",
    ]
    for name in COMMANDS:
        cells = ["walked"] if name in rows else []
        lines.append(f"| {name} | {'; '.join([*cells, *_excuse(name, cells, marks)])} |")
    return "\n".join([*lines, ""])


def _short(path: str) -> str:
    return path.removeprefix("tests/").removesuffix(".py").replace("test_", "")


def _missing(name: str, marks: list[Mark]) -> list[str]:
    """Return what the pages say is not yet true of a rule, or of a command of chapter 10."""
    rule = Rule.of(name)
    if rule is None:
        return [f"{name} is not there" for mark in marks if mark.missing == name][:1]
    return [mark.missing or "all of it" for mark in marks if mark.place == rule]


def _excuse(name: str, proofs: list[str], marks: list[Mark]) -> list[str]:
    """Return what to say of a rule or command that is not yet true, in part or at all."""
    missing = _missing(name, marks)
    if missing:
        return [f"not yet: {'; '.join(missing)}"]
    return [] if proofs else ["**nothing**"]


def problems_of(
    found: Found, rows: set[str], written: str, marks: list[Mark], root: Path
) -> Iterator[str]:
    """Yield what is wrong; nothing if all is well."""
    for rule in RULES:
        if not found[rule] and not _missing(rule, marks):
            yield f"no test names {rule} ({rule.sentence}); write one, with `# {rule}` above it"
    for name in COMMANDS:
        if name not in rows and not _missing(name, marks):
            yield f"{WALKED}: ROWS expects nothing of {name} (chapter 10); fill in its cells"
    for mark in marks:
        if Rule.of(mark.place) is None and not mark.place.startswith("docs/"):
            yield f"{MODEL} marks {mark.place} as not yet true: there is no such rule"
        for number in cited_in(mark.missing):
            if Rule.of(number) is None:
                yield f"the mark of {mark.place} names {number}: there is no such rule"
    path = root / TABLE
    if not path.exists() or path.read_text("utf-8") != written:
        yield f"{TABLE} is out of date; run `make rules`"


def main() -> int:
    """Write the table, or with --check compare and list the marks; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    asked = parser.parse_args()
    found, rows, marks = proven(asked.root), walked(asked.root), marks_of(asked.root)
    written = table(found, rows, marks)
    if asked.check:
        sys.stdout.write(f"not yet true: {len(marks)}\n")
        sys.stdout.writelines(f"  {mark}\n" for mark in marks)
    else:
        (asked.root / TABLE).write_text(written, "utf-8")
    problems = list(problems_of(found, rows, written, marks, asked.root))
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
