"""Every route refuses callers without permission; new routes are covered automatically."""

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
"""Names of public routes: sign-in, and what describes the API."""
ANYBODYS: Final = frozenset({"/", "/sign-out", "/preferences", "/navigation"})
"""Names of routes for everybody who is signed in: they are about the caller alone."""
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
"""`test_permission_matrix.py` covers their refusals, on a stack that answers."""
SENT: Final = {f"{PREFIX}/robots/items/{{reference}}/reject": {"reason": "cannot be read"}}
UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one route."""

    method: str
    path: str
    dependant: Dependant

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def address(self) -> str:
        """Return the path with a value for each parameter."""
        return re.sub(r"{(\w+)}", lambda name: FILLED[name[1]], self.path)

    @property
    def query(self) -> dict[str, str]:
        """Return the required query parameters."""
        needed = (param for param in self.dependant.query_params if param.field_info.is_required())
        return dict.fromkeys((each.alias for each in needed), "0")

    @property
    def is_api(self) -> bool:
        """Return True if the route belongs to the API."""
        return self.path.startswith(PREFIX)


def all_routes(app: FastAPI) -> list[Route]:
    """Yield every method of every route of an application with nested routers."""
    collected = []
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, Mount):
            continue
        path, dependant = context.path, context.dependant
        assert path is not None
        assert dependant is not None, f"{path} is a route that asks for nobody"
        collected += [Route(method, path, dependant) for method in sorted(context.methods or ())]
    return collected


def asks_for_a_caller(dependant: Dependant) -> bool:
    """Return True if the route depends on a known caller."""
    return dependant.call is authenticate or any(map(asks_for_a_caller, dependant.dependencies))


def scope_of(route: Route) -> Scope | None:
    """Return the scope that a key needs, or None if no key is accepted."""
    last = route.path.rpartition("/")[2]
    if route.path in NO_KEYS or route.path.startswith("/audit"):
        return None
    if route.path in STARTING:
        return Scope.START
    if route.path in WORKING or route.path.startswith(f"{PREFIX}/robots/"):
        return Scope.WORK
    if route.path.startswith(f"{PREFIX}/hooks"):
        return Scope.HOOKS
    if route.method == "POST" and route.path.startswith(f"{PREFIX}/items/"):
        return COMMANDS[last][1]
    assert route.method == "GET", f"say here which scope {route} takes"
    return Scope.READ


@pytest.fixture
def stored_items(web_engine: Engine) -> None:
    """Store one item of each kind, in a queue."""
    with GroupWriter(web_engine, "writer-1") as writer:
        put: Callable[[Publication], object] = writer.put
        write_all(
            put, make_publication(ticket()), make_publication(case()), make_publication(action())
        )


def rejected_credentials(engine: Engine) -> dict[str, dict[str, str]]:
    """Return the headers of requests that must be refused, by the reason."""
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
        f"a session that is {reason}": token
        for reason, token in (
            ("over", tokens["amy"]),
            ("idle", tokens["bob"]),
            ("of a disabled account", tokens["eva"]),
            ("signed out", out),
            ("none", "made up"),
            ("only its digest", digest_of(good)),
        )
    }
    by_key = {
        f"a key that is {reason}": f"Bearer {key}"
        for reason, key in (
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
        | {reason: {"cookie": f"{SESSION_COOKIE}={token}"} for reason, token in by_cookie.items()}
        | {reason: {"authorization": bearer} for reason, bearer in by_key.items()}
    )


def test_only_the_named_routes_are_public(app: FastAPI) -> None:
    assert {str(route) for route in all_routes(app) if not asks_for_a_caller(route.dependant)} == {
        str(route) for route in all_routes(app) if route.path in PUBLIC
    }
    assert {
        route.path for route in all_routes(app)
    } >= PUBLIC | ANYBODYS | STARTING | WORKING | NO_KEYS


def test_nothing_else_is_mounted(app: FastAPI) -> None:
    mounted = [each for each in app.routes if isinstance(each, Mount)]
    assert [mount.path for mount in mounted] == ["/static"]


@pytest.mark.usefixtures("stored_items")
async def test_who_is_signed_out_expired_or_revoked_gets_nowhere(
    web_engine: Engine, app: FastAPI
) -> None:
    credentials = rejected_credentials(web_engine)
    tried = 0
    async with browser(app) as client:
        for route in all_routes(app):
            if route.path in PUBLIC:
                continue
            for reason, headers in credentials.items():
                answer = await client.request(route.method, route.address, headers=headers)
                problem = f"{route} by {reason}: {answer.status_code}"
                if route.is_api:
                    assert answer.status_code == 401, problem
                    assert answer.headers["www-authenticate"] == "Bearer", problem
                else:
                    assert answer.status_code == 303, problem
                    assert answer.headers["location"].startswith("/sign-in"), problem
                tried += 1
    assert tried > 500


@pytest.mark.usefixtures("stored_items")
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
        # the item's own answer says who may see the item
        lambda route: scope_of(route) is not scope and (route.path, scope) != (GIVING, Scope.READ),
    )


@pytest.mark.usefixtures("stored_items")
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
        lambda route: (
            any(part in route.path for part in of_a_queue)
            # where a robot has nothing to do there is nothing to take, in its own queues
            and route.path != f"{PREFIX}/robots/take"
        ),
    )


async def is_forbidden(app: FastAPI, whole: str, is_wanted: Callable[[Route], bool]) -> None:
    """Assert that the key is valid, and refused on the wanted routes."""
    tried = 0
    bearer = {"authorization": f"Bearer {whole}"}
    async with browser(app) as client:
        for route in all_routes(app):
            if route.path in PUBLIC | ANYBODYS or not is_wanted(route):
                continue
            answer = await client.request(
                route.method,
                route.address,
                params=route.query,
                headers=bearer,
                json=SENT.get(route.path, {}) if route.is_api and route.method in UNSAFE else None,
            )
            assert answer.status_code == 403, f"{route}: {answer.status_code} {answer.text[:300]}"
            tried += 1
    assert tried > 10
