"""Documents point only to pages, anchors, pictures, files and tests that exist."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from starter.settings import Settings

ROOT: Final = Path(__file__).parents[2]
README_LIMIT: Final = 700
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ADRS: Final = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
ARCHITECTURE: Final = ROOT / "docs/architecture.md"
CONFIGURATION: Final = ROOT / "docs/guide/configuration.md"
_FENCE: Final = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"`[^`\n]+`")
_LINK: Final = re.compile(
    r"(?P<picture>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)"
)
_HEADING: Final = re.compile(r"^#{1,6} +(?P<title>.+?) *#*$", re.MULTILINE)
_ID: Final = re.compile(r"""<(?:a|span|[a-z0-9]+)[^>]*\b(?:id|name)=["'](?P<id>[^"']+)["']""")
_PATH: Final = re.compile(r"`([\w.-]+(?:/[\w.*-]+)*/?)`")
_SUFFIXES: Final = (".py", ".md", ".yaml", ".yml", ".toml", ".html", "/")
_TEST: Final = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<name>\w+)")
_ADR: Final = re.compile(
    r"# (?P<number>\d+)\. (?P<title>\S.*)\n\n"
    r"Date: (?P<date>\d{4}-\d\d-\d\d)\n"
    r"Status: (?P<status>accepted|superseded by \S.*)\n\n"
)
_PICTURES: Final = {".png", ".jpg", ".svg"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def prose(path: Path) -> str:
    """Return the text without fenced code."""
    return _FENCE.sub("", path.read_text("utf-8"))


def links(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the target of each link and picture, and True for pictures."""
    # brackets in code are no links, but the text of a link may be code
    text = _CODE.sub(lambda code: code[0].replace("[", "("), prose(path))
    for matched in _LINK.finditer(text):
        for inner in _LINK.finditer(matched["text"]):
            yield inner["target"], bool(inner["picture"])
        yield matched["target"], bool(matched["picture"])


def local_links(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the local files that a document points to, each with its anchor."""
    for target, _ in links(path):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        file, _, anchor = target.partition("#")
        yield ((path.parent / file).resolve() if file else path), anchor


def slug(title: str) -> str:
    """Return the anchor that a heading gets on GitHub."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of headings, numbered if they repeat, and of HTML ids."""
    names: set[str] = {each["id"] for each in _ID.finditer(path.read_text("utf-8"))}
    seen: dict[str, int] = {}
    for heading in _HEADING.finditer(prose(path)):
        base = slug(heading["title"])
        names.add(f"{base}-{seen[base]}" if base in seen else base)
        seen[base] = seen.get(base, 0) + 1
    return frozenset(names)


def test_there_are_documents() -> None:
    """The tests below can fail: a search that finds no links would check nothing."""
    assert {"README.md", "docs/README.md", "docs/architecture.md"} <= set(map(name_of, DOCUMENTS))
    assert len(list(local_links(ROOT / "README.md"))) > 1


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    wrong = []
    for target, anchor in local_links(path):
        if not target.exists() or not target.is_relative_to(ROOT):
            wrong.append(f"{target}: does not exist")
        elif anchor and anchor not in anchors(target):
            wrong.append(f"{name_of(target)}#{anchor}: has no such anchor")
    assert wrong == []


def test_no_document_and_no_picture_is_unused() -> None:
    used = {target for path in DOCUMENTS for target, _ in local_links(path) if target != path}
    documents = {path for path in (ROOT / "docs").rglob("*") if path.suffix in {".md", *_PICTURES}}
    assert sorted(map(name_of, documents - used)) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_picture_says_what_it_shows(path: Path) -> None:
    pictures = [matched for matched in _LINK.finditer(prose(path)) if matched["picture"]]
    assert [matched["target"] for matched in pictures if not matched["text"].strip()] == []


def test_the_readme_is_short() -> None:
    words = (ROOT / "README.md").read_text("utf-8").split()
    assert len(words) <= README_LIMIT


def test_the_readme_begins_with_a_picture_of_the_product() -> None:
    title, picture, *_ = (ROOT / "README.md").read_text("utf-8").split("\n\n")
    assert title == "# Casekeep"
    matched = _LINK.fullmatch(picture)
    assert matched is not None
    assert matched["picture"]
    assert matched["target"] in {"docs/pictures/page.png", "docs/pictures/pages.jpg"}


def paths_in(text: str) -> set[str]:
    """Yield the files and folders of this repository that a text names in backticks."""
    return {
        matched
        for matched in _PATH.findall(text)
        if matched.endswith(_SUFFIXES) and not matched.startswith(".") and "*" not in matched
    }


def test_the_architecture_names_only_files_that_exist() -> None:
    in_catalog = {f"{path.name}" for path in (ROOT / "catalog/sample").glob("*.yaml")}
    named = paths_in(prose(ARCHITECTURE)) - in_catalog
    assert len(named) > 100
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_the_architecture_names_every_room() -> None:
    """A package is a folder with Python modules at the top of the repository."""
    rooms = {f"{path.parent.name}/" for path in ROOT.glob("*/__init__.py")} - {"tests/"}
    assert sorted(rooms - paths_in(prose(ARCHITECTURE))) == []


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "docs/dev/style.md"])
def test_other_documents_name_only_folders_and_files_that_exist(name: str) -> None:
    named = {path for path in paths_in(prose(ROOT / name)) if "/" in path}
    examples = {"webhooks/subscriptions.py"}
    missing = (path for path in named - examples if not (ROOT / path).exists())
    assert sorted(missing) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_test_that_a_document_names_exists(path: Path) -> None:
    missing = [
        matched[0]
        for matched in _TEST.finditer(path.read_text("utf-8"))
        if not is_a_test(ROOT / matched["file"], matched["name"])
    ]
    assert missing == []


def is_a_test(file: Path, name: str) -> bool:
    return file.exists() and f"def {name}(" in file.read_text("utf-8")


def test_the_page_about_clocks_names_a_test_in_each_line() -> None:
    lines = (ROOT / "docs/guide/the-clock-you-can-trust.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| shown")]
    assert len(rows) > 20
    assert [row for row in rows if not _TEST.search(row)] == []


def test_every_environment_variable_is_documented() -> None:
    documented = re.findall(
        r"^\| `(CASEKEEP_\w+)` \|", CONFIGURATION.read_text("utf-8"), re.MULTILINE
    )
    prefix = Settings.model_config["env_prefix"]
    assert sorted(documented) == sorted(f"{prefix}{name}".upper() for name in Settings.model_fields)


def test_documented_defaults_are_those_of_the_settings() -> None:
    rows = dict(
        re.findall(
            r"^\| `CASEKEEP_(\w+)` \| ([^|]+) \|", CONFIGURATION.read_text("utf-8"), re.MULTILINE
        )
    )
    for name, field in Settings.model_fields.items():
        documented = rows[name.upper()].strip()
        if field.default is None:
            assert documented.startswith("none"), name
        else:
            assert documented.startswith(f"`{field.default}`"), name


@pytest.mark.parametrize("path", ADRS, ids=name_of)
def test_a_decision_has_a_number_a_date_and_a_status(path: Path) -> None:
    head = _ADR.match(path.read_text("utf-8"))
    assert head is not None
    assert int(head["number"]) == int(path.name.partition("-")[0])


def test_the_index_of_decisions_has_each_with_its_title_and_date() -> None:
    index = (ROOT / "docs/adr/README.md").read_text("utf-8")
    heads = [(path.name, _ADR.match(path.read_text("utf-8"))) for path in ADRS]
    rows = [
        f"| {head['number']} | [{head['title']}]({name}) | {head['date']} | {head['status']} |"
        for name, head in heads
        if head is not None
    ]
    assert [row for row in rows if row not in index] == []


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    releases = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert releases[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", each) for each in releases[1:])
    sections = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= sections
