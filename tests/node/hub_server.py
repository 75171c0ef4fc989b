"""The fake hub behind real HTTP, on loopback: what a node sends over the wire is inflated and judged.

with HubServer(FakeHub()) as server:
    server.address · server.seen (method, path, headers) · server.troubles = [(503, {...}, b"…"), …]
"""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import orjson

from jisr_node.errors import HubRefused
from jisr_protocol.inflate import inflate
from jisr_protocol.limits import PUSH_BYTES

from .fake_hub import FakeHub


class HubServer:
    def __init__(self, hub: FakeHub) -> None:
        self.hub = hub
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.troubles: list[tuple[int, dict[str, str], bytes]] = []
        """Answers to give first, to anything."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.seen.append((method, path, headers))
        if self.troubles:
            return self.troubles.pop(0)
        if path == "/keys.json":
            return 200, {}, asyncio.run(self.hub.keys())
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
                status, more, content = server.answer(self.command, self.path, headers, body)
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **more}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _do

            def log_message(self, *_: object) -> None:
                pass

        return Handler
