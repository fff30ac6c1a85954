"""Session cookie: begin and end a browser's session, and redirect to a local path."""

import asyncio
import re
from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse

from auth import authentication, sessions
from store.auth.accounts import Account
from web.context import SESSION_COOKIE, AppContext
from web.csrf import client_address

HOME: Final = "/"
_LOCAL: Final = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_MAX_PATH_LENGTH: Final = 2_000


def local_path(path: str | None) -> str:
    """Return the path if it is a path of this desk, else the home page (no open redirect)."""
    if path and len(path) <= _MAX_PATH_LENGTH and _LOCAL.fullmatch(path):
        return path
    return HOME


def sign_in_url(path: str) -> str:
    """Return the URL of the sign-in form that leads back to this path."""
    path = local_path(path)
    return "/sign-in" if path == HOME else f"/sign-in?{urlencode({'next': path})}"


async def begin_session(
    request: Request, context: AppContext, account: Account, *, way: str, return_path: str
) -> RedirectResponse:
    """Begin a session with a new token, and redirect to the path (no session fixation)."""

    def begin() -> str:
        address = client_address(request)
        token = sessions.begin(
            context.engine,
            account.id,
            way=way,
            address=address,
            browser=request.headers.get("user-agent"),
            instead_of=request.cookies.get(SESSION_COOKIE),
        )
        authentication.note_sign_in(context.engine, account, way, address=address)
        return token

    token = await asyncio.to_thread(begin)
    response = RedirectResponse(local_path(return_path), 303)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(sessions.LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


async def end_session(request: Request, context: AppContext, actor: str) -> RedirectResponse:
    """End the session, and redirect to the sign-in form."""

    def end() -> None:
        sessions.end(context.engine, request.cookies.get(SESSION_COOKIE, ""))
        authentication.note_sign_out(context.engine, actor, address=client_address(request))

    await asyncio.to_thread(end)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")
    return response
