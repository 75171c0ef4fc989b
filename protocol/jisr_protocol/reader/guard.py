"""Where connections are made, and to whom: names become addresses here, and every address is checked.

`GuardedNetwork` is what httpcore2 asks for each new connection, by the host's name. It resolves the name once,
refuses when any of the addresses is special, and dials one of those it has just checked. So there is no moment
between check and use, whatever the resolver says a second later, and TLS above still works with the name.

`GuardedTransport` carries the requests of httpx2 over such connections: httpx2's own transport takes a network
only through a private attribute. Only reader/http.py uses this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address

import httpcore2
import httpx2

from .addresses import LOCAL_CLASSES, PUBLIC, address_class
from .answers import Forbidden, Unreachable

ADDRESSES_TRIED = 4

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Name and port to addresses, best first. Raises OSError when the name is not known."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver. It cannot be interrupted: after a timeout its thread goes on alone."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to checked addresses only. Forbidden when a special one is among them, Unreachable without any."""

    def __init__(self, resolver: Resolver, dialler: httpcore2.AsyncNetworkBackend, allow_private: bool) -> None:
        self._resolver = resolver
        self._dialler = dialler
        self._allowed = LOCAL_CLASSES | {PUBLIC} if allow_private else {PUBLIC}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._checked(host, port)
                return await self._dial(addresses, port, timeout, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("no connection in time") from error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise Forbidden(path, "scheme", "it is a file, not a host", "Check the address that was given.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        addresses = await self._addresses(host, port)
        for address in addresses:
            kind = address_class(address)
            if kind not in self._allowed:
                reason = f"it leads to a special address ({kind}); only the public internet is allowed"
                raise Forbidden(host, kind, reason, "Ask its operator for the public address.")
        return addresses

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            ip_address(host)
        except ValueError:
            pass
        else:
            return [host]
        try:
            found = await self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise Unreachable(host, "its name could not be looked up") from error
        if not found:
            raise Unreachable(host, "its name has no address")
        return found

    async def _dial(
        self,
        addresses: Sequence[str],
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None,
    ) -> httpcore2.AsyncNetworkStream:
        tried = addresses[:ADDRESSES_TRIED]
        share = None if timeout is None else timeout / len(tried)
        failure: Exception = httpcore2.ConnectError("no address")
        for address in tried:
            try:
                return await self._dialler.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


class GuardedTransport(httpx2.AsyncBaseTransport):
    """A pool of connections made by a guarded network, HTTP/1.1 only; its errors are those of httpcore2."""

    def __init__(self, guard: GuardedNetwork, ssl_context: ssl.SSLContext) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context, max_connections=100, keepalive_expiry=5.0, network_backend=guard
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        asked = httpcore2.Request(
            request.method,
            target,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        came = await self._pool.handle_async_request(asked)
        # dropped here, cookies are not even parsed, and nobody is recognised by them
        headers = [(name, value) for name, value in came.headers if name.lower() != b"set-cookie"]
        return httpx2.Response(came.status, headers=headers, stream=_Stream(came), extensions=came.extensions)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, came: httpcore2.Response) -> None:
        self._came = came

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with contextlib.aclosing(self._came.aiter_stream()) as pieces:
            async for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        await self._came.aclose()
