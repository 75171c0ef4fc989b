"""From a host to the feed that is followed there: its capability document says which there are (CAP-1, VER-2).

feed = await feed_at("https://hub.example")          "https://hub.example/feeds/public"
"""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin, urlsplit

from .. import capabilities, majors, paths
from ..capabilities import Capabilities
from ..limits import HEAD_BYTES
from ..refusal import Refusal
from .http import GuardedClient

PUBLIC = "public"


def is_host(address: str) -> bool:
    """Whether an address names a host and nothing on it."""
    parts = urlsplit(address)
    return parts.path in ("", "/") and not parts.query and not parts.fragment


def chosen(offered: Capabilities, name: str = PUBLIC) -> str:
    """The address of the feed `name` in the highest major both speak (VER-2). Raises Refusal."""
    feeds = {feed.jisr or majors.MAJOR: feed.href for feed in reversed(offered.feeds) if feed.name == name}
    return feeds[majors.highest(feeds)]


async def feed_at(address: str, *, allow_private: bool = False) -> str:
    """The public feed of a host. One that has no capability document, or a broken one, is a feed itself (CAP-2).

    Raises ExchangeError when the host does not answer, Refusal when it offers no major that is spoken here (VER-2).
    """
    place = urljoin(address, "/" + paths.CAPABILITIES)
    async with GuardedClient(allow_private=allow_private) as client:
        answer = await client.get(place, limit_bytes=HEAD_BYTES)
    try:
        offered = capabilities.parse(answer.body) if answer.status == 200 else None
    except Refusal:
        offered = None
    if offered is None or not any(feed.name == PUBLIC for feed in offered.feeds):
        return address
    return urljoin(place, chosen(offered))


def feed_at_now(address: str, *, allow_private: bool = False) -> str:
    """The same for programs without an event loop."""
    return asyncio.run(feed_at(address, allow_private=allow_private))
