"""How often our records were used, fetched from the node's hub."""

from __future__ import annotations

from datetime import datetime

from .. import usage
from ..adapters.usage import HttpUsage
from ..errors import Mistaken
from ..usage import Told
from .node import Node, clock


async def fetch(node: Node, hub: str | None = None, *, now: datetime | None = None) -> Told:
    """Ask our hub, or another that has let us in, and keep what it tells. Raises Mistaken, HubRefused, HubUnreachable;
    what was told before stays."""
    from jisr_protocol.reader.http import GuardedClient

    from .. import __version__

    address = hub or node.settings.hub
    if not address:
        raise Mistaken("This node knows no hub yet, so nobody can have counted. Join one: jisr-node join INVITATION")
    moment = now or clock()
    agent = f"jisr-node/{__version__}"
    async with GuardedClient(allow_private=node.settings.allow_private, user_agent=agent) as client:
        asked = HttpUsage(address, client)
        known = node.meet(asked.address, await asked.keys())
        pages = await asked.report(node.identity, known, moment)
    found = usage.of_pages(asked.address, pages, moment)
    usage.keep(node.store, found)
    return found
