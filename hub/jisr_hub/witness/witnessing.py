"""Asking witnesses for their cosignatures of each new head, beside publishing: it never waits for them.

    witnessing = Witnessing(publisher, key, chosen, post)
    await witnessing.run()            for ever; `once(head)` for one head

Each witness is asked from the size it cosigned last. It may hold another one (409), which it says, and is asked again
from there, once. What came is served as `checkpoint` beside the head; a witness that is away is asked with the next
head, or a minute later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from jisr_protocol import checkpoint, merkle, paths, witness
from jisr_protocol.checkpoint import Note, Signature
from jisr_protocol.head import Head
from jisr_protocol.merkle import Frontier
from jisr_protocol.refusal import Refusal

from ..config import Chosen
from ..publish.feed import Publisher

ASK_SECONDS = 20.0
AGAIN_SECONDS = 60.0
LOOK_SECONDS = 2.0
"""How often it looks for other witnesses, or for a head that says nothing new but is younger."""
_log = structlog.get_logger()


@dataclass(frozen=True)
class Said:
    """What a witness answered: a status of HTTP, and the body."""

    status: int
    body: bytes


Post = Callable[[str, bytes], Awaitable[Said]]
"""Hands a body to an address. Raises ConnectionError, whatever the reason that there is no answer."""


class Witnessing:
    """Keeps `checkpoint` beside the head of one publisher."""

    def __init__(self, publisher: Publisher, chosen: Callable[[], Sequence[Chosen]], post: Post) -> None:
        self._publisher, self._chosen, self._post = publisher, chosen, post
        self._reached: dict[str, Frontier] = {}
        """What each witness cosigned last, by its address; what is not known here it says itself."""

    async def run(self) -> None:
        """Have every new head cosigned, by every witness that is chosen by then, for ever."""
        clock = asyncio.get_running_loop().time
        done, complete, again = None, False, 0.0
        while True:
            head, chosen = self._publisher.head, self._chosen()
            asked = (head.raw if head is not None else b"", tuple(chosen))
            if head is None or self._publisher.fenced or (asked == done and (complete or clock() < again)):
                await self._publisher.wait(head.size if head is not None else 0, LOOK_SECONDS)
                await asyncio.sleep(0.2)
                continue
            done, complete = asked, await self.once(head)
            again = clock() + AGAIN_SECONDS

    async def once(self, head: Head) -> bool:
        """Ask all witnesses for this head at once, and serve what came; whether all have cosigned."""
        note = checkpoint.signed(head, self._publisher.identity.key)
        chosen = self._chosen()
        found = await asyncio.gather(*(self._ask(one, head, note) for one in chosen))
        lines = tuple(signature for signature in found if signature is not None)
        raw = checkpoint.write(note.checkpoint, (*note.signatures, *lines))
        self._publisher.pages.write(paths.CHECKPOINT, raw)
        self._publisher.pages.flush()
        return len(lines) == len(chosen)

    async def _ask(self, chosen: Chosen, head: Head, note: Note) -> Signature | None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await self._cosignature(chosen, head, note)
        except (TimeoutError, ConnectionError, Refusal, ValueError) as error:
            _log.warning("witness.silent", witness=chosen.key.name, reason=str(error) or "it did not answer in time")
            return None

    async def _cosignature(self, chosen: Chosen, head: Head, note: Note) -> Signature | None:
        began = self._reached.get(chosen.address, Frontier())
        if began.size > head.size:
            began = Frontier()
        said = await self._send(chosen, began, head, note)
        if said.status == 409:
            size = int(said.body[:20])
            if size > head.size:
                raise ValueError(f"it has cosigned {size} entries of this feed, which has {head.size}")
            began = await self._frontier(size)
            said = await self._send(chosen, began, head, note)
        if said.status != 200:
            raise ValueError(f"it answers {said.status}: {said.body[:200].decode('utf-8', 'replace')!a}")
        signature = checkpoint.signature(said.body.decode("utf-8", "replace").partition("\n")[0])
        cosigned = Note(note.checkpoint, (signature,))
        if checkpoint.cosignature(cosigned, chosen.key, now=self._publisher.clock()) is None:
            raise ValueError("it signs with another key than the one that was chosen")
        self._reached[chosen.address] = await self._frontier(head.size, began)
        return signature

    async def _send(self, chosen: Chosen, began: Frontier, head: Head, note: Note) -> Said:
        leaves = [] if not began.size else await self._leaves(began.size, head.size)
        proof = merkle.consistency_from(began, leaves)
        return await self._post(chosen.address, witness.write_request(began.size, proof, note))

    async def _leaves(self, start: int, end: int) -> list[bytes]:
        async with self._publisher.ledger.reading() as view:
            return [leaf async for rows in view.entries(start, end) for _, _, leaf in rows]

    async def _frontier(self, size: int, began: Frontier | None = None) -> Frontier:
        """The frontier of the first `size` entries, gone on to from an earlier one."""
        frontier = began.copy() if began is not None else Frontier()
        for leaf in await self._leaves(frontier.size, size):
            frontier.append(leaf)
        return frontier
