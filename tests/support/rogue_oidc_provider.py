"""OpenID provider whose responses a test chooses, signed or not."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey


@cache
def signing_key(name: str) -> RSAKey:
    """Return the key of this name; cached, because generation is slow."""
    return RSAKey.generate_key(2048, {"kid": name})


@dataclass
class RogueProvider:
    """Responses of the provider, and the requests that it received."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: signing_key("one"))
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    token: str | None = None
    """ID token; None: one is made of the claims."""
    tokens: dict[str, Any] = field(default_factory=dict)
    """Further fields of the token endpoint's response."""
    statuses: dict[str, int] = field(default_factory=dict)
    """HTTP statuses by path; 200 by default."""
    userinfo: dict[str, Any] | None = None
    token_requests: list[dict[str, str]] = field(default_factory=list)
    """Forms that the token endpoint received."""
    paths: list[str] = field(default_factory=list)
    """Paths of all requests."""

    def __post_init__(self) -> None:
        self.signs_with = self.key

    def response(self, path: str) -> dict[str, Any] | None:
        """Return the JSON response at this path; None: 404."""
        match path:
            case "/.well-known/openid-configuration":
                return {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                    "jwks_uri": f"{self.url}/keys",
                    "userinfo_endpoint": f"{self.url}/me",
                    "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                } | self.metadata
            case "/keys":
                return dict(KeySet([self.key]).as_dict(private=False))
            case "/token":
                return {
                    "access_token": "at",
                    "token_type": "Bearer",
                    "id_token": self._id_token(),
                } | self.tokens
            case "/me":
                return self.userinfo
            case _:
                return None

    def _id_token(self) -> str | None:
        if self.token is not None:
            return self.token
        now = int(time.time())
        claims = {"iss": self.url, "aud": "desk", "iat": now, "exp": now + 60, "sub": "u-1"}
        header = {"alg": "RS256", "kid": self.signs_with.kid}
        present = {
            name: claim for name, claim in (claims | self.claims).items() if claim is not None
        }
        return jwt.encode(header, present, self.signs_with)


@contextmanager
def rogue_provider() -> Iterator[RogueProvider]:
    """Run a provider on a loopback port."""
    provider = RogueProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.paths.append(self.path)
            response = provider.response(self.path)
            body = json.dumps(response).encode()
            self.send_response(404 if response is None else provider.statuses.get(self.path, 200))
            self.send_header("location", f"{provider.url}/elsewhere")
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["content-length"])).decode()
            fields = dict(part.split("=", 1) for part in form.split("&"))
            provider.token_requests.append(
                fields | {"authorization": self.headers.get("authorization", "")}
            )
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
