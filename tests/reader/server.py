"""A web server for tests: serves a folder, counts what is asked for, and misbehaves on demand.

with FeedServer(folder) as server:
    server.address · server.asked (paths) · server.headers (of each request)
    server.stale["head.json"] = old_bytes     what a cache on the way holds, until somebody asks around it
    server.answers["head.json"] = 503         any status instead of the file
    server.redirects["head.json"] = "https://…"   a redirect instead of the file
    server.extra["Jisr-Backoff"] = "120"      a header of every answer
    server.pause = 0.2                        seconds before each answer
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.in_thread import InThread


class FeedServer(InThread):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.stale: dict[str, bytes] = {}
        self.answers: dict[str, int] = {}
        self.redirects: dict[str, str] = {}
        self.extra: dict[str, str] = {}
        self.streams: dict[str, Callable[[], Iterator[bytes]]] = {}
        """What never ends: pieces that are sent instead of the file until the other side goes away."""
        self.sent_bytes = 0
        """Of those."""
        self.drip_seconds = 0.0
        """How long to wait after each piece of them."""
        self.pause = 0.0
        self.at_once = 0
        """The most requests that were open at one moment."""
        self._open = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def forget(self) -> None:
        """Begin counting anew."""
        self.asked, self.headers, self.statuses, self.at_once = [], [], [], 0

    def answer(self, path: str, query: str, headers: dict[str, str]) -> tuple[int, bytes, str]:
        name = path.lstrip("/")
        with self._lock:
            self.asked.append(name)
            self.headers.append(headers)
            self._open += 1
            self.at_once = max(self.at_once, self._open)
        time.sleep(self.pause)
        around = headers.get("cache-control") == "no-cache" and query.startswith("h=")
        if name in self.redirects:
            return 302, b"", ""
        if name in self.answers:
            return self.answers[name], b"", ""
        file = self.folder / name
        body = self.stale[name] if name in self.stale and not around else file.read_bytes() if file.is_file() else None
        if body is None:
            return 404, b"", ""
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if headers.get("if-none-match") == etag:
            return 304, b"", etag
        return 200, body, etag

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        feed_server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                headers = {name.lower(): value for name, value in self.headers.items()}
                if (pieces := feed_server.streams.get(path.lstrip("/"))) is not None:
                    self._stream(pieces())
                    return
                status, body, etag = feed_server.answer(path, query, headers)
                with feed_server._lock:
                    feed_server._open -= 1
                    feed_server.statuses.append(status)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", feed_server.redirects[path.lstrip("/")])
                for name, value in feed_server.extra.items():
                    self.send_header(name, value)
                if etag:
                    self.send_header("ETag", etag)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if status != 304:
                    self.wfile.write(body)

            def _stream(self, pieces: Iterator[bytes]) -> None:
                self.close_connection = True
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                with contextlib.suppress(OSError):
                    for piece in pieces:
                        self.wfile.write(piece)
                        feed_server.sent_bytes += len(piece)
                        time.sleep(feed_server.drip_seconds)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
