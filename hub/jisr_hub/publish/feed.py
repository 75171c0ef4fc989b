"""The publisher: pages, state tree and signed head of the hub's feed (docs/spec/feed.md, docs/spec/head.md).

One publish is one consistent moment of the ledger. The order is the durability rule: what is stored is committed
before pages are written, pages stand before the head that promises them is remembered, and the head is remembered
before anybody is shown it. Recovery after a crash at any of these is the next publish: pages are written again, the
same bytes; a head that was not remembered was never shown.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from datetime import datetime, timedelta

import zstandard

from jisr_protocol import head as heads
from jisr_protocol import keys, paths, state_tree
from jisr_protocol.head import Head, Relation, compare
from jisr_protocol.limits import HUB_HEAD_HOURS, PAGE_ENTRIES
from jisr_protocol.merkle import Frontier
from jisr_protocol.refusal import Refusal
from jisr_protocol.state_tree import MAX_DEPTH, StateTree

from ..identity import Identity
from ..ports import Clock, Ledger, Pages, Published, View

NEXT_HEAD = timedelta(minutes=5)
RENEW_AFTER = timedelta(hours=12)
PARTIAL_STAYS = timedelta(hours=1)
"""How long a partial page outlives the wider one: for readers on their way with an older head."""
ZSTD_LEVEL = 3


class Behind(Exception):
    """The ledger is older than what was published, so signing on would contradict it for ever; see `check_fence`."""


def check_fence(pages: Pages, published: Published | None, identity: Identity) -> None:
    """Raise Behind when head.json, which stands outside the database, promises more than the database holds.

    The head is remembered in the database first, so only an older database, a backup put back, comes to this. A file
    that is not our own head is no fence.
    """
    raw = pages.read(paths.HEAD)
    if raw is None:
        return
    try:
        shown = heads.parse(raw)
        identity.ring.verify(shown.envelope)
    except Refusal:
        return
    held = published.head if published is not None else None
    if held is None or compare(held, shown) not in (Relation.SAME, Relation.OLDER):
        raise Behind(
            f"The database is older than what this hub has published: it was last published up to {held.size} "
            f"entries, head.json covers {shown.size}. An older backup was probably put back. Nothing was signed and "
            "nothing is lost yet: readers would take a new head for a rollback and stop trusting this hub. Put the "
            "newest database back."
            if held is not None
            else f"The database knows of nothing published, head.json covers {shown.size} entries. Nothing was signed. "
            "Put the newest database back."
        )


class Publisher:
    """Publishes one feed. One publisher a feed and process; `publish` may be called at any time, also needlessly."""

    def __init__(self, identity: Identity, ledger: Ledger, pages: Pages, clock: Clock, *, name: str = "public") -> None:
        self.identity, self.ledger, self.pages, self.clock, self.name = identity, ledger, pages, clock, name
        self.head: Head | None = None
        self._published: Published | None = None
        self._frontier = Frontier()
        self._tree: StateTree | None = None
        self._nodes: dict[bytes, tuple[int, int]] | None = None
        self._partial: tuple[int, str] | None = None
        self._outgrown: deque[tuple[datetime, str]] = deque()
        self._lock = asyncio.Lock()
        self._grown = asyncio.Condition()

    async def begin(self) -> None:
        """Read what was published last; the tree is built again from the ledger at the first publish. Raises Behind."""
        published = await self.ledger.published()
        check_fence(self.pages, published, self.identity)
        if published is not None:
            self._published = published
            self.head, self._frontier = published.head, published.frontier
            self.pages.write(paths.KEYS, keys.write_file(self.identity.ring))
            self.pages.write(paths.HEAD, published.head.raw)
            self.pages.flush()

    async def publish(self) -> Head:
        """Publish all that is stored by now; return the head. Does nothing while nothing changed and it is young."""
        async with self._lock, self.ledger.reading() as view:
            if self._tree is not None and self.head is not None and view.size == self.head.size:
                young = self.clock() < self.head.time + RENEW_AFTER
                if young:
                    return self.head
            frontier, before, self._tree = self._frontier.copy(), self._tree, None
            await self._write_pages(view, frontier)
            tree = await self._fold(view, before, self._frontier.size)
            signed = await self._sign(view, frontier, tree)
            self.pages.flush()
            published = Published(signed, frontier)
            await self.ledger.publish(published, self._published)
            self._published = published
            self.pages.write(paths.KEYS, keys.write_file(self.identity.ring))
            self.pages.write(paths.HEAD, signed.raw)
            self.pages.flush()
            self._frontier, self._tree, self._nodes, self.head = frontier, tree, None, signed
            self._remove_outgrown()
        async with self._grown:
            self._grown.notify_all()
        return signed

    async def publish_again(self) -> Head:
        """Write every page and the head anew from the ledger, as if nothing had been published here."""
        self._frontier, self._tree = Frontier(), None
        return await self.publish()

    async def refresh(self) -> None:
        """Learn what another process has published, for those that only serve it."""
        published = await self.ledger.published()
        if published is None or (self.head is not None and published.head.raw == self.head.raw):
            return
        async with self._lock:
            self._published, self.head, self._frontier = published, published.head, published.frontier
            self._tree = self._nodes = None
        async with self._grown:
            self._grown.notify_all()

    async def wait(self, after: int, seconds: float) -> Head | None:
        """The head, as soon as it covers more than `after` entries, at the latest after `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._grown:
                while self.head is None or self.head.size <= after:
                    await self._grown.wait()
        except TimeoutError:
            pass
        return self.head

    async def inventory(self, hashed: bytes) -> bytes | None:
        """The file of a node of the published state tree, None if it is not of this head."""
        async with self._lock:
            if self._tree is None:
                return None
            if self._nodes is None:
                self._nodes = {h: (level, n) for level, row in enumerate(self._tree.levels) for n, h in enumerate(row)}
            level, number = self._nodes.get(hashed, (-1, 0))
            if level < 0:
                return None
            if level < self._tree.depth:
                return state_tree.inner_bytes(self._tree.children(level, number))
            async with self.ledger.reading() as view:
                lines = (await _lines(view, [number], self._tree.depth)).get(number, [])
            content = state_tree.bucket_bytes(lines)
            return content if state_tree.bucket_hash(content) == hashed else None

    async def _write_pages(self, view: View, frontier: Frontier) -> None:
        """Append to the frontier, and write every page that grew: whole from its first entry."""
        first = frontier.size
        page_start = first - first % PAGE_ENTRIES
        page: list[bytes] = []
        epoch = await self.ledger.epoch()
        async for rows in view.entries(page_start):
            for seq, line, leaf in rows:
                if seq >= first:
                    frontier.append(leaf)
                page.append(line)
                if len(page) == PAGE_ENTRIES:
                    self._write_page(epoch, seq // PAGE_ENTRIES, page)
                    page = []
        if page and frontier.size > first:
            self._write_page(epoch, frontier.size // PAGE_ENTRIES, page)

    def _write_page(self, epoch: str, number: int, lines: list[bytes]) -> None:
        path = paths.page(epoch, number, len(lines))
        if self._partial is not None and self._partial != (number, path):
            self._outgrown.append((self.clock() + PARTIAL_STAYS, self._partial[1]))
        self._partial = (number, path) if len(lines) < PAGE_ENTRIES else None
        content = b"\n".join(lines) + b"\n"
        self.pages.write(path, content)
        self.pages.write(path + ".zst", zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(content))

    def _remove_outgrown(self) -> None:
        """A feed that grows entry by entry would else keep every page 255 times. A restart forgets those before it."""
        while self._outgrown and self._outgrown[0][0] <= self.clock():
            _, path = self._outgrown.popleft()
            if self._partial is None or path != self._partial[1]:  # a publish that failed writes its pages once more
                self.pages.remove(path)
                self.pages.remove(path + ".zst")

    async def _fold(self, view: View, tree: StateTree | None, since: int) -> StateTree:
        """The state tree of this moment: of the buckets that were touched, or of all when the depth changed."""
        live = await view.live()
        depth = state_tree.depth_for(live)
        if tree is None or tree.depth != depth:
            buckets = await _lines(view, None, depth)
            return StateTree(depth, {n: state_tree.bucket_hash(state_tree.bucket_bytes(b)) for n, b in buckets.items()})
        touched = {state_tree.bucket_of(path, depth) for path in await view.touched(since)}
        lines = await _lines(view, sorted(touched), depth)
        for number in touched:
            tree.set_bucket(number, state_tree.bucket_hash(state_tree.bucket_bytes(lines.get(number, []))))
        return tree

    async def _sign(self, view: View, frontier: Frontier, tree: StateTree) -> Head:
        now = self.clock().replace(microsecond=0)  # as it will be written: two heads of one second look like a rollback
        if self.head is not None and now <= self.head.time:
            now = self.head.time + timedelta(seconds=1)  # a clock that stands or steps back must not make one either
        return heads.write(
            self.identity.key,
            by=self.identity.id,
            name=self.name,
            epoch=await self.ledger.epoch(),
            size=frontier.size,
            live=await view.live(),
            log_root=frontier.root(),
            state_root=tree.root(),
            time=now,
            valid_for=timedelta(hours=HUB_HEAD_HOURS),
            next_in=NEXT_HEAD,
        )


async def _lines(view: View, buckets: list[int] | None, depth: int) -> dict[int, list[bytes]]:
    """The lines of these buckets, or of all."""
    shift = 6 * (MAX_DEPTH - depth)
    ranges = None if buckets is None else [(b << shift, ((b + 1) << shift) - 1) for b in buckets]
    lines: dict[int, list[bytes]] = defaultdict(list)
    async for rows in view.rows(ranges):
        for path, node, record_id, rev, digest in rows:
            lines[path >> shift].append(state_tree.line(node, record_id, rev, digest))
    return lines
