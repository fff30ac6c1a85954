"""Signing in at an OpenID provider, and coming back from it."""

import asyncio
import logging
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from auth import authentication, oidc
from auth.authentication import SignInRefused
from auth.oidc import NotTheirs, Provider, ProviderFailed
from store.auth.shared_secrets import secret_named
from web.context import House, InHouse
from web.csrf import address_of
from web.sign_in.form import asked
from web.sign_in.session_cookie import HOME, let_in, local

LOG: Final = logging.getLogger("casekeep.web")
router: Final = APIRouter(include_in_schema=False)
BEGIN: Final = "/sign-in/oidc"
CALLBACK: Final = "/sign-in/oidc/callback"
COOKIE: Final = "casekeep_provider"
_SECRET: Final = "sign-in"  # noqa: S105 - its name
_MOST: Final = 4_000


@router.get(BEGIN)
async def begin(
    request: Request,
    house: InHouse,
    next: str = HOME,  # noqa: A002 - the field's name in addresses, as it is everywhere
) -> Response:
    """Go to the provider."""
    provider = oidc.provider_of(house.settings)
    if provider is None:
        return asked(request, house, status=404, problem="refused")
    try:
        there, pending = await provider.begin(callback=_callback(request), back=local(next))
    except ProviderFailed as problem:
        LOG.warning("signing in at the provider: %s", problem)
        return asked(request, house, back=next, status=502, problem="unreachable")
    secret = await asyncio.to_thread(secret_named, house.engine, _SECRET)
    answer = RedirectResponse(there, 303)
    answer.set_cookie(
        COOKIE,
        oidc.sealed(pending, secret),
        max_age=oidc.PENDING_FOR,
        path=BEGIN,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@router.get(CALLBACK)
async def come_back(
    request: Request,
    house: InHouse,
    *,
    code: str = "",
    state: str = "",
    error: str = "",
    iss: str | None = None,
) -> Response:
    """Come back from the provider, with a code that only we can turn into who it was."""
    provider = oidc.provider_of(house.settings)
    if provider is None:
        return asked(request, house, status=404, problem="refused")
    if error or not code or len(code) > _MOST:
        LOG.warning("signing in at the provider: it answers %r", error[:200])
        return _over(asked(request, house, status=401, problem="refused"))
    return _over(await _identified(request, house, provider, code=code, state=state, issuer=iss))


async def _identified(
    request: Request,
    house: House,
    provider: Provider,
    *,
    code: str,
    state: str,
    issuer: str | None,
) -> Response:
    secret = await asyncio.to_thread(secret_named, house.engine, _SECRET)
    address = address_of(request)
    try:
        pending = oidc.unsealed(request.cookies.get(COOKIE, ""), secret)
        who = await provider.finish(
            pending, callback=_callback(request), state=state, code=code, issuer=issuer
        )
    except NotTheirs as problem:
        await asyncio.to_thread(
            authentication.note_stranger, house.engine, "provider", str(problem), address=address
        )
        return asked(request, house, status=401, problem="refused")
    except ProviderFailed as problem:
        LOG.warning("signing in at the provider: %s", problem)
        return asked(request, house, status=502, problem="unreachable")
    try:
        found = await asyncio.to_thread(
            authentication.by_provider,
            house.engine,
            subject=who.subject,
            email=who.email,
            verified=who.is_verified,
            address=address,
        )
    except SignInRefused:
        return asked(request, house, status=403, problem="unknown")
    return await let_in(request, house, found, way="provider", back=pending.back)


def _callback(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{CALLBACK}"


def _over(answer: Response) -> Response:
    answer.delete_cookie(COOKIE, path=BEGIN, httponly=True, samesite="lax")
    return answer
