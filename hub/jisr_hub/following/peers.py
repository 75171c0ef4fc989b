"""Following other hubs (docs/spec/relaying.md): the same reader as everybody's, then our own judgement.

Each peer's feed is kept as a verified copy of its own (jisr_protocol.reader). From there its changes are taken into our
log in batches (taking.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from jisr_protocol import entry as entries
from jisr_protocol import identifiers
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing
from jisr_protocol.polling import Said
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.http import GuardedClient
from jisr_protocol.reader.store import Change as Offer
from jisr_protocol.reader.store import Copy
from jisr_protocol.reader.tables import NoCopy
from jisr_protocol.witness import Policy

from ..authority import moving
from ..hub import Hub
from ..node_heads import NodeHeads
from ..ports import Erasure, Peer
from ..ports.history import Way
from ..takedown.acknowledging import Acknowledgements
from ..takedown.answers import Answers
from . import relayed_heads
from .brakes import Brakes
from .rounds import Asked, Rounds, bounds_of, of_result
from .taking import Offered, take, take_once
from .waiting import Waiting

BATCH = 500
ROUND_SECONDS = 1800.0
"""The longest time for one peer in one round; what was fetched is kept for the next."""
_log = structlog.get_logger()


class Followers:
    """Follows every peer of the ledger, one after the other, each in its own time, for ever."""

    def __init__(
        self, hub: Hub, folder: Path, poll_seconds: float, *, longest_seconds: float = 0.0, allow_private: bool
    ) -> None:
        self._hub, self._folder, self._allow_private = hub, folder, allow_private
        self.rounds = Rounds(bounds_of(poll_seconds, longest_seconds), self._peers, self._turn)
        self.heads = NodeHeads(hub)
        self._brakes = Brakes(hub)
        self.prepare: Callable[[], Awaitable[None]] | None = None
        """Called before peers are asked, for instance to carry out what the operator has decided."""
        self.quorums: Mapping[str, Policy] = {}
        """Peer → the witnesses without whose quorum no head of it is taken (WIT-9)."""
        self.answers = Answers(Acknowledgements(hub), allow_private=allow_private)
        self._copies = asyncio.Lock()
        """Held by whoever changes a copy."""
        self._client: GuardedClient | None = None
        """Keeps its connections while this runs."""
        self._waiting: Waiting | None = None
        self._held: dict[str, int] = {}
        """How many entries the copy of each peer held after its last round."""
        self._relayed: dict[str, tuple[str, int]] = {}
        """The place in each peer's feed, (epoch, size), below which all heads of nodes were passed on."""

    def wake(self) -> None:
        """Ask the peers soon; calls within one round count once."""
        self.rounds.wake()

    async def run(self) -> None:
        """Ask each peer in its own time, and when it says that there is news, for ever."""
        async with GuardedClient(allow_private=self._allow_private) as client:
            self._client = client
            self._waiting = Waiting(client, self._held.get, self.rounds.come)
            try:
                await self.rounds.run()
            finally:
                await self._waiting.end()
                self._client = self._waiting = None

    async def _peers(self) -> dict[str, Peer]:
        if self._hub.fenced():
            return {}
        await self._prepared()
        peers = {peer.hub: peer for peer in await self._hub.ledger.peers()}
        if self._waiting is not None:
            self._waiting.keep(peers)
        return peers

    async def _turn(self, peer: Peer) -> Asked:
        try:
            return await self.once(peer)
        # A peer sends what it likes, and a fault of ours may be in its way: told to the operator, the next round comes.
        except Exception as error:
            _log.exception("peer.failed", peer=peer.hub)
            await self._tell(peer, "failed", str(error) or type(error).__name__)
            return Asked(Said.FAILED)

    async def _prepared(self) -> None:
        """Carry out what was decided, and take what is to be taken from its beginning."""
        try:
            async with self._copies:
                if self.prepare is not None:
                    await self.prepare()
                for peer in await self._hub.ledger.peers():
                    if peer.cursor == 0 and (file := self._file(peer)).exists():
                        await self.take_all(peer, file)
        # A policy that cannot be carried out must not keep the peers from being asked; the next round tries again.
        except Exception:
            _log.exception("policy.failed")

    def _file(self, peer: Peer) -> Path:
        return self._folder / f"{peer.hub.removeprefix('jisr:')}.sqlite"

    async def _tell(self, peer: Peer, outcome: str, detail: str) -> None:
        """Remember how the last round with this peer ended, when it is not how the one before did."""
        self._hub.notes.end(peer.hub, Way.PEER, outcome, detail)
        if (outcome, detail) != (peer.last_outcome, peer.last_detail):
            at = identifiers.to_instant(self._hub.clock())
            await self._hub.ledger.keep_peer(replace(peer, last_outcome=outcome, last_detail=detail, last_at=at))

    async def erase(self, erasures: Iterable[Erasure]) -> None:
        """Take the content out of every copy. Raises CopyProblem when another process reads one; nothing is lost."""
        targets = [(e.notice.node, e.target, e.notice.max_rev) for e in erasures]
        async with self._copies:
            for file in sorted(self._folder.glob("*.sqlite")) if targets else ():
                with contextlib.closing(Copy(file, create=True)) as copy:
                    copy.erase(*targets)

    async def once(self, peer: Peer) -> Asked:
        """Bring the verified copy of one peer up to date and take what is new into the log."""
        async with self._copies:
            return await self._once(peer)

    async def _once(self, peer: Peer) -> Asked:
        self._folder.mkdir(parents=True, exist_ok=True)
        file, notes = self._file(peer), self._hub.notes
        notes.begin(peer.hub, Way.PEER)
        try:
            async with asyncio.timeout(ROUND_SECONDS):  # however slowly it sends, the others get their turn
                result = await follow(
                    peer.feed,
                    file,
                    allow_private=self._allow_private,
                    expected_id=peer.hub,
                    now=self._hub.clock,
                    witnesses=self.quorums.get(peer.hub),
                    client=self._client,
                    progress=partial(notes.stage, peer.hub, Way.PEER, "fetching"),
                )
        except TimeoutError:
            await self._tell(peer, "temporary", f"not done after {ROUND_SECONDS:.0f} seconds; the next round goes on")
            return Asked(Said.FAILED)
        if result.outcome == 0 and result.head is not None:
            self._held[peer.hub] = result.head.size
            self._hub.tally.follow(peer.hub, self._hub.clock(), result.head.time, changed=result.changed)
        outcome = "throttled" if result.throttled else result.outcome.name.lower()
        if result.refusal is not None and result.refusal.rule == "WIT-9":
            outcome = result.refusal.code
        held_back = await self.take_all(peer, file) if file.exists() else ""
        if held_back and result.outcome == 0:
            await self._tell(peer, "braked", held_back)
        else:
            await self._tell(peer, outcome, "" if result.outcome == 0 else result.sentence)
        await self.answers.bring(peer)
        return of_result(result, self._hub.clock())

    async def take_all(self, peer: Peer, file: Path) -> str:
        """Take everything of the copy that lies after the peer's cursor; says what waits for the operator."""
        with contextlib.closing(Copy(file)) as copy:
            try:
                head = copy.head
            except NoCopy:
                return ""  # nothing of this peer was ever verified
            start = peer.cursor if peer.epoch == head.epoch else 0
            cursor_epoch, rings = peer.epoch, copy.rings()
            peer = replace(peer, epoch=head.epoch)
            about: set[str] = set()
            held_back = await self._brakes.sentence(peer.hub)
            if start < head.size or peer.epoch != cursor_epoch:
                outs = [(c.node, c.id) for c in copy.changes(start - 1) if c.op == "out"]
                puts = ((c.node, c.id) for c in copy.changes(start - 1) if c.op == "put")
                passes = await self._brakes.passes(peer.hub, outs, puts)
                about = await self._take_from(peer, copy, rings, start, outs=passes)
                held_back = await self._brakes.done(peer.hub, passes)

            async def again(changes: Iterable[Offer]) -> int:
                offered = [Offered(change.seq, _entry_of(change)) for change in changes]
                parts = [offered[n : n + BATCH] for n in range(0, len(offered), BATCH)]
                return sum([await take(self._hub, peer, part, rings, None) for part in parts])

            await moving.follow_moves(self._hub, peer, copy, again)
            if about:
                await moving.take_regained(self._hub, peer, copy, about, again)
            # a process that died, or had to wait, may have taken what it did not yet speak for
            since = start if self._relayed.pop(peer.hub, None) == (head.epoch, start) else 0
            if await relayed_heads.relay(self.heads, self._hub, peer, copy, since):
                self._relayed[peer.hub] = head.epoch, head.size
            return held_back

    async def _take_from(
        self, peer: Peer, copy: Copy, rings: Mapping[str, KeyRing], start: int, *, outs: bool
    ) -> set[str]:
        """Take what lies at `start` or after, with what left or without; returns of whom statements came."""
        about: set[str] = set()
        batch: list[Offered] = []
        for change in copy.changes(start - 1, notices=True):
            if change.op == "out" and not outs:
                continue
            batch.append(Offered(change.seq, _entry_of(change)))
            if change.op == "statement":
                about.add(change.node)
            if len(batch) == BATCH:
                await take(self._hub, peer, batch, rings, change.seq + 1)
                self._hub.notes.stage(peer.hub, Way.PEER, "taking", change.seq + 1, copy.head.size)
                batch = []
        await take(self._hub, peer, batch, rings, copy.head.size)
        return about


async def take_back(hub: Hub, peer: Peer, file: Path) -> int:
    """Only in a rebase (rebase.py): take in again what a peer's copy holds of nodes admitted here and this hub lost.

    Every record passes the same steps; only revs above what is held enter, and none that a restricted feed overtook.
    That a record left a feed is that hub's own word and does not come back. Returns how many entries it became.
    """
    taken = 0
    with contextlib.closing(Copy(file)) as copy:
        peer, rings = replace(peer, epoch=copy.head.epoch), copy.rings()
        changes = copy.changes()
        while offered := [Offered(change.seq, _entry_of(change)) for change in itertools.islice(changes, BATCH)]:
            taken += await take_once(hub, peer, offered, rings, None, back=True)
    return taken


def _entry_of(change: Offer) -> Entry:
    """The entry as the peer's feed holds it, read again from its raw parts (CAN, ENT)."""
    thing = change.envelope
    if change.line:
        return entries.parse(change.line)
    if thing is None:
        line = entries.write_out(
            seq=change.seq,
            at=change.at,
            node=change.node,
            id=change.id,
            rev=change.rev or 1,
            digest=change.digest,
            type=change.type,
        )
    else:
        target = change.id if thing.kind == "notice" else None
        line = entries.write(
            change.op,
            thing,
            seq=change.seq,
            at=change.at,
            src=change.src,
            via=change.via or None,
            target=target,
            extra=change.extra or None,
        )
    return entries.parse(line)
