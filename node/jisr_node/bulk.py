"""A first delivery in bulk: the hub answers before it has judged what it was brought; what came of it is asked later.

    wanted      whether there is so much to bring that the node does not wait for each judgement
    note        how much of a feed waits at a hub, and from where on

What waits is a setting of the node's store, so that `status` tells it, and the next delivery asks
before it brings anything more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from jisr_protocol.limits import BATCH_ENTRIES

from .ports import Store

UNJUDGED = "unjudged "
"""Begins the name of each setting that says from where on a hub has not judged a feed yet: a number and a sentence."""
FROM_ENTRIES = BATCH_ENTRIES
"""Who has no more than one push to bring waits for its answer."""
ASK_SECONDS, MOST_SECONDS = 0.2, 20.0
"""How often, and how long, a delivery asks at its end; after that the next one does."""


def wanted(feed: str, entries: int, *, waits: bool) -> bool:
    """Whether to bring so many entries without waiting. Of a restricted feed nobody could ask what came of it."""
    return feed == "public" and (waits or entries > FROM_ENTRIES)


def waits_from(store: Store, address: str, feed: str) -> int | None:
    """From which position on the hub had not judged this feed when it was last asked; None when it had."""
    held = store.settings().get(_setting(address, feed))
    return int(held.partition(" ")[0]) if held else None


def note(store: Store, address: str, feed: str, start: int, waiting: int) -> None:
    """Remember that so many entries from `start` on wait at a hub; 0: none do."""
    words = f"The hub {address} holds your entries and still checks {waiting} of the feed {feed}. Nothing is lost."
    sentence = f"{start} {words} To see what it says of them: jisr-node push" if waiting else ""
    if (store.settings().get(_setting(address, feed)) or "") != sentence:
        with store.transaction():
            store.set(_setting(address, feed), sentence)


def told(settings: Mapping[str, str]) -> list[str]:
    """A sentence for each feed that waits at a hub."""
    return [value.partition(" ")[2] for name, value in settings.items() if name.startswith(UNJUDGED) and value]


def _setting(address: str, feed: str) -> str:
    return f"{UNJUDGED}{feed} {address}"


async def pause(seconds: float) -> None:
    """Wait before a hub is asked again."""
    await asyncio.sleep(seconds)
