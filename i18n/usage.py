"""Keys that code and templates use, compared with the keys of the catalog."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, nodes

from i18n.catalogs import Message, Messages

ROOT: Final = Path(__file__).parents[1]
_SKIPPED_FOLDERS: Final = {"bench", "docs", "i18n", "tests"}
_TRANSLATORS: Final = {"t", "translate"}
"""Names of variables that hold the Translations of a language."""
_ANY: Final = ".+"


@dataclass(frozen=True, slots=True)
class MessageUse:
    """Use of a message in code or in a template."""

    place: str
    pattern: str
    """Regular expression of the key: parts that are known at run time only match anything."""
    parameters: frozenset[str] | None = None
    """Names of the parameters; None if the source does not show them."""
    is_plural: bool = False
    is_optional: bool = False
    """True if a missing message is no mistake: not every text that looks like a key is one."""


def find_uses(root: Path = ROOT) -> Iterator[MessageUse]:
    """Yield the uses of messages below a folder, in Python and in templates."""
    for folder in sorted(root.iterdir()):
        if folder.name.startswith(".") or folder.name in _SKIPPED_FOLDERS:
            continue
        for path in sorted(folder.rglob("*.py") if folder.is_dir() else root.glob(folder.name)):
            if path.suffix == ".py":
                yield from _in_python(path, path.relative_to(root).as_posix())
        for templates in folder.rglob("templates"):
            for path in sorted(templates.rglob("*.*")):
                yield from _in_template(path, path.relative_to(root).as_posix())


def problems(messages: Messages, uses: Iterable[MessageUse]) -> Iterator[str]:
    """Yield the uses without a message, and the messages without a use, one line each."""
    used: set[str] = set()
    for use in uses:
        matching = {key for key in messages if re.fullmatch(use.pattern, key)}
        used |= matching
        if not matching and not use.is_optional:
            yield f"{use.place}: no message is called {_readable(use.pattern)}"
        for key in matching:
            if not use.is_optional and use.pattern == re.escape(key):
                yield from _misuses(use, key, messages[key])
    for key in messages:
        if key not in used:
            yield f"{key}: nothing asks for it"


def _misuses(use: MessageUse, key: str, message: Message) -> Iterator[str]:
    if message.is_plural and not use.is_plural:
        yield f"{use.place}: {key} is counted: ask for its plural"
    if use.is_plural and not message.is_plural:
        yield f"{use.place}: {key} has no plural"
    lacking = message.parameters - (use.parameters or frozenset())
    if use.parameters is not None and lacking:
        yield f"{use.place}: {key} is not given {', '.join(sorted(lacking))}"


def _readable(pattern: str) -> str:
    return re.sub(r"\\(.)", r"\1", pattern).replace(_ANY, "…")


def _is_key(pattern: str) -> bool:
    return re.match(r"[a-z_]+\\\.\S+$", pattern) is not None


# Python


def _in_python(path: Path, place: str) -> Iterator[MessageUse]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant | ast.JoinedStr):
            # keys also stand in tables and refusals, and are looked up elsewhere
            for pattern in filter(_is_key, _python_patterns(node)):
                yield MessageUse(f"{place}:{node.lineno}", pattern, is_optional=True)
        if isinstance(node, ast.Call) and node.args:
            yield from _call_in_python(node, f"{place}:{node.lineno}")


def _call_in_python(call: ast.Call, place: str) -> Iterator[MessageUse]:
    called: ast.expr = call.func
    method = ""
    if isinstance(called, ast.Attribute) and called.attr in {"plural", "term"}:
        method, called = called.attr, called.value
    if isinstance(called, ast.Call):
        is_ours = isinstance(called.func, ast.Name) and called.func.id == "translations"
    else:
        is_ours = getattr(called, "attr", getattr(called, "id", None)) in _TRANSLATORS
    if is_ours:
        names = [keyword.arg for keyword in call.keywords]
        parameters = None if None in names else frozenset(filter(None, names))
        for pattern in _python_patterns(call.args[0]):
            yield _use(place, pattern, method, parameters)


def _python_patterns(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [re.escape(text)]
        case ast.JoinedStr(values=parts):
            return ["".join(_python_patterns(part)[0] for part in parts)]
        case ast.FormattedValue():
            return [_ANY]
        case ast.IfExp(body=first, orelse=second):
            return _python_patterns(first) + _python_patterns(second)
        case _:
            return []


# Jinja


def _in_template(path: Path, place: str) -> Iterator[MessageUse]:
    tree = Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
    for constant in tree.find_all(nodes.Const):
        for pattern in filter(_is_key, _template_patterns(constant)):
            yield MessageUse(f"{place}:{constant.lineno}", pattern, is_optional=True)
    for call in tree.find_all(nodes.Call):
        called: nodes.Node = call.node
        method = ""
        if isinstance(called, nodes.Getattr) and called.attr in {"plural", "term"}:
            method, called = called.attr, called.node
        if isinstance(called, nodes.Name) and called.name in _TRANSLATORS and call.args:
            parameters = frozenset(keyword.key for keyword in call.kwargs)
            for pattern in _template_patterns(call.args[0]):
                yield _use(f"{place}:{call.lineno}", pattern, method, parameters)


def _template_patterns(node: nodes.Expr) -> list[str]:
    match node:
        case nodes.Const(value=str(text)):
            return [re.escape(text)]
        case nodes.Concat(nodes=parts):
            return ["".join((_template_patterns(part) or [_ANY])[0] for part in parts)]
        case nodes.CondExpr(expr1=first, expr2=second):
            return _template_patterns(first) + (_template_patterns(second) if second else [])
        case _:
            return []


def _use(place: str, pattern: str, method: str, parameters: frozenset[str] | None) -> MessageUse:
    if method == "term":
        return MessageUse(place, rf"{pattern}\.{_ANY}")
    if method == "plural":
        with_count = None if parameters is None else parameters | {"count"}
        return MessageUse(place, pattern, with_count, is_plural=True)
    return MessageUse(place, pattern, parameters)
