"""Sign-in at an OpenID provider: the redirect to it, and the callback from it."""

import asyncio
import logging
from functools import cache
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from auth import authentication, oidc
from auth.authentication import SignInRefused
from auth.oidc import AnswerRejected, Provider, ProviderFailed
from starter.settings import Settings
from store.auth.shared_secrets import get_secret
from web.context import AppContext, Context
from web.csrf import client_address
from web.sign_in.form import sign_in_form
from web.sign_in.session_cookie import HOME, begin_session, local_path

LOG: Final = logging.getLogger("casekeep.web")
router: Final = APIRouter(include_in_schema=False)
BEGIN: Final = "/sign-in/oidc"
CALLBACK: Final = "/sign-in/oidc/callback"
COOKIE: Final = "casekeep_provider"
_SECRET_NAME: Final = "sign-in"  # noqa: S105 - the name, not the secret
_MAX_CODE_LENGTH: Final = 4_000


@router.get(BEGIN)
async def begin(
    request: Request,
    context: Context,
    next: str = HOME,  # noqa: A002 - the field's name in addresses, as it is everywhere
) -> Response:
    """Redirect the browser to the provider."""
    provider = _provider(context.settings)
    if provider is None:
        return sign_in_form(request, context, status=404, problem="refused")
    try:
        url, pending = await provider.begin(
            callback=_callback_url(request), return_path=local_path(next)
        )
    except ProviderFailed as error:
        LOG.warning("OpenID provider failed: %s", error)
        return sign_in_form(request, context, return_path=next, status=502, problem="unreachable")
    secret = await asyncio.to_thread(get_secret, context.engine, _SECRET_NAME)
    response = RedirectResponse(url, 303)
    response.set_cookie(
        COOKIE,
        oidc.sign_pending(pending, secret),
        max_age=oidc.PENDING_LIFETIME,
        path=BEGIN,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.get(CALLBACK)
async def callback(
    request: Request,
    context: Context,
    *,
    code: str = "",
    state: str = "",
    error: str = "",
    iss: str | None = None,
) -> Response:
    """Sign in by the code that the provider gave to the browser."""
    provider = _provider(context.settings)
    if provider is None:
        return sign_in_form(request, context, status=404, problem="refused")
    if error or not code or len(code) > _MAX_CODE_LENGTH:
        LOG.warning("OpenID provider signed nobody in: error %r", error[:200])
        response = sign_in_form(request, context, status=401, problem="refused")
    else:
        response = await _sign_in(request, context, provider, code=code, state=state, issuer=iss)
    response.delete_cookie(COOKIE, path=BEGIN, httponly=True, samesite="lax")
    return response


async def _sign_in(
    request: Request,
    context: AppContext,
    provider: Provider,
    *,
    code: str,
    state: str,
    issuer: str | None,
) -> Response:
    secret = await asyncio.to_thread(get_secret, context.engine, _SECRET_NAME)
    address = client_address(request)
    try:
        pending = oidc.verify_pending(request.cookies.get(COOKIE, ""), secret)
        identity = await provider.finish(
            pending, callback=_callback_url(request), state=state, code=code, issuer=issuer
        )
    except AnswerRejected as error:
        await asyncio.to_thread(
            authentication.note_unknown_failure,
            context.engine,
            "provider",
            str(error),
            address=address,
        )
        return sign_in_form(request, context, status=401, problem="refused")
    except ProviderFailed as error:
        LOG.warning("OpenID provider failed: %s", error)
        return sign_in_form(request, context, status=502, problem="unreachable")
    try:
        account = await asyncio.to_thread(
            authentication.by_provider,
            context.engine,
            subject=identity.subject,
            email=identity.email,
            verified=identity.is_email_verified,
            address=address,
        )
    except SignInRefused:
        return sign_in_form(request, context, status=403, problem="unknown")
    return await begin_session(
        request, context, account, way="provider", return_path=pending.return_path
    )


@cache
def _provider(settings: Settings) -> Provider | None:
    # cached: the provider's metadata and keys are, too
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = settings.oidc_client_secret
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        None if secret is None else secret.get_secret_value(),
    )


def _callback_url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{CALLBACK}"
