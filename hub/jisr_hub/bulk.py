"""Taking entries in bulk: held under their node's signed head at once, judged after (docs/spec/push.md).

    take      PUSH-11: a push whose sender does not wait: limits, canonical bytes and the proof as for every push; then
              its lines are stored as they came, durably, and the answer says how many wait
    judge     PUSH-12: the first slice that waits, by the very steps of every entry; it leaves in the same transaction
    settle    all that waits of a node, before anything else is judged of it

What waits stands in a table of its own that nothing reads which shows, counts or exports anything, so what was not
judged cannot be seen. Killed before a commit, nothing was answered; after it, the slice waits for whoever leads next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from jisr_protocol import entry as entries
from jisr_protocol import identifiers, schema, validity
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing
from jisr_protocol.push import Extension, NodeLog, Opened

from . import ingest, log
from .answers import PushAnswer, answer
from .identity import Identity
from .ingest import Known, Outcome
from .ports import Before, Change, Clock, Conflict, Ledger, Unjudged
from .proving import Beside
from .quota import Quota
from .tally import PUSH, Tally

SETTLE_SECONDS = 10.0
"""How long a push may wait for the judgement of what waits before it; then its sender comes back later."""
_WAITS = ("put", "del", "key")
"""What may wait. A notice, a statement or a recovery is acted on when it is answered."""


class Taking(Protocol):
    """What a hub has for whoever takes entries into its ledger."""

    identity: Identity
    ledger: Ledger
    clock: Clock
    quota: Quota
    tally: Tally
    beside: Beside | None
    node_locks: dict[str, asyncio.Lock]

    def check_open(self) -> None: ...

    async def judge_held(
        self,
        node: str,
        name: str,
        before: Before,
        batch: Sequence[Entry],
        *,
        judges: Unjudged | None = None,
        known: Known | None = None,
    ) -> Outcome: ...


class Bulk:
    """Beside a hub; every method but `judge_next` is called with the node's lock held."""

    def __init__(self, hub: Taking) -> None:
        self._hub = hub
        self.came = asyncio.Event()
        """Set whenever something has begun to wait."""
        self.taken_at = 0.0
        """When that was last, by the monotonic clock."""

    async def take(self, node: str, name: str, opened: Opened, before: Before) -> PushAnswer | None:
        """Hold the entries of a push that goes on where the log stands; None when it has to be judged at once.

        Raises Refusal as every push does, and Conflict.
        """
        hub, held, end = self._hub, before.log, opened.start + len(opened.lines)
        member = ingest.admitted(before.member, node)
        if opened.start < held.frontier.size:
            return await self._again(node, name, opened, before)
        if opened.start > held.frontier.size or not opened.lines:
            return None
        now = hub.clock()
        pushed = opened.read({})
        if held.epoch not in (None, pushed.head.epoch) or not all(map(_may_wait, pushed.entries)):
            return None
        extension = ingest.proof(pushed, held, {}, node=node, name=name, now=now)
        if _changes_keys(held.ring, extension, waits=bool(before.unjudged)):
            return None
        hub.quota.take(member, len(extension.entries), now)
        lines = b"".join(line + b"\n" for line in opened.lines)
        change = Change(
            identifiers.to_instant(now),
            (),
            (),
            {node: extension.ring},
            node=node,
            name=name,
            expected=before.places,
            log=NodeLog(pushed.head.epoch, extension.frontier, extension.head, extension.ring),
            unjudged=Unjudged(opened.start, end, lines),
        )
        await hub.ledger.store(change, log.number)
        self.taken_at = time.monotonic()
        self.came.set()
        first = before.unjudged.get(name, opened.start)
        return self._answer(node, name, change.log or held, first)

    async def _again(self, node: str, name: str, opened: Opened, before: Before) -> PushAnswer | None:
        """The answer to lines that wait already, byte for byte: its own was lost."""
        held, end = before.log, opened.start + len(opened.lines)
        first = before.unjudged.get(name, held.frontier.size)
        if not first <= opened.start < end <= held.frontier.size:
            return None
        waits = await self._hub.ledger.unjudged(node, name, opened.start, end)
        lines = [line for one in waits for line in one.lines.splitlines()]
        skip = opened.start - (waits[0].start if waits else 0)
        if lines[skip : skip + len(opened.lines)] != opened.lines:
            return None
        return self._answer(node, name, held, first)

    def _answer(self, node: str, name: str, held: NodeLog, first: int) -> PushAnswer:
        waiting = held.frontier.size - first
        hub = self._hub
        return answer(hub.identity, hub.clock(), node, name, held, Outcome(), (0, 0), (), waiting=waiting)

    # Judging

    async def settle(self, node: str, unjudged: Mapping[str, int]) -> None:
        """Judge what waits in these feeds of a node. Raises Conflict when that takes too long: it goes on by itself."""
        end = time.monotonic() + SETTLE_SECONDS
        for name in sorted(unjudged):
            while await self.judge(node, name):
                if time.monotonic() > end:
                    raise Conflict(f"much of {node} waits for its judgement")

    async def judge_next(self) -> bool:
        """Judge one slice of every feed in which something waits; False when nothing was. Raises Conflict."""
        judged = False
        for node, name in await self._hub.ledger.unjudged_feeds():
            self._hub.check_open()
            async with self._hub.node_locks[node]:
                judged = await self.judge(node, name) or judged
        return judged

    async def judge(self, node: str, name: str) -> bool:
        """Judge the first slice that waits in this feed; False when none does, or its node is not known any more.

        Raises Conflict.
        """
        before = await self._hub.ledger.before(node, name, 0, 0)
        first = before.unjudged.get(name)
        found = [] if first is None else await self._hub.ledger.unjudged(node, name, first, first + 1, 1)
        if not found:
            return False
        waits, lines = found[0], found[0].lines.splitlines()
        known = Known()
        if self._hub.beside is not None and before.log.ring is not None:
            known.signed = await self._hub.beside(lines, before.log.ring)
        batch = [_read(line, known) for line in lines]
        outcome = await self._hub.judge_held(node, name, before, batch, judges=waits, known=known)
        aside = len(outcome.quarantined)
        admitted = len(outcome.kept) - aside - outcome.duplicates
        self._hub.tally.count(PUSH, admitted=admitted, duplicate=outcome.duplicates, quarantined=aside)
        return bool(outcome.kept)


def _may_wait(entry: Entry) -> bool:
    return entry.op in _WAITS and entry.gone is None


def _changes_keys(held: KeyRing | None, extension: Extension, *, waits: bool) -> bool:
    """Whether the push says of the node's keys what changes how other entries are judged."""
    ring = extension.ring
    if validity.standing(held) != validity.standing(ring):
        return True
    return waits and (held is None or [s.digest for s in held.statements] != [s.digest for s in ring.statements])


def _read(line: bytes, known: Known) -> Entry:
    """A line that was found well-formed when it came; its record is held against its schema while it is at hand."""
    entry = entries.parse_checked(line)
    type_name, thing = entry.type or "", entry.thing
    if entry.op == "put" and thing and schema.known(type_name) and schema.accepts(type_name, thing.value):
        known.fitting.add(line)
    return entry
