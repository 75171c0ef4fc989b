"""The fake hub behind real HTTP, on loopback: what a node sends over the wire is inflated and judged.

with HubServer(FakeHub()) as server:
    server.address · server.seen (method, path, headers) · server.troubles = [(503, {...}, b"…"), …]
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from jisr_node.errors import HubRefused
from jisr_protocol import head, paths
from jisr_protocol.inflate import inflate
from jisr_protocol.limits import PAGE_ENTRIES, PUSH_BYTES
from jisr_protocol.merkle import EMPTY_ROOT
from tests.in_thread import InThread

from .fake_hub import FakeHub


class HubServer(InThread):
    def __init__(self, hub: FakeHub) -> None:
        self.hub = hub
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.troubles: list[tuple[int, dict[str, str], bytes]] = []
        """Answers to give first, to anything."""
        self.frozen_at: datetime | None = None
        """When the head that readers see was signed, if not now."""
        self.endless: Callable[[], Iterator[bytes]] | None = None
        """What is answered without an end, where the path ends so."""
        self.endless_paths = "/log"
        self.sent_bytes = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.seen.append((method, path, headers))
        if self.troubles:
            return self.troubles.pop(0)
        if path == "/keys.json":
            return 200, {}, asyncio.run(self.hub.keys())
        if (content := self.hub_files().get(path)) is not None:
            return 200, {}, content
        _, _, _, node, _, feed, *_ = path.split("/")
        try:
            if path.endswith("/log/state"):
                return 200, {}, asyncio.run(self.hub.log_state(node, feed))
            return (
                200,
                {},
                asyncio.run(self.hub.push(node, feed, inflate(body, headers["content-encoding"], PUSH_BYTES))),
            )
        except HubRefused as refused:
            return self.problem(409, refused.code, detail=str(refused), next=refused.next)

    def hub_files(self) -> dict[str, bytes]:
        """The hub's own public feed as static files: its lines, a head, where both are."""
        lines = self.hub.shown
        signed = head.write(
            self.hub.key, by=self.hub.ring.id, name="public", epoch="1-aaaaaaaa", size=len(lines), live=0,
            time=self.frozen_at or self.hub.now, valid_for=timedelta(days=1), log_root=EMPTY_ROOT,
            state_root=EMPTY_ROOT, next_in=timedelta(hours=1),
        )  # fmt: skip
        files = {"/.well-known/jisr.json": b'{"feeds":[{"href":"/feeds/public","name":"public"}]}'}
        files["/feeds/public/head.json"] = signed.raw
        for number, width, path in paths.pages("1-aaaaaaaa", 0, len(lines)):
            page = lines[number * PAGE_ENTRIES : number * PAGE_ENTRIES + width]
            files[f"/feeds/public/{path}"] = b"".join(line + b"\n" for line in page)
        return files

    @staticmethod
    def problem(status: int, code: str, **members: Any) -> tuple[int, dict[str, str], bytes]:
        value = {"code": code, "status": status, "title": "title", **members}
        return status, {"Content-Type": "application/problem+json"}, orjson.dumps(value)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if server.endless is not None and self.path.endswith(server.endless_paths):
                    self._stream(server.endless())
                    return
                status, more, content = server.answer(self.command, self.path, headers, body)
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **more}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _stream(self, pieces: Iterator[bytes]) -> None:
                self.close_connection = True
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                with contextlib.suppress(OSError):
                    for piece in pieces:
                        self.wfile.write(piece)
                        server.sent_bytes += len(piece)

            do_GET = do_POST = _do

            def log_message(self, *_: object) -> None:
                pass

        return Handler
