"""Rooms and names: the size of the folders, and names that mean one thing (docs/dev/style.md)."""

import ast
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TEXTS: Final = {".css", ".html", ".js", ".po", ".py", ".txt", ".yaml"}
MAX_SHARE: Final = 0.20
"""Share of the product's lines that the largest room may have."""
NOUNS_IN_ING: Final = {"paging", "routing", "threading"}
"""Module names in -ing that are nouns of the trade."""
SHELVES: Final = {
    "accounts",
    "api_keys",
    "audit",
    "calendars",
    "catalog",
    "commands",
    "context",
    "items",
    "mailroom",  # the alias of a room's old name
    "oidc",
    "queues",
    "routes",
    "schedules",
    "search",
    "services",
    "sessions",
    "starts",
    "timeline",
    "web",  # the alias of a room's old name
    "webhooks",
}
"""Module names that several rooms have, each for its own part of the same thing."""


def installed() -> list[str]:
    """Return what the wheel has: folders, and modules at the top."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms: list[str] = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    return rooms


def files(*suffixes: str) -> Iterator[Path]:
    """Yield the product's own text files with these suffixes."""
    for room in installed():
        path = ROOT / room
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.suffix in suffixes and "vendor" not in file.parts:
                yield file.relative_to(ROOT)


def modules() -> list[Path]:
    return [path for path in files(".py") if "versions" not in path.parts and path.stem[:2] != "__"]


def test_no_room_has_more_than_a_fifth_of_the_product() -> None:
    lines = Counter[str]()
    for path in files(*TEXTS):
        lines[path.parts[0]] += len((ROOT / path).read_text("utf-8").splitlines())
    ((room, most),) = lines.most_common(1)
    assert most / lines.total() <= MAX_SHARE, f"{room}: {most} of {lines.total()} lines"


def test_modules_are_nouns() -> None:
    gerunds = [
        path
        for path in modules()
        if path.stem.endswith("ing") and path.parts[:2] != ("domain", "rules")
    ]
    own = [path for path in gerunds if path.stem.rpartition("_")[2] not in NOUNS_IN_ING]
    assert own == []
    assert len(gerunds) / len(modules()) <= 0.02


def test_a_module_name_stands_for_one_thing() -> None:
    names = Counter(path.stem for path in modules())
    assert {name for name, count in names.items() if count > 1} - SHELVES == set()
    assert {name for name in SHELVES if names[name] < 2} - {"mailroom", "web"} == set()


def test_a_public_class_name_stands_for_one_class() -> None:
    places = defaultdict[str, list[str]](list)
    for path in files(".py"):
        for node in ast.parse((ROOT / path).read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
