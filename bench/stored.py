"""What a hub keeps on its disk, after everything is published and packed.

stored_bytes    the database and the published pages of the log, in all their forms. The floor is the canonical size of
                the records, without signatures and the log around them. Beside it what each part takes of that; and
                what is not in it: snapshots, and the documents of the search, as far as they are made already.
page_bytes      the `.zst` forms of the pages that the head names. The floor is the same records with their signatures,
                compressed alone in one piece (zstd 3).
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import zstandard

from bench.hub_process import HubProcess
from bench.place import Place
from bench.rows import Row, costs
from jisr_protocol import head as heads
from jisr_protocol import paths
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.reader.http import GuardedClient


def stored_bytes(place: Place, records: int) -> Iterator[Row]:
    """All of it, by what it is for."""
    load, hub = place.load(records), place.filled(records)
    with hub:
        asyncio.run(_packed(hub))
    parts = parts_of(hub.folder)
    canonical = sum(writer.canonical_bytes for writer in load.writers)
    beside = ", ".join(f"{name} {size / canonical:.2f}" for name, size in parts.most_common())
    ours = sum(size for name, size in parts.items() if name.startswith(("database", "log")))
    yield costs("stored_bytes", records, [ours], [canonical], "bytes", beside=beside)


def page_bytes(place: Place, records: int) -> Iterator[Row]:
    """Only what every reader fetches."""
    load, public = place.load(records), place.filled(records).folder / "public"
    head = heads.parse((public / paths.HEAD).read_bytes())
    pages = (
        paths.page(head.epoch, first // PAGE_ENTRIES, min(PAGE_ENTRIES, head.size - first), 1)
        for first in range(0, head.size, PAGE_ENTRIES)
    )
    ours = sum((public / f"{page}.zst").stat().st_size for page in pages)
    yield costs("page_bytes", records, [ours], [compressed_size(load.signed_records())], "bytes")


def parts_of(folder: Path) -> Counter[str]:
    """Bytes on the disk by what they are for: the database, and each kind of published file by its form."""
    found: Counter[str] = Counter()
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        place = file.relative_to(folder)
        if place.parts[0] == "public" and len(place.parts) > 2:
            form = file.suffix if file.suffix in (".zst", ".gz") else "plain"
            found[f"{place.parts[1]} {form}"] += file.stat().st_size
        else:
            found["database" if file.name.startswith("hub.sqlite") else "other"] += file.stat().st_size
    found["search"] = _of_search(folder / "hub.sqlite")
    found["database"] -= found["search"]
    return found


def _of_search(database: Path) -> int:
    """Bytes of the database that are documents of the search: made of the log, and made anew at will."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        sizes = "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name LIKE 'search%'"
        return int(connection.execute(sizes).fetchone()[0])


def compressed_size(lines: Iterator[bytes]) -> int:
    """Of these lines in one piece, by zstd at its usual level."""
    compressor, size = zstandard.ZstdCompressor(level=3).compressobj(), 0
    for line in lines:
        size += len(compressor.compress(line + b"\n"))
    return size + len(compressor.flush())


async def _packed(hub: HubProcess, seconds: float = 600.0) -> None:
    """Wait until every page and part has its gzip form too, which is made where nobody waits."""
    async with GuardedClient(allow_private=True) as client:
        await hub.ready(client)
    deadline = time.monotonic() + seconds
    while any(not file.with_suffix(".gz").exists() for file in (hub.folder / "public").rglob("*.ndjson.zst")):
        if time.monotonic() > deadline:
            raise RuntimeError("published files are not packed")
        await asyncio.sleep(0.2)
