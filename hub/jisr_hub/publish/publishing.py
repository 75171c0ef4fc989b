"""One publish: what is to be written of one view of the ledger, and writing and signing it.

    plan = await make_plan(ledger, view, out, …)     what differs from what is out
    fresh = await carry_out(plan, view, tools)       every file of the next head stands, durable; the head is signed

Nobody knows of it yet: remembering and showing the head is the publisher's (feed.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jisr_protocol import generations, identifiers, paths
from jisr_protocol import head as heads
from jisr_protocol.head import Head
from jisr_protocol.limits import HUB_HEAD_HOURS
from jisr_protocol.merkle import Frontier
from jisr_protocol.policy import Policy

from ..identity import Identity
from ..ports import Clock, Ledger, Pages, Published, Snapshot, View
from . import inventory, retention, snapshots
from .inventory import Inventory
from .pages import Aside, Layout, PageWriter, rose
from .snapshots import Cadence

NEXT_HEAD = timedelta(minutes=5)
RENEW_AFTER = timedelta(hours=12)


@dataclass(frozen=True)
class Out:
    """What is out: the published head, the generations it names, its inventory once that was needed, and an earlier
    inventory to fold from."""

    published: Published | None = None
    generations: Mapping[int, int] = field(default_factory=dict)
    inventory: Inventory | None = None
    earlier: Inventory | None = None

    @property
    def head(self) -> Head | None:
        return self.published.head if self.published is not None else None

    @property
    def layout(self) -> Layout:
        """Where the pages of its head stand."""
        if self.head is None:
            return Layout("", (), 0, {})
        return Layout.of(self.head, self.generations)


@dataclass(frozen=True)
class Tools:
    """Who publishes, under which name, where to, and how."""

    identity: Identity
    name: str
    pages: Pages
    clock: Clock
    cadence: Cadence
    aside: Aside
    policy: Policy | None = None


@dataclass(frozen=True)
class Plan:
    """What a publish comes to: from what is out to the layout of a view, and the snapshots that still stand there."""

    out: Out
    size: int
    layout: Layout
    snapshots: tuple[Snapshot, ...]
    whole: bool = False
    """Write everything, as if nothing had been published here."""
    policy: Policy | None = None
    """What the feed takes by now."""

    @property
    def emptied(self) -> set[int]:
        """The pages in which something was erased since."""
        return rose(self.layout, self.out.generations)

    @property
    def anew(self) -> bool:
        """Whether nothing of what is out can be gone on from."""
        return self.whole or self.out.head is None or self.out.head.epoch != self.layout.epoch

    def is_current(self, now: datetime) -> bool:
        """Whether what is out says all of it, and is young."""
        head = self.out.head
        if head is None or self.whole or self.emptied:
            return False
        same = (head.epoch, head.size, head.floor) == (self.layout.epoch, self.size, self.layout.floor)
        same = same and head.policy == (self.policy.named if self.policy else None)
        return same and now < head.time + RENEW_AFTER


async def make_plan(ledger: Ledger, view: View, out: Out, *, now: datetime, retain: bool) -> Plan:
    """Compare a view with what is out. With `retain`, the floor is moved as far as it may go."""
    epoch, bases = await ledger.epoch(), await ledger.bases()
    stand = snapshots.standing(out.published.snapshots if out.published else (), view.size, epoch, bases)
    floor = min(out.head.floor if out.head is not None else 0, view.size)
    if retain:
        floor = await retention.floor(view, stand, floor, now)
    layout = Layout(epoch, bases, floor, await view.generations()).of_size(view.size)
    return Plan(out, view.size, layout, stand)


async def carry_out(plan: Plan, view: View, tools: Tools, *, snapshot: bool) -> Out:
    """Write the files that the next head needs, durably, and sign that head."""
    published = plan.out.published
    frontier = Frontier() if plan.anew or published is None else published.frontier.copy()
    writer = PageWriter(tools.pages, tools.aside, plan.layout)
    await writer.append(view, frontier)
    await writer.again(view, plan.emptied)
    before = None if plan.anew else plan.out.inventory or plan.out.earlier
    found = await inventory.fold(view, view.size, before)
    gens = _write_generations(plan.layout, tools.pages)
    snap = _snapshot_that_stands(plan)
    made = _snapshot_is_due(plan, snap, found.live, tools, asked=snapshot)
    if made:
        by, name = tools.identity.id, tools.name
        snap = await snapshots.write(tools.pages, tools.aside, view, found, frontier, plan.layout, by=by, name=name)
    if tools.policy is not None:
        tools.pages.write(paths.policy(tools.policy.sha256), tools.policy.raw)
    tools.pages.flush()
    head = _sign(plan, tools, frontier, found, gens, snap)
    stand = plan.snapshots
    if made:
        new = Snapshot(head.epoch, head.size, identifiers.to_instant(head.time), found.live)
        stand = snapshots.remembered(stand, new)
    return Out(Published(head, frontier, stand), plan.layout.generations, found, plan.out.inventory)


def _write_generations(layout: Layout, pages: Pages) -> dict[str, str] | None:
    if not layout.generations:
        return None
    content = generations.write(layout.generations)
    named = generations.named(content)
    pages.write(named["path"], content)
    return named


def _snapshot_that_stands(plan: Plan) -> dict[str, Any] | None:
    head = plan.out.head
    if head is None or head.snap is None or not plan.snapshots or head.snap["seq"] != plan.snapshots[-1].seq:
        return None
    return head.snap


def _snapshot_is_due(plan: Plan, last: dict[str, Any] | None, live: int, tools: Tools, *, asked: bool) -> bool:
    """Asked for, due by the cadence, or because the last one holds what was erased or is not there any more."""
    if last is None:
        spared = plan.size - plan.layout.floor - live
        return asked or plan.layout.floor > 0 or tools.cadence.due(plan.size, live, None, spared)
    if asked or plan.whole or plan.emptied:
        return True
    grown = plan.size - last["seq"]
    spared = plan.snapshots[-1].live + grown - live
    return tools.cadence.due(grown, live, snapshots.age(plan.snapshots, tools.clock()), spared)


def _sign(
    plan: Plan,
    tools: Tools,
    frontier: Frontier,
    found: Inventory,
    gens: dict[str, str] | None,
    snap: dict[str, Any] | None,
) -> Head:
    before = plan.out.head
    now = tools.clock().replace(microsecond=0)  # as it will be written: two heads of one second look like a rollback
    if before is not None and before.epoch == plan.layout.epoch and now <= before.time:
        # a clock that stands or steps back must not make one either; in a new epoch no date is compared
        now = before.time + timedelta(seconds=1)
    return heads.write(
        tools.identity.key,
        by=tools.identity.id,
        name=tools.name,
        epoch=plan.layout.epoch,
        size=frontier.size,
        live=found.live,
        log_root=frontier.root(),
        state_root=found.tree.root(),
        time=now,
        valid_for=timedelta(hours=HUB_HEAD_HOURS),
        next_in=NEXT_HEAD,
        bases=tuple(dict(base) for base in plan.layout.bases),
        floor=plan.layout.floor,
        gens=gens,
        snap=snap,
        policy=tools.policy.named if tools.policy else None,
    )
