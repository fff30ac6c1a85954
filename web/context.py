"""What every route works with: the desk, the store, the catalog, the doors and what is live."""

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated, Final, Protocol, cast

from fastapi import Depends, Request
from sqlalchemy import Engine

from auth.callers import Caller
from catalog.loader import Catalog
from starter.client import Desk
from starter.settings import Settings
from web.change_feed import Hub
from web.csrf import SAFE, address_of, check_token

SESSION_COOKIE: Final = "casekeep"


class SignedOut(Exception):
    """Nobody is signed in, or what they came by is not good any more."""


class Doors(Protocol):
    """Who comes in by what; both ask the database, and so are called in a thread."""

    def by_session(self, token: str) -> Caller | None:
        """The person whose session this is; None if it is not, or not any more."""

    def by_key(self, key: str) -> Caller | None:
        """The robot or service whose key this is; None if it is revoked, expired or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The parts that routes share, made once for a process."""

    desk: Desk
    engine: Engine
    catalog: Catalog
    settings: Settings
    doors: Doors
    hub: Hub


def house_of(request: Request) -> House:
    """The process's house."""
    return cast("House", request.app.state.house)


async def caller_of(request: Request) -> Caller:
    """Who asks, as the doors know them: by `Authorization: Bearer KEY`, or by a session's cookie.

    A request that changes something and comes by a cookie carries the session's own token, too:
    in the header `X-CSRF-Token`, or in the form's field `csrf`.

    Raises:
        SignedOut: nobody the doors know.
        CrossSite: no page of this session made the request.
    """
    doors = house_of(request).doors
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme:
        is_key = scheme.lower() == "bearer"
        caller = await asyncio.to_thread(doors.by_key, key.strip()) if is_key else None
    else:
        token = request.cookies.get(SESSION_COOKIE)
        caller = await asyncio.to_thread(doors.by_session, token) if token else None
    if caller is None:
        raise SignedOut
    if not scheme and request.method not in SAFE:
        await check_token(request, caller.csrf)
    return replace(caller, address=address_of(request))


InHouse = Annotated[House, Depends(house_of)]
Calls = Annotated[Caller, Depends(caller_of)]
"""Every route but those of signing in has one: the test of routes sees to it."""
