"""The command without a server: help, wrong use, and the errors when nothing answers."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.main import get_command

from cli.main import app
from tests.cli.conftest import CASEKEEP, run_command

NOWHERE = "127.0.0.1:1"


def leaves(command: object, *path: str) -> list[tuple[str, ...]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [path]
    return [leaf for name, one in inner.items() for leaf in leaves(one, *path, name)]


COMMANDS = leaves(get_command(app))


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {"TEMPORAL_ADDRESS": NOWHERE}


def test_every_command_of_the_contract_is_there() -> None:
    assert {" ".join(path) for path in COMMANDS} == {
        *("up", "demo", "new ticket", "new case", "do", "show", "timeline"),
        *("inbox", "owned", "queue", "search", "fsck", "contract"),
        *(
            "catalog check",
            "catalog apply",
            "catalog draw",
            "catalog schema",
            "mail show",
            "mail dead",
            "mail replay",
            "simulate",
            "next",
            "robot",
        ),
        *("mail dead", "mail show", "mail replay"),
        *(f"account {what}" for what in ("add", "list", "set", "password", "link", "disable")),
        *("key add", "key list", "key revoke"),
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_in_a_sentence_and_takes_json(path: tuple[str, ...]) -> None:
    ran = run_command(*path, "--help")
    assert ran.code == 0
    assert "--json" in ran.out
    sentence = ran.out.split("\n\n")[0] + ran.out
    assert "." in sentence


def test_the_help_loads_neither_temporal_nor_the_store() -> None:
    program = (
        "import sys\nfrom cli.main import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "heavy = {'temporalio', 'sqlmodel', 'sqlalchemy', 'pydantic', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "catalog" in ran.stdout


def test_the_version_is_that_of_the_installed_package() -> None:
    ran = run_command("--version")
    assert (ran.code, ran.out) == (0, f"casekeep {version('casekeep')}\n")


def test_the_help_begins_with_what_starts_things() -> None:
    out = run_command("--help").out
    places = [out.index(f"│ {name} ") for name in ("up", "demo", "new", "do", "show", "inbox")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("do",),
        ("queue",),
        ("show",),
        ("new",),
        ("inbox", "--limit", "0"),
        ("new", "ticket", "--link", "nothing"),
        ("new", "ticket", "--setting", "feedbackwindow=PT1H"),
        ("new", "case", "--data", "{"),
        ("new", "ticket", "one", "two"),
    ],
    ids=" ".join,
)
def test_wrong_use_exits_2_and_prints_nothing_for_scripts(words: tuple[str, ...]) -> None:
    ran = run_command(*words, "--json") if len(words) > 1 else run_command(*words)
    assert ran.code == 2
    if words != ("new",):
        assert ran.out == ""
        assert ran.err


def test_an_unknown_field_is_answered_with_those_that_there_are() -> None:
    err = run_command("new", "ticket", "x", "--setting", "feedbackwindow=PT1H").err
    assert "there is no field feedbackwindow (did you mean feedback_window?)" in err


def test_a_bad_start_is_refused_before_anything_is_asked_with_every_problem() -> None:
    ran = run_command(
        *("new", "ticket", "x", "--primary-contact", "a b@c", "--started-by", "nobody", "--json"),
        TEMPORAL_ADDRESS=NOWHERE,
    )
    assert ran.code == 1
    refused = ran.json["refused"]
    assert refused["type"] == "InvalidCommand"
    assert refused["fields"] == ["primary_contact.email", "started_by"]
    for field in refused["fields"]:
        assert f"{field}: " in ran.err


def test_a_reference_that_cannot_be_one_is_refused_before_anything_is_asked() -> None:
    ran = run_command("new", "ticket", "x", "--reference", "C-1-A1", TEMPORAL_ADDRESS=NOWHERE)
    assert (ran.code, ran.out) == (1, "")
    assert "use another id" in ran.err


@pytest.mark.parametrize(
    "words",
    [("show", "T-1"), ("do", "T-1", "start"), ("do", "T-1"), ("new", "ticket", "x")],
    ids=" ".join,
)
def test_without_a_server_one_sentence_says_what_to_do(
    nowhere: dict[str, str], words: tuple[str, ...]
) -> None:
    ran = run_command(*words, **nowhere)
    assert (ran.code, ran.out) == (1, "")
    assert f"no Temporal server at {NOWHERE}" in ran.err
    assert "casekeep up" in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [("inbox",), ("owned",), ("queue", "q"), ("search", "x"), ("fsck",)],
    ids=" ".join,
)
def test_without_a_database_nothing_is_made_and_one_sentence_says_what_to_do(
    nowhere: dict[str, str], words: tuple[str, ...]
) -> None:
    ran = run_command(*words, **nowhere)
    assert (ran.code, ran.out) == (1, "")
    assert "casekeep up" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert list(Path.cwd().iterdir()) == []


def test_a_variable_that_cannot_be_used_is_named(nowhere: dict[str, str]) -> None:
    ran = run_command("inbox", CASEKEEP_TASK_QUEUE="", **nowhere)
    assert ran.code == 2
    assert ran.err.startswith("CASEKEEP_TASK_QUEUE: ")


def test_a_database_that_we_cannot_use_is_told_in_a_sentence() -> None:
    ran = run_command("inbox", CASEKEEP_DATABASE_URL="mysql://x")
    assert ran.code == 1
    assert "give sqlite:///path/to/file or postgresql://" in ran.err


def test_the_installed_command_ends_without_a_traceback_and_with_its_code(tmp_path: Path) -> None:
    ran = subprocess.run(
        [CASEKEEP, "show", "T-1"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "TEMPORAL_ADDRESS": NOWHERE},
    )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
