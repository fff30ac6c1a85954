"""Every route there is, tried by those who may not come in: a new one cannot be forgotten."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine, update
from starlette.routing import Mount

from auth import accounts, api_keys, sessions
from auth.callers import Role, Scope
from auth.permissions import COMMANDS
from domain.model.publications import Publication
from store.auth.sessions import digest_of
from store.engine import write_connection
from store.projection.writer import GroupWriter
from store.schema.auth_tables import key, session
from tests.support.app_fixture import *  # noqa: F403 - as above
from tests.support.app_fixture import add_account, browser
from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from tests.support.publications import action, case, make_publication, ticket, write_all
from web.api.routes import PREFIX
from web.context import SESSION_COOKIE, authenticate
from web.sign_in.routes import PUBLIC as SIGNING

PUBLIC: Final = SIGNING | {f"{PREFIX}/openapi.json", f"{PREFIX}/"}
"""What anybody may ask, by name: how one gets in, and what describes the API."""
ANYBODYS: Final = frozenset({"/", "/sign-out", "/preferences", "/navigation"})
"""What whoever is signed in may ask: it is about themselves alone."""
STARTING: Final = frozenset({f"{PREFIX}/tickets", f"{PREFIX}/cases", "/tickets/new", "/cases/new"})
WORKING: Final = frozenset(
    {
        f"{PREFIX}/queues/{{name}}/next",
        "/queues/{queue}/next",
        "/bulk",
        "/items/{reference}/do/{command}",
    }
)
NO_KEYS: Final = frozenset({f"{PREFIX}/queues/{{name}}/load", "/lead"})
FILLED: Final = {  # what stands for the parameters of paths: a new one is to be added
    "reference": "T-1",
    "command": "resolve",
    "queue": "accounts",
    "name": "accounts",
    "mail": "0" * 32,
    "number": "0",
    "id": "h-1",
}
GIVING: Final = "/items/{reference}/do/{command}"
"""Its refusals are in `test_access_matrix.py`, with a desk that answers."""
SENT: Final = {f"{PREFIX}/robots/items/{{reference}}/reject": {"reason": "cannot be read"}}
UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Way:
    """One method of one route."""

    method: str
    path: str
    dependant: Dependant

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def address(self) -> str:
        """The path, with something in place of each parameter."""
        return re.sub(r"{(\w+)}", lambda name: FILLED[name[1]], self.path)

    @property
    def query(self) -> dict[str, str]:
        """What has to be asked."""
        needed = (one for one in self.dependant.query_params if one.field_info.is_required())
        return dict.fromkeys((one.alias for one in needed), "0")

    @property
    def is_api(self) -> bool:
        """Whether programs ask it."""
        return self.path.startswith(PREFIX)


def ways(app: FastAPI) -> list[Way]:
    """Every method of every route, however routers are put into one another."""
    found = []
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, Mount):
            continue
        path, dependant = context.path, context.dependant
        assert path is not None
        assert dependant is not None, f"{path} is a route that asks for nobody"
        found += [Way(method, path, dependant) for method in sorted(context.methods or ())]
    return found


def asks_for_a_caller(dependant: Dependant) -> bool:
    """Whether the route cannot be had without somebody who is authenticated."""
    return dependant.call is authenticate or any(map(asks_for_a_caller, dependant.dependencies))


def scope_of(way: Way) -> Scope | None:
    """What a key needs to be for; None: no key gets anywhere."""
    last = way.path.rpartition("/")[2]
    if way.path in NO_KEYS or way.path.startswith("/audit"):
        return None
    if way.path in STARTING:
        return Scope.START
    if way.path in WORKING or way.path.startswith(f"{PREFIX}/robots/"):
        return Scope.WORK
    if way.path.startswith(f"{PREFIX}/hooks"):
        return Scope.HOOKS
    if way.method == "POST" and way.path.startswith(f"{PREFIX}/items/"):
        return COMMANDS[last][1]
    assert way.method == "GET", f"say here which scope {way} takes"
    return Scope.READ


@pytest.fixture
def there(web_engine: Engine) -> None:
    """One item of each kind, in a queue."""
    with GroupWriter(web_engine, "writer-1") as writer:
        put: Callable[[Publication], object] = writer.put
        write_all(
            put, make_publication(ticket()), make_publication(case()), make_publication(action())
        )


def invalid_credentials(engine: Engine) -> dict[str, dict[str, str]]:
    """What lets nobody in, by what it is: the headers of a request that comes with it."""
    for name in ("amy", "bob", "eva", "ida", "max"):
        add_account(engine, name, role=Role.OPERATOR, password=None)
    past = datetime.now(UTC) - timedelta(minutes=1)
    every = {"scopes": list(Scope), "queues": ["*"], "by": "root"}
    tokens = {name: sessions.begin(engine, name, way="link") for name in ("amy", "bob", "eva")}
    whole, made = api_keys.make(engine, "robot:one", lasts=None, **every)  # type: ignore[arg-type]
    api_keys.revoke(engine, made.id, by="root")
    over, ended = api_keys.make(engine, "robot:two", lasts=timedelta(1), **every)  # type: ignore[arg-type]
    with write_connection(engine) as connection:
        is_amys = session.c.digest == digest_of(tokens["amy"])
        is_bobs = session.c.digest == digest_of(tokens["bob"])
        connection.execute(update(session).where(is_amys).values(ends_at=past))
        idle = past - sessions.IDLE_TIMEOUT
        connection.execute(update(session).where(is_bobs).values(seen_at=idle))
        connection.execute(update(key).where(key.c.id == ended.id).values(ends_at=past))
    accounts.disable(engine, "eva", by="root")
    out = sessions.begin(engine, "ida", way="link")
    sessions.end(engine, out)
    good = sessions.begin(engine, "max", way="link")
    by_cookie = {
        f"a session that is {what}": token
        for what, token in (
            ("over", tokens["amy"]),
            ("idle", tokens["bob"]),
            ("of a disabled account", tokens["eva"]),
            ("signed out", out),
            ("none", "made up"),
            ("only its digest", digest_of(good)),
        )
    }
    by_key = {
        f"a key that is {what}": f"Bearer {given}"
        for what, given in (
            ("revoked", whole),
            ("over", over),
            ("none", "ck_aaaaaaaa_" + "a" * 43),
            ("another's id with other letters", f"ck_{made.id}_" + "a" * 43),
            ("no key at all", "x"),
            ("empty", ""),
            ("a session's token", good),
        )
    }
    return (
        {"nothing": {}, "a name and a password": {"authorization": "Basic YW15OmFteQ=="}}
        | {what: {"cookie": f"{SESSION_COOKIE}={token}"} for what, token in by_cookie.items()}
        | {what: {"authorization": bearer} for what, bearer in by_key.items()}
    )


def test_only_the_named_routes_are_public(app: FastAPI) -> None:
    assert {str(way) for way in ways(app) if not asks_for_a_caller(way.dependant)} == {
        str(way) for way in ways(app) if way.path in PUBLIC
    }
    assert {way.path for way in ways(app)} >= PUBLIC | ANYBODYS | STARTING | WORKING | NO_KEYS


def test_nothing_else_is_mounted(app: FastAPI) -> None:
    mounted = [one for one in app.routes if isinstance(one, Mount)]
    assert [one.path for one in mounted] == ["/static"]


@pytest.mark.usefixtures("there")
async def test_who_is_signed_out_expired_or_revoked_gets_nowhere(
    web_engine: Engine, app: FastAPI
) -> None:
    credentials = invalid_credentials(web_engine)
    tried = 0
    async with browser(app) as client:
        for way in ways(app):
            if way.path in PUBLIC:
                continue
            for what, headers in credentials.items():
                answer = await client.request(way.method, way.address, headers=headers)
                told = f"{way} by {what}: {answer.status_code}"
                if way.is_api:
                    assert answer.status_code == 401, told
                    assert answer.headers["www-authenticate"] == "Bearer", told
                else:
                    assert answer.status_code == 303, told
                    assert answer.headers["location"].startswith("/sign-in"), told
                tried += 1
    assert tried > 500


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("scope", list(Scope))
async def test_a_key_gets_nowhere_but_where_its_scope_is_for(
    web_engine: Engine, app: FastAPI, scope: Scope
) -> None:
    whole, _ = api_keys.make(
        web_engine, "robot:r", scopes=[scope], queues=["*"], by="root", lasts=None
    )
    await is_forbidden(
        app,
        whole,
        # who may look at the item is told on its page, which is the item's own answer
        lambda way: scope_of(way) is not scope and (way.path, scope) != (GIVING, Scope.READ),
    )


@pytest.mark.usefixtures("there")
async def test_a_key_with_every_scope_gets_nowhere_in_a_queue_that_is_not_its(
    web_engine: Engine, app: FastAPI
) -> None:
    whole, _ = api_keys.make(
        web_engine, "robot:r", scopes=list(Scope), queues=["returns"], by="root", lasts=None
    )
    of_a_queue = ("{reference}", "{queue}", "{name}")
    await is_forbidden(
        app,
        whole,
        lambda way: (
            any(part in way.path for part in of_a_queue)
            # where a robot has nothing to do there is nothing to take, in its own queues
            and way.path != f"{PREFIX}/robots/take"
        ),
    )


async def is_forbidden(app: FastAPI, whole: str, wanted: Callable[[Way], bool]) -> None:
    """Assert that the key is let in, and gets nowhere on the routes that are wanted."""
    tried = 0
    bearer = {"authorization": f"Bearer {whole}"}
    async with browser(app) as client:
        for way in ways(app):
            if way.path in PUBLIC | ANYBODYS or not wanted(way):
                continue
            answer = await client.request(
                way.method,
                way.address,
                params=way.query,
                headers=bearer,
                json=SENT.get(way.path, {}) if way.is_api and way.method in UNSAFE else None,
            )
            assert answer.status_code == 403, f"{way}: {answer.status_code} {answer.text[:300]}"
            tried += 1
    assert tried > 10
