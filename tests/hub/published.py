"""What stands in a hub's folder of pages, read as a stranger would; and hubs over every kind of ledger."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard

from jisr_hub.publish import forms
from jisr_hub.publish.feed import Publisher
from jisr_hub.publish.snapshots import Cadence
from jisr_hub.publish.standing import what_must_stand
from jisr_hub.storage.memory import MemoryLedger
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import entry, paths
from jisr_protocol.entry import Entry
from jisr_protocol.head import Head
from jisr_protocol.reader.follow import Result, follow
from jisr_protocol.session import Outcome
from jisr_protocol.snapshot import Manifest, open_part, parse
from tests import postgres
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub

EPOCH = "1-aaaaaaaa"
NEVER = Cadence(entries=10**9, aged_entries=10**9)


@asynccontextmanager
async def hub_over(
    kind: str, request: pytest.FixtureRequest, folder: Path, *authors: Author
) -> AsyncIterator[MemoryHub]:
    """A hub over one kind of ledger, which has admitted these authors."""
    with contextlib.ExitStack() as stack:
        ledger: Any = MemoryLedger(EPOCH)
        if kind == "sqlite":
            ledger = await SqlLedger.open(folder / "hub.sqlite", new_epoch=EPOCH)
        elif kind == "postgresql":
            server = request.getfixturevalue("postgres_server")
            ledger = await SqlLedger.open(stack.enter_context(postgres.database(server)), new_epoch=EPOCH)
        try:
            hub = await MemoryHub("hub", ledger=ledger).begin()
            await hub.admit(*authors)
            yield hub
        finally:
            if isinstance(ledger, SqlLedger):
                await ledger.close()


def publisher_of(hub: MemoryHub, *, cadence: Cadence = NEVER, pages: Any = None) -> Publisher:
    """Another publisher of this hub's feed."""
    return Publisher(hub.identity, hub.ledger, pages or hub.pages, hub.clock, cadence=cadence)


async def restart(hub: MemoryHub, *, cadence: Cadence = NEVER) -> Publisher:
    """A new process publishes the hub's feed from now on."""
    hub.publisher = publisher_of(hub, cadence=cadence)
    await hub.publisher.begin()
    return hub.publisher


def plain_files(hub: MemoryHub) -> Iterator[tuple[str, bytes]]:
    """(path, content) of every file, as it stands and uncompressed."""
    for path, content in hub.pages.files.items():
        yield path, zstandard.decompress(content) if path.endswith(".zst") else content


def holding(hub: MemoryHub, text: str) -> list[str]:
    """The files that hold this text."""
    return [path for path, content in plain_files(hub) if text.encode() in content]


async def assert_stands(hub: MemoryHub) -> Head:
    """What must stand does, byte for byte, in its form; and the head that is out is the one in the folder."""
    head = hub.publisher.head
    assert head is not None and hub.pages.read(paths.HEAD) == head.raw
    async with hub.ledger.reading() as view:
        expected = [one async for one in what_must_stand(view, hub.pages, head)]
    for one in expected:
        assert (content := forms.read(hub.pages, one.path)) is not None, one.path
        assert one.content in (None, content), one.path
        assert forms.source(hub.pages, one.path) == (one.path + forms.ZSTD if one.compressed else one.path)
    return head


async def read_by(hub: MemoryHub, folder: Path, file: Path) -> Result:
    """Follow what stands in the folder; it must be proven."""
    for stale in sorted((folder / "feed").rglob("*"), reverse=True):
        stale.rmdir() if stale.is_dir() else stale.unlink()
    result = await follow(hub.write_out(folder / "feed"), file, now=hub.clock)
    assert result.outcome is Outcome.VERIFIED, result.sentence
    return result


def manifest_of(hub: MemoryHub) -> Manifest:
    """The snapshot of the head that is out."""
    head = hub.publisher.head
    assert head is not None and head.snap is not None
    return parse(hub.pages.read(head.snap["path"]) or b"", head)


def entries_of(hub: MemoryHub, name: str) -> list[Entry]:
    """The entries in one list of that snapshot."""
    parts = [part for of, part in manifest_of(hub).lists if of == name]
    return [entry.parse(line) for part in parts for line in open_part(part, forms.read(hub.pages, part.path) or b"")]
