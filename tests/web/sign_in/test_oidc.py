"""Sign-in at an OpenID provider: a real one, and a rogue one with forged answers."""

import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pydantic import ValidationError
from sqlalchemy import Engine

from auth import accounts, authentication
from starter.settings import Settings
from store.auth.accounts import find_account
from store.auth.audit import AuditFilter, read_audit_page
from store.schema.auth_tables import AuditKind, AuditOutcome
from tests.support.app_fixture import *  # noqa: F403 - as above
from tests.support.app_fixture import add_account, browser, make_app
from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from tests.support.rogue_oidc_provider import RogueProvider, rogue_provider, signing_key
from web.context import SESSION_COOKIE

# in a process of its own: its dependencies warn, which is an error in our tests. It lives
# until its stdin ends, as it does when we are killed.
_PROVIDER = """
import sys
from oidc_provider_mock import User, run_server_in_thread
amy = User(sub="u-1", claims={"email": "Amy@Example.org", "email_verified": True})
bob = User(sub="u-2", claims={"email": "bob@example.org", "email_verified": False})
with run_server_in_thread(user_claims=[amy, bob], require_nonce=True) as server:
    print(server.server_port, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Run the real provider package on a loopback port and return its address."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _PROVIDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://localhost:{int(process.stdout.readline())}"
        process.stdin.close()


@pytest.fixture
def rogue() -> Iterator[RogueProvider]:
    """Run a provider that answers as the test says."""
    with rogue_provider() as one:
        yield one


async def desk(engine: Engine, issuer: str, **fields: Any) -> httpx.AsyncClient:  # noqa: ANN401
    """Return a browser on an installation whose people sign in at this issuer."""
    settings = {"oidc_issuer": issuer, "oidc_client_id": "desk", "oidc_client_secret": "s"}
    return browser(await make_app(engine, **(settings | fields)))


async def start_sign_in(client: httpx.AsyncClient, back: str = "/owned") -> dict[str, str]:
    """Start a sign-in and return the request's parameters."""
    answer = await client.get("/sign-in/oidc", params={"next": back})
    assert answer.status_code == 303, answer.text
    return {
        name: values[0]
        for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()
    } | {"there": answer.headers["location"]}


async def return_from_provider(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    """Return from the provider, as another site redirects browsers."""
    other = {"sec-fetch-site": "cross-site"}
    return await client.get("/sign-in/oidc/callback", params=fields, headers=other)


async def sign_in_at_provider(client: httpx.AsyncClient, user: str) -> httpx.Response:
    """Sign in at the real provider as this user and return."""
    parameters = await start_sign_in(client)
    async with httpx.AsyncClient() as there:
        agreed = await there.post(parameters["there"], data={"sub": user})
    assert agreed.status_code in {302, 303}, agreed.text
    query = parse_qs(urlsplit(agreed.headers["location"]).query)
    return await return_from_provider(client, code=query["code"][0], state=query["state"][0])


async def test_a_person_signs_in_there_and_is_known_by_their_subject_from_then_on(
    web_engine: Engine, provider: str
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    client = await desk(web_engine, provider)
    assert "/sign-in/oidc?next=" in (await client.get("/sign-in")).text
    answer = await sign_in_at_provider(client, "u-1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/owned")
    assert SESSION_COOKIE in answer.cookies
    account = find_account(web_engine, "amy")
    assert account is not None
    assert account.subject == f"{provider} u-1"
    accounts.change(web_engine, "amy", by="root", email="")
    again = await desk(web_engine, provider)
    assert (await sign_in_at_provider(again, "u-1")).status_code == 303
    sent_claims = [
        (entry.what, entry.outcome)
        for entry in read_audit_page(web_engine, AuditFilter(kind=AuditKind.SIGN_IN)).entries
    ]
    assert sent_claims == [("provider", AuditOutcome.DONE)] * 2


async def test_an_address_that_nobody_verified_is_nobodys(
    web_engine: Engine, provider: str
) -> None:
    add_account(web_engine, "bob", password=None, email="bob@example.org")
    answer = await sign_in_at_provider(await desk(web_engine, provider), "u-2")
    assert answer.status_code == 403
    assert SESSION_COOKIE not in answer.cookies
    assert "nobody here knows you" in answer.text
    account = find_account(web_engine, "bob")
    assert account is not None
    assert account.subject is None


async def test_unknown_people_are_refused_and_get_no_account(
    web_engine: Engine, provider: str
) -> None:
    answer = await sign_in_at_provider(await desk(web_engine, provider), "u-1")
    assert answer.status_code == 403
    assert find_account(web_engine, "u-1") is None
    refused = read_audit_page(web_engine, AuditFilter(by=authentication.UNKNOWN)).entries
    assert [each.reason for each in refused] == ["no account for Amy@Example.org"]


async def test_a_disabled_account_is_not_let_in(web_engine: Engine, provider: str) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    accounts.disable(web_engine, "amy", by="root")
    assert (await sign_in_at_provider(await desk(web_engine, provider), "u-1")).status_code == 403


async def test_an_account_of_another_subject_is_not_given_to_who_has_its_address_now(
    web_engine: Engine, provider: str
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    authentication.by_provider(
        web_engine, subject=f"{provider} u-9", email="amy@example.org", verified=True, address="a"
    )
    assert (await sign_in_at_provider(await desk(web_engine, provider), "u-1")).status_code == 403


async def test_the_code_is_asked_for_with_pkce_and_the_clients_secret(
    web_engine: Engine, rogue: RogueProvider
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    assert parameters["code_challenge_method"] == "S256"
    assert parameters["redirect_uri"] == "http://desk.example/sign-in/oidc/callback"
    assert set(parameters["scope"].split()) >= {"openid", "email"}
    rogue.claims = {
        "nonce": parameters["nonce"],
        "email": "amy@example.org",
        "email_verified": True,
    }
    answer = await return_from_provider(client, code="c", state=parameters["state"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/owned")
    sent = rogue.token_requests[0]
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == parameters["code_challenge"]
    assert sent["authorization"] == "Basic " + base64.b64encode(b"desk:s").decode()


async def test_an_address_that_only_the_userinfo_tells_counts(
    web_engine: Engine, rogue: RogueProvider
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    rogue.claims = {"nonce": parameters["nonce"]}
    rogue.tokens = {"expires_in": 30}
    rogue.userinfo = {"sub": "u-1", "email": "amy@example.org", "email_verified": True}
    assert (
        await return_from_provider(client, code="c", state=parameters["state"])
    ).status_code == 303


async def test_keys_that_the_provider_changed_are_asked_for_again(
    web_engine: Engine, rogue: RogueProvider
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    rogue.key = rogue.signs_with = signing_key("two")
    rogue.claims = {
        "nonce": parameters["nonce"],
        "email": "amy@example.org",
        "email_verified": True,
    }
    assert (
        await return_from_provider(client, code="c", state=parameters["state"])
    ).status_code == 303
    assert rogue.paths.count("/keys") == 2
    parameters = await start_sign_in(client)
    rogue.claims["nonce"] = parameters["nonce"]
    assert (
        await return_from_provider(client, code="c", state=parameters["state"])
    ).status_code == 303
    assert rogue.paths.count("/keys") == 2


@pytest.mark.parametrize(
    ("secret", "methods", "form"),
    [
        (None, ["client_secret_basic"], {"client_id": "desk"}),
        ("s", ["client_secret_post"], {"client_id": "desk", "client_secret": "s"}),
    ],
    ids=["a public client", "the secret in the form"],
)
async def test_a_client_without_basic_authentication_names_itself_in_the_form(
    web_engine: Engine,
    rogue: RogueProvider,
    secret: str | None,
    methods: list[str],
    form: dict[str, str],
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    rogue.metadata = {"token_endpoint_auth_methods_supported": methods}
    client = await desk(web_engine, rogue.url, oidc_client_secret=secret)
    parameters = await start_sign_in(client)
    rogue.claims = {
        "nonce": parameters["nonce"],
        "email": "amy@example.org",
        "email_verified": True,
    }
    assert (
        await return_from_provider(client, code="c", state=parameters["state"])
    ).status_code == 303
    sent = rogue.token_requests[0]
    assert sent["authorization"] == ""
    assert {name: sent[name] for name in sent if name.startswith("client_")} == form


@pytest.mark.parametrize(
    "answers",
    [
        {"tokens": {"id_token": None}},
        {"tokens": {"error": "server_error"}},
        {"tokens": {"expires_in": ["soon"]}},
        {"tokens": {"token_type": None}},
        {"tokens": {"token_type": "mac"}},
        {"statuses": {"/token": 302}},
        {"statuses": {"/token": 400}},
        {"statuses": {"/token": 503}},
        {"statuses": {"/me": 401}},
        {"userinfo": None},
    ],
    ids=str,
)
async def test_an_answer_of_the_provider_that_cannot_be_used_lets_nobody_in(
    web_engine: Engine, rogue: RogueProvider, answers: dict[str, Any]
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    rogue.claims = {"nonce": parameters["nonce"]}
    rogue.userinfo = {"sub": "u-1", "email": "amy@example.org", "email_verified": True}
    for name, answer in answers.items():
        setattr(rogue, name, answer)
    answer = await return_from_provider(client, code="c", state=parameters["state"])
    assert answer.status_code == 502
    assert SESSION_COOKIE not in answer.cookies
    assert "/elsewhere" not in rogue.paths


async def test_the_access_token_goes_to_https_alone(
    web_engine: Engine, rogue: RogueProvider, caplog: pytest.LogCaptureFixture
) -> None:
    rogue.metadata = {"userinfo_endpoint": "http://evil.example/me"}
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    rogue.claims = {"nonce": parameters["nonce"]}
    assert (
        await return_from_provider(client, code="c", state=parameters["state"])
    ).status_code == 502
    assert "http://evil.example/me: is not https" in caplog.text


async def test_the_userinfo_of_another_subject_lets_nobody_in(
    web_engine: Engine, rogue: RogueProvider
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    rogue.claims = {"nonce": parameters["nonce"]}
    rogue.userinfo = {"sub": "u-2", "email": "amy@example.org", "email_verified": True}
    assert (
        await return_from_provider(client, code="c", state=parameters["state"])
    ).status_code == 401


async def test_an_answer_names_its_issuer_where_the_provider_announces_that(
    web_engine: Engine, rogue: RogueProvider
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    rogue.metadata = {"authorization_response_iss_parameter_supported": True}
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    rogue.claims = {
        "nonce": parameters["nonce"],
        "email": "amy@example.org",
        "email_verified": True,
    }
    assert (
        await return_from_provider(client, code="c", state=parameters["state"])
    ).status_code == 401
    assert rogue.token_requests == []
    parameters = await start_sign_in(client)
    rogue.claims["nonce"] = parameters["nonce"]
    answer = await return_from_provider(client, code="c", state=parameters["state"], iss=rogue.url)
    assert answer.status_code == 303


def unsigned(url: str, nonce: str) -> str:
    """Return an ID token without a signature."""
    claims = {"iss": url, "aud": "desk", "sub": "u-1", "nonce": nonce}
    now = int(time.time())
    parts = ({"alg": "none"}, claims | {"iat": now, "exp": now + 60})
    sent_claims = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts
    ]
    return b".".join([*sent_claims, b""]).decode()


def signed_by_secret(url: str, nonce: str) -> str:
    """Return an ID token signed with a secret that the client knows, too."""
    now = int(time.time())
    claims = {"iss": url, "aud": "desk", "sub": "u-1", "nonce": nonce, "iat": now, "exp": now + 60}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("s" * 32), ["HS256"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ""},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": ["desk", "another-client"]},
        {"aud": ["desk", "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"azp": ""},
        {"at_hash": "of-another-token"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1_000_000},
        {"exp": None},
        {"iat": 9_999_999_999},
        {"sub": None},
        {"sub": ["u-1"]},
        {"sub": ""},
        "unsigned",
        "by secret",
        "by a stranger",
        "no token",
    ],
    ids=str,
)
async def test_an_id_token_that_is_not_good_lets_nobody_in(
    web_engine: Engine, rogue: RogueProvider, wrong: dict[str, Any] | str
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    rogue.claims = {
        "nonce": parameters["nonce"],
        "email": "amy@example.org",
        "email_verified": True,
    }
    match wrong:
        case "unsigned":
            rogue.token = unsigned(rogue.url, parameters["nonce"])
        case "by secret":
            rogue.token = signed_by_secret(rogue.url, parameters["nonce"])
        case "by a stranger":
            stranger = signing_key("a stranger's").as_dict(private=True)
            rogue.signs_with = RSAKey.import_key(stranger | {"kid": "one"})
        case "no token":
            rogue.token = ""
        case dict():
            rogue.claims |= wrong
        case _:
            pytest.fail(f"nothing is done for {wrong}")
    answer = await return_from_provider(client, code="c", state=parameters["state"])
    assert answer.status_code == 401
    assert SESSION_COOKIE not in answer.cookies
    assert find_account(web_engine, "amy").subject is None  # type: ignore[union-attr]
    assert [
        each.outcome
        for each in read_audit_page(web_engine, AuditFilter(kind=AuditKind.SIGN_IN)).entries
    ] == [AuditOutcome.FAILED]


@pytest.mark.parametrize("how", ["another state", "another browser", "no cookie", "another's iss"])
async def test_an_answer_to_what_this_browser_did_not_ask_lets_nobody_in(
    web_engine: Engine, rogue: RogueProvider, how: str
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    rogue.claims = {
        "nonce": parameters["nonce"],
        "email": "amy@example.org",
        "email_verified": True,
    }
    fields = {"code": "c", "state": parameters["state"]}
    match how:
        case "another state":
            fields["state"] = "x" * 43
        case "another browser":
            client.cookies.clear()
            await start_sign_in(client)
        case "no cookie":
            client.cookies.clear()
        case _:
            fields["iss"] = "https://evil.example"
    answer = await return_from_provider(client, **fields)
    assert answer.status_code == 401
    assert SESSION_COOKIE not in answer.cookies
    assert rogue.token_requests == []


async def test_whoever_keeps_coming_back_with_nothing_does_not_fill_the_audit(
    web_engine: Engine, rogue: RogueProvider
) -> None:
    client = await desk(web_engine, rogue.url)
    for _ in range(authentication.MAX_ADDRESS_FAILURES + 5):
        assert (await return_from_provider(client, code="c", state="s")).status_code == 401
    noted = read_audit_page(web_engine, AuditFilter(kind=AuditKind.SIGN_IN), limit=100).entries
    assert len(noted) == authentication.MAX_ADDRESS_FAILURES


async def test_the_same_answer_a_second_time_lets_nobody_in(
    web_engine: Engine, rogue: RogueProvider
) -> None:
    add_account(web_engine, password=None, email="amy@example.org")
    client = await desk(web_engine, rogue.url)
    parameters = await start_sign_in(client)
    rogue.claims = {
        "nonce": parameters["nonce"],
        "email": "amy@example.org",
        "email_verified": True,
    }
    assert (
        await return_from_provider(client, code="c", state=parameters["state"])
    ).status_code == 303
    assert (
        await return_from_provider(client, code="c", state=parameters["state"])
    ).status_code == 401


async def test_who_says_no_there_is_asked_again_here(web_engine: Engine, provider: str) -> None:
    client = await desk(web_engine, provider)
    parameters = await start_sign_in(client)
    answer = await return_from_provider(client, error="access_denied", state=parameters["state"])
    assert answer.status_code == 401
    assert "Try again" in answer.text


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": "http://evil.example/keys"},
        {"token_endpoint": None},
        {"token_endpoint": 5},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"jwks_uri": "https://[evil"},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
        {"id_token_signing_alg_values_supported": None},
    ],
    ids=str,
)
async def test_a_provider_that_is_not_what_it_should_be_is_not_asked(
    web_engine: Engine, rogue: RogueProvider, metadata: dict[str, Any]
) -> None:
    rogue.metadata = metadata
    client = await desk(web_engine, rogue.url)
    answer = await client.get("/sign-in/oidc")
    assert answer.status_code == 502


async def test_a_provider_that_does_not_answer_is_told_so(web_engine: Engine) -> None:
    client = await desk(web_engine, "http://127.0.0.1:1")
    answer = await client.get("/sign-in/oidc")
    assert answer.status_code == 502
    assert "does not answer" in answer.text


async def test_without_a_provider_there_is_no_way_to_one(
    app: FastAPI, anonymous: httpx.AsyncClient
) -> None:
    del app
    assert "/sign-in/oidc" not in (await anonymous.get("/sign-in")).text
    for path in ("/sign-in/oidc", "/sign-in/oidc/callback?code=c&state=s"):
        assert (await anonymous.get(path)).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"oidc_issuer": "https://login.example"},
        {"oidc_client_id": "desk"},
        {"oidc_issuer": "login.example", "oidc_client_id": "desk"},
    ],
    ids=str,
)
def test_settings_name_a_provider_and_us_there_or_neither(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(fields)
