"""The fence: nothing is signed that would contradict what was published before (docs/trust.md).

What was published last stands outside the database twice: in the fence, and in head.json beside the pages. A database
whose log does not begin with what they tell is an older one, a backup put back; a head signed on it would be a rollback
or a fork to every reader, for ever. So the hub then signs nothing and takes nothing in, and says what to do.

A head goes its way in this order: its files stand, the database remembers it (compare-and-swap), the fence moves
(compare-and-swap), head.json shows it. Whatever dies in between leaves a fence that the database holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from jisr_protocol import head as heads
from jisr_protocol import identifiers, paths
from jisr_protocol.head import Head
from jisr_protocol.merkle import Frontier
from jisr_protocol.refusal import Refusal

from ..identity import Identity
from ..ports import Conflict, Fence, Ledger, Mark, Pages, Published, View

SWAP_TRIES = 5
WHAT_TO_DO = (
    "Nothing was signed and nothing is lost yet: readers would take a new head for a rollback and stop trusting this "
    "hub. Put the newest database back; if there is none, see what this says: jisr-hub rebase --check"
)


class Behind(Exception):
    """The log in the database is not the one that was published; the sentence says what to do."""


def mark_of(head: Head) -> Mark:
    """How far this head says its feed was published."""
    return Mark(head.by, head.epoch, head.size, head.log_root, identifiers.to_instant(head.time))


def own_head(pages: Pages, identity: Identity) -> Head | None:
    """The head that stands beside the pages, if it is our own."""
    raw = pages.read(paths.HEAD)
    try:
        shown = heads.parse(raw) if raw is not None else None
        if shown is not None:
            identity.ring.verify(shown.envelope)
    except Refusal:
        return None
    return shown


def further(mark: Mark) -> tuple[int, int, str]:
    """By this marks of one feed are in order."""
    return identifiers.epoch_number(mark.epoch), mark.size, mark.time


async def root_at(view: View, size: int) -> str:
    """The root over the first `size` entries, from their leaves."""
    frontier = Frontier()
    async for rows in view.entries(0):
        for _, _, leaf in rows[: size - frontier.size]:
            frontier.append(leaf)
        if frontier.size == size:
            break
    return frontier.root().hex()


async def holds(ledger: Ledger, mark: Mark, published: Published | None) -> bool:
    """Whether the log in the database begins with what this mark tells, or went on from there in a later epoch."""
    if published is not None and _same(mark_of(published.head), mark):
        return True
    epoch = await ledger.epoch()
    if epoch != mark.epoch:
        return identifiers.epoch_number(epoch) > identifiers.epoch_number(mark.epoch)
    async with ledger.reading() as view:
        return view.size >= mark.size and await root_at(view, mark.size) == mark.log_root


def _same(one: Mark, other: Mark) -> bool:
    return (one.epoch, one.size, one.log_root) == (other.epoch, other.size, other.log_root)


class Gate:
    """Stands before the publisher: `check` before anything is written, `advance` before it is shown."""

    def __init__(self, identity: Identity, ledger: Ledger, pages: Pages, fence: Fence | None) -> None:
        self._identity, self._ledger, self._pages, self._fence = identity, ledger, pages, fence
        self._held: Sequence[Mark] | None = None
        """The marks that the database was last seen to hold."""

    def marks(self) -> list[Mark]:
        """What stands outside the database, from the oldest to the newest. Raises Behind when the fence cannot tell."""
        shown = own_head(self._pages, self._identity)
        marks = [] if shown is None else [mark_of(shown)]
        if fenced := self._read():
            marks.append(fenced)
        return sorted(marks, key=further)

    def _read(self) -> Mark | None:
        try:
            mark = self._fence.read() if self._fence is not None else None
        except (OSError, ValueError) as error:
            raise Behind(
                f"The fence cannot be read, so nobody can tell whether the database is the newest: {error}. Nothing was"
                " signed and nothing is lost. Put it back, or see what this says: jisr-hub rebase --check"
            ) from error
        if mark is not None and mark.by != self._identity.id:
            raise Behind(
                f"The fence is that of another hub, {mark.by}. Nothing was signed and nothing is lost. Name a file of "
                "this hub's own as `fence` in hub.json."
            )
        return mark

    async def check(self) -> None:
        """Raise Behind unless the database holds all that was published."""
        marks = self.marks()
        if marks == self._held:
            return
        published = await self._ledger.published()
        for mark in reversed(marks):
            if not await holds(self._ledger, mark, published):
                raise Behind(await self._sentence(mark, published))
        self._held = marks

    async def advance(self, head: Head) -> None:
        """Move the fence up to a head that the database remembers. Raises Behind, and then it must not be shown."""
        if self._fence is None:
            return
        after = mark_of(head)
        for _ in range(SWAP_TRIES):
            before = self._read()
            if before == after:
                return
            if before is not None and before not in (self._held or ()):
                published = await self._ledger.published()
                if not await holds(self._ledger, before, published):
                    raise Behind(await self._sentence(before, published))
            if before is not None and further(before) > further(after):
                return  # another process of this ledger was faster, or the database lost that it published this
            if self._fence.swap(before, after):
                return
        raise Conflict("other processes keep moving the fence")

    def not_before(self, epoch: str) -> datetime | None:
        """The newest time of all that was shown of an epoch: its next head is dated later."""
        return max((identifiers.from_instant(mark.time) for mark in self.marks() if mark.epoch == epoch), default=None)

    async def _sentence(self, mark: Mark, published: Published | None) -> str:
        async with self._ledger.reading() as view:
            size = view.size
        told = f"it was last published up to {published.head.size}" if published else "it knows of nothing published"
        epoch = await self._ledger.epoch()
        if epoch == mark.epoch and size >= mark.size:
            return (
                f"The log in the database is another one than this hub has published: of {mark.size} entries, in both "
                f"at least, some differ. {WHAT_TO_DO}"
            )
        return (
            f"The database is older than what this hub has published: it holds {size} entries of {epoch}, and {told}; "
            f"the fence or head.json stands at {mark.size} of {mark.epoch}. An older backup was probably put back. "
            f"{WHAT_TO_DO}"
        )
