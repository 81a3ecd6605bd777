"""A small sign-in service: OpenID Connect over real HTTP, with keys and clients of its own, that can also lie."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT, SECRET = "rivertown", "s3cret +&"


class Provider:
    """Answers discovery, keys and tokens; the test plays the browser at its authorization page."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.keys = KeySet([RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})])
        self.codes: dict[str, dict[str, str]] = {}
        self.claims: dict[str, Any] = {}
        self.forge: Callable[[dict[str, Any]], str] | None = None
        self.asked: list[str] = []
        self.said: dict[str, Any] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                found = {"/.well-known/openid-configuration": provider.discovery, "/keys": provider.public}
                self.tell(200, found[self.path]())

            def do_POST(self) -> None:
                provider.asked.append(self.path)
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                told = provider.token({name: values[0] for name, values in form.items()}, self.headers["authorization"])
                self.tell(200 if "id_token" in told else 400, told)

            def tell(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def discovery(self) -> dict[str, Any]:
        paths = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return {"issuer": self.issuer, **{name: self.issuer + path for name, path in paths.items()}, **self.said}

    def public(self) -> dict[str, Any]:
        return dict(self.keys.as_dict(private=False))

    def authorize(self, address: str, subject: str) -> dict[str, str]:
        """What a browser comes back with once somebody signed in there."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (query["response_type"], query["code_challenge_method"], query["client_id"]) == ("code", "S256", CLIENT)
        code = sha256(address.encode()).hexdigest()
        self.codes[code] = {**query, "subject": subject}
        return {"code": code, "state": query["state"]}

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        asked = self.codes.pop(form["code"], None)
        proof = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or (unquote(client), unquote(secret)) != (CLIENT, SECRET):
            return {"error": "invalid_client"}
        if proof != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return {"error": "invalid_grant"}
        now = self.now()
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": asked["subject"], "nonce": asked["nonce"],
            "iat": now, "exp": now + 300, "auth_time": now - 5, **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return {"id_token": self.forge(claims) if self.forge else self.sign(claims)}

    def sign(self, claims: dict[str, Any], key: Any = None, alg: str = "RS256", **head: Any) -> str:
        return jwt.encode({"alg": alg, "kid": "one", **head}, claims, key or self.keys.keys[0], algorithms=[alg])

    # -- lies --------------------------------------------------------------------------------------

    def unsigned(self, claims: dict[str, Any], alg: str = "none") -> str:
        parts = [json.dumps(part).encode() for part in ({"alg": alg, "kid": "one"}, claims)]
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."

    def by_public_key(self, claims: dict[str, Any]) -> str:
        """Signed with our public key as if it were a shared secret."""
        pem = self.keys.keys[0].as_pem(private=False)
        head, body = self.unsigned(claims, "HS256").split(".")[:2]
        proof = hmac.digest(pem, f"{head}.{body}".encode(), "sha256")
        return f"{head}.{body}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}"

    def by_another_key(self, claims: dict[str, Any]) -> str:
        return self.sign(claims, RSAKey.generate_key(2048))

    def by_its_own_key(self, claims: dict[str, Any]) -> str:
        """The key that verifies it stands in its own head."""
        key = RSAKey.generate_key(2048)
        return self.sign(claims, key, jwk=key.as_dict(private=False))

    def by_another_kind(self, claims: dict[str, Any]) -> str:
        return self.sign(claims, ECKey.generate_key("P-256"), "ES256")

    def changed(self, claims: dict[str, Any]) -> str:
        head, _, proof = self.sign(claims).split(".")
        body = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "boss"}).encode()).rstrip(b"=").decode()
        return f"{head}.{body}.{proof}"
