"""Node heads in a hub's feed: what a hub says of the nodes it takes in is what a reader far away can check (NHD-8)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from jisr_hub.node_heads import NodeHeads
from jisr_protocol import completeness
from jisr_protocol.completeness import NodeHead
from jisr_protocol.reader.nodes import Standing
from jisr_protocol.reader.store import open_copy
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def said(hub: MemoryHub) -> list[NodeHead]:
    return [completeness.of(e) for e in await hub.log() if e.op == "nodehead"]


async def state(hub: MemoryHub) -> int:
    """Let the hub say what it can, and publish it."""
    written = await NodeHeads(hub.hub, pause=timedelta(0)).state()
    await hub.publish()
    return written


async def standings(hub: MemoryHub, reader: MemoryHub, folder: Path) -> dict[str, Standing]:
    """What a hub that follows `hub` knows of each node from its copy."""
    await reader.follow(hub, folder)
    with open_copy(folder / f"{reader.id[5:13]}-of-{hub.id[5:13]}.copy") as copy:
        return {found.node: found for found in copy.nodes()}


async def test_after_a_whole_push_a_reader_knows_that_it_holds_all_of_the_node(tmp_path: Path) -> None:
    hub, reader, author = await MemoryHub("hub").begin(), await MemoryHub("reader").begin(), Author("dar")
    author.puts(5)
    author.delete("r3")
    await hub.admit(author)
    await hub.push(author)
    assert await state(hub) == 1
    assert await state(hub) == 0  # nothing changed
    found = (await standings(hub, reader, tmp_path))[author.id]
    assert (found.verdict, found.live, found.size) == ("complete", 4, len(author.feed().lines))
