"""Subscriptions over HTTP, and how their messages are signed (Standard Webhooks).

    POST /v1/subscriptions            {"callback":"https://portal.example/hook"}: 202, with id, secret and lease
    GET /v1/subscriptions/{id}        how it goes; with the secret as bearer, as are the next two
    POST /v1/subscriptions/{id}/renew a new lease; one that was switched off is asked anew
    DELETE /v1/subscriptions/{id}     no more

Before anything else the callback is asked with `?challenge=…`, and answers with that text alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..quota import QuotaExhausted
from ..webhooks.telling import ASKED, LEASE_SECONDS, MOST, MOST_A_HOST, Subscription, Subscriptions, renewed
from .api import body as body_of
from .problem_documents import document

PATH = "/v1/subscriptions"
_BODY_BYTES, _CALLBACK_CHARACTERS = 4096, 1000
ASKED_A_MINUTE = 20
"""From all strangers together: each has this hub call an address once."""
_HEADERS = {"Cache-Control": "no-store"}


def signed(secret: str, id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a message: its id, its time, and HMAC-SHA256 of `id.time.body` under the secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{id}.{at}.".encode() + body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def routes(kept: Subscriptions, clock: Callable[[], datetime], *, allow_private: bool) -> list[Route]:
    """The routes; a callback is https, unless this hub may call private addresses."""
    api = _Subscriptions(kept, clock, ("https", "http") if allow_private else ("https",))
    one = PATH + "/{id}"
    return [
        Route(PATH, api.subscribe, methods=["POST"]),
        Route(one, api.told, methods=["GET"]),
        Route(one, api.end, methods=["DELETE"]),
        Route(one + "/renew", api.renew, methods=["POST"]),
    ]


class _Subscriptions:
    def __init__(self, kept: Subscriptions, clock: Callable[[], datetime], schemes: tuple[str, ...]) -> None:
        self._kept, self._clock, self._schemes = kept, clock, schemes
        self._minute, self._calls = 0, 0

    async def subscribe(self, request: Request) -> Response:
        self._count()
        host, callback = self._callback(await body_of(request, _BODY_BYTES))
        if not host:
            return document("malformed", f'expected {{"callback": "an {" or ".join(self._schemes)} address"}}')
        now = int(self._clock().timestamp())
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        until = now + LEASE_SECONDS
        one = Subscription(secrets.token_hex(16), callback, host, secret, ASKED, until, now)
        if not await self._kept.add(one, MOST, MOST_A_HOST):
            return document("busy", f"there are too many subscriptions here, or {MOST_A_HOST} of this host already")
        return _answer({**one.health(), "secret": secret}, 202)

    async def told(self, request: Request) -> Response:
        one = await self._own(request)
        return _unknown() if one is None else _answer(one.health())

    async def renew(self, request: Request) -> Response:
        one = await self._own(request)
        if one is None:
            return _unknown()
        after = renewed(one, int(self._clock().timestamp()))
        await self._kept.save(after)
        return _answer(after.health())

    async def end(self, request: Request) -> Response:
        one = await self._own(request)
        if one is None:
            return _unknown()
        await self._kept.remove(one.id)
        return Response(None, 204, _HEADERS)

    async def _own(self, request: Request) -> Subscription | None:
        """The subscription whose secret the call carries; None for another secret as for none."""
        one = await self._kept.get(request.path_params["id"])
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return one if one is not None and hmac.compare_digest(given.encode(), one.secret.encode()) else None

    def _callback(self, raw: bytes) -> tuple[str, str]:
        """(host, address), both empty when it is none."""
        try:
            value = orjson.loads(raw)
            callback = value["callback"] if isinstance(value, Mapping) else None
            parts = urlsplit(callback if isinstance(callback, str) else "")
            fits = parts.scheme in self._schemes and parts.username is None and not parts.fragment and parts.port != 0
            host = (parts.hostname or "") if fits else ""
        except (ValueError, KeyError):
            return "", ""
        return (host, str(callback)) if host and len(str(callback)) <= _CALLBACK_CHARACTERS else ("", "")

    def _count(self) -> None:
        minute = int(time.monotonic() // 60)
        self._minute, self._calls = minute, self._calls + 1 if minute == self._minute else 1
        if self._calls > ASKED_A_MINUTE:
            raise QuotaExhausted("", f"at most {ASKED_A_MINUTE} subscriptions a minute", self._calls, 60)


def _answer(value: Mapping[str, object], status: int = 200) -> Response:
    return Response(orjson.dumps(value) + b"\n", status, _HEADERS, "application/json")


def _unknown() -> Response:
    return document("not_found", "no subscription of this id with this secret")
