"""A copy of the public feed in a store of objects, such as a bucket: kept so that its readers are safe at every moment.

    1  what stands there is learned: its head, and the names of its files
    2  what the newer head promises and what is not there yet is put, several at a time
    3  keys, then the head, then its checkpoint
    4  what no longer stands in the hub's own folder is deleted

A head that is shown has everything it promises, whatever dies in between; the next round goes on from what stands
there. A file that is there is whole: stores put whole objects or none. The folder alone is read, so that this can be
done beside a serving hub, and by one that may not sign.

The store remembers how far this feed was shown, like a fence. When it shows more than the folder, an older state was
put back here: nothing is put and nothing deleted (`Ahead`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from jisr_protocol import head as heads
from jisr_protocol import paths
from jisr_protocol.head import Head, Relation, compare
from jisr_protocol.limits import PAGE_CACHE_SECONDS
from jisr_protocol.refusal import Refusal

from ..ports import Objects, Pages, Shown, Unstored
from . import forms
from .packing import immutable_files, pack
from .pages import Layout
from .standing import generations_of

AT_ONCE = 8
"""How many files are put at a time."""
TRIES = 5
"""How often a round begins anew because the folder moved on meanwhile."""
_FOLDERS = ("log/", "snap/", "gens/", "policy/")
_IMMUTABLE = f"public, max-age={PAGE_CACHE_SECONDS}, immutable"
_SMALL = {
    paths.KEYS: "public, max-age=60, stale-if-error=86400",
    paths.HEAD: "public, max-age=10, stale-if-error=86400",
    paths.CHECKPOINT: "public, max-age=10, stale-if-error=86400",
}
"""How the files that change may be cached; in the order in which they are put."""


class Noted(msgspec.Struct, frozen=True):
    """How far the copy in the store `to` is known to be: up to which head, and since when; why the last round ended
    early, "" when it did not."""

    to: str
    at: str = ""
    epoch: str = ""
    size: int = 0
    failed: str = ""

    def behind(self, head: Head) -> int:
        """How many entries of this head the copy lacks."""
        return head.size - (self.size if self.epoch == head.epoch else 0)


class Ahead(Exception):
    """The store shows a later head than the folder, or that of another feed; the sentence says what to do."""


class _MovedOn(Exception):
    """A file went while it was to be put: a newer head stands in the folder by now."""


@dataclass
class Round:
    """What one round did: files put and deleted, and the head that stands in the store at its end."""

    head: Head | None = None
    put: int = 0
    deleted: int = 0
    changed: bool = False


class Mirror:
    """One feed's folder and its copy in one store. Rounds follow one another; they are not run side by side."""

    def __init__(self, pages: Pages, objects: Objects) -> None:
        self._pages, self._objects = pages, objects
        self._held: set[str] | None = None
        """The immutable files that stand in the store, as far as is known."""
        self._done: dict[str, bytes | None] | None = None
        """The small files as they were put last, and what their head promises."""
        self._promised: set[str] = set()

    async def round(self) -> Round:
        """Bring the copy up to the head in the folder. Raises Unstored, Ahead."""
        done = Round()
        try:
            for _ in range(TRIES):
                with contextlib.suppress(_MovedOn):
                    done.head = await self._bring(done)
                    return done
        # Ended in the middle, or cancelled: what was put, and what only seemed so, is learned anew.
        except BaseException:
            self._held = self._done = None
            raise
        raise Unstored("the folder of pages moves on faster than it can be copied; the next round goes on")

    async def _bring(self, done: Round) -> Head | None:
        # in the order opposite to that in which they are written: what the head needs is as new as the head, or newer
        small = {path: self._pages.read(path) for path in (paths.CHECKPOINT, paths.HEAD, paths.KEYS)}
        raw = small[paths.HEAD]
        if raw is None:
            return None
        head = heads.parse(raw)
        if self._done == small:
            await self._delete(done)
            return head
        _check_not_ahead(await self._objects.get(paths.HEAD), head)
        if self._held is None:
            self._held = {path async for path in self._objects.list() if path.startswith(_FOLDERS)}
        promised = self._promised_by(head)
        lacking = sorted(promised - self._held)
        await asyncio.to_thread(pack, self._pages, lacking)
        await self._put_files(lacking, done)
        for path, cache in _SMALL.items():
            if (content := small[path]) is not None:
                await self._objects.put(path, content, Shown(_type(path), cache))
        self._done, self._promised, done.changed = small, promised, True
        await self._delete(done)
        return head

    def _promised_by(self, head: Head) -> set[str]:
        """What this head promises: as long as the folder shows it, all of it stands there and can be read."""
        promised = set(immutable_files(self._pages, head, Layout.of(head, generations_of(self._pages, head))))
        if self._pages.read(paths.HEAD) != head.raw:
            raise _MovedOn
        return promised

    async def _put_files(self, files: Sequence[str], done: Round) -> None:
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(path: str) -> None:
            async with turns:
                await self._put(path)
                done.put += 1

        try:
            async with asyncio.TaskGroup() as group:
                for path in files:
                    group.create_task(one(path))
        # the first is the cause; the others were cancelled, or are like it
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _put(self, path: str) -> None:
        """Put a file in its gzip form: the one that every client of a store which serves one form only can read."""
        packed = path + ".gz"
        content = self._pages.place(packed) or self._pages.read(packed)
        try:
            if content is None:
                raise FileNotFoundError(packed)
            await self._objects.put(path, content, Shown(_type(path), _IMMUTABLE, "gzip"))
        except FileNotFoundError:
            raise _MovedOn from None
        assert self._held is not None
        self._held.add(path)

    async def _delete(self, done: Round) -> None:
        """Delete what the head that was put does not promise, once the hub itself has removed it: at once what was
        erased, the rest when no reader is on the way any more (leftovers.py)."""
        assert self._held is not None
        gone = sorted(path for path in self._held - self._promised if forms.source(self._pages, path) is None)
        if gone:
            await self._objects.delete(gone)
            self._held -= set(gone)
            done.deleted += len(gone)


def _check_not_ahead(there: bytes | None, head: Head) -> None:
    """Raise Ahead unless the head in the store is of this feed and not later than the folder's."""
    if there is None:
        return
    try:
        shown = heads.parse(there)
    except Refusal:
        return  # half a head is nobody's; it is put again
    if (shown.by, shown.name) != (head.by, head.name):
        raise Ahead(
            f"The store holds the feed {shown.name} of {shown.by}; this hub is {head.by}. Nothing was put or deleted. "
            "Name another bucket or prefix, or empty this one."
        )
    if compare(shown, head) in (Relation.OLDER, Relation.ROLLBACK, Relation.FORK):
        raise Ahead(
            f"The store shows {shown.size} entries of {shown.epoch}, the hub's folder {head.size} of {head.epoch}, "
            "which does not go on from them. Nothing was put or deleted. If an older backup was put back here, say: "
            f"jisr-hub rebase --at-least {shown.epoch}:{shown.size}"
        )


def _type(path: str) -> str:
    if path == paths.CHECKPOINT:
        return "text/plain; charset=utf-8"
    return "application/x-ndjson" if path.endswith(".ndjson") else "application/json"
