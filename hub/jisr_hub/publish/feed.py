"""The publisher: pages, state tree, snapshot and signed head of the hub's feed (docs/spec/feed.md, docs/spec/head.md).

One publish is one consistent moment of the ledger. The order is the durability rule: what is stored is committed
before pages are written, pages and snapshot stand before the head that promises them is remembered, the head is
remembered in the database, then in the fence, before anybody is shown it, and only when it is shown does anything go
that an older one promised. Recovery after a crash at any of these is the next publish: files are written again, the
same bytes; a head that was not remembered was never shown.

    publishing.py  one publish, up to the signed head       retention.py  how far the floor may move
    pages.py       pages and their paths                    leftovers.py  which files go, and when
    forms.py       the forms in which files stand
    snapshots.py   when one is due, and writing it          standing.py   which files must stand
    inventory.py   state tree and inventory of the head     records.py    record files

Beside it, following the folder (keeping.py): packing.py compressed forms, mirror.py the copy in a bucket.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from jisr_protocol import keys, paths
from jisr_protocol.head import Head, Relation, compare
from jisr_protocol.policy import Policy

from ..identity import Identity
from ..ports import Clock, Conflict, Fence, Ledger, Pages, Published, View
from . import inventory, records
from .fence import Behind, Gate, further, mark_of, own_head
from .inventory import Inventory
from .leftovers import Leftovers
from .pages import Aside, in_place
from .publishing import Out, Plan, Tools, carry_out, make_plan
from .seen import Seen
from .snapshots import Cadence
from .standing import generations_of

CONFLICT_TRIES = 5
WAITING_AT_MOST = 1_000
"""So many may wait for the next head; who comes beyond them is answered at once, and asks again in his own time."""
RETAIN_EVERY = timedelta(days=1)
"""How often the floor is looked at."""


class Publisher:
    """Publishes one feed, and answers for the head that is out. `publish` may be called at any time, also needlessly,
    and by several processes at once. `aside` does slow work where the event loop does not wait for it."""

    def __init__(
        self,
        identity: Identity,
        ledger: Ledger,
        pages: Pages,
        clock: Clock,
        *,
        name: str = "public",
        fence: Fence | None = None,
        cadence: Cadence | None = None,
        aside: Aside = in_place,
    ) -> None:
        self.identity, self.ledger, self.pages, self.clock, self.name = identity, ledger, pages, clock, name
        self.cadence, self.aside = cadence or Cadence(), aside
        self.gate = Gate(identity, ledger, pages, fence)
        self.policy: Policy | None = None
        """What this feed takes; the next head names it."""
        self.seen = Seen()
        self.fenced = ""
        """Why nothing may be signed or taken in; "" while it may."""
        self._out = Out()
        self._leftovers = Leftovers(pages, clock)
        self._shown: Head | None = None
        self._settled = False
        """Whether the folder is as the head that is out wants it."""
        self._retained: datetime | None = None
        self._lock = asyncio.Lock()
        self._folding = asyncio.Lock()
        self._grown = asyncio.Condition()
        self._waiting = 0

    @property
    def head(self) -> Head | None:
        """The head that is out."""
        return self._shown or self._out.head

    async def begin(self) -> None:
        """Read what was published last, and show it; or learn that nothing may be signed: see `fenced`."""
        try:
            await self._check()
        except Behind:
            return
        published = await self.ledger.published()
        if published is not None:
            self._take(published)
            self._stand()
            await self.gate.advance(published.head)
            await self._show(published.head)

    def _stand(self) -> None:
        """What was shown stays what is shown until the next head, also when the database knows an older one."""
        shown, out = own_head(self.pages, self.identity), self._out.head
        newer = shown is not None and (out is None or further(mark_of(shown)) > further(mark_of(out)))
        self._shown = shown if newer else None

    async def _check(self) -> None:
        """Raise Behind unless the database holds all that was published, and remember which it is."""
        try:
            await self.gate.check()
        except Behind as behind:
            self._stop(behind)
            raise
        if self.fenced:
            self.fenced = ""
            if (published := await self.ledger.published()) is not None:
                self._take(published)
            self._stand()

    def _stop(self, behind: Behind) -> None:
        """Sign nothing from now on, and show what was shown."""
        self.fenced, self._out, self._settled = str(behind), Out(), False
        self._stand()

    # Publishing

    async def publish(self, *, snapshot: bool = False) -> Head:
        """Publish all that is stored by now; return the head. Does nothing while nothing changed and it is young.

        With `snapshot`, one is made even if none is due. Raises Conflict when other processes keep publishing, Behind
        when the database is not the one that was published.
        """
        return await self._publish(snapshot=snapshot)

    async def publish_again(self) -> Head:
        """Write every page, the snapshot and the head anew from the ledger, as if nothing had been published here."""
        return await self._publish(whole=True)

    async def _publish(self, *, snapshot: bool = False, whole: bool = False) -> Head:
        async with self._lock:
            for _ in range(CONFLICT_TRIES):
                try:
                    await self._check()
                    async with self.ledger.reading() as view:
                        head = await self._publish_view(view, snapshot=snapshot, whole=whole)
                    break
                except Conflict:
                    self._settled = False
                    if (published := await self.ledger.published()) is not None:
                        await self.gate.advance(published.head)
                        self._take(published)
                except Behind as behind:  # the fence has moved since it was looked at
                    self._stop(behind)
                    raise
            else:
                raise Conflict("other processes keep publishing")
        await self._tell()
        return head

    async def _publish_view(self, view: View, *, snapshot: bool, whole: bool) -> Head:
        now = self.clock()
        retain = self._retained is None or now >= self._retained + RETAIN_EVERY
        plan = await make_plan(self.ledger, view, self._out, now=now, retain=retain)
        plan = replace(plan, whole=whole, policy=self.policy)
        self._retained = now if retain else self._retained
        head = plan.out.head
        if head is None or snapshot or not plan.is_current(now):
            settled, self._settled = self._settled, False  # if it ends early, files nobody needs are left
            clock = partial(self._later, plan.layout.epoch)
            tools = Tools(self.identity, self.name, self.pages, clock, self.cadence, self.aside, plan.policy)
            fresh = await carry_out(plan, view, tools, snapshot=snapshot)
            assert fresh.published is not None
            head = fresh.published.head
            await self.ledger.publish(fresh.published, plan.out.published)
            await self.gate.advance(head)
            self._out, self._shown = fresh, None
            await self._tell()  # who waits need not wait for the folder, which is for those who come by other ways
            await self._show(head)
            self._settled = settled and self._replaced(plan, head)
        elif not self._settled:
            await self.gate.advance(head)
            await self._show(head)
        await self._tidy(head)
        return head

    def _later(self, epoch: str) -> datetime:
        """Now, or a second after the newest that was ever shown of this epoch, whatever the database knows of it."""
        now, shown = self.clock(), self.gate.not_before(epoch)
        return now if shown is None else max(now, shown + timedelta(seconds=1))

    async def _show(self, head: Head) -> None:
        """Write the head beside its pages, durably. Where several processes publish, the newest one is what stands."""
        while True:
            shown = own_head(self.pages, self.identity)
            newer = shown is not None and compare(shown, head) is Relation.OLDER
            newer = newer or (shown is not None and compare(shown, head) is Relation.SAME and head.time < shown.time)
            if not newer:
                await self.aside(partial(self._write, head))
            newest = await self.ledger.published()
            if newest is None or newest.head.raw == head.raw:
                return
            head = newest.head

    def _write(self, head: Head) -> None:
        """Keys, then the head."""
        said = keys.write_file(self.identity.ring)
        if self.pages.read(paths.KEYS) != said:
            self.pages.write(paths.KEYS, said)
        self.pages.write(paths.HEAD, head.raw)
        self.pages.flush()

    def _replaced(self, plan: Plan, head: Head) -> bool:
        """Note what the new head does not need; False when the whole folder must be looked through."""
        old = plan.out.head
        if old is None or plan.anew or plan.emptied or head.floor != old.floor:
            return False
        self._leftovers.replaced(old, plan.out.layout, head, self._out.layout)
        return True

    async def _tidy(self, head: Head) -> None:
        """Remove what no head needs any more. Only now, when the newer one stands and is shown."""
        layout = self._out.layout
        if not self._settled:
            await self.aside(lambda: self._leftovers.sweep(head, layout))
            self._settled = True
        self._leftovers.remove_due(head, layout)

    # Serving

    def _take(self, published: Published) -> None:
        """Go on from what was published, by whomever."""
        earlier = self._out.inventory or self._out.earlier
        goes_on = self.head is not None and self.head.epoch == published.head.epoch
        usable = earlier if goes_on and earlier is not None and earlier.size <= published.head.size else None
        self._out = Out(published, generations_of(self.pages, published.head), None, usable)

    async def refresh(self) -> None:
        """Learn what another process has published, for those that only serve it."""
        async with self._lock:
            if self.fenced:
                with contextlib.suppress(Behind):
                    await self._check()
            published = await self.ledger.published()
            if self.fenced or published is None or (self.head is not None and published.head.raw == self.head.raw):
                return
            await self.gate.advance(published.head)
            self._take(published)
        await self._tell()

    async def _tell(self) -> None:
        async with self._grown:
            self._grown.notify_all()

    async def wait(self, after: int, seconds: float) -> Head | None:
        """The head, as soon as it covers more than `after` entries, at the latest after `seconds`."""
        if self._waiting >= WAITING_AT_MOST:
            return self.head
        self._waiting += 1
        try:
            async with asyncio.timeout(seconds), self._grown:
                while self.head is None or self.head.size <= after:
                    await self._grown.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1
        return self.head

    async def inventory(self, hashed: bytes) -> bytes | None:
        """The file of a node of the published state tree, None if it is not of this head nor of the one before."""
        for found in await self._inventories():
            place = found.place(hashed)
            if place is not None:
                async with self.ledger.reading() as view:
                    return await found.file(view, *place)
        return None

    async def _inventories(self) -> list[Inventory]:
        """Of the head that is out, made now if nobody needed it before, and of an earlier one."""
        async with self._folding:
            out = self._out
            if out.head is not None and out.inventory is None:
                async with self.ledger.reading() as view:
                    made = await inventory.fold(view, out.head.size, out.earlier)
                if self._out is not out:
                    return [made]
                out = self._out = replace(out, inventory=made)
        return [found for found in (out.inventory, out.earlier) if found is not None]

    async def record(self, node: str, record_id: str, rev: int) -> bytes | None:
        """The record file of this version, None if it is not what this head has. Raises records.ErasedRecord."""
        if self._out.head is None:
            return None
        size = self._out.head.size
        async with self.ledger.reading() as view:
            return await records.record_file(view, size, node, record_id, rev)
