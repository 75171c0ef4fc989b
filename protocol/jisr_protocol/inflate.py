"""Undo a Content-Encoding without ever holding more than the caller allows.

`inflate` takes a whole body, `Inflater` the pieces of one as they come. Both do no I/O, and both refuse:

    LIM-4   the body inflates beyond `limit_bytes`, or to more than INFLATE_RATIO times what was sent; or
            more is sent than an honest encoding of `limit_bytes` takes; or a zstd window is above 8 MiB
    LIM-5   the encoding is none of identity, gzip and zstd, or several are stacked
    LIM-6   the stream is cut off, damaged, or something follows its end

A body is exactly one gzip member or one zstd frame. RFC 1952 and RFC 8878 allow several in a row, but readers
differ in how many they take, and everyone has to see the same bytes.

Memory stays within twice the limit, the decoder's window and one part of output, 4 MiB at most. The one-shot
functions of zstandard do not give that: whatever `max_output_size` says, they believe a frame's stated size.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

import zstandard

from .limits import INFLATE_RATIO
from .refusal import refuse

ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
"""The window every recipient of the zstd content coding supports, and no sender may exceed (RFC 9659)."""
RATIO_FREE_BYTES = 64 * 1024
"""In mid-stream the ratio is judged from this much output on: how the network cuts pieces decides nothing."""

_GZIP_PIECE_BYTES = 64 * 1024
# A zstd block of 4 bytes can become 128 KiB (RFC 8878 section 3.1.1.2), and the decoder hands out everything
# its input gives: feeding it 128 bytes at a time keeps one part of output within 4 MiB.
_ZSTD_SLICE_BYTES = 128
_ZSTD_HEADER_BYTES = 18
_ZLIB_GZIP_ONLY = 16 + zlib.MAX_WBITS


def inflate(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Return the body without its `encoding`, the value of a Content-Encoding header ("" when there is none).

    Raises Refusal LIM-4, LIM-5 or LIM-6, as the module says.
    """
    if encoding == "zstd" and (whole := _stated(body, limit_bytes)) is not None:
        return whole
    inflater = Inflater(encoding, limit_bytes)
    content = inflater.feed(body)
    inflater.finish()
    return content


def _stated(body: bytes, limit_bytes: int) -> bytes | None:
    """An honest zstd body in one step: its frame states a size that every limit allows, and the decoder allocates just
    that. None for any other, which the stream then judges."""
    try:
        frame = zstandard.get_frame_parameters(body[:_ZSTD_HEADER_BYTES])
        if not 0 < frame.content_size <= min(limit_bytes, INFLATE_RATIO * len(body)):
            return None
        if frame.window_size > ZSTD_WINDOW_BYTES:
            return None
        decompressor = _taken()
        whole = decompressor.decompress(body, allow_extra_data=False)
        _spare.append(decompressor)
        return whole
    except zstandard.ZstdError:
        return None


_spare: list[zstandard.ZstdDecompressor] = []
"""Decompressors that no thread uses now: to make one takes longer than to inflate a small body."""


def _taken() -> zstandard.ZstdDecompressor:
    try:
        return _spare.pop()
    except IndexError:
        return zstandard.ZstdDecompressor()


class Inflater:
    """Inflates one body: `feed` every piece, then `finish` once; only then is it known to be whole."""

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        """Raises Refusal LIM-5 when the encoding is unknown or stacked."""
        self._decoder = _decoder(encoding)
        self._limit_bytes = limit_bytes
        # stored blocks and empty ones cost a little more than they hold; nothing honest costs more than this
        self._wire_limit_bytes = limit_bytes + limit_bytes // 64 + 1024
        self._came_bytes = 0
        self._inflated_bytes = 0

    def feed(self, piece: bytes) -> bytes:
        """Return what this piece inflates to, which may be nothing. Raises Refusal LIM-4 or LIM-6."""
        self._came_bytes += len(piece)
        if self._came_bytes > self._wire_limit_bytes:
            expected = f"at most {self._wire_limit_bytes} bytes sent"
            refuse("LIM-4", "", expected=expected, came=f"{self._came_bytes} bytes or more")
        inflated = []
        for part in self._decoder.parts(piece):
            self._inflated_bytes += len(part)
            self._check_size()
            inflated.append(part)
        return b"".join(inflated)

    def finish(self) -> None:
        """Check that the stream came to its end. Raises Refusal LIM-6 when cut off, LIM-4 for the ratio."""
        self._check_ratio()
        if not self._decoder.ended:
            came = f"{self._came_bytes} bytes that stop in the middle"
            refuse("LIM-6", "", expected="a complete stream", came=came)

    def _check_size(self) -> None:
        if self._inflated_bytes > self._limit_bytes:
            expected = f"at most {self._limit_bytes} bytes after inflating"
            refuse("LIM-4", "", expected=expected, came=f"{self._inflated_bytes} bytes or more")
        if self._inflated_bytes > RATIO_FREE_BYTES:
            self._check_ratio()

    def _check_ratio(self) -> None:
        if self._inflated_bytes > INFLATE_RATIO * self._came_bytes:
            came = f"{self._inflated_bytes} bytes from {self._came_bytes}"
            refuse("LIM-4", "", expected=f"at most {INFLATE_RATIO} times the bytes sent", came=came)


class _Decoder(Protocol):
    @property
    def ended(self) -> bool:
        """Whether the stream may stop here."""

    def parts(self, piece: bytes) -> Iterator[bytes]:
        """What the piece inflates to, in parts of bounded size."""


def _decoder(encoding: str) -> _Decoder:
    # names are compared without case, and x-gzip means gzip (RFC 9110 section 8.4.1)
    name = encoding.strip().lower()
    if name in ("gzip", "x-gzip"):
        return _Gzip()
    if name == "zstd":
        return _Zstd()
    if name not in ("", "identity"):
        refuse("LIM-5", "", expected="one content encoding: zstd, gzip or none", came=encoding)
    return _Identity()


class _Identity:
    ended = True

    def parts(self, piece: bytes) -> Iterator[bytes]:
        yield piece


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_ZLIB_GZIP_ONLY)

    @property
    def ended(self) -> bool:
        return self._stream.eof

    def parts(self, piece: bytes) -> Iterator[bytes]:
        if self._stream.eof:
            return _nothing_more(piece)
        return self._inflated(piece)

    def _inflated(self, piece: bytes) -> Iterator[bytes]:
        try:
            while part := self._stream.decompress(piece, _GZIP_PIECE_BYTES):
                yield part
                piece = self._stream.unconsumed_tail
        except zlib.error as error:
            refuse("LIM-6", "", expected="a sound gzip stream", came=str(error))
        yield from _nothing_more(self._stream.unused_data)


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
        self._head = b""

    @property
    def ended(self) -> bool:
        return self._stream.eof

    def parts(self, piece: bytes) -> Iterator[bytes]:
        self._head += piece[: _ZSTD_HEADER_BYTES - len(self._head)]
        for start in range(0, len(piece), _ZSTD_SLICE_BYTES):
            if self._stream.eof:
                yield from _nothing_more(piece[start:])
                return
            try:
                yield self._stream.decompress(piece[start : start + _ZSTD_SLICE_BYTES])
            except zstandard.ZstdError as error:
                self._refuse(error)
                return
        yield from _nothing_more(self._stream.unused_data)

    def _refuse(self, error: zstandard.ZstdError) -> None:
        window_bytes = _zstd_window_bytes(self._head)
        if window_bytes > ZSTD_WINDOW_BYTES:
            expected = f"a zstd window of at most {ZSTD_WINDOW_BYTES} bytes"
            refuse("LIM-4", "", expected=expected, came=f"{window_bytes} bytes")
        refuse("LIM-6", "", expected="a sound zstd stream", came=str(error))


def _zstd_window_bytes(head: bytes) -> int:
    try:
        return zstandard.get_frame_parameters(head).window_size
    except zstandard.ZstdError:
        return 0


def _nothing_more(rest: bytes) -> Iterator[bytes]:
    if rest:
        refuse("LIM-6", "", expected="nothing after the end of the stream", came=f"{len(rest)} bytes or more")
    yield from ()
