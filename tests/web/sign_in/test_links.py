"""Sign-in links, valid once, by a POST, for a quarter of an hour; and API keys."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select, update

from auth import accounts, api_keys, authentication, sessions
from auth.accounts import InvalidAccount
from auth.api_keys import InvalidKey
from auth.authentication import SignInRefused
from auth.authenticator import Authenticator
from auth.callers import Role, Scope
from auth.first_sign_in import sign_in_link
from store.auth.accounts import UnknownAccount
from store.auth.api_keys import LAST_USE_PRECISION, UnknownApiKey
from store.engine import write_connection
from store.schema.auth_tables import key, link_in
from tests.support.app_fixture import *  # noqa: F403 - as above
from tests.support.app_fixture import add_account, browser
from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from web.context import SESSION_COOKIE


async def test_a_link_signs_in_by_the_post_that_its_page_makes(
    web_engine: Engine, anonymous: httpx.AsyncClient
) -> None:
    add_account(web_engine, password=None)
    path = accounts.make_link(web_engine, "amy", by="root")
    confirmation = await anonymous.get(path)
    assert confirmation.status_code == 200
    assert SESSION_COOKIE not in confirmation.cookies
    assert f'action="{path}"' in confirmation.text
    answer = await anonymous.post(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert SESSION_COOKIE in answer.cookies


async def test_programs_that_follow_links_in_mails_use_none_up(
    web_engine: Engine, app: FastAPI
) -> None:
    add_account(web_engine, password=None)
    path = accounts.make_link(web_engine, "amy", by="root")
    for _ in range(3):
        assert (await browser(app).get(path)).status_code == 200
    assert (await browser(app).post(path)).status_code == 303


async def test_a_link_works_once_however_many_use_it_at_once(
    web_engine: Engine, app: FastAPI
) -> None:
    add_account(web_engine, password=None)
    path = accounts.make_link(web_engine, "amy", by="root")
    answers = await asyncio.gather(*(browser(app).post(path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410, 410]
    late = await browser(app).get(path)
    assert late.status_code == 410
    assert "This link is no longer valid" in late.text


@pytest.mark.parametrize("token", ["x", "", "../../inbox", "%00", "é" * 50])
async def test_a_made_up_link_is_none(anonymous: httpx.AsyncClient, token: str) -> None:
    answer = await anonymous.post(f"/sign-in/link/{token}")
    assert answer.status_code in {404, 405, 410}


def test_a_link_is_over_after_a_quarter_of_an_hour(engine: Engine) -> None:
    add_account(engine, password=None)
    token = sessions.create_link(engine, "amy", by="root")
    with write_connection(engine) as connection:
        ends = connection.execute(select(link_in.c.ends_at)).scalar_one()
        assert timedelta(minutes=14) < ends - datetime.now(UTC) <= timedelta(minutes=15)
        connection.execute(update(link_in).values(ends_at=datetime.now(UTC)))
    with pytest.raises(SignInRefused, match="used or expired"):
        authentication.by_link(engine, token, address="a")


@pytest.mark.parametrize("what", ["disable", "password"])
def test_disabling_an_account_or_changing_its_password_ends_its_links(
    engine: Engine, what: str
) -> None:
    add_account(engine, password=None)
    token = sessions.create_link(engine, "amy", by="root")
    if what == "disable":
        accounts.disable(engine, "amy", by="root")
        with pytest.raises(InvalidAccount, match="is disabled"):
            accounts.make_link(engine, "amy", by="root")
    else:
        accounts.set_password(engine, "amy", "another horse battery", by="root")
    with pytest.raises(SignInRefused):
        authentication.by_link(engine, token, address="a")


def test_the_store_knows_no_link_and_no_key_but_their_digests(engine: Engine) -> None:
    add_account(engine, password=None)
    token = sessions.create_link(engine, "amy", by="root")
    whole = a_key(engine)
    with engine.connect() as connection:
        rows = [*connection.execute(select(link_in)), *connection.execute(select(key))]
    assert token not in str(rows)
    assert whole.split("_", 2)[2] not in str(rows)


def test_there_is_no_link_for_nobody(engine: Engine) -> None:
    with pytest.raises(UnknownAccount, match="account nobody: there is none"):
        accounts.make_link(engine, "nobody", by="root")


def a_key(engine: Engine, lasts: timedelta | None = None) -> str:
    """Make a robot's API key."""
    whole, _ = api_keys.make(
        engine, "robot:ocr-1", scopes=[Scope.WORK], queues=["scans"], by="root", lasts=lasts
    )
    return whole


def test_a_key_is_who_it_was_made_for_with_its_scopes_and_queues(engine: Engine) -> None:
    whole = a_key(engine)
    assert re.fullmatch(r"ck_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", whole)
    caller = Authenticator(engine).by_key(whole)
    assert caller is not None
    assert (caller.actor, caller.role, caller.csrf) == ("robot:ocr-1", None, "")
    assert caller.scopes == {Scope.WORK}
    assert caller.queues == {"scans"}
    assert caller.credential == f"key {whole.split('_')[1]}"
    assert Authenticator(engine).by_session(whole) is None


def test_a_key_that_is_revoked_lets_nobody_in_at_once(engine: Engine) -> None:
    whole, other = a_key(engine), a_key(engine)
    gone = api_keys.revoke(engine, whole, by="root")
    assert gone.revoked_at is not None
    assert api_keys.revoke(engine, gone.id, by="root").revoked_at == gone.revoked_at
    assert Authenticator(engine).by_key(whole) is None
    assert Authenticator(engine).by_key(other) is not None


def test_a_key_that_is_over_lets_nobody_in(engine: Engine) -> None:
    whole = a_key(engine, timedelta(hours=1))
    assert Authenticator(engine).by_key(whole) is not None
    with write_connection(engine) as connection:
        connection.execute(update(key).values(ends_at=datetime.now(UTC)))
    assert Authenticator(engine).by_key(whole) is None


def test_what_is_nearly_a_key_is_none(engine: Engine) -> None:
    whole = a_key(engine)
    for nearly in (whole.upper(), whole[:-1], f"{whole}a", f"x{whole}", f"{whole}\n", ""):
        assert Authenticator(engine).by_key(nearly) is None


def test_when_a_key_was_used_is_known_and_costs_a_write_now_and_then_only(
    engine: Engine,
) -> None:
    whole = a_key(engine)
    used = []
    for _ in range(2):
        assert Authenticator(engine).by_key(whole) is not None
        with engine.connect() as connection:
            used.append(connection.execute(select(key.c.used_at)).scalar_one())
    assert used[0] == used[1]
    with write_connection(engine) as connection:
        connection.execute(update(key).values(used_at=used[0] - LAST_USE_PRECISION))
    assert Authenticator(engine).by_key(whole) is not None
    with engine.connect() as connection:
        assert connection.execute(select(key.c.used_at)).scalar_one() >= used[0]


@pytest.mark.parametrize(
    ("actor", "limits", "why"),
    [
        ("amy", {}, "keys are for robots and services"),
        ("system", {}, "keys are for robots and services"),
        ("robot:", {}, "names no robot"),
        ("robot:a\nb", {}, "control characters"),
        ("robot:a", {"scopes": []}, "names no scope"),
        ("robot:a", {"lasts": timedelta(0)}, "over already"),
        ("robot:a", {"queues": [" "]}, "is blank"),
    ],
)
def test_a_key_that_could_be_nobodys_is_not_made(
    engine: Engine, actor: str, limits: dict[str, object], why: str
) -> None:
    values = {"scopes": [Scope.READ], "queues": [], "by": "root", "lasts": None} | limits
    with pytest.raises(InvalidKey, match=why):
        api_keys.make(engine, actor, **values)  # type: ignore[arg-type]


def test_a_key_that_nobody_knows_cannot_be_revoked(engine: Engine) -> None:
    with pytest.raises(UnknownApiKey, match="casekeep key list"):
        api_keys.revoke(engine, "nothing", by="root")


def test_whoever_begins_a_desk_is_its_operator_and_gets_a_link(engine: Engine) -> None:
    link = sign_in_link(engine, "http://127.0.0.1:8080", "root")
    assert link.startswith("http://127.0.0.1:8080/sign-in/link/")
    session = authentication.by_link(engine, link.rpartition("/")[2], address="a")
    assert (session.id, session.role, session.queues) == ("root", "operator", frozenset({"*"}))
    accounts.change(engine, "root", by="root", role=Role.VIEWER)
    again = authentication.by_link(
        engine, sign_in_link(engine, "", "root").rpartition("/")[2], address="a"
    )
    assert again.role == "viewer"
    accounts.disable(engine, "root", by="root")
    assert sign_in_link(engine, "", "root") == ""
