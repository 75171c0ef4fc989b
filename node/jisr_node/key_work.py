"""The keys of a node: list, rotate, retire, revoke; and taking the node back with its recovery key.

    listed(node)                            every key that ever signed for this node, with its state, instant and reason
    rotate(node, now=…)                     a new signing key; the old one is retired, what it signed stays good
    end(node, kid, lost=…, now=…)           retire a key, or revoke it: `lost` says why
    await plan(node, seed, …) / recover     with the recovery key, which outranks every other (recovery.py)

A new key lies beside the old one as signing.key.next before anything is signed with it, and takes its place after the
commit: dying in between costs nothing, the next start finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jisr_protocol.keys import KeyRing, Last, SigningKey

from . import identity as identities
from .delivery import read_state
from .errors import Declined, HubRefused, HubUnreachable, Mistaken
from .feeds import PUBLIC, Open, reopened
from .identity import SEED_BYTES, Identity
from .ports import Hub
from .recovery import Heard, Plan, Recovery, heard

if TYPE_CHECKING:
    from .app import Node
    from .rebase import Rebased

STOLEN = "the key was stolen"


def listed(ring: KeyRing, signing: str) -> list[dict[str, Any]]:
    """Every signing key of a chain, in the order in which it came, and the recovery keys."""
    rows: list[dict[str, Any]] = [
        {
            "kid": kid,
            "state": state.state,
            "since": state.at,
            "reason": state.reason,
            "signing": kid == signing,
            "good_up_to": {name: list(place) for name, place in state.last.items()} if state.last else {},
        }
        for kid, state in ring.keys.items()
    ]
    return rows + [{"kid": key.kid, "state": "recovery"} for key in ring.recovery]


def rotate(node: Node, *, now: datetime, lost: str = "") -> Identity:
    """Go on with a new signing key. The old one is retired, or revoked when `lost` says why. Raises Contradiction."""
    seed = node.random(SEED_BYTES)
    with _changing(node, seed, now) as opened:
        after = identities.rotated(node.identity, seed, now, lost=lost, last=places(node))
        _say(node, after, opened, now)
    return node.identity


def end(node: Node, kid: str, *, now: datetime, lost: str = "") -> Identity:
    """Retire a key, or revoke it when `lost` says why. For the key that signs now a new one is made first."""
    state = node.identity.ring.keys.get(kid)
    if state is None or state.state == "revoked" or (state.state == "retired" and not lost):
        raise Mistaken(
            f"There is no key {kid} of this node that could be {'revoked' if lost else 'retired'}. Nothing was "
            "changed. See: jisr-node keys list"
        )
    if kid == node.identity.key.kid:
        return rotate(node, now=now, lost=lost)
    with _changing(node, None, now) as opened:
        ring = identities.ended(node.identity, kid, now, lost=lost, last=places(node))
        _say(node, Identity(ring, node.identity.key), opened, now)
    return node.identity


def places(node: Node) -> Last:
    """How far each feed of this node stands here."""
    return {feed.name: (feed.epoch, feed.size) for feed in node.store.feeds()}


@contextmanager
def _changing(node: Node, seed: bytes | None, now: datetime, *, signed_off: bool = True) -> Iterator[dict[str, Open]]:
    """One transaction in which the node's keys change; the key file and keys.json follow it."""
    if seed is not None:
        node.write_next_key(seed)
    before = node.identity
    try:
        with node.store.transaction():
            if signed_off:
                node.feeds.check_may_sign()
            yield {feed.name: reopened(feed) for feed in node.store.feeds()}
            node.keep_keys()
            if seed is not None and before.key.kid in before.ring.keys:
                _keep_opening(node, before, now)
    # the transaction is undone whatever ended it, a Ctrl-C too; so is the key in memory and beside it
    except BaseException:
        node.become(before)
        if seed is not None:
            node.drop_next_key()
        raise
    node.feeds.mark()
    if seed is not None:
        node.take_next_key()
    node.show_keys()


def _keep_opening(node: Node, before: Identity, now: datetime) -> None:
    """Messages that are on their way, and those that are kept, are sealed to the key of before."""
    from .messages.box import Box, Messages

    Box(cast(Messages, node.store), node.identity).change_keys(before.key, now)


def _say(node: Node, after: Identity, opened: dict[str, Open], now: datetime) -> None:
    """Append the new statements to every feed, and sign each with the key that is good now."""
    node.become(after)
    for feed in opened.values():
        node.feeds.append_statements(feed, now)
        node.feeds.sign(feed, now)


# Recovery


@dataclass
class Recovered:
    """What a recovery came to; with `done` None nothing was changed."""

    plan: Plan
    unheard: list[str]
    """Hubs that could not be asked."""
    done: Rebased | None = None
    aside: Path | None = None


async def recover(
    node: Node,
    recovery_seed: bytes,
    *hubs: str | Hub,
    now: datetime,
    chosen: Mapping[str, int] | None = None,
    reason: str = STOLEN,
    agree: Callable[[Plan, list[str]], bool] = lambda *_: True,
) -> Recovered:
    """Take the node back. `agree` is told the plan, and says whether to go on. Raises Declined for another node's key,
    HubRefused or Contradiction with nothing changed; hubs that cannot be reached hold nothing up."""
    if all(SigningKey(recovery_seed).kid != key.kid for key in node.identity.ring.recovery):
        raise Declined(
            "This recovery key belongs to another node. Nothing was changed. Look for the sheet with the address "
            f"{node.id}"
        )
    said, unheard = await _hear(node, hubs)
    recovery = Recovery(node.feeds, node.outbox, node.erasures, said, chosen or {})
    if not agree(recovery.plan, unheard):
        return Recovered(recovery.plan, unheard)
    seed = node.random(SEED_BYTES)
    with _changing(node, seed, now, signed_off=False):
        after = identities.recovered(
            node.identity.ring, recovery_seed, seed, now, last=recovery.plan.last, reason=reason
        )
        node.become(after)
        done = recovery.recover(after, now)
    return Recovered(recovery.plan, unheard, done, node.keep_aside(done.aside, now))


async def _hear(node: Node, hubs: tuple[str | Hub, ...]) -> tuple[list[Heard], list[str]]:
    said: list[Heard] = []
    unheard: list[str] = []
    for address in hubs or node.known_hubs():
        try:
            async with node.link(address) as link:
                node.meet(link.address, await link.keys())
                said.append(await _hear_one(node, link))
        except (HubUnreachable, HubRefused) as error:
            if getattr(error, "code", "") != "not_admitted":
                unheard.append(f"{address if isinstance(address, str) else address.address}: {error}")
    return said, unheard


async def _hear_one(node: Node, link: Hub) -> Heard:
    state = read_state(link.address, await link.log_state(node.id, PUBLIC))
    lines = await link.lines_about(node.id) if state.next else []
    shown = bytes(state.head) if bytes(state.head) != b"null" else None
    return heard(link.address, state.epoch or "", state.next, state.log_root, shown, lines)
