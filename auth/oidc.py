"""OpenID Connect client: sign-in by authorization code with PKCE, state and nonce, on Authlib."""

import hmac
import secrets
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, OctKey
from pydantic import BaseModel, ConfigDict

with warnings.catch_warnings():
    # Authlib takes httpx2 if it is installed, else httpx with a warning (docs/adr/0020)
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from authlib.integrations.httpx_client._compat import httpx2 as http

PENDING_LIFETIME: Final = 600
"""Seconds between the redirect to the provider and the last moment to come back."""
_REQUEST_TIMEOUT: Final = 10.0
_METADATA_LIFETIME: Final = 3_600
_CLOCK_LEEWAY: Final = 60
# asymmetric signatures only: `none` proves nothing, and an HMAC key is shared with us
_ID_TOKEN_ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
_COOKIE_ALGORITHMS: Final = ("HS256",)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_REQUIRED_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderFailed(Exception):
    """The provider does not answer, or its answer cannot be used."""


class AnswerRejected(Exception):
    """The callback or the ID token is not the provider's answer to this browser's request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Person as identified by the provider."""

    subject: str
    """Issuer, a space, and the `sub` claim: unique among all providers."""
    email: str | None
    is_email_verified: bool


class PendingSignIn(BaseModel):
    """Sign-in that waits for the callback; the browser keeps it in a signed cookie."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: str
    nonce: str
    verifier: str
    return_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Discovery:
    """Metadata and keys of the provider."""

    metadata: OpenIDProviderMetadata
    algorithms: tuple[str, ...]
    keys: KeySet
    expires_at: float


class Provider:
    """OpenID provider, and the desk as its client."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._discovery: _Discovery | None = None

    async def begin(self, *, callback: str, return_path: str) -> tuple[str, PendingSignIn]:
        """Return the URL to send the browser to, and the sign-in that it starts.

        Raises:
            ProviderFailed: the provider's metadata cannot be read.
        """
        pending = PendingSignIn(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            return_path=return_path,
        )
        async with self._client(callback) as client:
            discovery = await self._discover(client)
            url, _ = client.create_authorization_url(
                discovery.metadata["authorization_endpoint"],
                state=pending.state,
                code_verifier=pending.verifier,
                nonce=pending.nonce,
            )
        return url, pending

    async def finish(
        self,
        pending: PendingSignIn,
        *,
        callback: str,
        state: str,
        code: str,
        issuer: str | None = None,
    ) -> Identity:
        """Exchange the code of the callback for the identity of the person.

        `issuer` is the `iss` parameter of the callback (RFC 9207).

        Raises:
            AnswerRejected: state, issuer or ID token is wrong.
            ProviderFailed: the provider does not answer as it must.
        """
        if not hmac.compare_digest(state.encode(), pending.state.encode()):
            raise AnswerRejected("the state is not the one that this browser was given")
        async with self._client(callback) as client:
            discovery = await self._discover(client)
            _check_issuer(issuer, discovery.metadata)
            token = await self._fetch_token(client, discovery, code, pending.verifier)
            claims = await self._verify_id_token(client, discovery, token, pending.nonce)
            endpoint = discovery.metadata.get("userinfo_endpoint")
            if "email" not in claims and endpoint is not None:
                claims |= await _fetch_email(client, endpoint, claims["sub"])
        email = claims.get("email")
        return Identity(
            subject=f"{self._issuer} {claims['sub']}",
            email=email if isinstance(email, str) else None,
            is_email_verified=claims.get("email_verified") is True,
        )

    def _client(self, callback: str) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self._client_id,
            client_secret=self._client_secret,
            redirect_uri=callback,
            scope="openid email profile",
            code_challenge_method="S256",
            # the access token is used immediately: any lifetime is long enough
            leeway=0,
            timeout=_REQUEST_TIMEOUT,
            follow_redirects=False,
            event_hooks={"request": [_check_request], "response": [_check_response]},
        )

    async def _discover(self, client: AsyncOAuth2Client) -> _Discovery:
        if self._discovery is None or time.monotonic() >= self._discovery.expires_at:
            self._discovery = await self._fetch_discovery(client)
        return self._discovery

    async def _fetch_discovery(self, client: AsyncOAuth2Client) -> _Discovery:
        url = get_well_known_url(self._issuer, external=True)
        metadata = OpenIDProviderMetadata(await _fetch_object(client, url))
        with _failures_of(url):
            # not `validate()`: it asks for fields that nothing here reads
            metadata.validate_issuer()
            metadata.validate_authorization_endpoint()
            metadata.validate_token_endpoint()
            metadata.validate_jwks_uri()
            metadata.validate_token_endpoint_auth_methods_supported()
            for name in _REQUIRED_ENDPOINTS:
                _check_transport(metadata[name])
            offered = metadata["id_token_signing_alg_values_supported"]
            algorithms = tuple(name for name in _ID_TOKEN_ALGORITHMS if name in offered)
        if metadata["issuer"] != self._issuer:
            raise ProviderFailed(
                f"{url}: the issuer is {metadata['issuer']}, not the configured {self._issuer}"
            )
        if not algorithms:
            # joserfc takes an empty list for its own default, which has HS256
            raise ProviderFailed(f"{url}: ID tokens are signed by none of {_ID_TOKEN_ALGORITHMS}")
        return _Discovery(
            metadata=metadata,
            algorithms=algorithms,
            keys=await _fetch_keys(client, metadata["jwks_uri"]),
            expires_at=time.monotonic() + _METADATA_LIFETIME,
        )

    async def _fetch_token(
        self, client: AsyncOAuth2Client, discovery: _Discovery, code: str, verifier: str
    ) -> dict[str, Any]:
        endpoint = discovery.metadata["token_endpoint"]
        methods = discovery.metadata.token_endpoint_auth_methods_supported
        if self._client_secret is None:
            method = "none"
        elif "client_secret_basic" in methods:
            method = "client_secret_basic"
        else:
            method = "client_secret_post"
        with _failures_of(endpoint):
            token: dict[str, Any] = await client.fetch_token(
                endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                auth=client.client_auth(method),
            )
        return token

    async def _verify_id_token(
        self,
        client: AsyncOAuth2Client,
        discovery: _Discovery,
        token: dict[str, Any],
        nonce: str,
    ) -> dict[str, Any]:
        """Return the claims of the ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise ProviderFailed(f"{discovery.metadata['token_endpoint']}: answers no ID token")
        try:
            try:
                verified = jwt.decode(id_token, discovery.keys, discovery.algorithms)
            except InvalidKeyIdError:
                # the provider rotates its keys
                keys = await _fetch_keys(client, discovery.metadata["jwks_uri"])
                self._discovery = replace(discovery, keys=keys)
                verified = jwt.decode(id_token, keys, discovery.algorithms)
            claims = CodeIDToken(
                verified.claims,
                verified.header,
                options={
                    "iss": {"essential": True, "value": self._issuer},
                    "sub": {"essential": True},
                    "aud": {"essential": True, "value": self._client_id},
                    "azp": {"value": self._client_id},
                },
                params={
                    "nonce": nonce,
                    "client_id": self._client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=_CLOCK_LEEWAY)
        except (JoseError, TypeError, ValueError) as error:
            raise AnswerRejected(f"the ID token is invalid: {error}") from error
        return dict(claims)


def sign_pending(pending: PendingSignIn, secret: bytes) -> str:
    """Return the cookie of a pending sign-in: signed, and valid for `PENDING_LIFETIME`."""
    claims = pending.model_dump() | {"exp": int(time.time()) + PENDING_LIFETIME}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret), _COOKIE_ALGORITHMS)


def verify_pending(cookie: str, secret: bytes) -> PendingSignIn:
    """Return the pending sign-in of a cookie made by `sign_pending`; raises AnswerRejected."""
    try:
        verified = jwt.decode(cookie, OctKey.import_key(secret), _COOKIE_ALGORITHMS)
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(verified.claims)
        return PendingSignIn.model_validate(verified.claims)
    except (JoseError, ValueError) as error:
        raise AnswerRejected("this browser has no sign-in pending: sign in again") from error


def _check_issuer(issuer: str | None, metadata: OpenIDProviderMetadata) -> None:
    """Raise AnswerRejected for the answer of another provider (RFC 9207, section 2.4)."""
    if issuer is None:
        if metadata.get("authorization_response_iss_parameter_supported") is True:
            raise AnswerRejected("the answer names no issuer, which this provider always does")
    elif issuer != metadata["issuer"]:
        raise AnswerRejected(f"the answer is of the issuer {issuer[:200]}")


async def _fetch_keys(client: AsyncOAuth2Client, url: str) -> KeySet:
    document = await _fetch_object(client, url)
    with _failures_of(url):
        return KeySet.import_key_set(document)  # type: ignore[arg-type]


async def _fetch_email(client: AsyncOAuth2Client, endpoint: str, subject: str) -> dict[str, Any]:
    """Return `email` and `email_verified` of the userinfo endpoint, of the same subject only.

    OpenID Connect Core 1.0, section 5.3.2.
    """
    claims = await _fetch_object(client, endpoint, withhold_token=False)
    if claims.get("sub") != subject:
        raise AnswerRejected("the userinfo is of another subject than the ID token")
    return {name: claims[name] for name in ("email", "email_verified") if name in claims}


async def _fetch_object(
    client: AsyncOAuth2Client, url: str, *, withhold_token: bool = True
) -> dict[str, Any]:
    with _failures_of(url):
        response = await client.request("GET", url, withhold_token=withhold_token)
        document = response.json()
    if not isinstance(document, dict):
        raise ProviderFailed(f"{url}: answers no JSON object")
    return document


@contextmanager
def _failures_of(url: str) -> Iterator[None]:
    """Turn the errors of a request, and of reading its answer, into ProviderFailed."""
    try:
        yield
    # AttributeError, KeyError, TypeError: Authlib does not check the types of what it reads
    except (
        AuthlibBaseError,
        AttributeError,
        JoseError,
        KeyError,
        TypeError,
        ValueError,
        http.HTTPError,
        http.InvalidURL,
    ) as error:
        raise ProviderFailed(f"{url}: {type(error).__name__}: {error}") from error


async def _check_request(request: http.Request) -> None:
    _check_transport(str(request.url))


async def _check_response(response: http.Response) -> None:
    # raises for a redirect, too: Authlib would take its body for an answer
    response.raise_for_status()


def _check_transport(url: str) -> None:
    # not Authlib's `is_secure_transport`, which an environment variable switches off
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ProviderFailed(f"{url[:200]}: is not https, so anybody on the network can change it")
