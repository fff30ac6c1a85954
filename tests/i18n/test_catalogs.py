"""Message catalogs are refused if they are incomplete, differ, or are not used as written."""

import sys
from pathlib import Path

import pytest
from babel.messages.pofile import PoFileError

from i18n import usage
from i18n.__main__ import main
from i18n.catalogs import catalog_path, compile_catalogs, messages_of, problems, read_catalog

HEADER = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n {greater} 1);\\n"
"""
ONE = """
msgid "page.title"
msgstr "{}"
"""
COUNTED = """
msgid "page.found"
msgid_plural "page.found"
msgstr[0] "{}"
msgstr[1] "{}"
"""


@pytest.fixture
def locale(tmp_path: Path) -> Path:
    for language in ("en", "fr"):
        catalog_path(language, tmp_path).parent.mkdir(parents=True)
    write(tmp_path, en=ONE.format("Of {person}"), fr=ONE.format("De {person}"))
    return tmp_path


def write(locale: Path, *, to_compile: bool = True, **catalogs: str) -> None:
    for language, text in catalogs.items():
        header = HEADER.format(greater=">" if language == "fr" else "!=")
        catalog_path(language, locale).write_text(header + text, encoding="utf-8")
    if to_compile:
        compile_catalogs(locale)


def test_the_catalogs_are_complete_and_everything_in_them_is_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["i18n", "--check"])
    is_wrong = main()
    printed = capsys.readouterr()
    assert (is_wrong, printed.err) == (0, "")
    assert printed.out.endswith("messages in 2 languages: complete\n")


def test_compiling_twice_gives_the_same_bytes(locale: Path) -> None:
    first = [path.read_bytes() for path in compile_catalogs(locale)]
    assert [path.read_bytes() for path in compile_catalogs(locale)] == first


def test_catalogs_that_agree_have_no_problems(locale: Path) -> None:
    assert list(problems(locale)) == []


@pytest.mark.parametrize(
    ("french", "problem"),
    [
        ("", "fr: page.title: is missing"),
        (ONE.format(""), "fr: page.title: has no text"),
        (ONE.format("De {who}"), "fr: page.title: names other parameters than en: person, who"),
        (ONE.format("De {person"), "fr: page.title: has a brace without its other one"),
        ("\n#, fuzzy" + ONE.format("De {person}"), "fr: page.title: is fuzzy; review it"),
        (
            ONE.format("De {person}") + ONE.replace("title", "more").format("Plus"),
            "fr: page.more: is not in en",
        ),
        (
            COUNTED.replace("found", "title").format("De {person}", "De {person}"),
            "fr: page.title: is counted in one language, and not in the other",
        ),
    ],
)
def test_a_translation_that_is_not_whole_is_a_problem(
    locale: Path, french: str, problem: str
) -> None:
    write(locale, fr=french)
    assert any(line.startswith(problem) for line in problems(locale))


def test_a_plural_form_without_text_is_a_problem(locale: Path) -> None:
    write(locale, en=COUNTED.format("{count} item", ""), fr=COUNTED.format("{count}", "{count}"))
    assert list(problems(locale)) == ["en: page.found: has no text"]


def test_a_plural_form_too_few_is_a_problem(locale: Path) -> None:
    short = COUNTED.format("{count}", "").replace('msgstr[1] ""\n', "")
    write(locale, en=COUNTED.format("{count}", "{count}"), fr=short)
    assert any("page.found" in line for line in problems(locale))


def test_a_catalog_that_was_not_compiled_again_is_a_problem(locale: Path) -> None:
    write(locale, to_compile=False, fr=ONE.format("Par {person}"))
    assert list(problems(locale)) == [
        "fr: is compiled from another version; run `make translations`"
    ]
    catalog_path("fr", locale).with_suffix(".mo").unlink()
    assert list(problems(locale)) == ["fr: is not compiled; run `make translations`"]


def test_a_key_that_is_there_twice_is_refused(locale: Path) -> None:
    write(locale, to_compile=False, en=ONE.format("One") + ONE.format("Two"))
    with pytest.raises(PoFileError, match=r"page\.title"):
        read_catalog("en", locale)


ROOM = {
    "room/page.py": """
def show(translate, count, name):
    return translate("page.title", person=name) + translate.plural("page.found", count)
""",
    "room/templates/page.html": """
{{ t.term("status", item.status) }} {{ t("page." ~ part) if part else t("page.title", person=1) }}
""",
}
CATALOG = (
    ONE.format("Of {person}")
    + COUNTED.format("{count} item", "{count} items")
    + ONE.replace("page.title", "status.CLOSED").format("Closed")
)


def unused(locale: Path, root: Path, *, more: str = "", **files: str) -> list[str]:
    for path, text in (ROOM | {f"room/{name}.py": text for name, text in files.items()}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    write(locale, en=CATALOG + more)
    return list(usage.problems(messages_of(read_catalog("en", locale)), usage.find_uses(root)))


def test_keys_that_code_and_templates_ask_for_are_found(locale: Path, tmp_path: Path) -> None:
    assert unused(locale, tmp_path / "root") == []


def test_a_message_that_nothing_asks_for_is_a_problem(locale: Path, tmp_path: Path) -> None:
    more = ONE.replace("page.title", "side.title").format("Side")
    assert unused(locale, tmp_path / "root", more=more) == ["side.title: nothing asks for it"]


def test_a_key_that_is_kept_in_a_table_is_used(locale: Path, tmp_path: Path) -> None:
    more = ONE.replace("page.title", "side.title").format("Side")
    table = 'TITLES = {"side": "side.title"}'
    assert unused(locale, tmp_path / "root", more=more, table=table) == []


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ('translate("page.nothing")', "no message is called page.nothing"),
        ('translate(f"nothing.{name}")', "no message is called nothing.…"),
        ('translate.term("nothing", name)', "no message is called nothing.…"),
        ('translations("fr")("page.nothing")', "no message is called page.nothing"),
        ('translate("page.found")', "page.found is counted: ask for its plural"),
        ('translate.plural("page.title", 2)', "page.title has no plural"),
        ('translate("page.title", whom=1)', "page.title is not given person"),
        ('translate("page.title")', "page.title is not given person"),
    ],
)
def test_a_call_that_no_message_fits_is_a_problem(
    locale: Path, tmp_path: Path, call: str, problem: str
) -> None:
    assert f"room/call.py:1: {problem}" in unused(locale, tmp_path / "root", call=call)
