"""Speaking with hubs: what a node asks and brings, and what it takes as its home.

link       one hub to speak with           attempt    bring every feed to it
sync       publish, then bring             confirmed  who has confirmed an erasure
rebase     after an older state            join, move  where the node is at home
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jisr_protocol import admission
from jisr_protocol.statement import Statement

from . import outbox as outboxes
from . import receipts, whereabouts
from .delivery import Delivered, compare, deliver, read_state
from .errors import Contradiction, HubRefused, HubUnreachable, Mistaken, NodeError
from .homes import Homes, Link, read_link
from .outbox import Published
from .ports import Hub
from .retrieval import Word, heard

if TYPE_CHECKING:
    from .app import Node
    from .rebase import Rebased


@dataclass(frozen=True, slots=True)
class Sent:
    """What a push came to: per feed what was delivered, and the errors, as (feed, error)."""

    hub: str
    delivered: tuple[Delivered, ...]
    errors: tuple[tuple[str, NodeError], ...]


async def attempt(node: Node, hub: str | Hub | None, now: datetime) -> Sent:
    """Bring every feed to a hub; what goes wrong there is in `Sent.errors`."""
    async with node.link(hub) as linked:
        return await _bring(node, linked, now)


async def _bring(node: Node, hub: Hub, now: datetime) -> Sent:
    delivered: list[Delivered] = []
    errors: list[tuple[str, NodeError]] = []
    feeds = node.store.feeds()
    try:
        node.meet(hub.address, await hub.keys())
    except (HubUnreachable, HubRefused) as error:
        for feed in feeds:
            node.deliveries.note_problem(hub.address, feed.name, str(error), now)
        return Sent(hub.address, (), tuple((feed.name, error) for feed in feeds) or (("", error),))
    for feed in feeds:
        try:
            delivered.append(await deliver(node.deliveries, hub, node.id, feed, now))
        except (HubUnreachable, HubRefused, Contradiction) as error:
            errors.append((feed.name, error))
    return Sent(hub.address, tuple(delivered), tuple(errors))


async def sync(node: Node, hub: str | Hub | None, now: datetime) -> tuple[Published, Sent]:
    """Publish, then push. The hub is asked first what it holds, so that a history that is older than the hub's is
    noticed before anything is signed; a hub that cannot be reached holds nothing up.

    Raises Mistaken when no hub is known, Contradiction with nothing signed; hub errors are in `Sent.errors`.
    """
    async with node.link(hub) as linked:
        with suppress(HubUnreachable, HubRefused):
            node.meet(linked.address, await linked.keys())
            await compare(node.deliveries, linked, node.id, node.store.feeds())
        done = node.publish(now=now)
        sent = await _bring(node, linked, now)
        if sent.errors:
            return done, sent
        with suppress(HubUnreachable, HubRefused):
            node.deliveries.note_shown(linked.address, await linked.shown_head(), now)
        return done, sent


async def confirmed(node: Node, hub: str | Hub | None, now: datetime) -> list[receipts.Confirmed]:
    """Who has confirmed this node's erasures. Raises Mistaken, HubUnreachable, HubRefused."""
    async with node.link(hub) as linked:
        home = node.meet(linked.address, await linked.keys())
        said = receipts.notices(node.store)
        return [receipts.read(one, home, await linked.acks(one.digest), now) for one in said]


async def rebase(
    node: Node, hubs: Sequence[str | Hub], *, without_hub: bool, now: datetime
) -> tuple[Rebased, Path | None]:
    """Work on after an older state was put back or this folder lived twice; see rebase.Rebase.

    Asks the hubs named, or all that are known, what they hold. Returns what was done, and the file that holds the
    versions that were set aside, None when there are none. Raises HubUnreachable or HubRefused with nothing changed,
    unless it may be done `without_hub`; Declined, Busy.
    """
    from .rebase import Rebase

    words: list[Word] = []
    for address in hubs or node.known_hubs():
        try:
            async with node.link(address) as linked:
                words.append(await _hear(node, linked))
        except (HubUnreachable, HubRefused) as error:
            if not without_hub and getattr(error, "code", "") != "not_admitted":
                raise
    if not words and not without_hub:
        raise Mistaken(
            "This node knows no hub that holds its feed, so nothing can be fetched back. Nothing was changed. Name "
            "one with --hub, or go on without any: jisr-node rebase --without-hub"
        )
    done = Rebase(node.feeds, node.outbox, node.erasures, words).run(now)
    kept = node.keep_aside(done.aside, now)
    node.settle_erasures()
    return done, kept


async def _hear(node: Node, hub: Hub) -> Word:
    node.meet(hub.address, await hub.keys())
    state = read_state(hub.address, await hub.log_state(node.id, outboxes.PUBLIC))
    lines = await hub.lines_about(node.id) if state.next else []
    shown = bytes(state.head) if bytes(state.head) != b"null" else None
    return heard(hub.address, state.epoch or "", state.next, state.log_root, shown, lines, node.identity.ring)


async def look(node: Node, where: str | Hub | None, now: datetime) -> whereabouts.Sighting:
    """See what the public feed of a hub, or of any other place, holds of this node; it is remembered. Raises Mistaken,
    HubUnreachable, HubRefused."""
    async with node.link(where) as hub:
        lines = await hub.lines_about(node.id)
        seen = whereabouts.sighting(hub.address, lines, node.id, now)
    whereabouts.keep(node.store, seen)
    return seen


async def join(node: Node, invitation: str | Link, via: Hub | None, now: datetime) -> bool:
    """Ask a hub to let this node in and be its home: True when it did, False when its operator decides later.

    Then the node's own word stands in its public feed, and the hub is where it pushes. Calling again is safe.
    Raises Mistaken, HubUnreachable, HubRefused or Contradiction; then nothing was changed.
    """
    asked = read_link(invitation) if isinstance(invitation, str) else invitation
    homes = Homes(node.feeds)
    async with node.link(via or asked.address) as hub:
        known = node.deliveries.meet(hub.address, await hub.keys(), asked.hub or None)
        said = homes.write(known.id, now)
        body = admission.write(node.identity.ring, home=said, name=node.settings.name, code=asked.code)
        admitted = await hub.ask(body)
    if admitted:
        _at_home(node, hub.address, said, now)
    return admitted


async def move(node: Node, address: str | Hub, now: datetime) -> Sent:
    """Make another hub, which has admitted this node, its home, and hand it everything.

    Raises HubRefused with nothing changed when that hub does not take this node. Errors of the delivery that follows
    are in `Sent.errors`; the next push goes on.
    """
    async with node.link(address) as hub:
        known = node.deliveries.meet(hub.address, await hub.keys())
        await hub.log_state(node.id, outboxes.PUBLIC)  # refused unless it admitted us
        _at_home(node, hub.address, Homes(node.feeds).write(known.id, now), now)
        return await _bring(node, hub, now)


def _at_home(node: Node, address: str, said: Statement, now: datetime) -> None:
    Homes(node.feeds).append(said, now)
    node.settings = replace(node.settings, hub=address, hub_id=str(said.value["home"]))
    with node.store.transaction():
        node.settings.save(node.store)
