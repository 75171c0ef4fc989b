"""What a node does by itself while a program of it runs, be it the pages or `jisr-node serve`.

tend(node, now)           what needs no hub: heads that are due, profiles of volunteers that are over
await visit(node, now)    what goes to the hub: an invitation, what is published, messages that wait there
"""

from __future__ import annotations

import contextlib
from datetime import datetime

from ..errors import HubRefused, HubUnreachable
from ..talking import Sent
from ..usage import is_due
from . import messages, usage, volunteers
from .first import Invited
from .node import Node


def tend(node: Node, now: datetime) -> None:
    """Sign heads anew that are due, and erase profiles that are over. Raises Busy, Contradiction."""
    node.renew(now=now)
    volunteers.expire(node, now=now)


def has_where_to_go(node: Node) -> bool:
    """Whether there is a hub to visit, or one that has invited us."""
    return bool(Invited(node.store).link() or (node.settings.hub and node.store.feeds()))


async def visit(node: Node, now: datetime) -> Sent | None:
    """Answer an invitation, bring what is published, fetch messages and counts; None when there is nothing to bring.

    What went wrong with a feed stands in `Sent.errors`. Raises what joining raises.
    """
    invited = Invited(node.store)
    if link := invited.link():
        await node.join(link, now=now)
        invited.note("")
    if not node.settings.hub or not node.store.feeds():
        return None
    sent = await node.attempt(now=now)
    with contextlib.suppress(HubRefused, HubUnreachable):  # not every hub carries messages
        await messages.fetch(node, now=now)
    if is_due(node.store, node.settings.hub, now):
        with contextlib.suppress(HubRefused, HubUnreachable):  # and not every hub counts
            await usage.fetch(node, now=now)
    return sent
