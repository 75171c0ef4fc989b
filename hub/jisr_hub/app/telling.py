"""Subscribers of a running hub, called through the one guarded client."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode, urlsplit

import structlog

from jisr_protocol.reader.http import ExchangeError, GuardedClient

from ..storage.webhooks import SqlSubscriptions
from ..web.webhooks import signed
from ..webhooks.telling import Failed, Telling
from .opening import Running

SECONDS = 2.0
"""How often it is looked whether somebody is to be told."""
_ANSWER_BYTES = 4096
_log = structlog.get_logger()


class GuardedCaller:
    """The Caller port over a client that goes to no private address unless the operator says so."""

    def __init__(self, client: GuardedClient) -> None:
        self._client = client

    async def ask(self, callback: str, challenge: str) -> str:
        joint = "&" if urlsplit(callback).query else "?"
        url = callback + joint + urlencode({"challenge": challenge})
        try:
            answer = await self._client.get(url, limit_bytes=_ANSWER_BYTES)
        except ExchangeError as error:
            raise Failed(str(error)) from error
        if answer.status != 200:
            raise Failed(f"it answered {answer.status} to the challenge")
        return answer.body.decode("utf-8", "replace")

    async def tell(self, callback: str, secret: str, id: str, at: int, body: bytes) -> None:
        try:
            answer = await self._client.post(callback, body, signed(secret, id, at, body), limit_bytes=_ANSWER_BYTES)
        except ExchangeError as error:
            raise Failed(str(error)) from error
        if not 200 <= answer.status < 300:
            raise Failed(f"it answered {answer.status}", gone=answer.status == 410)


async def tell(running: Running) -> None:
    """One round of calls."""
    async with GuardedClient(allow_private=running.settings.allow_private) as client:
        caller, kept = GuardedCaller(client), SqlSubscriptions(running.ledger)
        telling = Telling(kept, caller, running.hub.clock, lambda: secrets.token_urlsafe(24))
        for one in await telling.round(running.publisher.head):
            _log.warning("webhook.off", host=one.host, why=one.why)
