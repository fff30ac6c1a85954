"""How a browser is let in: a new session, its cookie, and the way back to where it came from."""

import asyncio
import re
from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse

from auth import authentication, sessions
from store.auth.accounts import Account
from web.context import SESSION_COOKIE, House
from web.csrf import address_of

HOME: Final = "/"
_LOCAL: Final = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_LONGEST: Final = 2_000


def local(path: str | None) -> str:
    """The path, if it is one of ours; else where everybody begins."""
    if path and len(path) <= _LONGEST and _LOCAL.fullmatch(path):
        return path
    return HOME


def sign_in_at(path: str) -> str:
    """Where to sign in, and come back to this path."""
    back = local(path)
    return "/sign-in" if back == HOME else f"/sign-in?{urlencode({'next': back})}"


async def let_in(
    request: Request, house: House, account: Account, *, way: str, back: str
) -> RedirectResponse:
    """Begin a session, with a token that nobody knew before, and go on to where they wanted."""

    def begin() -> str:
        address = address_of(request)
        token = sessions.begin(
            house.engine,
            account.id,
            way=way,
            address=address,
            browser=request.headers.get("user-agent"),
            instead_of=request.cookies.get(SESSION_COOKIE),
        )
        authentication.note_sign_in(house.engine, account, way, address=address)
        return token

    token = await asyncio.to_thread(begin)
    answer = RedirectResponse(local(back), 303)
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(sessions.LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


async def let_out(request: Request, house: House, actor: str) -> RedirectResponse:
    """End the session."""

    def end() -> None:
        sessions.end(house.engine, request.cookies.get(SESSION_COOKIE, ""))
        authentication.note_sign_out(house.engine, actor, address=address_of(request))

    await asyncio.to_thread(end)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")
    return answer
