"""Many connections that each send what was made before, one request after the other: as cheap as it gets in Python.

`python -m bench.connections PORT BYTES` is what it is measured against: a server that answers every request with a
constant of so many bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Driven:
    """How long it took until the last answer had come, and what of that the generator's own CPU was busy."""

    requests: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.requests / self.wall_seconds

    @property
    def busy(self) -> str:
        """The generator's share of a core, for people."""
        return f"{100 * self.cpu_seconds / self.wall_seconds:.0f} % of a core"


class _Connection:
    """A socket, what it has yet to send, and what of an answer has come."""

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = iter(requests)
        self._came = b""

    def send(self) -> bool:
        """Send the next request; whether there was one."""
        request = next(self._left, None)
        if request is not None:
            self.socket.sendall(request)
        return request is not None

    def receive(self) -> bool:
        """Take what has come; whether the answer is whole. Raises RuntimeError for one that is not 200."""
        piece = self.socket.recv(1 << 18)
        self._came = self._came + piece if self._came else piece
        head = self._came.find(b"\r\n\r\n")
        if not piece or not self._came.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a request was not answered with 200: {self._came[:600]!r}")
        found = _LENGTH.search(self._came, 0, head) if head >= 0 else None
        if found is None or len(self._came) < head + 4 + int(found[1]):
            return False
        self._came = b""
        return True


def drive(port: int, scripts: Sequence[Sequence[bytes]]) -> Driven:
    """Send each script over a connection of its own, all side by side, the next request when an answer is whole."""
    with contextlib.ExitStack() as opened:
        connections = [_Connection(port, script) for script in scripts]
        for connection in connections:
            opened.enter_context(connection.socket)
        selector = opened.enter_context(selectors.DefaultSelector())
        began, cpu = time.monotonic(), time.process_time()
        for connection in connections:
            if connection.send():
                selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map():
            for key, _ in selector.select():
                connection = cast(_Connection, key.data)
                if connection.receive() and not connection.send():
                    selector.unregister(connection.socket)
        return Driven(sum(map(len, scripts)), time.monotonic() - began, time.process_time() - cpu)


def post(port: int, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A whole request as it goes over the line."""
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Constant(asyncio.Protocol):
    """Answers each request with the same bytes."""

    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._came = cast(asyncio.Transport, transport), b""

    def data_received(self, data: bytes) -> None:
        self._came = self._came + data if self._came else data
        for _ in self._whole():
            self._transport.write(self.answer)

    def _whole(self) -> Iterator[None]:
        while (head := self._came.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._came, 0, head)
            end = head + 4 + (int(found[1]) if found else 0)
            if len(self._came) < end:
                return
            self._came = self._came[end:]
            yield


async def _serve(port: int, size: int) -> None:
    _Constant.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    server = await asyncio.get_running_loop().create_server(_Constant, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
