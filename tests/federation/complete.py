"""A row of hubs, and what a reader at its end can say of every node: all of it, so many missing, or a lie."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from jisr_hub.following import relayed_heads, taking
from jisr_hub.node_heads import NodeHeads
from jisr_protocol.reader import why
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.store import open_copy
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub

HOPS = 3
REFUSED = 2
"""So many records of each node fail their schema at home; the second hub's policy leaves out one more."""


@dataclass
class Told:
    """What a reader at the end of the row knows: verdicts of the nodes, and of one record how many hashes prove it."""

    verdicts: Counter[str]
    missing: Counter[str]
    live: int
    promised: int
    hashes: int


async def far_reader(nodes: int, records: int, folder: Path, *, picky: bool = False, drops: bool = False) -> Told:
    """Carry nodes over three hubs and read at the last; `picky`: the second has a policy, `drops`: it leaves out a
    record of each node and says that all is there."""
    authors = [Author(f"node{number}") for number in range(nodes)]
    row = [MemoryHub("a"), MemoryHub("bb", **_policy(picky)), MemoryHub("ccc")]
    for hub in row:
        await hub.begin()
    await row[0].admit(*authors)
    for author in authors:
        author.puts(records)
        for number in range(REFUSED if picky else 0):
            author.put(f"bad{number}", status="gone")
        await row[0].push(author)
    await NodeHeads(row[0].hub, pause=timedelta(0)).state()
    await row[0].publish()
    with contextlib.ExitStack() as bent:
        if drops:
            bent.enter_context(mock.patch.object(taking._Batch, "take", _dropping(taking._Batch.take)))
            bent.enter_context(mock.patch.object(relayed_heads, "_missing", _nothing))
        await row[1].follow(row[0], folder)
    await row[1].publish()
    last = row[1] if drops else row[2]
    if not drops:
        await row[2].follow(row[1], folder)
        await row[2].publish()
    feed, file = last.write_out(folder / "feed"), folder / "far.copy"
    result = await follow(feed, file, now=last.clock, whole=True)
    assert result.outcome == 0, result.sentence
    with open_copy(file) as copy:
        found = [one for one in copy.nodes() if one.node in {author.id for author in authors}]
        record = copy.record(authors[0].id, record_id("r0"))
        assert record is not None
        chain = await why.chain(copy, record, feed)
        missing: Counter[str] = Counter()
        for one in found:
            missing.update(one.missing)
        proof = chain.proof.inclusion.proof if chain.proof is not None and chain.proof.inclusion is not None else []
        live, promised = sum(one.live for one in found), sum(one.promised for one in found)
        return Told(Counter(one.verdict for one in found), missing, live, promised, len(proof))


def _policy(picky: bool) -> dict[str, Any]:
    left_out = record_id("r1") if picky else ""
    return {"policy": lambda e: "not here" if e.id == left_out else None}


def _dropping(take: Callable[..., None]) -> Callable[..., None]:
    def drops_one(batch: taking._Batch, offered: taking.Offered) -> None:
        if offered.entry.id != record_id("r2"):
            take(batch, offered)

    return drops_one


async def _nothing(*_: object) -> dict[str, int]:
    return {}
