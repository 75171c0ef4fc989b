"""A hub in SQL with views, for tests: the hub of hub_in_memory over a real ledger, and each view over another.

async with viewed_hub(tmp_path / "hub.sqlite") as hub:       or a PostgreSQL address
    await hub.place(policy)                                   the hub's own policy, carried out
    view = await hub.view("services", policy)
    await hub.round()
    assert await hub.shown("services") == …
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from jisr_hub.config import Settings, view_place
from jisr_hub.publish.feed import Publisher
from jisr_hub.storage.fence import MemoryFence
from jisr_hub.storage.memory import MemoryPages
from jisr_hub.storage.node_logs import SqlNodeLogs
from jisr_hub.storage.policies import SqlPolicies
from jisr_hub.storage.sql import SqlLedger
from jisr_hub.views.applying import Applying
from jisr_hub.views.opened import Room, Views
from jisr_hub.views.policies import OWN, Derived, Policies, of_view
from jisr_protocol import entry, identifiers, live
from jisr_protocol.policy import Policy
from tests.hub.hub_in_memory import MemoryHub

EPOCH = "1-hhhhhhha"
Live = dict[tuple[str, str], tuple[int, str]]


class ViewedHub(MemoryHub):
    """A hub whose ledger is SQL, with policies and views."""

    def __init__(self, label: str, ledger: SqlLedger, place: Path | str) -> None:
        super().__init__(label, ledger=ledger)
        self.store = SqlPolicies(ledger)
        self.policies = self.hub.policies = Policies(self.store, self.id, "MA")
        self.applying = Applying(self.hub, self.policies)
        self.rooms: dict[str, Room] = {}
        self._place = place
        self.views = Views(self.hub, SqlNodeLogs(ledger), self.policies, self._room)

    async def _room(self, feed: Derived) -> Room:
        folder = self._place.parent if isinstance(self._place, Path) else Path()
        database = "" if isinstance(self._place, Path) else self._place
        place, schema = view_place(folder, Settings(name="h", country="MA", database=database), feed.name)
        ledger = await SqlLedger.open(place, new_epoch=EPOCH, schema=schema)
        self.rooms[feed.name] = Room(ledger, MemoryPages(), MemoryFence(), ledger.close)
        return self.rooms[feed.name]

    async def place(self, policy: Policy | None, scope: str = OWN) -> None:
        """Put a policy in place and carry it out."""
        await self.store.place(scope, policy, identifiers.to_instant(self.clock()))
        await self.applying.run()

    async def view(self, name: str, policy: Policy | None = None, audience: str = "public") -> None:
        """Add a view, or give it another policy."""
        at = identifiers.to_instant(self.clock())
        await self.store.add_derived(Derived(name, audience), at)
        if policy is not None:
            await self.store.place(of_view(name), policy, at)
        await self.policies.refresh()
        await self.views.refresh()

    async def round(self) -> int:
        """Bring every view up to the hub's ledger and publish it."""
        return await self.views.round()

    def publisher_of(self, name: str) -> Publisher:
        return self.views.shown[name].publisher

    async def log_of(self, name: str) -> list[entry.Entry]:
        async with self.views.shown[name].room.ledger.reading() as view:
            return [entry.parse(line) async for rows in view.entries(0) for _, line, _ in rows]

    async def live_of(self, name: str) -> Live:
        """What a view holds, as its log says; its records and its head must say the same."""
        folded = live.fold(await self.log_of(name))
        async with self.views.shown[name].room.ledger.reading() as view:
            rows = {(n, i): (rev, digest) async for part in view.rows(None) for _, n, i, rev, digest in part}
        assert rows == folded
        return folded

    def files_of(self, name: str, folder: Path) -> Path:
        """The published files of a view in a folder."""
        # in tests it is MemoryPages
        for path, content in self.views.shown[name].room.pages.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder


@contextlib.asynccontextmanager
async def viewed_hub(place: Path | str, label: str = "hub") -> AsyncIterator[ViewedHub]:
    """An open hub with its ledger in a file or at an address; closed in the end."""
    ledger = await SqlLedger.open(place, new_epoch=EPOCH)
    hub = ViewedHub(label, ledger, place)
    try:
        await hub.policies.refresh()
        await hub.begin()
        await hub.views.refresh()
        yield hub
    finally:
        await hub.views.close()
        await ledger.close()
