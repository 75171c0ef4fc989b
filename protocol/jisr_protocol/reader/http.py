"""The one way out: every request Jisr makes to another machine goes through `GuardedClient`.

The addresses to fetch are told to us by others. So

- the guard checks every address at the moment of connecting (guard.py, addresses.py);
- http and https; ports 80, 443 and those from 1024; no credentials in the address, no token without TLS;
- no proxy, no netrc, no certificates named by the environment; no cookies are kept;
- redirects to the same scheme, host and port only, at most three;
- an answer has a limit in bytes, on the wire and inflated (inflate.py), an end in time and a lowest speed.

    async with GuardedClient() as client:
        answer = await client.get("https://hub.example/head.json", limit_bytes=limits.HEAD_BYTES)

answers.py has what it returns and raises. How many requests run at once is the caller's to limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Self

import httpcore2
import httpx2
import stamina
import stamina.instrumentation

from ..inflate import Inflater, inflate
from ..refusal import Refusal
from .answers import (
    DEFAULT_WAIT_SECONDS,
    Answer,
    ExchangeError,
    Forbidden,
    Garbled,
    Partial,
    Throttled,
    TooLarge,
    Unreachable,
    retry_after_seconds,
    usable_etag,
)
from .guard import GuardedNetwork, GuardedTransport, Resolver, resolve

stamina.instrumentation.set_on_retry_hooks(())  # beside structlog it would write on stdout, where results go

__all__ = [
    "Answer",
    "ExchangeError",
    "Forbidden",
    "Garbled",
    "GuardedClient",
    "Patience",
    "Throttled",
    "TooLarge",
    "Unreachable",
]

REDIRECTS = 3
AT_ONCE_BYTES = 1024 * 1024
"""A compressed body up to this is inflated in one step when it is whole: a usual page in an eighth of the time."""
ANSWER_BYTES = 1024 * 1024
"""The largest answer to a post, unless the caller says otherwise."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait; generous, for the slowest lines are where this matters most."""

    connect_seconds: float = 10.0
    """Resolving, dialling; and again for the TLS handshake."""
    silence_seconds: float = 30.0
    """The longest pause between two pieces."""
    total_seconds: float = 300.0
    """From the first step to the last byte, redirects included, each try for itself."""
    slowest_bytes_per_second: int = 1024
    grace_seconds: float = 20.0
    """The lowest speed counts from here on: the average since the body began."""


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Whom TLS trusts, read once: it takes a fifth of a second, and a hub makes a client each time it asks a peer."""
    return httpx2.create_ssl_context(trust_env=False)


class GuardedClient:
    """An HTTP client that goes only where it may, and takes only as much as it is told to.

    `allow_private` opens loopback, private and carrier-shared addresses, for demonstrations, tests and closed
    networks; link-local, multicast and all other special ones stay shut. `dialler` connects to what is checked.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolver: Resolver = resolve,
        dialler: httpcore2.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
        patience: Patience | None = None,
        user_agent: str = "jisr",
    ) -> None:
        self._allow_private = allow_private
        self._patience = patience or Patience()
        network = GuardedNetwork(resolver, dialler or httpcore2.AnyIOBackend(), allow_private)
        self._client = httpx2.AsyncClient(
            transport=GuardedTransport(network, ssl_context or _authorities()),
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": user_agent},
        )
        for needless in ("Accept", "Connection"):  # they say what holds without them; a feed at rest is asked often
            del self._client.headers[needless]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection. Safe to call twice."""
        await self._client.aclose()

    async def get(
        self,
        url: str,
        *,
        limit_bytes: int,
        headers: Mapping[str, str] | None = None,
        etag: str | None = None,
        attempts: int = 1,
        wait_seconds: float = 0.0,
        partial: Partial | None = None,
    ) -> Answer:
        """Fetch at most `limit_bytes`, counted without the Content-Encoding.

        With an `etag` the answer may be a 304 with no body. Up to `attempts` tries are made, a moment apart,
        while the other side is Unreachable and names no time of its own. `wait_seconds` is what a long poll
        was asked to last; it is added to our patience. `partial` keeps what came when the line is cut, and each further
        try, now or later, asks for the rest only, where the server offers that. Raises any ExchangeError.
        """
        asked = {**(headers or {}), **({"If-None-Match": etag} if etag else {})}
        tries = stamina.retry_context(
            on=_worth_another_try,
            attempts=attempts,
            timeout=None,
            wait_initial=0.2,
            wait_max=2.0,
            wait_jitter=0.2,
        )
        async for attempt in tries:
            with attempt:
                ranged = {**asked, **partial.asks()} if partial else asked
                return await self._exchange("GET", url, ranged, None, limit_bytes, wait_seconds, partial)
        raise AssertionError("stamina makes at least one attempt")

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        limit_bytes: int = ANSWER_BYTES,
    ) -> Answer:
        """Send a body once: no retry, no redirect. Raises any ExchangeError.

        After Unreachable the other side may or may not have taken it.
        """
        # the system takes a body at once and sends it as slowly as the line is, and only then can an answer come
        sending_seconds = len(body) / self._patience.slowest_bytes_per_second
        return await self._exchange("POST", url, dict(headers or {}), body, limit_bytes, sending_seconds)

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        limit_bytes: int,
        wait_seconds: float,
        partial: Partial | None = None,
    ) -> Answer:
        request = self._request(method, url, headers, body, wait_seconds)
        place = _place(request.url)
        total_seconds = self._patience.total_seconds + wait_seconds
        try:
            async with asyncio.timeout(total_seconds):
                return await self._follow(request, limit_bytes, partial or Partial())
        except TimeoutError as error:
            reason = f"its answer was not complete after {total_seconds:g} seconds"
            raise Unreachable(place, reason) from error
        except httpcore2.TimeoutException as error:
            raise Unreachable(place, "it did not answer in time") from error
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
            raise Unreachable(place, f"the connection failed ({error})") from error
        except Refusal as refusal:
            if partial is not None:  # it does not decode: going on from it would not help
                partial.begin(None, "")
            raised = TooLarge if refusal.rule == "LIM-4" else Garbled
            raise raised(place, refusal.rule, refusal.expected, refusal.came) from refusal

    def _request(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, wait_seconds: float
    ) -> httpx2.Request:
        try:
            target = httpx2.URL(url)
        except httpx2.InvalidURL as error:
            raise Forbidden(repr(url), "malformed", f"it is no web address ({error})", _CHECK_ADDRESS) from error
        _check_url(target)
        patience = self._patience
        timeout = httpx2.Timeout(
            connect=patience.connect_seconds,
            read=patience.silence_seconds + wait_seconds,
            write=patience.silence_seconds + wait_seconds,
            pool=patience.total_seconds,
        )
        request = self._client.build_request(method, target, content=body, headers=headers, timeout=timeout)
        request.headers["Accept-Encoding"] = "zstd, gzip"
        if target.scheme == "http" and "authorization" in request.headers and not self._allow_private:
            reason = "a token would cross the network unencrypted"
            raise Forbidden(_place(target), "unencrypted", reason, "Use the https address.")
        return request

    async def _follow(self, request: httpx2.Request, limit_bytes: int, partial: Partial) -> Answer:
        first = request
        for _ in range(REDIRECTS + 1):
            response = await self._client.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    return await self._answer(response, limit_bytes, partial)
                request = _redirected(first, response)
            finally:
                await response.aclose()
        reason = f"it redirects more than {REDIRECTS} times"
        raise Forbidden(_place(first.url), "redirect", reason, "Ask its operator for the final address.")

    async def _answer(self, response: httpx2.Response, limit_bytes: int, partial: Partial) -> Answer:
        status = response.status_code
        if status in (206, 416):
            status = self._rest(response, partial)
        unwell = status == 429 or status >= 500
        try:
            body = await self._body(response, limit_bytes, partial if status == 200 else Partial())
        except Refusal:
            if not unwell:
                raise
            body = b""
        headers = dict(response.headers)
        answer = Answer(status, headers, body, usable_etag(headers.get("etag")))
        if unwell:
            raise _unwell(_place(response.request.url), answer)
        return answer

    def _rest(self, response: httpx2.Response, partial: Partial) -> int:
        """The status of an answer to a request for the rest; what is not the rest of what came is as good as none."""
        if response.status_code == 206 and partial.content and partial.goes_on(response.headers):
            return 200
        partial.begin(None, "")
        raise Unreachable(_place(response.request.url), "what it goes on with is another file")

    async def _body(self, response: httpx2.Response, limit_bytes: int, partial: Partial) -> bytes:
        # RFC 9110 section 6.4.1: these have no content, but may carry the header that the content would have
        if response.status_code in (204, 304):
            return b""
        encoding, length = response.headers.get("content-encoding", ""), response.headers.get("content-length", "")
        if response.status_code != 206:
            partial.begin(usable_etag(response.headers.get("etag")), encoding)
            if encoding == "zstd" and length.isdigit() and int(length) <= min(limit_bytes, AT_ONCE_BYTES):
                return inflate(await self._gathered(response, partial), encoding, limit_bytes)
        inflater = Inflater(encoding, limit_bytes)
        content: list[bytes] = [inflater.feed(bytes(partial.content))]
        async with contextlib.aclosing(self._paced(response)) as pieces:
            async for piece in pieces:
                content.append(inflater.feed(piece))
                partial.take(piece)
        inflater.finish()
        return b"".join(content)

    async def _gathered(self, response: httpx2.Response, partial: Partial) -> bytes:
        """The body as it came, of which its length was told: no more can come."""
        gathered: list[bytes] = []
        async with contextlib.aclosing(self._paced(response)) as pieces:
            async for piece in pieces:
                gathered.append(piece)
                partial.take(piece)
        return b"".join(gathered)

    async def _paced(self, response: httpx2.Response) -> AsyncGenerator[bytes]:
        """The pieces as they came over the wire; Unreachable when they come too slowly."""
        clock, lowest = asyncio.get_running_loop().time, self._patience.slowest_bytes_per_second
        began, came_bytes = clock(), 0
        async with contextlib.aclosing(response.aiter_raw()) as pieces:
            async for piece in pieces:
                came_bytes += len(piece)
                seconds = clock() - began
                if seconds > self._patience.grace_seconds and came_bytes < lowest * seconds:
                    reason = f"it sends fewer than {lowest} bytes a second"
                    raise Unreachable(_place(response.request.url), reason)
                yield piece


_CHECK_ADDRESS = "Check the address that was given."


def _worth_another_try(error: Exception) -> bool:
    return isinstance(error, Unreachable) and error.retry_after is None


def _unwell(place: str, answer: Answer) -> Unreachable:
    wait_seconds = retry_after_seconds(answer.headers)
    if answer.status == 429:
        return Throttled(place, answer, DEFAULT_WAIT_SECONDS if wait_seconds is None else wait_seconds)
    return Unreachable(place, f"it answers {answer.status}", answer=answer, retry_after=wait_seconds)


def _place(url: httpx2.URL) -> str:
    """The address for a message: without query and credentials, which may be secret."""
    return str(url.copy_with(query=None, fragment=None, userinfo=b""))


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _check_url(url: httpx2.URL) -> None:
    place = _place(url)
    if url.scheme not in ("http", "https") or not url.host:
        raise Forbidden(place, "scheme", "only http and https addresses with a host are allowed", _CHECK_ADDRESS)
    if url.port is not None and url.port not in (80, 443) and not 1024 <= url.port <= 65535:
        # ports below belong to mail, shells and the like, which must not be spoken to in a stranger's words
        reason = "only the ports 80, 443 and 1024 to 65535 are allowed"
        raise Forbidden(place, "port", reason, _CHECK_ADDRESS)
    if url.userinfo:
        raise Forbidden(place, "credentials", "the address contains a name or password", "Leave it out.")


def _redirected(first: httpx2.Request, response: httpx2.Response) -> httpx2.Request:
    place = _place(first.url)
    target = response.next_request
    if target is None:
        raise Forbidden(place, "redirect", "it redirects to what is no web address", "Tell its operator.")
    if _origin(target.url) != _origin(first.url) or first.method != "GET":
        reason = f"it redirects to {_place(target.url)}, and a redirect is followed only within the same address"
        raise Forbidden(place, "redirect", reason, "If the operator confirms the new address, register that one.")
    _check_url(target.url)
    return target
