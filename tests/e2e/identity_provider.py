"""A provider of sign-ins (OpenID Connect) that a browser can visit: a form with one field, then back with a code."""

from __future__ import annotations

import base64
import html
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import orjson
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.in_thread import InThread

FORM = """<!doctype html><html lang="en"><title>Sign in</title><form method="post"><label>Account
<input name="sub" autofocus></label><input type="hidden" name="asked" value="{asked}"><button>Sign in</button></form>"""


class IdentityProvider(InThread):
    """Signs in whoever types an account's number. `client` and `secret` are those of the one hub it knows."""

    client, secret = "the-hub", "a secret of the hub and its provider"

    def __init__(self) -> None:
        provider = self
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.codes: dict[str, dict[str, str]] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
                provider.post(self, dict(parse_qsl(body)))

            def log_message(self, format: str, *arguments: Any) -> None:
                """What it is asked is in nobody's way."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"

    def get(self, request: BaseHTTPRequestHandler) -> None:
        """What it says of itself, its keys, and the form."""
        place = urlsplit(request.path)
        if place.path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "sign-in", "token_endpoint": "token", "jwks_uri": "keys"}
            said = {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in ends.items()}
            return answer(request, 200, orjson.dumps(said), "application/json")
        if place.path == "/keys":
            keys = KeySet([self.key]).as_dict(private=False)
            return answer(request, 200, orjson.dumps(keys), "application/json")
        if place.path == "/sign-in":
            return answer(request, 200, FORM.format(asked=html.escape(place.query)).encode(), "text/html")
        return answer(request, 404, b"", "text/plain")

    def post(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        """A person's sign-in, or the hub that brings the code."""
        if urlsplit(request.path).path == "/sign-in":
            asked = {name: values[0] for name, values in parse_qs(form["asked"]).items()}
            code = secrets.token_urlsafe(16)
            self.codes[code] = {**asked, "sub": form["sub"]}
            request.send_response(303)
            back = urlencode({"code": code, "state": asked["state"]})
            request.send_header("Location", f"{asked['redirect_uri']}?{back}")
            return request.end_headers()
        asked = self.codes.pop(form.get("code", ""), {})
        known = base64.b64encode(f"{self.client}:{self.secret.replace(' ', '%20')}".encode()).decode()
        proven = create_s256_code_challenge(form.get("code_verifier", "")) == asked.get("code_challenge")
        if request.headers.get("authorization") != f"Basic {known}" or not proven:
            return answer(request, 400, b'{"error":"invalid_grant"}', "application/json")
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": asked["sub"], "aud": self.client, "exp": now + 300, "iat": now,
            "auth_time": now, "nonce": asked["nonce"],
        }  # fmt: skip
        token = jwt.encode({"alg": "ES256", "kid": "one"}, claims, self.key, algorithms=["ES256"])
        return answer(request, 200, orjson.dumps({"id_token": token, "token_type": "Bearer"}), "application/json")


def answer(request: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
    """Send one answer."""
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
