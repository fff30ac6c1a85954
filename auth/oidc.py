"""Signing in at an OpenID provider: authorization code with PKCE, state and nonce."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, OctKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from starter.settings import Settings

PENDING_FOR: Final = 600
"""Seconds in which somebody has to come back from the provider."""
_TIMEOUT: Final = 10.0
_KNOWN_FOR: Final = 3_600
"""Seconds for which what the provider says of itself is believed."""
_ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures of a key that only the provider has: none, and none by a secret that we share."""
_OURS: Final = ["HS256"]
_LEEWAY: Final = 60
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class ProviderFailed(Exception):
    """The provider cannot be reached, or does not say what it should."""


class NotTheirs(Exception):
    """What came back is no answer to what this browser asked for, or is not the provider's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the provider says somebody is."""

    subject: str
    """Its issuer, a space, and who they are there: unique among all providers."""
    email: str | None
    is_verified: bool
    """Whether the provider verified that the mail address is theirs."""


class Pending(BaseModel):
    """What a browser keeps while its user is at the provider."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: str
    nonce: str
    verifier: str
    back: str


class _Metadata(BaseModel):
    """What we use of OpenID Connect Discovery 1.0, section 3."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: Annotated[list[str], Field(min_length=1)]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class Provider:
    """An OpenID provider, and us as a client of it."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._metadata: _Metadata | None = None
        self._keys: KeySet | None = None
        self._known_until = 0.0

    async def begin(self, *, callback: str, back: str) -> tuple[str, Pending]:
        """Where to send the browser, and what it keeps meanwhile; raises ProviderFailed."""
        async with _client() as client:
            known = await self._known(client)
        pending = Pending(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            back=back,
        )
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": callback,
            "scope": "openid email profile",
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": _challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in known.authorization_endpoint else "?"
        return f"{known.authorization_endpoint}{joint}{urlencode(asked)}", pending

    async def finish(
        self, pending: Pending, *, callback: str, state: str, code: str, issuer: str | None = None
    ) -> Identity:
        """Who came back, by the code that they brought; raises NotTheirs or ProviderFailed.

        `issuer`: who the answer says it is of (RFC 9207), if it does.
        """
        if not hmac.compare_digest(state.encode(), pending.state.encode()):
            raise NotTheirs("the state is not the one that this browser was given")
        async with _client() as client:
            known = await self._known(client)
            if issuer is not None and issuer != known.issuer:
                raise NotTheirs(f"the answer is of the issuer {issuer[:200]}")
            tokens = await self._tokens(client, known, pending, callback=callback, code=code)
            claims = await self._verified(client, known, tokens.get("id_token"), pending.nonce)
            if "email" not in claims and known.userinfo_endpoint is not None:
                claims |= await _userinfo(client, known.userinfo_endpoint, tokens, claims["sub"])
        email = claims.get("email")
        return Identity(
            subject=f"{known.issuer} {claims['sub']}",
            email=email if isinstance(email, str) else None,
            is_verified=claims.get("email_verified") is True,
        )

    async def _known(self, client: httpx.AsyncClient) -> _Metadata:
        if self._metadata is not None and time.monotonic() < self._known_until:
            return self._metadata
        address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        said = await _json(client, "GET", address)
        try:
            known = _Metadata.model_validate(said)
        except ValidationError as error:
            raise ProviderFailed(f"{address} lacks what OpenID Discovery asks for") from error
        if known.issuer != self._issuer:
            raise ProviderFailed(f"{address} is of the issuer {known.issuer}, not of ours")
        for endpoint in (known.authorization_endpoint, known.token_endpoint, known.jwks_uri):
            _check_safe(endpoint)
        self._keys = await _keys(client, known)
        self._metadata, self._known_until = known, time.monotonic() + _KNOWN_FOR
        return known

    async def _tokens(
        self,
        client: httpx.AsyncClient,
        known: _Metadata,
        pending: Pending,
        *,
        callback: str,
        code: str,
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": pending.verifier,
        }
        auth = None
        if self._client_secret is None:
            form["client_id"] = self._client_id
        elif "client_secret_basic" in known.token_endpoint_auth_methods_supported:
            auth = httpx.BasicAuth(self._client_id, self._client_secret)
        else:
            form |= {"client_id": self._client_id, "client_secret": self._client_secret}
        return await _json(client, "POST", known.token_endpoint, data=form, auth=auth)

    async def _verified(
        self, client: httpx.AsyncClient, known: _Metadata, token: object, nonce: str
    ) -> dict[str, Any]:
        """OpenID Connect Core 1.0, section 3.1.3.7."""
        if not isinstance(token, str) or self._keys is None:
            raise ProviderFailed("the provider answered without an ID token")
        allowed = sorted(_ALGORITHMS & set(known.id_token_signing_alg_values_supported))
        try:
            try:
                read = jwt.decode(token, self._keys, allowed)
            except InvalidKeyIdError:
                # its keys change now and then
                self._keys = await _keys(client, known)
                read = jwt.decode(token, self._keys, allowed)
            _registry(known.issuer, self._client_id, nonce).validate(read.claims)
        except (JoseError, ValueError) as error:
            raise NotTheirs(f"the ID token is not good: {error}") from error
        claims = dict(read.claims)
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and "azp" not in claims:
            raise NotTheirs("the ID token is for several, and does not say for whom it was made")
        if claims.get("azp", self._client_id) != self._client_id:
            raise NotTheirs("the ID token was made for another client")
        return claims


@cache
def provider_of(settings: Settings) -> Provider | None:
    """The provider that the settings name; None: there is none."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = settings.oidc_client_secret
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        None if secret is None else secret.get_secret_value(),
    )


def sealed(pending: Pending, secret: bytes) -> str:
    """What a browser keeps while its user is at the provider, so that it can change nothing."""
    claims = pending.model_dump() | {"exp": int(time.time()) + PENDING_FOR}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret), _OURS)


def unsealed(kept: str, secret: bytes) -> Pending:
    """What `sealed` made, while it is good; raises NotTheirs."""
    try:
        read = jwt.decode(kept, OctKey.import_key(secret), _OURS)
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(read.claims)
        return Pending.model_validate(read.claims)
    except (JoseError, ValueError) as error:
        raise NotTheirs("this browser began no sign-in of late: begin again") from error


def _registry(issuer: str, client_id: str, nonce: str) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        leeway=_LEEWAY,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )


def _challenge(verifier: str) -> str:
    """RFC 7636, section 4.2."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)


async def _keys(client: httpx.AsyncClient, known: _Metadata) -> KeySet:
    try:
        return KeySet.import_key_set(await _json(client, "GET", known.jwks_uri))  # type: ignore[arg-type]
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise ProviderFailed(f"{known.jwks_uri} has no keys that can be read") from error


async def _userinfo(
    client: httpx.AsyncClient, endpoint: str, tokens: Mapping[str, Any], subject: str
) -> dict[str, Any]:
    """OpenID Connect Core 1.0, section 5.3.2: only what is of the same subject counts."""
    _check_safe(endpoint)
    bearer = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
    said = await _json(client, "GET", endpoint, headers=bearer)
    if said.get("sub") != subject:
        raise NotTheirs("the provider tells of somebody else than it signed in")
    return {name: said[name] for name in ("email", "email_verified") if name in said}


async def _json(
    client: httpx.AsyncClient,
    method: str,
    address: str,
    **given: Any,  # noqa: ANN401 - httpx's own
) -> dict[str, Any]:
    _check_safe(address)
    try:
        answer = await client.request(method, address, **given)
        answer.raise_for_status()
        said = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderFailed(f"{method} {address}: {error}") from error
    if not isinstance(said, dict):
        raise ProviderFailed(f"{method} {address}: answers no JSON object")
    return said


def _check_safe(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ProviderFailed(f"{address[:200]}: is not https, which anybody on the way can change")
