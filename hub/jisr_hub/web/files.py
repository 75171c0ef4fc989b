"""Immutable files, sent from where they stand in the form a reader likes: zstd, gzip or as they are.

Each form has an entity tag of its own, so that a reader whose line was cut goes on in the same bytes. Pages and parts
stand compressed; who takes no coding gets them unpacked on the way, whole or in part (unpacked.py). However large a
file is and however slow the reader, at most a piece of it is in memory; what fits into one piece may be held for some
seconds (shelf.py), and goes out again from there while its file stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .negotiation import Span, Unsatisfiable, codings, has, part
from .shelf import Held, Shelf, stood
from .unpacked import Packed, pieces, stated_bytes

PIECE_BYTES = 256 * 1024
_SUFFIXES = {"zstd": (".zst",), "gzip": (".gz",), "identity": ("", ".zst")}
"""Of which file each form is sent: the first that stands."""
Raw = list[tuple[bytes, bytes]]
"""Headers as they go out."""
_DECIDING = frozenset((b"accept-encoding", b"if-none-match", b"if-range", b"range"))
_WHOLE = (frozenset[bytes](), frozenset((b"accept-encoding",)))
"""Of these, the headers with which the whole file is sent."""
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
_NOTHING: bytes | bytearray = b""
_GZIP_LEVEL = 1
"""For what is not prebuilt."""
_CACHED_ONLY = getattr(os, "RWF_NOWAIT", None)
"""Read only what the system holds in memory already, so that no disk is waited for. Linux has it."""


class Form(NamedTuple):
    """One form of a file that is open: its coding, descriptor, length in bytes as it is sent, and entity tag."""

    coding: str
    descriptor: int
    size: int
    etag: str
    file: str
    stood: tuple[int, int, int]
    packed: bool
    """Whether it is unpacked on the way."""


class StandingFile(Response):
    """The answer that sends a file, or the part that is asked for, or 304; `missing` makes the answer when it is gone.

    The entity tag is strong: a path never gets another content, and a form that is written again, perhaps by a later
    compressor, has another time.
    """

    def __init__(
        self, path: str, *, cache: str, media_type: str, missing: Callable[[], Response], shelf: Shelf | None = None
    ) -> None:
        self._path, self._missing, self._shelf = path, missing, shelf
        self._lasting, self._described = _described(cache, media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        shelf = self._shelf if scope["method"] == "GET" and asked.keys() in _WHOLE else None
        if shelf is not None and (held := _held(shelf, self._path, asked.get(b"accept-encoding"))) is not None:
            await send({"type": "http.response.start", "status": 200, "headers": [*held.headers]})
            await send({"type": "http.response.body", "body": held.body})
            return
        form = _opened(self._path, asked.get(b"accept-encoding"))
        if form is None:
            await self._missing()(scope, receive, send)
            return
        try:
            status, said, span = self._said(form, asked)
            await send({"type": "http.response.start", "status": status, "headers": [*said]})
            if scope["method"] == "HEAD" or span is None:
                await send({"type": "http.response.body", "body": b""})
            else:
                last = await _send(form, span, send)
                if shelf is not None and status == 200 and len(last) == form.size:
                    shelf.put(f"{form.coding} {form.file}", Held(said, last, form.stood))
        finally:
            os.close(form.descriptor)

    def _said(self, form: Form, asked: Mapping[bytes, str]) -> tuple[int, Raw, Span | None]:
        """Status, headers, and which bytes follow."""
        etag = (b"etag", form.etag.encode())
        if has(asked.get(b"if-none-match"), form.etag):
            return 304, [*self._lasting, etag], None
        said = [*self._described, etag]
        if form.coding != "identity":
            said.append((b"content-encoding", form.coding.encode()))
        try:
            span = part(asked.get(b"range"), asked.get(b"if-range"), form.etag, form.size)
        except Unsatisfiable:
            return 416, [*said, (b"content-range", b"bytes */%d" % form.size), (b"content-length", b"0")], None
        if span is None:
            return 200, [*said, (b"content-length", b"%d" % form.size)], Span(0, form.size)
        said.append((b"content-range", b"bytes %d-%d/%d" % (span.start, span.end - 1, form.size)))
        return 206, [*said, (b"content-length", b"%d" % (span.end - span.start))], span


@lru_cache(16)
def _described(cache: str, media_type: str) -> tuple[Raw, Raw]:
    """The headers that a file has in any form: those of a 304, and all."""
    lasting = [(b"cache-control", cache.encode()), (b"vary", b"Accept-Encoding")]
    return lasting, [*lasting, (b"content-type", media_type.encode()), (b"accept-ranges", b"bytes")]


def _asked(scope: Scope) -> dict[bytes, str]:
    """The headers that decide what is sent; of one that came twice, both (RFC 9110 section 5.3)."""
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in _DECIDING:
            said = value.decode("latin-1")
            found[name] = f"{found[name]}, {said}" if name in found else said
    return found


def _opened(path: str, accepted: str | None) -> Form | None:
    """The best form that stands; None when the file does not stand in any. What is excluded is sent all the same
    before nothing is: the header may be disregarded (RFC 9110 section 12.4.1)."""
    for coding, file in _candidates(path, accepted):
        try:
            descriptor = os.open(file, _READ)
        except (FileNotFoundError, NotADirectoryError):
            continue
        found, packed = os.fstat(descriptor), coding == "identity" and file != path
        size = stated_bytes(descriptor) if packed else found.st_size
        if size is None:
            os.close(descriptor)
            continue
        etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}-{coding}"'
        return Form(coding, descriptor, size, etag, file, stood(found), packed)
    return None


def _candidates(path: str, accepted: str | None) -> Iterator[tuple[str, str]]:
    """(coding, file), best first."""
    for coding in (*codings(accepted), "identity"):
        for suffix in _SUFFIXES[coding]:
            yield coding, path + suffix


def _held(shelf: Shelf, path: str, accepted: str | None) -> Held | None:
    """What is held of the form that `_opened` would open."""
    for coding, file in _candidates(path, accepted):
        try:
            return shelf.take(f"{coding} {file}", os.stat(file))
        except (FileNotFoundError, NotADirectoryError):
            shelf.drop(f"{coding} {file}")
    return None


async def _send(form: Form, span: Span, send: Send) -> bytes | bytearray:
    """Send these bytes a piece after the other; returns the last piece."""
    if form.packed:
        return await _send_unpacked(form, span, send)
    at, body = span.start, _NOTHING
    while at < span.end:
        body = await _piece(form.descriptor, min(PIECE_BYTES, span.end - at), at)
        if not body:
            raise OSError("a file that never changes has become shorter while it was sent")
        at += len(body)
        # `send` waits while the reader is behind by more than the server's own buffer
        await send({"type": "http.response.body", "body": body, "more_body": at < span.end})
    return body


async def _send_unpacked(form: Form, span: Span, send: Send) -> bytes | bytearray:
    at, body = span.start, _NOTHING
    packed = Packed(form.descriptor, form.stood[2], _piece, PIECE_BYTES)
    async with contextlib.aclosing(pieces(packed, span)) as unpacked:
        async for body in unpacked:
            at += len(body)
            await send({"type": "http.response.body", "body": body, "more_body": at < span.end})
    return body


async def _piece(descriptor: int, size: int, at: int) -> bytes | bytearray:
    """The next bytes: at once when they are in memory, else from the disk, aside."""
    if _CACHED_ONLY is not None:
        held = bytearray(size)
        try:
            if os.preadv(descriptor, [held], at, _CACHED_ONLY) == size:
                return held
        except OSError:
            pass  # not in memory, or a file system that cannot say so
    return await asyncio.to_thread(os.pread, descriptor, size, at)


def made(scope_headers: Headers, body: bytes, *, cache: str, media_type: str) -> Response:
    """The same answer for a file that is made when it is asked for; compressed as it goes out."""
    said = {"Accept-Ranges": "bytes", "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if next((one for one in codings(scope_headers.get("accept-encoding")) if one != "zstd"), "") == "gzip":
        body, said["Content-Encoding"] = gzip.compress(body, _GZIP_LEVEL, mtime=0), "gzip"
    said["ETag"] = etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if has(scope_headers.get("if-none-match"), etag):
        return Response(None, 304, said)
    try:
        span = part(scope_headers.get("range"), scope_headers.get("if-range"), etag, len(body))
    except Unsatisfiable:
        return Response(None, 416, {**said, "Content-Range": f"bytes */{len(body)}"})
    if span is None:
        return Response(body, 200, said, media_type)
    said["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{len(body)}"
    return Response(body[span.start : span.end], 206, said, media_type)
