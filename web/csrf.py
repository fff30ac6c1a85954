"""Where requests come from: our own pages or others' (CSRF), and from which address."""

import hmac
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
TOKEN_HEADER: Final = "x-csrf-token"  # noqa: S105 - a name
TOKEN_FIELD: Final = "csrf"  # noqa: S105 - as above


class CrossSite(Exception):
    """The request changes something, and does not show that a page of ours made it."""


def address_of(request: Request) -> str:
    """Where a request is from; of IPv6 the network, in which one may have any address."""
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
    """Raise CrossSite unless the browser says that the request is from our own origin."""
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
    """Raise CrossSite unless the request carries what the session's own pages carry."""
    given: object = request.headers.get(TOKEN_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(_FORMS):
        given = (await request.form()).get(TOKEN_FIELD)
    if not isinstance(given, str) or not token or not _is_same(given, token):
        raise CrossSite("the page is from another session: load it again, and do it once more")


def _is_same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
