"""A hub in memory whose database can be put back to an earlier moment, as an operator does with a backup.

hub = await BackedUp("home").begin()
kept = hub.backup()
…
again = await hub.put_back(kept)         the same folder (pages, fence) over the older database
await again.rebase(peers, folder)        what `jisr-hub rebase --yes` does
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from jisr_hub import rebase
from jisr_hub.following.peers import take_back
from jisr_hub.ports import Mark, Peer
from jisr_hub.publish.feed import Publisher
from jisr_hub.rebase import Done, Found
from jisr_hub.storage.fence import MemoryFence
from jisr_hub.storage.memory import MemoryLedger
from jisr_protocol import identifiers, paths, state_tree
from jisr_protocol.head import Head
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.reader.publisher import seeded


class BackedUp(MemoryHub):
    """See the module."""

    def __init__(self, label: str, *, clock: Clock | None = None, ledger: Any = None, fence: Any = None) -> None:
        super().__init__(label, clock=clock, ledger=ledger)
        self.label, self.fence = label, fence or MemoryFence()
        self._stand_on(self.pages)

    def _stand_on(self, pages: Any) -> None:
        self.pages = pages
        self.publisher = Publisher(self.identity, self.ledger, pages, self.clock, fence=self.fence)
        self.hub.fenced = lambda: self.publisher.fenced

    async def begin(self) -> Self:
        await self.publisher.begin()
        if not self.publisher.fenced:
            await self.hub.begin()
        return self

    def backup(self) -> MemoryLedger:
        """The database as it is now."""
        ledger = MemoryLedger("")
        ledger._s = copy.deepcopy(self.ledger._s)
        return ledger

    async def put_back(self, kept: MemoryLedger) -> BackedUp:
        """A process over an older database; pages and fence are as they were left."""
        ledger = MemoryLedger("")
        ledger._s = copy.deepcopy(kept._s)
        return await self.over(ledger)

    async def over(self, ledger: MemoryLedger) -> BackedUp:
        """A process of this hub, with its keys, pages and fence, over another database."""
        again = BackedUp(self.label, clock=self.clock, ledger=ledger, fence=self.fence)
        again.identity = again.hub.identity = self.identity
        again._stand_on(self.pages)
        return await again.begin()

    async def look(self, at_least: tuple[str, int] | None = None, base: int = 0) -> Found:
        mark = Mark(self.id, *at_least, "", identifiers.to_instant(self.clock())) if at_least else None
        return await rebase.look(self.hub, self.pages, self.publisher.gate, at_least=mark, base=base)

    async def rebase(
        self,
        peers: Sequence[Peer] = (),
        folder: Path = Path(),
        *,
        at_least: tuple[str, int] | None = None,
        base: int = 0,
    ) -> tuple[Done, Head]:
        """What `jisr-hub rebase --yes` does; `peers` whose copies stand in `folder` are asked."""
        found = await self.look(at_least, base)
        number = identifiers.epoch_number(found.promised.epoch) + 1
        epoch = identifiers.new_epoch(number, seeded(self.label, "epoch", number)[:5])
        done = await rebase.rebase(self.hub, self.pages, found, epoch=epoch, per_hour=10**6, per_day=10**6)
        for peer in peers:
            await take_back(self.hub, peer, folder / f"{self.id[5:13]}-of-{peer.hub[5:13]}.copy")
        self._stand_on(self.pages)
        await self.publisher.begin()
        return done, await self.publish()

    async def write_all(self, folder: Path) -> Path:
        """The published files in a folder, with the inventory and the record files that a hub serves on request."""
        self.write_out(folder)
        head = self.publisher.head
        assert head is not None
        for name in ("inv", "rec"):
            shutil.rmtree(folder / name, ignore_errors=True)
        await self._write_inventory(folder, bytes.fromhex(head.state_root), state_tree.depth_for(head.live))
        for (node, record_id), (rev, _) in (await self.live()).items():
            if (content := await self.publisher.record(node, record_id, rev)) is not None:
                _write(folder / paths.record(node, record_id, rev), content)
        return folder

    async def _write_inventory(self, folder: Path, hashed: bytes, levels: int) -> None:
        content = await self.publisher.inventory(hashed)
        assert content is not None
        _write(folder / paths.inventory(hashed), content)
        for child in set(state_tree.parse_inner(content, hashed)) if levels else ():
            await self._write_inventory(folder, child, levels - 1)

    async def peer(self, other: MemoryHub) -> Peer:
        """The other hub as this one follows it."""
        return {peer.hub: peer for peer in await self.ledger.peers()}[other.id]


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
