"""Sign-in by password, and sign-out: sessions, their cookies, and the limit on attempts."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine, event, select, update

from auth import accounts, authentication, passwords, sessions
from auth.authentication import MAX_ACCOUNT_FAILURES, MAX_ADDRESS_FAILURES, SignInRefused
from auth.authenticator import Authenticator
from auth.callers import Role
from store.auth import sessions as store_sessions
from store.auth.audit import AuditFilter, read_audit_page
from store.auth.sessions import digest_of
from store.engine import write_connection
from store.schema.auth_tables import AuditKind, AuditOutcome, account, attempt, session
from tests.support.app_fixture import *  # noqa: F403 - as above
from tests.support.app_fixture import PASSWORD, add_account, browser, session_token, sign_in
from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from web.context import SESSION_COOKIE


async def test_a_person_signs_in_and_comes_to_where_they_wanted(
    web_engine: Engine, anonymous: httpx.AsyncClient
) -> None:
    add_account(web_engine)
    answer = await sign_in(anonymous, next="/owned?page=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/owned?page=2")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    caller = Authenticator(web_engine).by_session(session_token(answer))
    assert caller is not None
    assert (caller.actor, caller.role) == ("amy", Role.AGENT)
    assert caller.queues == {"invoices"}


async def test_over_https_the_cookie_is_secure(web_engine: Engine, app: FastAPI) -> None:
    add_account(web_engine)
    safe = browser(app, origin="https://desk.example")
    answer = await safe.post(
        "https://desk.example/sign-in", data={"name": "amy", "password": PASSWORD}
    )
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


async def test_the_store_knows_no_token_but_its_digest(
    web_engine: Engine, anonymous: httpx.AsyncClient
) -> None:
    add_account(web_engine)
    token = session_token(await sign_in(anonymous))
    with web_engine.connect() as connection:
        rows = connection.execute(select(session)).all()
    assert [row.digest for row in rows] == [digest_of(token)]
    assert token not in str(rows)


async def test_the_sign_in_page_is_there_in_either_language(anonymous: httpx.AsyncClient) -> None:
    for language, word in (("en", "Password"), ("fr-CA,fr;q=0.9", "Mot de passe")):
        answer = await anonymous.get("/sign-in", headers={"accept-language": language})
        assert answer.status_code == 200
        assert word in answer.text


async def test_whoever_is_signed_in_is_not_asked_again(
    web_engine: Engine, anonymous: httpx.AsyncClient
) -> None:
    add_account(web_engine)
    await sign_in(anonymous)
    answer = await anonymous.get("/sign-in?next=/owned")
    assert (answer.status_code, answer.headers["location"]) == (303, "/owned")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/ok\r\nset-cookie: a=b",
        "/\t/evil.example",
        "",
    ],
)
async def test_the_way_back_leads_nowhere_else(
    web_engine: Engine, anonymous: httpx.AsyncClient, elsewhere: str
) -> None:
    add_account(web_engine)
    answer = await sign_in(anonymous, next=elsewhere)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_wrong_password_an_unknown_name_and_a_disabled_account_are_told_the_same(
    web_engine: Engine, app: FastAPI
) -> None:
    add_account(web_engine)
    add_account(web_engine, "bob")
    add_account(web_engine, "eva", password=None)
    accounts.disable(web_engine, "bob", by="root")
    messages = set()
    for name, password in (
        ("amy", "wrong horse battery"),
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("eva", PASSWORD),
    ):
        answer = await sign_in(browser(app), name, password)
        assert SESSION_COOKIE not in answer.cookies
        messages.add((answer.status_code, answer.text.replace(f'value="{name}"', "")))
    assert len(messages) == 1
    assert messages.pop()[0] == 401


def test_where_there_is_no_password_one_is_hashed_all_the_same() -> None:
    took = []
    for kept_password in (passwords.hash_password(PASSWORD, of="amy"), None):
        passwords.verify_password("warm", kept_password)
        start = time.process_time()
        assert passwords.verify_password("wrong horse battery", kept_password) is False
        took.append(time.process_time() - start)
    assert took[1] > took[0] / 3


async def test_a_new_sign_in_is_a_new_session_and_ends_the_browsers_old_one(
    web_engine: Engine, anonymous: httpx.AsyncClient
) -> None:
    add_account(web_engine)
    first = session_token(await sign_in(anonymous))
    second = session_token(await sign_in(anonymous))
    assert first != second
    assert Authenticator(web_engine).by_session(first) is None
    assert Authenticator(web_engine).by_session(second) is not None


async def test_a_token_that_the_browser_brought_is_never_its_sessions(
    web_engine: Engine, anonymous: httpx.AsyncClient
) -> None:
    add_account(web_engine)
    anonymous.cookies.set(SESSION_COOKIE, "chosen-by-an-attacker", domain="desk.example")
    answer = await sign_in(anonymous)
    assert session_token(answer) != "chosen-by-an-attacker"
    assert Authenticator(web_engine).by_session("chosen-by-an-attacker") is None


async def test_signing_out_ends_the_session_for_whoever_copied_the_cookie(
    web_engine: Engine, anonymous: httpx.AsyncClient
) -> None:
    add_account(web_engine)
    token = session_token(await sign_in(anonymous))
    answer = await anonymous.post("/sign-out", data={"csrf": sessions.csrf_of(token)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert Authenticator(web_engine).by_session(token) is None
    assert [entry.kind for entry in read_audit_page(web_engine, AuditFilter(by="amy")).entries] == [
        AuditKind.SIGN_OUT,
        AuditKind.SIGN_IN,
    ]


@pytest.mark.parametrize("what", ["disable", "password"])
def test_disabling_an_account_or_changing_its_password_signs_it_out(
    engine: Engine, what: str
) -> None:
    add_account(engine)
    token = sessions.begin(engine, "amy", way="password")
    assert Authenticator(engine).by_session(token) is not None
    if what == "disable":
        accounts.disable(engine, "amy", by="root")
    else:
        accounts.set_password(engine, "amy", "another horse battery", by="root")
    assert Authenticator(engine).by_session(token) is None
    accounts.disable(engine, "amy", by="root", disabled=False)
    assert Authenticator(engine).by_session(token) is None


@pytest.mark.parametrize(
    ("column", "ago"), [("seen_at", sessions.IDLE_TIMEOUT), ("ends_at", timedelta(0))]
)
def test_a_session_is_over_when_it_was_idle_too_long_or_lasted_long_enough(
    engine: Engine, column: str, ago: timedelta
) -> None:
    add_account(engine)
    token = sessions.begin(engine, "amy", way="password")
    at = datetime.now(UTC) - ago
    with write_connection(engine) as connection:
        connection.execute(update(session).values({column: at}))
    assert Authenticator(engine).by_session(token) is None


def test_a_session_that_is_used_is_not_idle(engine: Engine) -> None:
    add_account(engine)
    token = sessions.begin(engine, "amy", way="password")
    almost = datetime.now(UTC) - sessions.IDLE_TIMEOUT + timedelta(minutes=1)
    with write_connection(engine) as connection:
        connection.execute(update(session).values(seen_at=almost))
    assert Authenticator(engine).by_session(token) is not None
    with engine.connect() as connection:
        seen = connection.execute(select(session.c.seen_at)).scalar_one()
    assert seen > almost + timedelta(minutes=30)


def test_a_change_of_role_and_queues_is_seen_by_the_next_request(engine: Engine) -> None:
    add_account(engine)
    token = sessions.begin(engine, "amy", way="password")
    accounts.change(engine, "amy", by="root", role=Role.VIEWER, queues=("returns",))
    caller = Authenticator(engine).by_session(token)
    assert caller is not None
    assert (caller.role, caller.queues) == (Role.VIEWER, frozenset({"returns"}))


async def test_too_many_failed_attempts_for_an_account_are_told_when_to_try_again(
    web_engine: Engine, app: FastAPI
) -> None:
    add_account(web_engine)
    add_account(web_engine, "bob")
    for number in range(MAX_ACCOUNT_FAILURES):
        answer = await sign_in(browser(app, address=f"192.0.2.{number}"), "amy", "wrong guess")
        assert answer.status_code == 401
    late = await sign_in(browser(app, address="192.0.2.99"))
    assert late.status_code == 429
    for _ in range(3):
        assert (await sign_in(browser(app, address="192.0.2.98"))).status_code == 429
    noted = read_audit_page(web_engine, AuditFilter(by="amy", kind=AuditKind.SIGN_IN)).entries
    assert len(noted) == MAX_ACCOUNT_FAILURES + 1
    assert late.headers["retry-after"] == "900"
    assert "Try again in 15 minutes" in late.text
    assert (await sign_in(browser(app), "bob")).status_code == 303
    end_window(web_engine)
    assert (await sign_in(browser(app))).status_code == 303


async def test_too_many_failed_attempts_from_an_address_stop_it_whatever_the_names(
    web_engine: Engine, app: FastAPI
) -> None:
    add_account(web_engine)
    for number in range(MAX_ADDRESS_FAILURES):
        with pytest.raises(SignInRefused):
            authentication.by_link(web_engine, f"guess {number}", address="192.0.2.7")
    assert (await sign_in(browser(app, address="192.0.2.7"))).status_code == 429
    assert (await sign_in(browser(app, address="192.0.2.8"))).status_code == 303


async def test_those_who_sign_in_do_not_use_up_their_houses_attempts(
    web_engine: Engine, app: FastAPI
) -> None:
    add_account(web_engine)
    for _ in range(3):
        assert (await sign_in(browser(app))).status_code == 303
    with web_engine.connect() as connection:
        assert connection.execute(select(attempt.c.failures)).scalars().all() == [0]


async def test_the_addresses_of_one_ipv6_network_are_one(app: FastAPI) -> None:
    for number in range(MAX_ADDRESS_FAILURES + 1):
        address = f"2001:db8:1:2::{number + 1:x}"
        answer = await browser(app, address=address).post("/sign-in/link/none")
    assert answer.status_code == 429
    other = await browser(app, address="2001:db8:1:3::1").post("/sign-in/link/none")
    assert other.status_code == 410


async def test_failed_attempts_are_audited_without_names_that_nobody_has(
    web_engine: Engine, anonymous: httpx.AsyncClient
) -> None:
    add_account(web_engine)
    await sign_in(anonymous, "amy", "wrong guess")
    await sign_in(anonymous, "my-secret-password", "wrong guess")
    audited = read_audit_page(web_engine, AuditFilter(kind=AuditKind.SIGN_IN)).entries
    assert [(each.by, each.outcome) for each in audited] == [
        (authentication.UNKNOWN, AuditOutcome.FAILED),
        ("amy", AuditOutcome.FAILED),
    ]
    assert {entry.address for entry in audited} == {"192.0.2.1"}
    assert "my-secret-password" not in str(audited)


async def test_a_password_kept_with_older_parameters_is_kept_anew(
    web_engine: Engine, anonymous: httpx.AsyncClient
) -> None:
    add_account(web_engine)
    weak = PasswordHasher(time_cost=1, memory_cost=1_024).hash(PASSWORD)
    with write_connection(web_engine) as connection:
        connection.execute(update(account).values(password=weak))
    assert (await sign_in(anonymous)).status_code == 303
    with web_engine.connect() as connection:
        now = connection.execute(select(account.c.password)).scalar_one()
    assert now != weak
    assert not passwords.needs_rehash(now)


def end_window(engine: Engine) -> None:
    """Move the counted attempts out of the window in which they count."""
    with write_connection(engine) as connection:
        connection.execute(
            update(attempt).values(since=datetime.now(UTC) - authentication.FAILURE_WINDOW)
        )


def test_of_attempts_made_at_once_no_more_are_looked_at_than_are_allowed(engine: Engine) -> None:
    def attempt(_: int) -> int:
        return store_sessions.count_attempt(
            engine, "account amy", window=authentication.FAILURE_WINDOW
        ).failures

    with ThreadPoolExecutor(8) as threads:
        counted = list(threads.map(attempt, range(40)))
    assert sorted(counted) == list(range(1, 41))


def test_a_session_costs_one_statement_a_request(engine: Engine) -> None:
    add_account(engine, queues=("a", "b", "c"), password=None)
    token = sessions.begin(engine, "amy", way="link")
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _count(_c: object, _u: object, statement: str, *_: object) -> None:
        statements.append(statement)

    for _ in range(3):
        caller = Authenticator(engine).by_session(token)
        assert caller is not None
        assert caller.queues == {"a", "b", "c"}
    assert [each.partition(" ")[0] for each in statements] == ["SELECT"] * 3
