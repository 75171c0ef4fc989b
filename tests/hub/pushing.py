"""Hubs in memory that take pushes, for the tests of what they do with them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from jisr_protocol.refusal import Refusal
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub


async def hub_of(*authors: Author, **options: Any) -> MemoryHub:
    hub = await MemoryHub("hub", **options).begin()
    await hub.admit(*authors)
    return hub


async def refusal_of(push: Awaitable[Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await push
    return caught.value


def codes(answer: Any) -> list[tuple[int, str]]:
    return [(kept.seq, kept.code) for kept in answer.quarantined]
