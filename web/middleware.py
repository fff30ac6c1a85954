"""Security middleware: headers on every response, and no unsafe request from another site."""

from collections.abc import MutableMapping
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.csrf import SAFE_METHODS, CrossSite, check_origin
from web.error_handlers import cross_site_response, internal_error_response

STATIC: Final = "/static/"
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityMiddleware:
    """Adds the security headers, refuses cross-site requests, and answers unexpected errors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        has_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                _add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] not in SAFE_METHODS and "authorization" not in headers:
            try:
                check_origin(headers)
            except CrossSite as error:
                response = cross_site_response(Request(scope), error)
                await response(scope, receive, send_with_headers)
                return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            if not has_started:
                response = internal_error_response(Request(scope))
                await response(scope, receive, send_with_headers)
            raise


def _add_headers(scope: MutableMapping[str, Any], headers: MutableHeaders) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if scope.get("scheme") == "https":
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if not str(scope.get("path", "")).startswith(STATIC):
        headers.setdefault("Cache-Control", "no-store")
