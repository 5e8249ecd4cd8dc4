"""A provider of OpenID Connect on loopback: code flow with PKCE, RSA keys, key rotation.

It checks what a strict provider checks (client, redirect address, code used once, verifier), signs
in whoever comes as the subject it was told, and can be made to misbehave.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID = "mere server"
CLIENT_SECRET = "s3cret:with/odd%characters"


class Provider:
    """What the provider knows, and how it is to misbehave.

    Args:
        now_s: What time it is.
    """

    def __init__(self, now_s: Callable[[], int]) -> None:
        self.now_s = now_s
        self.url = ""
        self.claims: dict[str, Any] = {"sub": "subject-1", "preferred_username": "ann"}
        self.userinfo: dict[str, Any] = {}
        self.spoil: Callable[[dict[str, Any]], None] = lambda claims: None
        self.auth_methods = ["client_secret_basic"]
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.keys: list[RSAKey] = []
        self.signs_with: RSAKey | None = None
        self.issuer: str | None = None
        self.rotate()

    def rotate(self) -> None:
        """Sign with another key from now on, and publish only that one."""
        name = f"key-{len(self.asked)}-{id(object())}"
        self.keys = [RSAKey.generate_key(2048, {"kid": name, "use": "sig"})]
        self.signs_with = self.keys[0]

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer or self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": self.auth_methods,
        }

    def authorize(self, query: dict[str, str]) -> str:
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert "openid" in query["scope"].split()
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.url}
        return query["redirect_uri"] + "?" + urlencode(back)

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if not self._is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return 400, {"error": "invalid_grant", "error_description": "wrong verifier"}
        now = self.now_s()
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        self.spoil(claims)
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": self.signed(claims)}

    def signed(self, claims: dict[str, Any]) -> str:
        assert self.signs_with is not None
        header = {"alg": "RS256", "kid": str(self.signs_with.as_dict()["kid"])}
        return jwt.encode(header, claims, self.signs_with, ["RS256"])

    def _is_client(self, form: dict[str, str], authorization: str) -> bool:
        if "client_secret_basic" in self.auth_methods:
            text = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            name, _, secret = text.partition(":")
            shown = (unquote(name.replace("+", " ")), unquote(secret.replace("+", " ")))
        else:
            shown = (form.get("client_id", ""), form.get("client_secret", ""))
        return shown == (CLIENT_ID, CLIENT_SECRET)


@contextmanager
def run_provider(now_s: Callable[[], int]) -> Iterator[Provider]:
    """Run a provider on a free port of loopback."""
    provider = Provider(now_s)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if parts.path == "/.well-known/openid-configuration":
                self.answer(200, provider.configuration())
            elif parts.path == "/jwks":
                self.answer(200, dict(KeySet(list(provider.keys)).as_dict(private=False)))
            elif parts.path == "/userinfo":
                self.answer(200, provider.userinfo)
            elif parts.path == "/authorize":
                query = {name: found[0] for name, found in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.end_headers()
            else:
                self.answer(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: found[0] for name, found in parse_qs(body).items()}
            self.answer(*provider.token(form, self.headers.get("authorization", "")))

        def answer(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
