"""What a running hub does for its curators by itself: the merged directory and likely duplicates follow the log.

The search fills its index at every start; what it found stands in the database, so it compares what changed since then,
and all records only the first time, after a rebase, or under other rules.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from ..curation.searching import RULES
from ..curation.touched import Touched
from ..ports import Key
from ..storage.curation import SqlCuration
from ..storage.doubles import SqlDoubles, Stand
from .beside import Beside, Ended

AT_ONCE = 500
"""Records, or entries of the log, that go to the search in one go: it takes a second or two."""
FEWEST = 2
"""With fewer records there is nothing to compare, and no process is begun."""
_log = structlog.get_logger()


class TooMuch(Exception):
    """The search takes more memory than it may."""


class Following:
    """Keeps the merged directory up to the log, in a tenth of the time at most."""

    def __init__(self, curation: SqlCuration, today: Callable[[], str]) -> None:
        self._curation, self._today = curation, today

    async def round(self) -> float:
        """Follow once; how many seconds to rest."""
        began = time.monotonic()
        try:
            await self._curation.follow(self._today())
        # A fault here must not end the duty: the directory would stay as it is, and only the log would know.
        except Exception:
            _log.exception("curation.failed")
            return 30.0
        return 9 * (time.monotonic() - began)


class Searching:
    """Keeps what may be double up to the log. One process of a ledger does it."""

    def __init__(self, doubles: SqlDoubles, beside: Beside, most_megabytes: int) -> None:
        self._doubles, self._beside, self._most = doubles, beside, most_megabytes
        self._read: tuple[str, int] | None = None
        """(epoch, entries) up to which the index knows the log."""

    async def round(self) -> float:
        """Bring index and pairs up to the log; how many seconds to rest."""
        try:
            return await self._follow()
        except Ended:
            self._read = None
            _log.warning("duplicates.failed", reason="the process ended")
            return 10.0
        except TooMuch as much:
            self._forget()
            epoch, size = await self._doubles.here()
            await self._doubles.put_stand(Stand(epoch, size, 0, str(much)))
            _log.error("duplicates.full", reason=str(much))
            return 3600.0
        # A fault here must not end the duty; what is in the index may be half of a change, so it is filled anew.
        except Exception:
            self._forget()
            _log.exception("duplicates.failed")
            return 30.0

    def close(self) -> None:
        """End the search."""
        self._forget()

    def _forget(self) -> None:
        self._read = None
        self._beside.close()

    async def _follow(self) -> float:
        here = await self._doubles.here()
        if self._read is None or self._read[0] != here[0]:
            if await self._doubles.count() < FEWEST:
                return 0.0
            await self._fill(here)
            return 0.0
        while self._read[1] < here[1]:
            epoch, start = self._read
            end = min(start + AT_ONCE, here[1])
            keys = await self._change(start, end)
            looked, rows = await self._beside.find(keys)
            await self._doubles.replace({*keys, *looked}, rows, Stand(epoch, end, RULES))
            self._read = epoch, end
            await self._check()
            if (await self._doubles.here())[1] > here[1] + AT_ONCE:
                break  # much comes now: what is left waits until the log rests
        return 0.0

    async def _change(self, start: int, end: int) -> list[Key]:
        """Tell the index what these entries changed; what may compare in another way now."""
        touched = Touched().take(await self._doubles.entries(start, end))
        live = await self._doubles.live_of(touched.keys, touched.nodes)
        return await self._beside.take(live, touched.keys, touched.nodes)

    async def _fill(self, here: tuple[str, int]) -> None:
        """Fill the index with what is live, and look at what nobody has looked at."""
        _log.info("duplicates.begun", records=await self._doubles.count())
        await self._beside.clear()
        last: Key = ("", "")
        while True:
            lines, last = await self._doubles.live_after(last, AT_ONCE)
            if not lines:
                break
            await self._beside.take(lines, (), ())
            await self._check()
        stand = await self._doubles.stand()
        if stand is None or (stand.epoch, stand.rules) != (here[0], RULES) or stand.cursor > here[1]:
            await self._pass(here)
            self._read = here
        else:
            self._read = here[0], stand.cursor
        records, megabytes = await self._beside.size()
        _log.info("duplicates.ready", records=records, megabytes=megabytes)

    async def _pass(self, here: tuple[str, int]) -> None:
        """Compare all with all."""
        await self._doubles.begin()
        (records, _), told = await self._beside.size(), 0
        for start in range(0, records, AT_ONCE):
            await self._doubles.add(await self._beside.part(start, AT_ONCE))
            done = min(records, start + AT_ONCE)
            if done * 10 // records > told:
                told = done * 10 // records
                _log.info("duplicates.progress", done=done, of=records)
        await self._doubles.finish(Stand(*here, RULES))

    async def _check(self) -> None:
        records, megabytes = await self._beside.size()
        if self._most and megabytes > self._most:
            raise TooMuch(f"{records} records take {megabytes} MB, and duplicates_mb allows {self._most}")
