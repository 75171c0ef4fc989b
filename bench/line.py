"""A line between a reader and a hub that hands on every byte, counts them, and keeps when each request began and ended.

async with Line(hub.port, delay_seconds=0.05) as line:
    await follow(f"{line.address}/feeds/public", …)
line.requests, line.sent_bytes, line.received_bytes, line.serial_steps()
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from typing import Self


class Line:
    """Each request waits `delay_seconds`, as on a line with that round trip: so it shows what runs side by side."""

    def __init__(self, port: int, *, delay_seconds: float = 0.0) -> None:
        self._to, self._delay = port, delay_seconds
        self._spans: list[list[float]] = []
        self._said = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[str] = []
        self.statuses: list[int] = []
        self.sent_bytes = self.received_bytes = 0
        """Of requests and of answers, with their headers."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def serial_steps(self) -> int:
        """The longest chain of requests of which each began after the one before had ended."""
        steps, end = 0, 0.0
        for began, ended in sorted(self._spans, key=lambda span: span[1]):
            if began >= end:
                steps, end = steps + 1, ended
        return steps

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        spans: list[list[float]] = []
        with contextlib.suppress(OSError, asyncio.CancelledError):  # the reader is done before its connections are
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask(reader, far_writer, spans))
                group.create_task(self._answer(far_reader, writer, spans))
        far_writer.close()
        writer.close()

    async def _ask(self, near: asyncio.StreamReader, far: asyncio.StreamWriter, spans: list[list[float]]) -> None:
        while piece := await near.read(65536):
            for request in re.findall(rb"(?m)^([A-Z]+ \S+) HTTP/1\.1\r$", piece):
                self.requests.append(request.decode())
                span = [time.monotonic(), float("inf")]
                spans.append(span)
                self._spans.append(span)
            self.sent_bytes += len(piece)
            await asyncio.sleep(self._delay)
            far.write(piece)
            await far.drain()
        far.write_eof()

    async def _answer(self, far: asyncio.StreamReader, near: asyncio.StreamWriter, spans: list[list[float]]) -> None:
        while piece := await far.read(65536):
            self.statuses += [int(status) for status in re.findall(rb"(?m)^HTTP/1\.1 (\d{3}) ", piece)]
            self.received_bytes += len(piece)
            near.write(piece)
            await near.drain()
            spans[-1][1] = time.monotonic()
