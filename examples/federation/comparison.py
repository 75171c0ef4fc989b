"""What differs between feeds that should hold the same records."""

from __future__ import annotations

from pathlib import Path

import orjson

from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.store import Copy

from .hubs import Hub

SHOWN = 5
Leaf = tuple[str, str, int, str]


async def differences(hubs: list[Hub], folder: Path) -> list[str]:
    """A sentence for each difference between the records the hubs hold, at most SHOWN a hub."""
    held: dict[str, set[Leaf]] = {}
    told: list[str] = []
    for hub in hubs:
        file = folder / f"{hub.label}.compared"
        result = await follow(hub.feed, file, allow_private=True, expected_id=hub.id)
        if result.outcome != 0:
            told.append(f"{hub.name} cannot be compared: {result.sentence}")
            continue
        with Copy(file) as copy:
            leaves = [orjson.loads(line) for line in copy.dump()][:-1]
        held[hub.name] = {(leaf["node"], leaf["id"], leaf["rev"], leaf["digest"]) for leaf in leaves}
    everything: set[Leaf] = set().union(*held.values())
    for name, leaves_held in held.items():
        lacking = sorted(everything - leaves_held)
        told += [f"{name} lacks {node}/{id} rev {rev}" for node, id, rev, _ in lacking[:SHOWN]]
        if len(lacking) > SHOWN:
            told.append(f"{name} lacks {len(lacking) - SHOWN} more")
    return told
