"""Guards of every answer: security headers, cross-site requests, and readable refusals."""

import httpx
import pytest
from fastapi import FastAPI, Request
from sqlalchemy import Engine

from auth import api_keys, sessions
from auth.callers import Role, Scope
from tests.support.app_fixture import *  # noqa: F403 - as above
from tests.support.app_fixture import ORIGIN, add_account, browser
from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from web.context import SESSION_COOKIE, CallerDep

EVIL = "https://evil.example"


@pytest.fixture
def token(web_engine: Engine) -> str:
    """Return the token of amy's session."""
    add_account(web_engine, password=None)
    return sessions.begin(web_engine, "amy", way="link")


@pytest.fixture
def amy(app: FastAPI, token: str) -> httpx.AsyncClient:
    """Return the browser in which amy is signed in."""
    client = browser(app)
    client.cookies.set(SESSION_COOKIE, token, domain="desk.example")
    return client


def client_without_origin(app: FastAPI, token: str | None = None) -> httpx.AsyncClient:
    """Return a client that sends no Origin header."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)
    if token is not None:
        client.cookies.set(SESSION_COOKIE, token, domain="desk.example")
    return client


@pytest.mark.parametrize("path", ["/sign-in", "/no-such-page", "/inbox", "/api/v1/items/T-1"])
async def test_every_answer_says_what_browsers_shall_not_do_with_it(
    anonymous: httpx.AsyncClient, path: str
) -> None:
    headers = (await anonymous.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


async def test_an_answer_that_is_a_mistake_of_ours_is_guarded_too(app: FastAPI) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("secret")

    app.add_api_route("/broken", broken)
    app.add_api_route("/api/v1/broken", broken)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url=ORIGIN)
    for path in ("/broken", "/api/v1/broken"):
        answer = await client.get(path)
        assert answer.status_code == 500
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "secret" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_no_page_has_scripts_or_styles_within(amy: httpx.AsyncClient) -> None:
    for path in ("/inbox", "/sign-in", "/no-such-page"):
        text = (await amy.get(path)).text
        assert " style=" not in text
        assert " onclick=" not in text
        assert "<style" not in text
        assert all("src=" in part.partition(">")[0] for part in text.split("<script")[1:])


async def test_a_person_who_is_signed_in_comes_in(amy: httpx.AsyncClient) -> None:
    assert (await amy.get("/inbox")).status_code == 200


async def test_whoever_is_signed_out_is_asked_to_sign_in_and_comes_back(
    anonymous: httpx.AsyncClient,
) -> None:
    answer = await anonymous.get("/inbox?page=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Finbox%3Fpage%3D2"


async def test_a_part_of_a_page_has_the_whole_page_go_to_sign_in(
    anonymous: httpx.AsyncClient,
) -> None:
    answer = await anonymous.get("/inbox", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=%2Finbox")


async def test_a_stream_of_whoever_is_signed_out_ends(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/live", headers={"accept": "text/event-stream"})
    assert answer.status_code == 401


async def test_a_program_that_is_signed_out_is_told_so(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/api/v1/queues")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "SignedOut"


@pytest.mark.parametrize("carried", ["header", "field"])
async def test_a_request_that_changes_something_carries_the_sessions_token(
    amy: httpx.AsyncClient, token: str, carried: str
) -> None:
    csrf = sessions.csrf_of(token)
    headers = {"x-csrf-token": csrf} if carried == "header" else {}
    form = {"language": "fr"} | ({"csrf": csrf} if carried == "field" else {})
    answer = await amy.post("/preferences", data=form, headers=headers)
    assert answer.status_code == 303


@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "é", "another session's"])
async def test_without_it_nothing_changes(
    web_engine: Engine, amy: httpx.AsyncClient, csrf: str | None
) -> None:
    if csrf == "another session's":
        csrf = sessions.csrf_of(sessions.begin(web_engine, "amy", way="link"))
    form = {"language": "fr"} | ({} if csrf is None else {"csrf": csrf})
    answer = await amy.post("/preferences", data=form)
    assert answer.status_code == 403
    assert "casekeep_language" not in answer.cookies
    response = await amy.post("/api/v1/tickets", json={})
    assert (response.status_code, response.json()["type"]) == (403, "CrossSite")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL, "sec-fetch-site": "cross-site"},
        {"origin": ORIGIN, "sec-fetch-site": "same-site"},
        {"origin": EVIL},
        {"origin": "null"},
        {"origin": "http://desk.example:8081"},
        {},
    ],
    ids=str,
)
async def test_another_site_gets_nothing_done_even_with_the_token(
    app: FastAPI, token: str, headers: dict[str, str]
) -> None:
    client = client_without_origin(app, token)
    form = {"csrf": sessions.csrf_of(token)}
    assert (await client.post("/preferences", data=form, headers=headers)).status_code == 403
    assert (await client.post("/sign-out", data=form, headers=headers)).status_code == 403
    response = await client.post("/api/v1/tickets", json={}, headers=headers)
    assert (response.status_code, response.json()["type"]) == (403, "CrossSite")


async def test_another_site_signs_nobody_in(web_engine: Engine, app: FastAPI) -> None:
    add_account(web_engine)
    form = {"name": "amy", "password": "correct horse battery"}
    answer = await client_without_origin(app).post("/sign-in", data=form, headers={"origin": EVIL})
    assert answer.status_code == 403
    assert SESSION_COOKIE not in answer.cookies


async def test_a_key_needs_no_token_and_no_origin(web_engine: Engine, app: FastAPI) -> None:
    whole, _ = api_keys.make(
        web_engine, "service:erp", scopes=[Scope.READ], queues=["*"], by="root", lasts=None
    )
    answer = await client_without_origin(app).post(
        "/api/v1/tickets", json={}, headers={"authorization": f"Bearer {whole}"}
    )
    assert (answer.status_code, answer.json()["type"]) == (403, "Forbidden")


async def test_a_cookie_beside_a_key_that_is_not_good_lets_nobody_in(
    app: FastAPI, token: str
) -> None:
    headers = {"authorization": "Bearer ck_aaaaaaaa_" + "a" * 43}
    assert (
        await client_without_origin(app, token).get("/api/v1/queues", headers=headers)
    ).status_code == 401


async def test_a_person_may_not_do_what_their_role_may_not(
    web_engine: Engine, app: FastAPI
) -> None:
    add_account(web_engine, "eva", role=Role.VIEWER, password=None)
    token = sessions.begin(web_engine, "eva", way="link")
    eva = browser(app)
    eva.cookies.set(SESSION_COOKIE, token, domain="desk.example")
    answer = await eva.get("/tickets/new")
    assert answer.status_code == 403
    assert "takes the role agent" in answer.text


async def test_a_body_that_is_too_large_is_not_read(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.post("/sign-in", data={"name": "x" * 1_100_000})
    assert answer.status_code == 413


async def test_what_is_malformed_is_told_on_a_page(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.post("/sign-in", data={"name": "x" * 5_000})
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")


async def test_where_a_request_comes_from_goes_with_its_caller(
    app: FastAPI, amy: httpx.AsyncClient
) -> None:
    async def who(request: Request, caller: CallerDep) -> object:
        del request
        return {"address": caller.address, "credential": caller.credential}

    app.add_api_route("/who", who)
    response = (await amy.get("/who")).json()
    assert response["address"] == "192.0.2.1"
    assert response["credential"].startswith("session ")
