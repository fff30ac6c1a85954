"""Which tests prove which rule of the status model: writes docs/rules.md, or checks it.

A test proves a rule that it names: in its docstring, or in a comment inside it or right above it
(`# T12`, `# C1-C3`). Run by `make rules`, and with --check by `make check`.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

RULES: Final[Mapping[str, str]] = {
    "C1": "one set of statuses; Actions have no Draft and no Resolved",
    "C2": "submitted is To Do until somebody picks it up",
    "C3": "what starts work, and what does not",
    "C4": "In Progress lasts until it ends, waits or is given back",
    "C5": "giving back, and giving to somebody else",
    "C6": "undoing a start by hand",
    "C7": "a robot rejects",
    "C8": "nobody acts on what another one has without taking it over",
    "C9": "who owns it while nobody works on it, and what raises it",
    "C10": "waits end by themselves at their moment",
    "C11": "waiting again while it waits",
    "C12": "off Wait by hand",
    "C13": "what a mail does",
    "C14": "new information, until its holder saw it",
    "C15": "closed is closed",
    "C16": "the timeline: one entry a change, refusals too",
    "C17": "repetition, conflict and order of checks",
    "C18": "several steps in one",
    "C19": "what was due before a command happens before it",
    "C20": "timers act as the system, and say which",
    "C21": "Temporal's own buttons",
    "T1": "Draft or submitted at once",
    "T2": "what submitting needs",
    "T3": "the description becomes the first note",
    "T4": "a mail from a Draft fills what is empty",
    "T5": "days to wait",
    "T6": "days to wait are over",
    "T7": "a response in time cancels the timer",
    "T8": "methods of resolving",
    "T9": "evidence of the resolution",
    "T10": "send and resolve in one",
    "T11": "how long the feedback window is",
    "T12": "reopened within the window",
    "T13": "closed after the window",
    "T14": "split into Tickets",
    "T15": "a Case launched from a Ticket",
    "T16": "merged into another item",
    "T17": "a Draft is discarded",
    "K1": "how Cases start",
    "K2": "the definition is pinned at submit",
    "K3": "a Case is picked up, and owned by who did so first",
    "K4": "steps, one after another",
    "K5": "nothing starts while the Case waits",
    "K6": "a Case's waits",
    "K7": "a failed Action needs attention",
    "K8": "what only the owner may do",
    "K9": "reset, and restart of what failed",
    "K10": "rework",
    "K11": "no resolving over open Actions",
    "K12": "cancelling a Case and what hangs on it",
    "A1": "only a Case starts an Action",
    "A2": "an Action's waits",
    "A3": "complete, or unable to",
    "A4": "its end is reported once",
    "A5": "mail to a closed Action",
    "A6": "reviewed by somebody else",
    "A7": "checklists",
    "A8": "Actions that run by themselves",
    "D1": "when an item is due",
    "D2": "waits that stop the clock",
    "D3": "colours and alarms",
    "D4": "reopening keeps the due date",
    "D5": "the due date in words",
    "Q1": "the next item of a queue",
    "Q2": "what robots are offered",
    "Q3": "leases",
    "M1": "which item a mail belongs to",
    "M2": "mail that belongs to none",
    "M3": "accepted is durable",
    "M4": "automatic mail wakes nothing",
    "M5": "mail out",
    "M6": "bodies live in the store",
    "M7": "dead letters",
    "L": "items of the v2020.1 model",
}
COMMANDS: Final = (
    *("submit", "edit", "start", "assign", "unassign", "set_to_do", "reject", "wait", "resume"),
    *("resolve", "send_and_resolve", "reopen", "feedback", "receive_email", "add_note"),
    *("send_email", "mark_read", "split", "launch_case", "merge", "rework", "start_action"),
    *("reset_in_progress", "cancel", "review", "answer_checklist", "heartbeat"),
)
"""The rows of chapter 10; one test walks all of them in every status."""
NOT_DUE: Final[Mapping[str, str]] = {
    "L": "nothing is migrated yet",
}
"""Rules, and rows of chapter 10, that may still lack a test, and why; take out what is built."""

ROOT: Final = Path(__file__).parents[1]
TABLE: Final = "docs/rules.md"
WALK: Final = "tests/unit/domain/test_every_command_in_every_status.py"
WALKED: Final = "tests/support/model_table.py"
"""What the walk expects: `ROWS` has a command to its cells, `UNKNOWN` where there is none."""
_NAMED: Final = re.compile(
    r"(?<![\w-])([CTKADQM])(\d{1,2})(?:\s?[-\u2013]\s?\1?(\d{1,2}))?(?![\w])"
)
_MIGRATION: Final = re.compile(r"(?<![\w-])L(?= \(|:|,|$)")
_PROVES: Final = ("test_", "check_")
_DECORATED: Final = {"invariant", "rule"}
"""How hypothesis marks what holds, and what happens, in a random life."""

Found = dict[str, Counter[str]]
"""Rule to the files that prove it, and by how many tests."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def named_in(text: str) -> Iterator[str]:
    """The rules that a text names; `C1-C3` and `C1-3` name three."""
    for letter, first, last in _NAMED.findall(text):
        for number in range(int(first), int(last or first) + 1):
            if f"{letter}{number}" in RULES:
                yield f"{letter}{number}"
    if _MIGRATION.search(text):
        yield "L"


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


def rules_of(proof: Function, comments: Mapping[int, str], lines: list[str]) -> set[str]:
    """What a test names in its docstring, and in comments inside it and right above it."""
    first = min([proof.lineno, *(decorator.lineno for decorator in proof.decorator_list)])
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    inside = (
        comments[at] for at in range(first, (proof.end_lineno or first) + 1) if at in comments
    )
    return {rule for text in (ast.get_docstring(proof) or "", *inside) for rule in named_in(text)}


def proven(root: Path) -> Found:
    """All rules that tests name."""
    found: Found = {rule: Counter() for rule in RULES}
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


def table(found: Found, rows: set[str]) -> str:
    """The table as Markdown, one line a rule."""
    lines = [
        "# Rules and the tests that prove them",
        "",
        "Written by `make rules` from what tests name; held by `make check`. How many, by file:",
        "",
        "| rule | about | proven by |",
        "|---|---|---|",
    ]
    for rule, words in RULES.items():
        proofs = [f"[{_short(path)}](../{path}) {n}" for path, n in sorted(found[rule].items())]
        lines.append(f"| {rule} | {words} | {'; '.join([*proofs, *_excuse(rule, proofs)])} |")
    lines += [
        "",
        f"Chapter 10, every command in every status, is walked by [one test](../{WALK}):",
        "",
        "| command | its cells |",
        "|---|---|",
    ]
    for name in COMMANDS:
        cells = ["walked"] if name in rows else []
        lines.append(f"| {name} | {'; '.join([*cells, *_excuse(name, cells)])} |")
    return "\n".join([*lines, ""])


def _short(path: str) -> str:
    return path.removeprefix("tests/").removesuffix(".py").replace("test_", "")


def _excuse(rule: str, proofs: list[str]) -> list[str]:
    """What to say of a rule that is not due, in part or at all."""
    if rule in NOT_DUE:
        return [f"{'not all' if proofs else 'not due'} yet: {NOT_DUE[rule]}"]
    return [] if proofs else ["**nothing**"]


def problems_of(found: Found, rows: set[str], written: str, root: Path) -> Iterator[str]:
    """What a check has to say; nothing if all is well."""
    for rule in RULES:
        if not found[rule] and rule not in NOT_DUE:
            yield f"no test names {rule} ({RULES[rule]}); write one, with `# {rule}` above it"
    for name in COMMANDS:
        if name not in rows and name not in NOT_DUE:
            yield f"{WALKED}: ROWS expects nothing of {name} (chapter 10); fill in its cells"
    path = root / TABLE
    if not path.exists() or path.read_text("utf-8") != written:
        yield f"{TABLE} is out of date; run `make rules`"


def main() -> int:
    """Write the table, or with --check compare; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    asked = parser.parse_args()
    found, rows = proven(asked.root), walked(asked.root)
    written = table(found, rows)
    if not asked.check:
        (asked.root / TABLE).write_text(written, "utf-8")
    told = list(problems_of(found, rows, written, asked.root))
    sys.stderr.writelines(f"{problem}\n" for problem in told)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
