"""Reading a restricted feed: the reader proves who it is with its own key, and sends the token it gets (TOK-1, TOK-5).

    who = credentials(Path("my-node"))                a folder of a node or a hub: keys.json and signing.key
    client = TokenClient(client, feed, who, hub)      a client as any, whose requests carry the token

An assertion is signed for the hub that the reader expects, and for no other: an address that says it is somebody else
gets none. The token is held in memory only, and asked for anew before it ends.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import orjson

from .. import capabilities, keys, limits, paths, token
from ..refusal import Refusal
from ..signing import SigningKey
from .answers import Answer, Unreachable
from .http import GuardedClient

SIGNING_KEY = "signing.key"
EARLY_SECONDS = 60.0
"""How long before its end a token is exchanged for a new one."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class NoCredentials(ValueError):
    """There is nothing in the folder to prove with who one is; the sentence says what is missing."""


@dataclass(frozen=True)
class Credentials:
    """Who reads: an identifier and an active key of it."""

    id: str
    key: SigningKey


def credentials(folder: Path) -> Credentials:
    """The identity of a node's or a hub's folder. Raises NoCredentials."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        ring = keys.fold(keys.parse_file((folder / paths.KEYS).read_bytes()))
        loaded = serialization.load_pem_private_key((folder / SIGNING_KEY).read_bytes(), password=None)
    except (OSError, ValueError, TypeError, Refusal) as error:
        raise NoCredentials(
            f"{folder} does not hold the identity of a node or a hub ({error}). Expected {paths.KEYS} and "
            f"{SIGNING_KEY} there, as jisr-node and jisr-hub make them."
        ) from error
    key = SigningKey(loaded.private_bytes_raw()) if isinstance(loaded, Ed25519PrivateKey) else None
    if key is None or key.kid not in ring.keys or ring.keys[key.kid].state != "active":
        raise NoCredentials(f"{folder / SIGNING_KEY} is no active key of {ring.id}.")
    return Credentials(ring.id, key)


class TokenClient:
    """Asks with a token. `hub` is the identifier of the hub that is expected at the feed's address."""

    def __init__(self, client: GuardedClient, feed: str, who: Credentials, hub: str) -> None:
        self._client, self._feed, self._who, self._hub = client, feed.removesuffix(paths.HEAD).rstrip("/"), who, hub
        self._token, self._ends = "", 0.0

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """As GuardedClient.get. Raises Unreachable, too, when the hub gives no token; the sentence says why."""
        answer = await self._client.get(url, headers={**(headers or {}), **await self._bearer()}, **options)
        if answer.status == 401:  # it may have ended on the way, or the hub has forgotten it
            self._ends = 0.0
            answer = await self._client.get(url, headers={**(headers or {}), **await self._bearer()}, **options)
        return answer

    async def _bearer(self) -> dict[str, str]:
        if time.monotonic() >= self._ends - EARLY_SECONDS:
            said = await self._ask()
            self._token = str(said["access_token"])
            self._ends = time.monotonic() + float(said.get("expires_in", 0))
        return {"Authorization": f"Bearer {self._token}"}

    async def _ask(self) -> dict[str, Any]:
        address, audience = await self._where()
        now = datetime.now(UTC)
        signed = token.assertion(self._who.key, by=self._who.id, hub=self._hub, jti=secrets.token_urlsafe(16), now=now)
        form = {
            "client_assertion": signed,
            "client_assertion_type": token.ASSERTION_TYPE,
            "grant_type": "client_credentials",
            "scope": audience,
        }
        answer = await self._client.post(address, urlencode(form).encode(), _FORM, limit_bytes=limits.HEAD_BYTES)
        said = _object(answer.body)
        if answer.status != 200 or "access_token" not in said:
            why = said.get("detail") or f"it answers {answer.status}"
            raise Unreachable(address, f"no token for {audience} is given to {self._who.id} ({why})")
        return said

    async def _where(self) -> tuple[str, str]:
        """Where tokens are asked for, and the audience of the feed, as the hub's capability document says."""
        parts = urlsplit(self._feed)
        place = f"{parts.scheme}://{parts.netloc}/{paths.CAPABILITIES}"
        answer = await self._client.get(place, limit_bytes=limits.HEAD_BYTES, attempts=2)
        try:
            offered = capabilities.parse(answer.body)
        except Refusal as refusal:
            raise Unreachable(place, f"it is no capability document ({refusal})") from refusal
        if offered.id != self._hub:
            raise Unreachable(place, f"it says it is {offered.id}, not {self._hub}: nothing was signed for it")
        feeds = {urljoin(place, feed.href).rstrip("/"): feed.audience for feed in offered.feeds}
        if offered.token is None or self._feed not in feeds:
            raise Unreachable(place, f"it offers no feed {self._feed}, or gives no tokens")
        address = urljoin(place, offered.token)
        if urlsplit(address)[:2] != parts[:2]:
            raise Unreachable(place, f"its tokens are given by another host, {address}: nothing was signed for it")
        return address, feeds[self._feed]


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
