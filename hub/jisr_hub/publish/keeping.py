"""Work on the published files beside the publishing: their compressed forms, and their copy in a bucket.

Both follow the folder, not the publisher: what stands there is worked on, soon after a new head and again every so
often. A bucket that cannot be reached holds up nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import structlog

from jisr_protocol import head as heads
from jisr_protocol import identifiers, paths
from jisr_protocol.head import Head
from jisr_protocol.refusal import Refusal

from ..ports import Clock, Objects, Pages, Unstored
from .feed import Publisher
from .mirror import Ahead, Mirror, Noted, Round
from .packing import immutable_files, last_in_line, pack
from .pages import Layout
from .standing import generations_of

LOOK_SECONDS = 30.0
"""How often the folder is looked at when no entry comes: a renewed head has none."""
SHORTEST_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 600.0
LEARN_AGAIN_SECONDS = 3600.0
"""How often what stands in the bucket is listed anew: somebody may have deleted there."""
_log = structlog.get_logger()


class Copying:
    """Rounds with one bucket, `to`. Each notes how it ended."""

    def __init__(
        self,
        pages: Pages,
        to: str,
        open_objects: Callable[[], Objects],
        clock: Clock,
        noted: Noted | None,
        note: Callable[[Noted], None],
    ) -> None:
        self._pages, self._to, self._open, self._clock, self._note = pages, to, open_objects, clock, note
        self._mirror: Mirror | None = None
        self._learned = 0.0
        self.noted = noted if noted is not None and noted.to == to else Noted(to)

    async def round(self) -> Round:
        """One round. Raises what Mirror.round does; that is noted too."""
        try:
            if self._mirror is None or time.monotonic() > self._learned + LEARN_AGAIN_SECONDS:
                self._mirror, self._learned = Mirror(self._pages, self._open()), time.monotonic()
            done = await self._mirror.round()
        except (Unstored, Ahead) as error:
            self._say(epoch=self.noted.epoch, size=self.noted.size, failed=str(error))
            raise
        if done.head is not None:
            self._say(epoch=done.head.epoch, size=done.head.size, failed="", fresh=done.changed)
        return done

    def _say(self, *, fresh: bool = False, **said: Any) -> None:
        """Note it when it is something new: a bucket that is away for a day is one note, not thousands."""
        noted = msgspec.structs.replace(self.noted, **said)
        if fresh or noted != self.noted or not noted.at:
            noted = msgspec.structs.replace(noted, at=identifiers.to_instant(self._clock().replace(microsecond=0)))
            self._note(noted)
        self.noted = noted


async def keep_for_ever(publisher: Publisher, pages: Pages, copying: Copying | None) -> None:
    """Make the compressed forms of what stands in `pages`, and bring the bucket's copy up to it. `pages` is not the
    publisher's own object: each has its own drafts, and its own list of what is to be flushed."""
    packed: Head | None = None
    pause = 0.0
    with ThreadPoolExecutor(1, "packing", initializer=last_in_line) as aside, _ending() as ended:
        while True:
            head = standing_head(pages)
            if head is not None and (packed is None or head.raw != packed.raw):
                try:
                    await asyncio.get_running_loop().run_in_executor(aside, pack_all, pages, head, packed, ended)
                    packed = head
                except OSError:  # a full disk: other forms are served meanwhile
                    _log.exception("packing.failed")
            if copying is not None:
                pause = await _copied(copying, pause)
            await asyncio.sleep(max(SHORTEST_SECONDS, pause))
            await publisher.wait(head.size if head is not None else -1, LOOK_SECONDS)


def standing_head(pages: Pages) -> Head | None:
    """The head in the folder, None if none can be read."""
    try:
        raw = pages.read(paths.HEAD)
        return heads.parse(raw) if raw is not None else None
    except Refusal:
        return None


@contextlib.contextmanager
def _ending() -> Iterator[Callable[[], bool]]:
    """Tells the thread beside that this ends: whoever stops a hub does not wait for all that is still to be packed."""
    end = threading.Event()
    try:
        yield end.is_set
    finally:
        end.set()


def pack_all(pages: Pages, head: Head, before: Head | None = None, ended: Callable[[], bool] = lambda: False) -> int:
    """Make the compressed forms of all that a head promises and an earlier one did not; how many were made."""
    layout = Layout.of(head, generations_of(pages, head))
    return pack(pages, immutable_files(pages, head, layout, before), ended)


async def _copied(copying: Copying, pause: float) -> float:
    """One round with the bucket; how many seconds to wait before the next."""
    failed = copying.noted.failed
    try:
        done = await copying.round()
    except (Unstored, Ahead) as error:
        if str(error) == failed:
            pass  # said already
        elif isinstance(error, Ahead):
            _log.error("mirror.refused", reason=str(error))
        else:
            _log.warning("mirror.behind", reason=str(error))
        return min(LONGEST_PAUSE_SECONDS, max(1.0, pause * 2))
    if failed:
        _log.info("mirror.done", size=done.head.size if done.head else 0)
    return 0.0
