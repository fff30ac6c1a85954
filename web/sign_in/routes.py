"""Routes of sign-in by password or by a link that works once, and of sign-out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from auth import authentication
from auth.authentication import SignInRefused, TooManyAttempts
from store.auth.sessions import digest_of, is_link_usable
from web.context import SESSION_COOKIE, CallerDep, Context
from web.csrf import client_address
from web.pages.page_templates import render_public_page
from web.sign_in import oidc
from web.sign_in.form import sign_in_form, too_many_attempts
from web.sign_in.session_cookie import HOME, begin_session, end_session, local_path

router: Final = APIRouter(include_in_schema=False)
router.include_router(oidc.router)
PUBLIC: Final = frozenset({"/sign-in", "/sign-in/link/{token}", oidc.BEGIN, oidc.CALLBACK})
"""Routes without authentication."""
# not the threads of database requests: guessing of passwords would use them up
_HASHING: Final = ThreadPoolExecutor(2, "signing-in")
_Field = Annotated[str, Form(max_length=1_000)]


@router.get("/sign-in")
async def sign_in_page(
    request: Request,
    context: Context,
    next: str = HOME,  # noqa: A002 - the field's name in addresses, as it is everywhere
) -> Response:
    """Show the sign-in form; redirect a browser that is signed in."""
    token = request.cookies.get(SESSION_COOKIE)
    if token and await asyncio.to_thread(context.caller_lookup.by_session, token) is not None:
        return RedirectResponse(local_path(next), 303)
    return sign_in_form(request, context, return_path=next)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    context: Context,
    name: _Field = "",
    password: _Field = "",
    next: _Field = HOME,  # noqa: A002 - as above
) -> Response:
    """Sign in by name and password."""
    address = client_address(request)
    try:
        account = await asyncio.get_running_loop().run_in_executor(
            _HASHING,
            partial(
                authentication.by_password, context.engine, name.strip(), password, address=address
            ),
        )
    except TooManyAttempts as error:
        return too_many_attempts(request, context, error, name=name, return_path=next)
    except SignInRefused:
        return sign_in_form(
            request, context, return_path=next, name=name, status=401, problem="wrong"
        )
    return await begin_session(request, context, account, way="password", return_path=next)


@router.get("/sign-in/link/{token}")
async def link_page(request: Request, context: Context, token: str) -> Response:
    """Ask for a click: mail scanners follow links by GET, so only the POST signs in."""
    if not await asyncio.to_thread(is_link_usable, context.engine, digest_of(token)):
        return sign_in_form(request, context, status=410, problem="link_over")
    return render_public_page(request, "link.html", token=token)


@router.post("/sign-in/link/{token}")
async def sign_in_by_link(request: Request, context: Context, token: str) -> Response:
    """Sign in by a link, which works once."""
    address = client_address(request)
    try:
        account = await asyncio.to_thread(
            authentication.by_link, context.engine, token, address=address
        )
    except TooManyAttempts as error:
        return too_many_attempts(request, context, error)
    except SignInRefused:
        return sign_in_form(request, context, status=410, problem="link_over")
    return await begin_session(request, context, account, way="link", return_path=HOME)


@router.post("/sign-out")
async def sign_out(request: Request, context: Context, caller: CallerDep) -> Response:
    """Sign out; copies of the cookie become invalid, too."""
    return await end_session(request, context, caller.actor)
