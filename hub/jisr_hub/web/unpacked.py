"""A file that stands as `.zst`, sent as it is without that: piece by piece, so that little of it is in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import IO, cast

import zstandard

from .negotiation import Span

_HEADER_BYTES = 18
"""What a frame says of itself (RFC 8878 section 3.1.1.1)."""
Reading = Callable[[int, int, int], Awaitable[bytes | bytearray]]
"""Reads so many bytes of a descriptor from a position on; none when the file ends before."""


def stated_bytes(descriptor: int) -> int | None:
    """How long the content of this file is; None when it is no frame of zstd that says so."""
    try:
        stated = zstandard.get_frame_parameters(os.pread(descriptor, _HEADER_BYTES, 0)).content_size
    except zstandard.ZstdError:
        return None
    return stated if stated != zstandard.CONTENTSIZE_UNKNOWN else None


class Packed:
    """The bytes of a compressed file, read before anybody waits for them."""

    def __init__(self, descriptor: int, size: int, reading: Reading, piece_bytes: int) -> None:
        self._descriptor, self._size, self._reading, self.piece_bytes = descriptor, size, reading, piece_bytes
        self._held, self._at = bytearray(), 0

    async def fill(self) -> None:
        """Hold more than the next piece can need: what does not compress is a little longer as a frame."""
        while self._at < self._size and len(self._held) < 2 * self.piece_bytes:
            came = await self._reading(self._descriptor, min(self.piece_bytes, self._size - self._at), self._at)
            if not came:
                return
            self._held += came
            self._at += len(came)

    def read(self, size: int) -> bytes:
        """Take at most so many, none at the end."""
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


async def pieces(packed: Packed, span: Span) -> AsyncGenerator[bytes]:
    """These bytes of the content, a piece at most at a time. Raises OSError when the file holds fewer."""
    await packed.fill()
    at = 0
    try:
        with zstandard.ZstdDecompressor().stream_reader(
            cast(IO[bytes], packed), read_size=packed.piece_bytes // 2
        ) as stream:
            while at < span.end:
                until = span.end if at >= span.start else span.start  # what lies before the part is passed over
                body = stream.read(min(packed.piece_bytes, until - at))
                if not body:
                    raise OSError("a file that never changes has become shorter while it was sent")
                at += len(body)
                if at > span.start:
                    yield body
                await packed.fill()
    except zstandard.ZstdError as error:
        raise OSError(f"a compressed file is damaged: {error}") from error
