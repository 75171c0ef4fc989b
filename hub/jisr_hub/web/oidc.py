"""Signing in at a provider: OpenID Connect's code flow with PKCE, state and nonce.

What the provider says of itself and its keys are fetched anew for each sign-in, so that a rotated key is no surprise.
Authlib writes the requests and judges the claims, joserfc the signature; requests go out by the `Exchange` given.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson
import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ..desk.accounts import Accounts, Pending
from ..desk.denied import Denied, Why
from ..desk.sessions import FRESH_SECONDS, RandomBytes, hashed, new_token

PENDING_SECONDS = 600
LEEWAY_SECONDS = 60
ALGORITHMS = [f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)]
"""Signatures only: with a shared secret everybody who has it could say who somebody is."""
DISCOVERY = "/.well-known/openid-configuration"
_log = structlog.get_logger()

Exchange = Callable[[str, bytes | None, Mapping[str, str]], Awaitable[bytes]]
"""(address, body or None for a get, headers) → the body of a 200; raises ConnectionError for all else."""


class Provider:
    """One provider, as the operator set it. `back` is this hub's address to come back to."""

    def __init__(
        self, issuer: str, client: str, secret: str, back: str, exchange: Exchange, random_bytes: RandomBytes
    ) -> None:
        self.issuer, self._client, self._secret, self._back = issuer, client, secret, back
        self._exchange, self._random = exchange, random_bytes

    async def start(self, accounts: Accounts, now: int) -> tuple[str, str]:
        """Where to send somebody, and the token that their browser keeps meanwhile. Raises Denied."""
        known = await self._known()
        state, nonce, verifier, browser = (new_token(self._random) for _ in range(4))
        await accounts.wait(Pending(hashed(f"{state} {browser}"), nonce, verifier, now + PENDING_SECONDS), now)
        asked = {
            "redirect_uri": self._back,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            "max_age": str(FRESH_SECONDS),
        }
        return prepare_grant_uri(known["authorization_endpoint"], self._client, "code", **asked), browser

    async def finish(self, accounts: Accounts, said: Mapping[str, str], browser: str, now: int) -> str:
        """Who came back, as "issuer|sub". Raises Denied (PROVIDER); the reason stands in the log."""
        pending = await accounts.arrive(hashed(f"{said.get('state', '')} {browser}"), now)
        if pending is None:
            raise self._refused("no sign-in of this browser waits for this state")
        if said.get("iss", self.issuer) != self.issuer or "code" not in said:
            raise self._refused(f"it came back with {said.get('error', 'another issuer')[:100]}")
        known = await self._known()
        token = await self._token(known["token_endpoint"], said["code"], pending.verifier)
        keys = await self._asked(known["jwks_uri"])
        return f"{self.issuer}|{self._subject(token, keys, pending.nonce, now)}"

    async def _known(self) -> dict[str, Any]:
        known: dict[str, Any] = await self._asked(self.issuer.rstrip("/") + DISCOVERY)
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if known.get("issuer") != self.issuer or not all(isinstance(known.get(name), str) for name in names):
            raise self._refused("what it says of itself is of another issuer, or not whole")
        return known

    async def _token(self, address: str, code: str, verifier: str) -> str:
        more = {} if self._secret else {"client_id": self._client}
        asked = {"redirect_uri": self._back, "code": code, "code_verifier": verifier, **more}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self._secret:
            pair = f"{quote(self._client, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        answer = await self._asked(address, prepare_token_request("authorization_code", "", **asked).encode(), headers)
        if not isinstance(answer.get("id_token"), str):
            raise self._refused("it gave no ID token")
        return str(answer["id_token"])

    def _subject(self, token: str, keys: dict[str, Any], nonce: str, now: int) -> str:
        try:
            # its types want keys of its own class, where it takes what a provider's document holds
            found = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]
            options: Any = {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client},
                "nonce": {"essential": True, "value": nonce},
                "auth_time": {"essential": True},
            }
            params = {"nonce": nonce, "client_id": self._client, "max_age": FRESH_SECONDS}
            CodeIDToken(found.claims, found.header, options, params).validate(now, LEEWAY_SECONDS)
            if found.claims["auth_time"] < now - FRESH_SECONDS - LEEWAY_SECONDS:
                raise self._refused("the person showed there who they are too long ago")
            if not hmac.compare_digest(str(found.claims["nonce"]).encode(), nonce.encode()):
                raise self._refused("another nonce")
            return str(found.claims["sub"])
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise self._refused(f"its ID token does not hold: {error}") from error

    async def _asked(self, address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        try:
            value = orjson.loads(await self._exchange(address, body, headers or {}))
        except (ConnectionError, orjson.JSONDecodeError) as error:
            raise self._refused(str(error)) from error
        if not isinstance(value, dict):
            raise self._refused("its answer is no JSON object")
        return value

    def _refused(self, reason: str) -> Denied:
        _log.warning("desk.provider", issuer=self.issuer, reason=reason)
        return Denied(Why.PROVIDER)
