"""Protection against cross-site requests (CSRF), and a client's address."""

import hmac
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM_TYPES: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
TOKEN_HEADER: Final = "x-csrf-token"  # noqa: S105 - a name
TOKEN_FIELD: Final = "csrf"  # noqa: S105 - as above


class CrossSite(Exception):
    """An unsafe request without proof that one of our own pages sent it."""


def client_address(request: Request) -> str:
    """Return the client's IP address; for IPv6 its /64 network, as a host may use all of it."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return host[:100]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return host


def check_origin(headers: Headers) -> None:
    """Raise CrossSite unless the browser's headers name our own origin."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        if site in {"same-origin", "none"}:
            return
        raise CrossSite(f"the request comes from another site ({site[:20]}): use our own pages")
    origin = headers.get("origin")
    if origin is None:
        raise CrossSite(
            "the request names no Origin: sign in with a browser, or use a key and the API"
        )
    if urlsplit(origin).netloc.casefold() != headers.get("host", "").casefold():
        raise CrossSite("the request comes from another origin: use our own pages")


async def check_token(request: Request, token: str) -> None:
    """Raise CrossSite unless the request has the session's CSRF token."""
    sent: object = request.headers.get(TOKEN_HEADER)
    if sent is None and request.headers.get("content-type", "").startswith(_FORM_TYPES):
        sent = (await request.form()).get(TOKEN_FIELD)
    if not isinstance(sent, str) or not token or not _is_same(sent, token):
        raise CrossSite("the page is from another session: load it again, and do it once more")


def _is_same(sent: str, token: str) -> bool:
    return hmac.compare_digest(sent.encode("utf-8", "replace"), token.encode())
