"""Signing in by password or by a link that works once, and signing out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from auth import authentication
from auth.authentication import SignInRefused, TooManyAttempts
from store.auth.sessions import digest_of, is_link
from web.context import SESSION_COOKIE, Calls, InHouse
from web.csrf import address_of
from web.pages.page_templates import plain_page
from web.sign_in import oidc
from web.sign_in.form import asked, too_many
from web.sign_in.session_cookie import HOME, let_in, let_out, local

router: Final = APIRouter(include_in_schema=False)
router.include_router(oidc.router)
PUBLIC: Final = frozenset({"/sign-in", "/sign-in/link/{token}", oidc.BEGIN, oidc.CALLBACK})
"""Routes that anybody may ask: they are how one gets in."""
_HASHING: Final = ThreadPoolExecutor(2, "signing-in")
"""Not the threads that others ask the database in: whoever tries passwords would use them up."""
_Word = Annotated[str, Form(max_length=1_000)]


@router.get("/sign-in")
async def sign_in_page(
    request: Request,
    house: InHouse,
    next: str = HOME,  # noqa: A002 - the field's name in addresses, as it is everywhere
) -> Response:
    """Ask for name and password; whoever is signed in goes on."""
    token = request.cookies.get(SESSION_COOKIE)
    if token and await asyncio.to_thread(house.doors.by_session, token) is not None:
        return RedirectResponse(local(next), 303)
    return asked(request, house, back=next)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    house: InHouse,
    name: _Word = "",
    password: _Word = "",
    next: _Word = HOME,  # noqa: A002 - as above
) -> Response:
    """Sign in by name and password."""
    address = address_of(request)
    try:
        found = await asyncio.get_running_loop().run_in_executor(
            _HASHING,
            partial(
                authentication.by_password, house.engine, name.strip(), password, address=address
            ),
        )
    except TooManyAttempts as refused:
        return too_many(request, house, refused, name=name, back=next)
    except SignInRefused:
        return asked(request, house, back=next, name=name, status=401, problem="wrong")
    return await let_in(request, house, found, way="password", back=next)


@router.get("/sign-in/link/{token}")
async def link_page(request: Request, house: InHouse, token: str) -> Response:
    """Ask whether to sign in by this link: programs that look at mails follow links, too."""
    if not await asyncio.to_thread(is_link, house.engine, digest_of(token)):
        return asked(request, house, status=410, problem="link_over")
    return plain_page(request, "link.html", token=token)


@router.post("/sign-in/link/{token}")
async def sign_in_by_link(request: Request, house: InHouse, token: str) -> Response:
    """Sign in by a link, which is used up by it."""
    address = address_of(request)
    try:
        found = await asyncio.to_thread(
            authentication.by_link, house.engine, token, address=address
        )
    except TooManyAttempts as refused:
        return too_many(request, house, refused)
    except SignInRefused:
        return asked(request, house, status=410, problem="link_over")
    return await let_in(request, house, found, way="link", back=HOME)


@router.post("/sign-out")
async def sign_out(request: Request, house: InHouse, caller: Calls) -> Response:
    """Sign out: the session is over, here and for whoever copied its cookie."""
    return await let_out(request, house, caller.actor)
