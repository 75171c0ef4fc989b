"""Fetching the feeds of nodes that have no server and cannot push: from static web space, or from a folder.

A pull is a push that the hub makes for the node. The feed's head, pages and proof are read by the same reader as
everybody's (jisr_protocol.session), which goes on from what the hub holds of the node's log; then its lines are cut
into the very pushes that the node would have sent, and pass the same steps (hub.Hub.push): proof against the node's
own head, judgement, quarantine, receipt. Nothing is trusted because it was fetched, and a bad feed harms nothing else.

    outcome        what it means
    verified       everything the node signs is here
    waiting        its quota is used up, or the hub is busy: the rest comes in a later round, and is not fetched again
    throttled      429: its host asks for a pause; no failure
    unreachable    its host does not answer; asked again, each time later
    stale          its newest head has expired, or is older than the one held
    contradicted   it contradicts what it signed before (fork, rollback); the evidence is kept
    broken         what came is not the feed it signed, or is endless
    forbidden      its address leads where this hub does not go: inside, or by a redirect elsewhere
    refused        the hub does not take what it signs; the sentence says why
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO

import structlog

from jisr_protocol import identifiers, push
from jisr_protocol.entry import Entry
from jisr_protocol.exchange import (
    Apply,
    Commit,
    Continue,
    Continued,
    Discard,
    Done,
    Event,
    Known,
    Outcome,
    Request,
    Settle,
    Settled,
)
from jisr_protocol.head import Head
from jisr_protocol.limits import BATCH_BYTES, BATCH_ENTRIES
from jisr_protocol.merkle import Tree
from jisr_protocol.polling import Said
from jisr_protocol.reader import answers, evidence
from jisr_protocol.reader.driving import Driver
from jisr_protocol.reader.follow import is_address, printable
from jisr_protocol.reader.places import FolderPlace, HttpPlace, Place, Spool
from jisr_protocol.refusal import Refusal
from jisr_protocol.session import Session

from ..answers import PushAnswer
from ..hub import Fenced, Hub
from ..ports import Conflict, Pull
from ..ports.history import Way
from ..quota import QuotaExhausted
from . import rounds
from .rounds import Asked

FEED = "public"
"""Static hosts carry the public feed only."""
AT_ONCE = 4
"""So many feeds are fetched at one time: one on a poor line keeps no other waiting."""
MOST_ENTRIES = 1_000_000
"""A feed that claims to have grown by more than this since it was asked last is not fetched."""
MOST_BYTES = 1024 * 1024 * 1024
"""What one round takes of one feed, without its compression."""
ROUND_SECONDS = 1800.0
"""A round that lasts longer is cut off; the pages that came are kept, and the next one goes on."""
_OUTCOMES = {
    Outcome.STALE: "stale",
    Outcome.CONTRADICTED: "contradicted",
    Outcome.BROKEN: "broken",
    Outcome.DIVERGED: "broken",
    Outcome.TEMPORARY: "unreachable",
}
_log = structlog.get_logger()


@dataclass(frozen=True)
class Pulled:
    """How one pull ended. `answer` is what the last of its pushes came to."""

    outcome: str
    sentence: str = ""
    entries: int = 0
    admitted: int = 0
    quarantined: int = 0
    answer: PushAnswer | None = None
    asked: Asked = field(default_factory=lambda: Asked(Said.FAILED))


class Pulls:
    """The registered feeds. `folder` keeps what is half fetched and evidence; `once` asks one of them."""

    def __init__(self, hub: Hub, folder: Path, *, allow_private: bool) -> None:
        self._hub, self._folder, self._allow_private = hub, folder, allow_private
        self._etags: dict[str, tuple[bytes, str]] = {}
        """Of a node the head that was taken in wholly, and its entity tag."""

    async def sources(self) -> dict[str, Pull]:
        """The registered feeds, none while the hub may not sign."""
        return {} if self._hub.fenced() else {pull.node: pull for pull in await self._hub.ledger.pulls()}

    async def once(self, pull: Pull) -> Asked:
        """Ask one node's feed; what came of it is in the ledger when this returns."""
        pulled = await self.pull(pull)
        if pulled.outcome == "verified" and pulled.asked.said is Said.QUIET and pull.outcome == "verified":
            return pulled.asked
        await self.tell(pull, pulled)
        return pulled.asked

    async def tell(self, pull: Pull, pulled: Pulled) -> None:
        """Remember how it ended."""
        at = identifiers.to_instant(self._hub.clock())
        _log.info("pull.done", node=pull.node, outcome=pulled.outcome, admitted=pulled.admitted)
        same = (pulled.outcome, pulled.sentence) == (pull.outcome, pull.detail)
        told = replace(pull, outcome=pulled.outcome, detail=pulled.sentence, at=pull.at if same and pull.at else at)
        await self._hub.ledger.keep_pull(told)

    async def pull(self, pull: Pull) -> Pulled:
        """Fetch what is new in one feed and take it in. Never raises for what the other side does."""
        notes, pulled = self._hub.notes, Pulled("failed", "an error of this hub")
        notes.begin(pull.node, Way.PULL)
        try:
            pulled = await self._pull(pull)
            return pulled
        finally:
            notes.end(pull.node, Way.PULL, pulled.outcome, pulled.sentence)

    async def _pull(self, pull: Pull) -> Pulled:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            async with asyncio.timeout(ROUND_SECONDS), self._place(pull) as place:
                return await self._bring(pull.node, place)
        except TimeoutError:
            return Pulled("unreachable", f"not done after {ROUND_SECONDS:.0f} seconds; the next round goes on")
        except answers.Forbidden as error:
            return Pulled("forbidden", printable(str(error)))
        except Refusal as refusal:
            return Pulled("broken" if refusal.rule == "LIM-4" else "refused", printable(str(refusal)))
        except (Fenced, Conflict) as busy:
            return Pulled("waiting", str(busy), asked=Asked(Said.BUSY))

    async def take_folder(self, node: str, folder: Path) -> Pulled:
        """The same with a feed that lies in a folder: what a bundle brought."""
        return await self.pull(Pull(node, str(folder), ""))

    @contextlib.asynccontextmanager
    async def _place(self, pull: Pull) -> AsyncIterator[Place]:
        if not is_address(pull.address):
            yield FolderPlace(Path(pull.address))
            return
        from jisr_protocol.reader.http import GuardedClient

        async with GuardedClient(allow_private=self._allow_private) as client:
            yield Spool(HttpPlace(pull.address, client), self._spool(pull.node))

    def _spool(self, node: str) -> Path:
        return self._folder / f"{node.removeprefix('jisr:')}.spool"

    async def _bring(self, node: str, place: Place) -> Pulled:
        held = await self._hub.log_state(node, FEED)
        rings = {node: held.ring} if held.ring is not None else {}
        known = Known(held.head, self._etag(node, held.head), held.frontier, rings, node, FEED, held.ring)
        with tempfile.TemporaryFile(dir=self._folder) as aside:
            reading = _Reading(Session(known, now=self._hub.clock()), place, aside)
            reading.progress = partial(self._hub.notes.stage, node, Way.PULL, "fetching")
            done = await reading.run()
            if done.outcome is not Outcome.VERIFIED:
                return self._ended(node, place, done)
            pulled = await self._take(node, held.head, reading)
        if pulled.outcome == "verified":
            shutil.rmtree(self._spool(node), ignore_errors=True)
            self._remember(node, reading)
        changed = pulled.entries > 0
        asked = rounds.asked_of_head(reading.head, self._hub.clock(), changed=changed, wait=place.wait_seconds)
        return replace(pulled, asked=replace(asked, said=Said.BUSY) if pulled.outcome == "waiting" else asked)

    def _etag(self, node: str, held: Head | None) -> str | None:
        raw, etag = self._etags.get(node, (b"", ""))
        return etag if held is not None and held.raw == raw else None

    def _remember(self, node: str, reading: _Reading) -> None:
        if reading.etag is not None:
            self._etags[node] = (reading.head.raw, reading.etag)

    async def _take(self, node: str, held: Head | None, reading: _Reading) -> Pulled:
        """Cut what was read into pushes, and take each of them as if the node had sent it."""
        head, start = reading.head, reading.start
        if start == head.size and held is not None and held.raw == head.raw:
            return Pulled("verified")
        before = await self._hub.ledger.node_leaves(node, FEED, 0, start)
        tree = Tree([*(before[seq] for seq in range(start)), *reading.leaves])
        pulled = Pulled("verified")
        for first, lines in _batches(start, reading.lines()):
            body = push.write(head, lines, first, tree, reading.key_lines)
            try:
                answer = await self._hub.push(node, FEED, body)
            except QuotaExhausted as exhausted:
                wait = Asked(Said.BUSY, float(exhausted.retry_after))
                return replace(pulled, outcome="waiting", sentence=str(exhausted), asked=wait)
            except Refusal as refusal:
                outcome = "contradicted" if refusal.code in ("feed_fork", "fork") else "refused"
                return replace(pulled, outcome=outcome, sentence=printable(str(refusal)))
            self._hub.notes.stage(node, Way.PULL, "taking", first + len(lines), head.size)
            pulled = replace(
                pulled,
                entries=pulled.entries + len(lines),
                admitted=pulled.admitted + answer.admitted,
                quarantined=pulled.quarantined + len(answer.quarantined),
                answer=answer,
            )
        return pulled

    def _ended(self, node: str, place: Place, done: Done) -> Pulled:
        sentence = printable(str(done.refusal) if done.refusal else done.reason)
        if done.evidence:
            kept = evidence.keep(self._folder / f"{node.removeprefix('jisr:')}.evidence", done.evidence)
            sentence += f"; evidence is kept in {kept}"
        if done.outcome is not Outcome.TEMPORARY:
            shutil.rmtree(self._spool(node), ignore_errors=True)
        outcome = "throttled" if place.throttled else _OUTCOMES[done.outcome]
        said = Said.BUSY if place.throttled else Said.FAILED
        return Pulled(outcome, sentence, asked=Asked(said, place.wait_seconds))


def forget(folder: Path) -> None:
    """Remove what is half fetched there: it may hold what was erased, and comes again."""
    for spool in folder.rglob("*.spool"):
        shutil.rmtree(spool, ignore_errors=True)


class _Reading:
    """The rim of one session: fetches what it asks for, and puts the lines it found sound aside, in a file."""

    def __init__(self, session: Session, place: Place, aside: IO[bytes]) -> None:
        self._session, self._place, self._aside = session, place, aside
        self.leaves: list[bytes] = []
        self.key_lines: dict[int, bytes] = {}
        self.progress: Callable[[int, int], None] = lambda _done, _total: None
        self._bytes = 0
        self._known: Known | None = None

    @property
    def start(self) -> int:
        """The position of the first line that was read."""
        return self._session.start

    @property
    def etag(self) -> str | None:
        """The entity tag of the head, for the next question."""
        return self._known.etag if self._known else None

    @property
    def head(self) -> Head:
        head = self._session.head or self._session.known.head
        if head is None:
            raise RuntimeError("a session that ends verified has read a head")
        return head

    async def run(self) -> Done:
        """Carry the session out to its end. Raises Forbidden."""
        return await Driver(self._session, self._place, self._carry_out).run()

    def lines(self) -> Iterator[bytes]:
        """The lines that were read, in order, from `start` on."""
        self._aside.seek(0)
        return (line.removesuffix(b"\n") for line in self._aside)

    def _carry_out(self, request: Request) -> Event | None:
        match request:
            case Apply(judged):
                self._keep([one.entry for one in judged])
            case Settle():
                # what set a node signs is for readers of its feed; a hub judges entry by entry, as with a push
                head = self.head
                return Settled(bytes.fromhex(head.state_root), head.live)
            case Continue():
                return Continued()
            case Commit(known):
                self._known = known
            case Discard():
                self._forget()
        return None

    def _keep(self, entries: list[Entry]) -> None:
        head = self.head
        if head.size - self._session.start > MOST_ENTRIES:
            raise Refusal("LIM-4", "/head/size", f"at most {MOST_ENTRIES} new entries", head.size - self._session.start)
        for entry in entries:
            self._bytes += len(entry.raw) + 1
            self._aside.write(entry.raw + b"\n")
            self.leaves.append(entry.leaf)
            if entry.op in ("key", "recovery"):
                self.key_lines[entry.seq] = entry.raw
        if self._bytes > MOST_BYTES:
            raise Refusal("LIM-4", "", f"at most {MOST_BYTES} bytes at a time", self._bytes)
        self.progress(self._session.start + len(self.leaves), head.size)

    def _forget(self) -> None:
        self._aside.seek(0)
        self._aside.truncate()
        self.leaves, self.key_lines, self._bytes = [], {}, 0


def _batches(start: int, lines: Iterator[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """(position of the first, lines) of each push; one without lines where there are none, which brings a new head."""
    batch: list[bytes] = []
    total, first = 0, start
    for line in lines:
        if len(batch) == BATCH_ENTRIES or total + len(line) + 1 > BATCH_BYTES:
            yield first, batch
            first, batch, total = first + len(batch), [], 0
        batch.append(line)
        total += len(line) + 1
    if batch or first == start:
        yield first, batch
