"""A static host whose line is cut: serves a feed's files, compressed beside or as they are, with or without ranges.

with CutServer(folder) as server:
    server.cuts = [1000, 3000]          the line is cut when this many bytes of bodies were sent in all
    server.dead_after_cuts = True       from then on nobody answers
    server.lie = "bytes 0-1/2"          what the next answer says it goes on with
    server.sent_bytes · server.headers (of each request)
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import zstandard

from tests.in_thread import InThread


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A line that is cut is no fault of the server."""


class CutServer(InThread):
    def __init__(
        self, folder: Path, *, packed: bool = True, ranges: bool = True, place: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self.folder, self.packed, self.ranges = folder, packed, ranges
        self.cuts: list[int] = []
        self.dead_after_cuts = False
        self.lie = ""
        self.sent_bytes = 0
        self.headers: list[dict[str, str]] = []
        self._bodies: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._server = _Quiet(place, self._handler())
        self._server.daemon_threads = True
        self.address = "http://{}:{}".format(*self._server.server_address[:2])

    def body(self, path: str) -> tuple[bytes, str]:
        """(what is sent for a path, its encoding)."""
        content = (self.folder / path).read_bytes()
        if not self.packed or not path.endswith(".ndjson"):
            return content, ""
        key = hashlib.sha256(content).hexdigest()
        if key not in self._bodies:
            self._bodies[key] = zstandard.compress(content, 3)
        return self._bodies[key], "zstd"

    def needed_bytes(self) -> int:
        """All that a first follow fetches, each file once."""
        paths = [p.relative_to(self.folder).as_posix() for p in self.folder.glob("log/**/*.ndjson")]
        return sum(len(self.body(path)[0]) for path in [*paths, "head.json", "keys.json"])

    def largest_page(self) -> int:
        """The compressed bytes of the largest page."""
        return max(
            len(self.body(p.relative_to(self.folder).as_posix())[0]) for p in self.folder.glob("log/**/*.ndjson")
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                path = self.path.partition("?")[0].lstrip("/")
                if server.dead_after_cuts and not server.cuts:
                    self.reset()
                elif not (server.folder / path).is_file():
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.answer(*server.body(path))

            def answer(self, body: bytes, encoding: str) -> None:
                etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                asked = re.fullmatch(r"bytes=([0-9]+)-", self.headers.get("Range", ""))
                start = int(asked[1]) if asked and server.ranges and self.headers.get("If-Range", etag) == etag else 0
                self.send_response(206 if start else 200)
                if start:
                    said, server.lie = server.lie or f"bytes {start}-{len(body) - 1}/{len(body)}", ""
                    self.send_header("Content-Range", said)
                self.send_header("ETag", etag if server.ranges else f"W/{etag}")
                if encoding:
                    self.send_header("Content-Encoding", encoding)
                self.send_header("Content-Length", str(len(body) - start))
                self.end_headers()
                self.send(body[start:])

            def send(self, content: bytes) -> None:
                with server._lock:
                    upto = server.cuts[0] - server.sent_bytes if server.cuts else len(content)
                    cut = server.cuts and upto < len(content)
                    if cut:
                        server.cuts.pop(0)
                    content = content[:upto] if cut else content
                    server.sent_bytes += len(content)
                self.wfile.write(content)
                self.wfile.flush()
                if cut:
                    self.connection.shutdown(socket.SHUT_WR)  # the bytes arrive, and then no more
                    self.close_connection = True

            def reset(self) -> None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
