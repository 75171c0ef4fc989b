"""A node's messages: fetched from its hub, kept, shown, sent.

Kept first, then the hub is told: whatever dies in between, the message is given again and its id is known.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from jisr_protocol import identifiers, sealed
from jisr_protocol.reader import sealing
from jisr_protocol.refusal import Refusal

from ..adapters.mailbox import HttpMailbox
from ..errors import Busy, HubRefused, Mistaken
from ..messages.box import Box, Messages
from .node import Node, clock

SCRUB = "messages_unscrubbed"


@dataclass
class Fetched:
    """What a fetch came to: how many are new, and why others were not kept."""

    hub: str
    new: int = 0
    refused: list[Refusal] = field(default_factory=list)
    unopened: int = 0
    """For which no key is here: they stay at the hub until they expire."""


def box_of(node: Node) -> Box:
    """The messages of a node."""
    return Box(cast(Messages, node.store), node.identity)


@asynccontextmanager
async def mailbox_of(node: Node, hub: str | None) -> AsyncIterator[HttpMailbox]:
    """The node's own hub, or another."""
    from jisr_protocol.reader.http import GuardedClient

    from .. import __version__

    address = hub or node.settings.hub
    if not address:
        raise Mistaken("This node knows no hub yet. Nothing was sent. Join one: jisr-node join INVITATION")
    agent = f"jisr-node/{__version__}"
    async with GuardedClient(allow_private=node.settings.allow_private, user_agent=agent) as client:
        yield HttpMailbox(address, client)


async def fetch(node: Node, hub: str | None = None, *, now: datetime | None = None) -> Fetched:
    """Fetch what waits and keep it. Raises HubRefused, HubUnreachable; what was kept before stays."""
    box = box_of(node)
    async with mailbox_of(node, hub) as mailbox:
        known = node.meet(mailbox.address, await mailbox.keys())
        done, left = Fetched(mailbox.address), set[str]()
        expire(node, now or clock())
        while True:
            moment = now or clock()
            found, more = await mailbox.waiting(node.identity, known, moment)
            fresh = [(digest, raw) for digest, raw in found if digest not in left]
            taken: list[str] = []
            with node.store.transaction():
                for digest, raw in fresh:
                    refusal = box.take(raw, moment)
                    if refusal is not None and refusal.rule == "SEAL-5" and refusal.pointer:
                        left.add(digest)  # the key may come back with a backup
                        continue
                    taken.append(digest)
                    done.new += refusal is None
                    done.refused += [refusal] if refusal is not None else []
            if taken:
                await mailbox.taken(node.identity, known, taken, moment)
            done.unopened = len(left)
            if not more or not taken:
                return done


def expire(node: Node, now: datetime) -> int:
    """Delete what is over; how many messages. What cannot be cleared off the disk now is by the next deletion."""
    with node.store.transaction():
        gone = box_of(node).expire(now)
        if gone:
            node.store.set(SCRUB, "yes")
    if node.store.settings().get(SCRUB):
        with suppress(Busy):
            node.store.scrub(SCRUB)
    return gone


def delete(node: Node, message_id: str) -> None:
    """Delete a message: when this returns no file of the folder holds a byte of it. Raises Mistaken, Busy."""
    with node.store.transaction():
        if not box_of(node).delete(message_id):
            raise Mistaken(f"There is no message {message_id} here. Nothing was changed. See: jisr-node messages list")
        node.store.set(SCRUB, "yes")
    node.store.scrub(SCRUB)


async def send(
    node: Node,
    to: str,
    *,
    text: str,
    reply: str,
    referral: Mapping[str, Any] | None = None,
    about: str | None = None,
    hub: str | None = None,
    now: datetime | None = None,
) -> str:
    """Seal a message to another node and leave it at its hub. Returns the message's id.

    Raises Mistaken when it does not fit, HubRefused when the node takes none or the hub does not keep it.
    """
    if identifiers.node(to) is not None:
        raise Mistaken(f"{to} is no node. Nothing was sent. Expected jisr: and 52 letters, as the directory shows it.")
    message_id = str(uuid.UUID(bytes=node.random(16), version=4))
    more: dict[str, Any] = {"about": {"id": about, "node": to}} if about else {}
    sender = {"kind": "organization", "name": node.settings.name, "node": node.id}
    try:
        plain = sealed.write(
            id=message_id, to=to, sent=now or clock(), text=text, reply=reply, sender=sender, referral=referral, **more
        )
    except Refusal as refusal:
        raise Mistaken(f"The message does not fit: {refusal}. Nothing was sent.") from None
    async with mailbox_of(node, hub) as mailbox:
        ring = await mailbox.keys_of(to)
        try:
            raw = sealing.seal(plain, ring)
        except Refusal:
            raise HubRefused(
                "key_unknown",
                f"{to} has published no key for messages, so nobody could read this but by chance. Nothing was sent. "
                "Write to the contact that the directory shows.",
            ) from None
        await mailbox.leave(to, raw)
    return message_id
