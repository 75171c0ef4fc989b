"""A server that answers with raw bytes, and a resolver and a dialler that say what a test wants."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any

import httpcore2
import pytest

from jisr_protocol.reader.http import Answer, ExchangeError, GuardedClient, Patience

MIB = 1024 * 1024
LINES = b"".join(b'{"op":"put","seq":%d}\n' % seq for seq in range(2000))

Reply = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(reply: bytes) -> Reply:
    async def send(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)

    return send


def one_after_another(*replies: bytes) -> Reply:
    left = list(replies)

    async def send(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0))

    return send


class Served:
    """A server on this machine that answers with raw bytes and remembers what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@contextlib.asynccontextmanager
async def serving(reply: Reply, tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    open_writers: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((v for k, v in fields(head) if k == "content-length"), "0")
                served.asked.append(head + (await reader.readexactly(int(length))).decode())
                await reply(head, writer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    served = Served(server.sockets[0].getsockname()[1])
    try:
        yield served
    finally:
        server.close()
        for writer in open_writers:
            writer.close()
        for writer in open_writers:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


def fields(head: str) -> list[tuple[str, str]]:
    lines = head.split("\r\n\r\n")[0].split("\r\n")[1:]
    return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def local(**settings: Any) -> GuardedClient:
    return GuardedClient(**{"allow_private": True, **settings})


def run(story: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(story)


def fetch(reply: Reply, limit_bytes: int = MIB, patience: Patience | None = None, **wishes: Any) -> Answer:
    async def story() -> Answer:
        async with serving(reply) as served, local(patience=patience) as client:
            return await client.get(served.url(), limit_bytes=limit_bytes, **wishes)

    return run(story())


def failing(error: type[ExchangeError], reply: Reply, **wishes: Any) -> Any:
    with pytest.raises(error) as caught:
        fetch(reply, **wishes)
    return caught.value


class Resolver:
    """Says one thing after the other, the last one for ever, and counts."""

    def __init__(self, *sayings: Sequence[str]) -> None:
        self.sayings = list(sayings)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.sayings.pop(0) if len(self.sayings) > 1 else self.sayings[0]


class Dialler(httpcore2.AsyncNetworkBackend):
    """Remembers what it was told to dial; every host that is not dead answers `reply` and hangs up."""

    def __init__(self, reply: bytes = answer("200 OK", b"hello"), dead: Sequence[str] = ()) -> None:
        self.reply = reply
        self.dead = dead
        self.dialled: list[str] = []

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        self.dialled.append(f"{host} {port}")
        if host in self.dead:
            raise httpcore2.ConnectError("nobody there")
        return httpcore2.AsyncMockStream([self.reply])


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(status, Location=location)
