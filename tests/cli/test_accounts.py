"""`casekeep account` and `casekeep key` as they are typed."""

import io
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from auth import authentication, passwords
from auth.authenticator import Authenticator
from cli import commands_accounts
from cli.main import app
from store.auth.accounts import find_account
from store.auth.accounts import list_accounts as store_accounts
from store.auth.audit import AuditFilter, read_audit_page
from store.engine import open_engine
from store.schema.auth_tables import AuditKind
from tests.cli.conftest import RunResult

PASSWORD = "correct horse battery"  # noqa: S105 - of nobody


class OfflineRunner:
    """Runs commands against a database that does not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'new' / 'casekeep.db'}"

    def __call__(self, *words: str, given: str | None = None) -> RunResult:
        env = {"COLUMNS": "100", "TERM": "dumb", "CASEKEEP_ACTOR": "root"}
        env |= {"CASEKEEP_DATABASE_URL": self.url, "CASEKEEP_HTTP_LISTEN": "0.0.0.0:8081"}
        result = CliRunner().invoke(app, list(words), input=given, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return RunResult(result.exit_code, result.stdout, result.stderr)

    def run_checked(self, *words: str, given: str | None = None) -> RunResult:
        """Run a command that has to succeed."""
        ran = self(*words, given=given)
        assert ran.code == 0, ran.err
        return ran

    @property
    def engine(self) -> Engine:
        return open_engine(self.url)


@pytest.fixture
def access(tmp_path: Path) -> OfflineRunner:
    return OfflineRunner(tmp_path)


def add_amy(access: OfflineRunner, *more: str) -> None:
    """Create amy's account."""
    access.run_checked(
        *("account", "add", "amy", "--queue", "invoices", "--queue", "returns"),
        *("--name", "Amy Pond", "--language", "fr", "--zone", "Europe/Paris"),
        *("--email", "Amy@Example.org", "--password-stdin", *more),
        given=f"{PASSWORD}\n",
    )


def test_an_account_is_made_with_a_password_from_standard_input(access: OfflineRunner) -> None:
    add_amy(access)
    found = find_account(access.engine, "amy")
    assert found is not None
    assert found.role == "agent"
    assert found.queues == {"invoices", "returns"}
    assert (found.name, found.language, found.zone) == ("Amy Pond", "fr", "Europe/Paris")
    assert found.email == "amy@example.org"
    assert found.password is not None
    assert found.password.startswith("$argon2id$")
    assert passwords.verify_password(PASSWORD, found.password)


def test_accounts_are_listed_for_people_and_for_scripts(access: OfflineRunner) -> None:
    assert "No accounts yet" in access.run_checked("account", "list").out
    add_amy(access)
    access.run_checked(
        "account", "add", "max", "--role", "operator", "--queue", "*", "--queue", "x"
    )
    out = access.run_checked("account", "list").out
    assert re.search(r"amy +agent +invoices, returns +a password, a provider", out)
    assert re.search(r"max +operator +\* +a link", out)
    told = access.run_checked("account", "list", "--json").json["accounts"]
    assert [one["account"] for one in told] == ["amy", "max"]
    assert told[0]["has_password"] is True
    assert "argon2" not in str(told)


def test_an_account_is_changed_field_by_field(access: OfflineRunner) -> None:
    add_amy(access)
    access.run_checked("account", "set", "amy", "--role", "lead", "--email", "")
    told = access.run_checked("account", "set", "amy", "--queue", "scans", "--json").json
    assert (told["role"], told["queues"], told["email"]) == ("lead", ["scans"], None)
    assert told["name"] == "Amy Pond"
    told = access.run_checked(
        "account", "set", "amy", "--no-queues", "--zone", "UTC", "--json"
    ).json
    assert (told["queues"], told["zone"]) == ([], "UTC")
    access.run_checked("account", "set", "amy", "--name", "Amy W", "--language", "en")


def test_a_password_is_changed_and_who_did_it_is_audited(access: OfflineRunner) -> None:
    add_amy(access)
    ran = access.run_checked(
        "account", "password", "amy", "--password-stdin", given="another horse battery\n"
    )
    assert "new password" in ran.out
    found = authentication.by_password(access.engine, "amy", "another horse battery", address="a")
    assert found.id == "amy"
    noted = read_audit_page(access.engine, AuditFilter(by="root", kind=AuditKind.ACCOUNT)).entries
    assert [(one.what, one.about) for one in noted] == [("password", "amy"), ("add", "amy")]
    assert "horse" not in str(noted)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("short\n", "give one of 12 to 256"),
        ("x" * 300 + "\n", "give one of 12 to 256"),
        ("\n", "has 0 characters"),
        ("amy123456789\n", "little more than that name"),
    ],
)
def test_a_weak_password_is_refused(access: OfflineRunner, given: str, why: str) -> None:
    add_amy(access)
    ran = access("account", "password", "amy", "--password-stdin", given=given)
    assert ran.code == 1
    assert why in ran.err


def test_nobody_is_asked_for_a_password_where_nobody_is(access: OfflineRunner) -> None:
    ran = access("account", "add", "amy", "--password", given="")
    assert ran.code == 1
    assert "use --password-stdin" in ran.err


def test_a_person_at_a_terminal_is_asked_twice(
    access: OfflineRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked: list[str] = []

    def prompt(text: str, **how: object) -> str:
        asked.append(f"{text} {how['hide_input']} {how['confirmation_prompt']}")
        return PASSWORD

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "prompt", prompt)
    assert commands_accounts._read_password("amy", from_stdin=False) == PASSWORD  # noqa: SLF001
    assert asked == ["New password of amy True True"]
    engine = access.engine
    monkeypatch.setenv("CASEKEEP_DATABASE_URL", access.url)
    for name, wanted in (("amy", None), ("bob", True), ("eva", False)):
        commands_accounts.add(name, by="root", password=wanted)
    with_one = {one.id for one in store_accounts(engine) if one.password is not None}
    assert with_one == {"amy", "bob"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("robot:x",), "must be a person"),
        (("service:x",), "must be a person"),
        (("system",), "must be a person"),
        ((" ",), "is blank"),
        (("x" * 101,), "at most 100"),
        (("amy", "--language", "de"), "give one of en, fr"),
        (("amy", "--zone", "Mars"), "give one such as Europe/Paris"),
        (("amy", "--email", "no address"), "not a mail address"),
        (("amy", "--queue", ""), "queues"),
    ],
)
def test_an_account_that_could_be_nobodys_is_not_made(
    access: OfflineRunner, words: tuple[str, ...], why: str
) -> None:
    ran = access("account", "add", *words)
    assert ran.code == 1
    assert why in ran.err
    assert access.run_checked("account", "list", "--json").json == {"accounts": []}


def test_two_accounts_share_neither_name_nor_address(access: OfflineRunner) -> None:
    add_amy(access)
    assert access("account", "add", "amy").code == 1
    ran = access("account", "add", "bob", "--email", "AMY@example.org")
    assert ran.code == 1
    assert "there is one of this name, or one with this mail address" in ran.err
    access.run_checked("account", "add", "bob")
    assert access("account", "set", "bob", "--email", "amy@example.org").code == 1


def test_a_link_is_printed_that_signs_in(access: OfflineRunner) -> None:
    add_amy(access)
    url = access.run_checked("account", "link", "amy").out.strip()
    assert url.startswith("http://localhost:8081/sign-in/link/")
    token = urlsplit(url).path.rpartition("/")[2]
    assert authentication.by_link(access.engine, token, address="a").id == "amy"
    told = access.run_checked("account", "link", "amy", "--json").json
    assert told["account"] == "amy"


def test_a_disabled_account_gets_no_link_until_it_is_enabled_again(access: OfflineRunner) -> None:
    add_amy(access)
    assert "signed out" in access.run_checked("account", "disable", "amy").out
    assert "disabled" in access.run_checked("account", "list").out
    assert access("account", "link", "amy").code == 1
    access.run_checked("account", "disable", "amy", "--undo")
    access.run_checked("account", "link", "amy")


@pytest.mark.parametrize(
    "words",
    [("set", "--role", "lead"), ("disable",), ("link",), ("password", "--password-stdin")],
    ids=str,
)
def test_an_account_that_is_not_there_is_said_so(
    access: OfflineRunner, words: tuple[str, ...]
) -> None:
    ran = access("account", words[0], "nobody", *words[1:], given=f"{PASSWORD}\n")
    assert ran.code == 1
    assert "account nobody: there is none" in ran.err


def test_a_key_is_printed_once_and_lets_its_robot_in(access: OfflineRunner) -> None:
    ran = access.run_checked(
        *("key", "add", "robot:ocr-1", "--scope", "work", "--scope", "read", "--queue", "scans")
    )
    whole = ran.out.splitlines()[0]
    caller = Authenticator(access.engine).by_key(whole)
    assert caller is not None
    assert caller.actor == "robot:ocr-1"
    assert caller.queues == {"scans"}
    listed = access.run_checked("key", "list").out
    assert whole.split("_")[1] in listed
    assert whole.split("_", 2)[2] not in listed
    assert re.search(r"robot:ocr-1 +read, work +scans", listed)


def test_a_key_is_revoked_by_its_public_part(access: OfflineRunner) -> None:
    assert "No keys yet" in access.run_checked("key", "list").out
    made = access.run_checked(*("key", "add", "service:erp", "--scope", "start", "--json")).json
    gone = access.run_checked("key", "revoke", made["id"]).out
    assert "of service:erp is revoked" in gone
    assert Authenticator(access.engine).by_key(made["key"]) is None
    assert "revoked" in access.run_checked("key", "list").out
    told = access.run_checked("key", "revoke", made["key"], "--json").json
    assert told["revoked_at"] is not None
    assert access.run_checked("key", "list", "--json").json["keys"][0]["id"] == made["id"]


def test_a_key_lasts_as_long_as_is_said(access: OfflineRunner) -> None:
    access.run_checked("key", "add", "service:a", "--scope", "read", "--lasts", "never")
    access.run_checked("key", "add", "service:b", "--scope", "read", "--lasts", "1h")
    told = access.run_checked("key", "list", "--json").json["keys"]
    assert told[0]["ends_at"] is None
    assert told[1]["ends_at"] is not None
    assert "revoked by hand" in access.run_checked("key", "list").out
    assert access("key", "add", "service:c", "--scope", "read", "--lasts", "soon").code == 2


def test_a_key_for_a_person_or_an_unknown_key_is_refused(access: OfflineRunner) -> None:
    ran = access("key", "add", "amy", "--scope", "read")
    assert ran.code == 1
    assert "keys are for robots and services" in ran.err
    assert access("key", "add", "robot:x").code == 2
    assert access("key", "revoke", "nothing").code == 1
