"""One node as its pages use it: every call in a thread of its own, so that the event loop never waits for a disk.

    office = Office(Path("ours"))
    name = await office.ask(lambda node: node.settings.name)          # raises NoNode before there is one
    await office.travel(lambda node: node.push())                     # what goes to a hub, in another thread
    office.send_soon()                                                # the upkeep brings what is published

A node is for one thread at a time; `travel` opens the folder a second time, which a folder allows.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import HubUnreachable, NodeError
from ..first_answers import Answers
from ..identity import RandomBytes
from .beginning import DATABASE, KEPT
from .first import Invited, complete, held_answers, hold_answers, made, settle_answers, sheet_of, start
from .node import Node, clock

if TYPE_CHECKING:
    from .arriving import Arriving

T = TypeVar("T")
UPKEEP_SECONDS = 300.0
TABLE_SECONDS = 3600.0
"""How long a table waits for the person who looked at it."""
log = logging.getLogger("jisr_node")


class NoNode(NodeError):
    """Raised when there is no node in the folder yet."""

    def __init__(self) -> None:
        super().__init__("There is no node here yet. Nothing was changed.")


class Stage(Enum):
    """How far a node has come; each stage has its own page that comes before all others."""

    NOTHING = "nothing"
    """There are no keys yet."""
    SHEET = "sheet"
    """There is a node, and nobody has said yet that its recovery sheet is kept."""
    WHOLE = "whole"


class Office:
    """One folder with a node in it, or without one yet."""

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], datetime] = clock,
        random_bytes: RandomBytes = os.urandom,
        allow_private: bool = False,
    ) -> None:
        self.folder, self.now, self._random, self._allow_private = folder, now, random_bytes, allow_private
        self._hand, self._road = _pools()
        self._going, self._asked, self._rests = 0, time.monotonic(), False
        self._node: Node | None = None
        self._stage: Stage | None = None
        self._soon = asyncio.Event()
        self.arriving: Arriving | None = None
        """The table that somebody looks at before it is taken in."""

    async def ask(self, work: Callable[[Node], T]) -> T:
        """Do something with the node, after whatever was asked before. Raises NoNode, and what the work raises."""
        return await self._in(self._hand, lambda: work(self._opened()))

    async def travel(self, work: Callable[[Node], Awaitable[T]]) -> T:
        """Do something that may wait for a hub; pages are answered meanwhile. Raises NoNode, and what the work
        raises."""

        async def there() -> T:
            with Node.open(self.folder, random_bytes=self._random) as node:
                return await work(node)

        if not self._is_made():
            raise NoNode
        try:
            return await self._in(self._road, lambda: asyncio.run(there()))
        finally:
            await self._in(self._hand, self._let_go)  # it may have changed what the other has read

    async def stage(self) -> Stage:
        """How far the node has come."""
        if self._stage is not Stage.WHOLE:
            self._stage = await self._in(self._hand, self._look)
        return self._stage

    async def answers(self) -> Answers:
        """What was answered until now."""
        return await self._in(self._hand, lambda: held_answers(self.folder))

    async def hold(self, answers: Answers) -> None:
        """Keep what was answered; once there is a node it is too late for that."""
        await self._in(self._hand, lambda: None if made(self.folder) else hold_answers(self.folder, answers))

    async def begin(self) -> None:
        """Make the node of what was answered, its first record with it; a node that is there stays. Nothing is
        published. Raises Mistaken with nothing made."""
        settings = {**(await self.answers()).settings(), "allow_private": self._allow_private}
        await self._in(self._hand, lambda: start(self.folder, settings, self.now(), self._random))
        self._stage = None

    async def sheet(self) -> str | None:
        """The recovery sheet as text, None when it does not lie in the folder any more."""
        return await self.ask(lambda node: sheet_of(node))

    async def keep_sheet(self) -> None:
        """The sheet is kept elsewhere: take it out of the folder and note that."""

        def keep(node: Node) -> None:
            for place in self.folder.glob("recovery-*.txt"):
                place.unlink()
            node.keep_recovery()

        await self.ask(keep)

    async def invite(self, link: str) -> None:
        """Note the invitation that the upkeep answers, and answer it soon; "" forgets it."""
        await self.ask(lambda node: Invited(node.store).note(link))
        self.send_soon()

    def send_soon(self) -> None:
        """Have the upkeep bring to the hub what is published."""
        self._soon.set()

    async def upkeep(self) -> None:
        """Renew heads, answer an invitation, bring what is published; for ever, a round when it is asked for and every
        five minutes. What goes wrong is for the next round, and stands in the node's own status."""
        while True:
            self._soon.clear()
            try:
                if await self.stage() is Stage.WHOLE:
                    await self.travel(lambda node: _round(node, self.now()))
            except HubUnreachable:
                pass
            except (NodeError, OSError) as error:
                log.warning("%s", error)
            try:
                await asyncio.wait_for(self._soon.wait(), UPKEEP_SECONDS)
            except TimeoutError:
                continue

    def rest(self, idle_seconds: float) -> None:
        """Let go of the folder and the threads when nobody asked anything for so long; the next question opens them
        again. A table that somebody looked at is let go of after an hour."""
        idle = time.monotonic() - self._asked
        if self._going or idle < idle_seconds:
            return
        if self.arriving is not None and idle >= TABLE_SECONDS:
            self.arriving.close()
            self.arriving = None
        if self._rests:
            return
        # no question is going on, and none can begin before this call ends
        node, self._node = self._node, None
        if node is not None:
            self._hand.submit(node.close)
        for pool in (self._hand, self._road):
            pool.shutdown(wait=False)
        self._hand, self._road = _pools()
        self._rests = True

    def close(self) -> None:
        """Let go of the folder, after what was asked before. Safe to call twice."""
        if self.arriving is not None:
            self.arriving.close(wait=True)
            self.arriving = None
        self._hand.submit(self._let_go)
        self._hand.shutdown(wait=True)
        self._road.shutdown(wait=True)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        self._going, self._rests = self._going + 1, False
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        finally:
            self._going -= 1
            self._asked = time.monotonic()

    def _is_made(self) -> bool:
        return (self.folder / DATABASE).is_file()

    def _opened(self) -> Node:
        if self._node is None:
            if not self._is_made():
                raise NoNode
            self._node = Node.open(self.folder, random_bytes=self._random)
        return self._node

    def _let_go(self) -> None:
        if self._node is not None:
            self._node.close()
            self._node = None

    def _look(self) -> Stage:
        complete(self.folder)
        if not made(self.folder):
            return Stage.NOTHING
        settle_answers(self._opened(), self.folder)
        return Stage.WHOLE if self._opened().recovery_place == KEPT else Stage.SHEET


def _pools() -> tuple[ThreadPoolExecutor, ThreadPoolExecutor]:
    """A thread for questions and one for what waits for hubs; they begin with the first work."""
    return ThreadPoolExecutor(1, thread_name_prefix="node"), ThreadPoolExecutor(1, thread_name_prefix="road")


async def _round(node: Node, now: datetime) -> None:
    """One round of upkeep."""
    from . import upkeep

    upkeep.tend(node, now)
    await upkeep.visit(node, now)
