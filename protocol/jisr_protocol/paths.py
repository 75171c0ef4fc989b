"""Where the files of a feed stand, below the feed's address (docs/spec/feed.md). All but the head is immutable."""

from __future__ import annotations

from collections.abc import Mapping

from .limits import PAGE_ENTRIES

CAPABILITIES = ".well-known/jisr.json"
HEAD = "head.json"
CHECKPOINT = "checkpoint"
KEYS = "keys.json"
COMPRESSED = (".zst", ".gz")
"""What follows the name of a file in those of its compressed forms, which may stand beside it."""


def compressed(path: str) -> tuple[str, ...]:
    """The paths of the compressed forms of a file; none for what is such a form."""
    return () if path.endswith(COMPRESSED) else tuple(path + suffix for suffix in COMPRESSED)


def plain(path: str) -> str:
    """The path of the file of which this may be a compressed form."""
    return next((path.removesuffix(suffix) for suffix in COMPRESSED if path.endswith(suffix)), path)


def forms(path: str) -> tuple[str, ...]:
    """The paths at which a reader looks for a file, in this order: pages and parts, which are files of lines, may stand
    compressed alone (PATH-3)."""
    return (path, *compressed(path)) if path.endswith(".ndjson") else (path,)


def page(epoch: str, number: int, width: int = PAGE_ENTRIES, generation: int = 1) -> str:
    """The path of a page of `width` entries, named as in C2SP tlog-tiles (PATH-1).

    page("1-…", 1407) is log/1-…/x001/407.ndjson; a partial one of 37 entries is log/1-…/x001/407.p/37.ndjson.
    """
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    partial = f".p/{width}" if width < PAGE_ENTRIES else ""
    later = f".g{generation}" if generation > 1 else ""
    return f"log/{epoch}/{name}{partial}{later}.ndjson"


def pages(
    epoch: str, start: int, size: int, generations: Mapping[int, int] | None = None
) -> list[tuple[int, int, str]]:
    """(page number, width, path) of every page that holds entries [start, size) of a log of `size` entries.

    `generations`: page number → generation of the pages that were written again (generations.py).
    """
    if start >= size:
        return []
    last = (size - 1) // PAGE_ENTRIES
    return [
        (number, width, page(epoch, number, width, (generations or {}).get(number, 1)))
        for number in range(start // PAGE_ENTRIES, last + 1)
        for width in (min(PAGE_ENTRIES, size - number * PAGE_ENTRIES),)
    ]


def inventory(hashed: bytes) -> str:
    """The path of a node of the state tree (STA-3)."""
    return f"inv/{hashed.hex()}.json"


def generations(sha256: str) -> str:
    """The path of a file of generations, named by its hash in hexadecimal (PATH-2)."""
    return f"gens/{sha256}.json"


def policy(sha256: str) -> str:
    """The path of the policy that a head names, by the hash of its file in hexadecimal (PATH-2, POL-5)."""
    return f"policy/{sha256}.json"


def snapshot(epoch: str, seq: int) -> str:
    """The path of the manifest of the snapshot of entries [0, seq) (PATH-2)."""
    return f"snap/{epoch}-{seq}/manifest.json"


def snapshot_part(epoch: str, seq: int, number: int) -> str:
    """The path of a part of that snapshot; numbers run over all its lists, from 0 (PATH-2)."""
    return f"snap/{epoch}-{seq}/{number:03d}.ndjson"


def record(node: str, record_id: str, rev: int) -> str:
    """The path of the record file: the put line of this feed that set this version of a record (PATH-2)."""
    return f"rec/{node.removeprefix('jisr:')}/{record_id}/{rev}.json"
