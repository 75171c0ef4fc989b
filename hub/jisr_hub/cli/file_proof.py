"""The published files proven against the log: every page and its compressed sibling, the head, the keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import zstandard

from jisr_protocol import keys, paths
from jisr_protocol.inflate import inflate
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import PAGE_BYTES, PAGE_ENTRIES
from jisr_protocol.refusal import Refusal

from ..ports import Pages, Published
from ..storage.proving import Stored
from .faults import Faults

_MEND = "mend it with: jisr-hub rebuild"


async def pages(
    stored: Stored, files: Pages, published: Published, epoch: str, broken: set[int], faults: Faults
) -> None:
    """Each page against the lines it holds. A line that is `broken` in the log is not held against its page."""
    size = published.head.size
    async for number, lines in _by_page(stored, size):
        width = min(PAGE_ENTRIES, size - number * PAGE_ENTRIES)
        path = paths.page(epoch, number, width)
        plain, packed = files.read(path), _inflated(files.read(path + ".zst"))
        for name, came, other in ((path, plain, packed), (path + ".zst", packed, plain)):
            _page(name, came, other, number * PAGE_ENTRIES, lines, broken, faults)


async def _by_page(stored: Stored, size: int) -> AsyncIterator[tuple[int, list[bytes]]]:
    lines: list[bytes] = []
    async for rows in stored.entries():
        for row in rows:
            if row.seq >= size:
                return
            lines.append(row.line)
            if len(lines) == PAGE_ENTRIES or row.seq == size - 1:
                yield row.seq // PAGE_ENTRIES, lines
                lines = []


def _page(
    name: str,
    came: bytes | None,
    other: bytes | None,
    first: int,
    lines: Sequence[bytes],
    broken: set[int],
    faults: Faults,
) -> None:
    if came is None:
        faults.add(f"the page {name} is missing or cannot be read; {_MEND}")
        return
    read = came.split(b"\n")
    if read.pop() or len(read) != len(lines):
        faults.add(f"the page {name} does not hold entries {first} to {first + len(lines) - 1}; {_MEND}")
        return
    unlike = [first + n for n, (a, b) in enumerate(zip(read, lines, strict=True)) if a != b and first + n not in broken]
    if came == other:  # two files say the same: what stands alone has changed
        for seq in unlike:
            faults.add(f"entry {seq}: its line has changed where no hash covers it; the page {name} has it as it was")
        broken.update(unlike)
    elif unlike:
        faults.add(f"the page {name} differs from the log, first at entry {unlike[0]}; {_MEND}")


def _inflated(body: bytes | None) -> bytes | None:
    try:
        return inflate(body, "zstd", PAGE_BYTES) if body is not None else None
    except (Refusal, zstandard.ZstdError):
        return None


def head_and_keys(files: Pages, ring: KeyRing, published: Sequence[Published], faults: Faults) -> None:
    """`published` is what was published before and after the pages were read: a serving hub goes on meanwhile."""
    if files.read(paths.HEAD) not in [each.head.raw for each in published]:
        faults.add("head.json is not the head that was signed last; it is written again when the hub serves")
    if files.read(paths.KEYS) != keys.write_file(ring):
        faults.add("keys.json beside the head is not the hub's own; it is written again when the hub serves")
