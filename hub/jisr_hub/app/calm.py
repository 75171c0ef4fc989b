"""Waiting until the log rests: whoever takes much in is not slowed by what can come a little later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from ..ports import Ledger


async def length(ledger: Ledger) -> int:
    """How many entries the public log has now."""
    async with ledger.reading() as view:
        return view.size


class Calm:
    """Looks at a length that grows, whichever process makes it grow."""

    def __init__(self, length: Callable[[], Awaitable[object]]) -> None:
        self._length = length

    async def wait(self, still: float, at_most: float) -> None:
        """Return when nothing has come for `still` seconds, or after `at_most` seconds whatever comes."""
        end, before = time.monotonic() + at_most, await self._length()
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, still))
            if (now := await self._length()) == before:
                return
            before = now
