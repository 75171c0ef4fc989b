"""A node's mailbox at its hub, and other nodes' mailboxes, over HTTP (docs/spec/sealed.md, tokens.md)."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from jisr_protocol import keys, limits, sealed, token
from jisr_protocol.keys import KeyRing
from jisr_protocol.reader.http import ExchangeError
from jisr_protocol.refusal import Refusal

from ..errors import HubRefused
from ..identity import Identity
from .hub import HttpHub

_ANSWER_BYTES = 4 * 1024 * 1024
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class HttpMailbox(HttpHub):
    """One hub that carries messages. Errors are those of ports.Hub."""

    async def waiting(self, who: Identity, hub: str, now: datetime) -> tuple[list[tuple[str, bytes]], int]:
        """(digest, sealed) of the oldest messages for this node, and how many wait beside them."""
        said = await self._asked(await self._token(who, hub, now), who.id)
        try:
            found = [(str(one["digest"]), str(one["sealed"]).encode("ascii")) for one in said["messages"]]
            return found, int(said["more"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._odd() from error

    async def taken(self, who: Identity, hub: str, digests: list[str], now: datetime) -> None:
        """Tell the hub that these are kept here; it deletes them. Calling twice is safe."""
        bearer = await self._token(who, hub, now)
        await self._sent(f"{await self._place(who.id)}/taken", json.dumps({"digests": digests}).encode(), bearer)

    async def keys_of(self, node: str) -> KeyRing:
        """The chain of a node, which proves itself. Raises HubRefused when it is another's or broken."""
        answer = self._good(await self._get(f"{self.address}/v1/nodes/{node}/keys.json", limits.KEYS_BYTES))
        try:
            return keys.fold(keys.parse_file(answer.body), expected_id=node)
        except (Refusal, ValueError) as error:
            raise HubRefused(
                "malformed", f"The keys of {node} cannot be believed ({error}). Nothing was sent."
            ) from error

    async def leave(self, node: str, raw: bytes) -> None:
        """Leave a sealed message for a node."""
        await self._sent(await self._place(node), raw, {"Content-Type": sealed.MEDIA_TYPE})

    async def _place(self, node: str) -> str:
        return (await self._offered("messages")).replace("%7Bnode%7D", node).replace("{node}", node)

    async def _asked(self, bearer: dict[str, str], node: str) -> dict[str, Any]:
        try:
            answer = await self._client.get(await self._place(node), limit_bytes=_ANSWER_BYTES, headers=bearer)
        except ExchangeError as error:
            raise self._failed(error) from error
        return self._object(self._good(answer).body)

    async def _token(self, who: Identity, hub: str, now: datetime, scope: str = "mailbox") -> dict[str, str]:
        """A token for this, signed for the hub whose keys were checked, and sent to its own host only."""
        place = await self._offered("token")
        if urlsplit(place)[:2] != urlsplit(self.address)[:2]:
            raise self._odd()
        signed = token.assertion(who.key, by=who.id, hub=hub, jti=secrets.token_urlsafe(16), now=now)
        form = {
            "client_assertion": signed,
            "client_assertion_type": token.ASSERTION_TYPE,
            "grant_type": "client_credentials",
            "scope": scope,
        }
        said = self._object((await self._sent(place, urlencode(form).encode(), _FORM)).body)
        if not isinstance(said.get("access_token"), str):
            raise self._odd()
        return {"Authorization": f"Bearer {said['access_token']}"}

    async def _sent(self, place: str, body: bytes, headers: dict[str, str]) -> Any:
        try:
            answer = await self._client.post(urljoin(f"{self.address}/", place), body, headers)
        except ExchangeError as error:
            raise self._failed(error) from error
        return answer if answer.status == 202 else self._good(answer)

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._odd() from error
        if not isinstance(value, dict):
            raise self._odd()
        return value

    def _odd(self) -> HubRefused:
        return HubRefused(
            "malformed", f"The hub {self.address} answers for messages in a form that is not known. Nothing is lost."
        )
