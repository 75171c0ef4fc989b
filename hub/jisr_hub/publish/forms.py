"""The forms in which a published file stands: pages and parts of snapshots as `.zst` alone, all others as they are.

Beside either stand further compressed forms, once they were made (packing.py). An older release left pages and parts as
they are as well: they are read, and taken away (leftovers.py).
"""

from __future__ import annotations

import zstandard

from jisr_protocol.inflate import inflate
from jisr_protocol.limits import PAGE_BYTES, SNAPSHOT_PART_BYTES
from jisr_protocol.refusal import Refusal

from ..ports import Pages

ZSTD = ".zst"
ZSTD_LEVEL = 3
LARGEST_BYTES = max(PAGE_BYTES, SNAPSHOT_PART_BYTES)
"""Of a file that stands compressed, without that."""


def compress(content: bytes) -> bytes:
    """One frame of zstd that tells how long the content is."""
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(content)


def write(pages: Pages, path: str, content: bytes) -> None:
    """Write a page or a part."""
    pages.write(path + ZSTD, compress(content))


def read(pages: Pages, path: str) -> bytes | None:
    """What a file holds, from the form in which it stands; None when there is none that can be read."""
    content = pages.read(path)
    return content if content is not None else inflated(pages.read(path + ZSTD), "zstd")


def inflated(body: bytes | None, coding: str) -> bytes | None:
    """The content of a compressed form, "zstd" or "gzip"; None for what is damaged, or larger than any honest one."""
    try:
        return inflate(body, coding, LARGEST_BYTES) if body is not None else None
    except (Refusal, zstandard.ZstdError):
        return None


def source(pages: Pages, path: str) -> str | None:
    """The path of the form of which all others are made; None when the file does not stand."""
    return next((form for form in (path + ZSTD, path) if pages.stands(form)), None)
