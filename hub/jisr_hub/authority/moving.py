"""From whom a node is taken when its home hub changes, or when its chain holds again (docs/spec/authority.md).

A node is taken from one upstream. When its home hub is a peer, that peer is it. Changing to it reconciles what is held
here with all that the peer holds of the node, by state and never by a position: nothing is lost, nothing enters twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from jisr_protocol import identifiers, statement
from jisr_protocol.reader.store import Change as Offer
from jisr_protocol.reader.store import Copy

from .. import log
from ..hub import Hub
from ..ports import Change, Draft, Held, Member, Peer, Remembered

Take = Callable[[Sequence[Offer]], Awaitable[int]]
"""Takes changes of a peer's copy into the log as its followers do, and leaves the peer's cursor where it is."""
_log = structlog.get_logger()


async def follow_moves(hub: Hub, peer: Peer, copy: Copy, take: Take) -> list[str]:
    """Take the nodes whose home hub this peer is from it, from now on; returns which came to it now.

    A node that was admitted here is left to the peer only when the peer's feed holds the node's own word for it: then
    the peer holds everything that came before.
    """
    moved = []
    for member in await hub.ledger.members():
        if member.home != peer.hub or member.upstream == peer.hub or member.node == hub.identity.id:
            continue
        if not _says_so(copy, member):
            continue
        await hub.ledger.store(_change(hub, upstreams={member.node: peer.hub}), log.number)
        await reconcile(hub, copy, member.node, take, leave=True)
        _log.info("node.moved", node=member.node, home=peer.hub)
        moved.append(member.node)
    return moved


async def take_regained(hub: Hub, peer: Peer, copy: Copy, subjects: set[str], take: Take) -> None:
    """Statements about these subjects came: take what was refused of the nodes whose chain holds by now."""
    if not hub.attesting.anchors:
        return
    members = [member for member in await hub.ledger.members() if member.upstream == peer.hub]
    held = await hub.attesting.authority(members)
    for member in members:
        standing = held.fold().node(member.node, hub.clock())
        if standing.holds and subjects & {member.node, standing.by}:
            await reconcile(hub, copy, member.node, take, leave=False)


async def reconcile(hub: Hub, copy: Copy, node: str, take: Take, *, leave: bool) -> None:
    """Bring what is held of a node to what the copy holds of it; with `leave`, what the copy has not leaves too."""
    offered = list(copy.changes(node=node, notices=True))
    await take(offered)
    if not leave:
        return
    there = {change.id for change in offered if change.op == "put"}
    async with hub.ledger.reading() as view:
        known = sorted((node, record_id) for record_id in await view.newest(node, "*") if record_id not in there)
    gone = {key: held for key, held in (await hub.ledger.held("public", known)).items() if held.live}
    if gone:
        # why the home hub does not show them, its feed does not say
        drafts = [log.out_draft(*key, held.rev, held.digest, held.type) for key, held in gone.items()]
        remembered = [
            Remembered(*key, "public", Held(held.rev, held.digest, held.type, False)) for key, held in gone.items()
        ]
        await hub.ledger.store(_change(hub, drafts, remembered), log.number)
        hub.changed.set()


def _says_so(copy: Copy, member: Member) -> bool:
    for change in copy.changes(node=member.node, notices=True):
        thing = change.envelope
        if change.op == "statement" and thing is not None and thing.value.get("type") == statement.HOME:
            return True
    return False


def _change(
    hub: Hub,
    drafts: Sequence[Draft] = (),
    remembered: Sequence[Remembered] = (),
    upstreams: dict[str, str] | None = None,
) -> Change:
    return Change(identifiers.to_instant(hub.clock()), drafts, remembered, upstreams=upstreams or {})
