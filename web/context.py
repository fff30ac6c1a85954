"""State that routes share, and the authentication of their callers."""

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated, Final, Protocol, cast

from fastapi import Depends, Request
from sqlalchemy import Engine

from auth.callers import Caller
from catalog.loader import Catalog
from starter.client import CasekeepClient
from starter.settings import Settings
from web.change_feed import Broadcaster
from web.csrf import SAFE_METHODS, check_token, client_address

SESSION_COOKIE: Final = "casekeep"


class SignedOut(Exception):
    """The request has no session or API key, or one that is not valid any more."""


class CallerLookup(Protocol):
    """Lookup of callers by their credentials.

    Both methods query the database: call them in a thread.
    """

    def by_session(self, token: str) -> Caller | None:
        """Return the person of this session; None if it is unknown or has ended."""

    def by_key(self, key: str) -> Caller | None:
        """Return the robot or service of this key; None if it is unknown, revoked or expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """Objects that routes share, made once for a process."""

    client: CasekeepClient
    engine: Engine
    catalog: Catalog
    settings: Settings
    caller_lookup: CallerLookup
    broadcaster: Broadcaster


def get_context(request: Request) -> AppContext:
    """Return the context of the process."""
    return cast("AppContext", request.app.state.context)


async def authenticate(request: Request) -> Caller:
    """Return the caller: by `Authorization: Bearer KEY`, or by the session's cookie.

    An unsafe request with a cookie must have the session's CSRF token, too: in the header
    `X-CSRF-Token`, or in the form's field `csrf`.

    Raises:
        SignedOut: the request has no valid key or session.
        CrossSite: the CSRF token is missing or wrong.
    """
    lookup = get_context(request).caller_lookup
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme:
        is_key = scheme.lower() == "bearer"
        caller = await asyncio.to_thread(lookup.by_key, key.strip()) if is_key else None
    else:
        token = request.cookies.get(SESSION_COOKIE)
        caller = await asyncio.to_thread(lookup.by_session, token) if token else None
    if caller is None:
        raise SignedOut
    if not scheme and request.method not in SAFE_METHODS:
        await check_token(request, caller.csrf)
    return replace(caller, address=client_address(request))


Context = Annotated[AppContext, Depends(get_context)]
CallerDep = Annotated[Caller, Depends(authenticate)]
"""Caller of a route. Every route but those of signing in has this dependency; a test checks it."""
