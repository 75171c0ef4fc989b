"""A federation in one process: 2 or 3 hubs, 2 to 4 nodes, 1 or 2 readers, the lines between them, and a clock.

    with World(shape) as world:
        for choice in choices:
            world.step(choice)      one thing happens (steps.py), then everything is checked (check.py)
        world.heal()                lines good, all publish, push, follow until quiet; then all must agree

No socket, no sleep, no thread: what happens follows from `shape` and the choices alone, each a number below 2^24. The
code that runs is the real one; what is replaced is the network (FeedPlace, Link), the disk of the hub (the memory
adapters) and the number of entries in a page, which is small so that pages fill up.
"""

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Self
from unittest import mock

from nacl import bindings

from jisr_hub.following import peers as hub_peers
from jisr_hub.following import taking as hub_taking
from jisr_hub.ports import Peer
from jisr_hub.publish import forms
from jisr_hub.publish import pages as hub_pages
from jisr_hub.quota import QuotaExhausted
from jisr_hub.web.api import answered
from jisr_node import delivery as node_delivery
from jisr_node import export as node_export
from jisr_node.errors import HubRefused, HubUnreachable
from jisr_protocol import entry, keys, page_walk, paths, receipt
from jisr_protocol import head as heads
from jisr_protocol.reader import follow
from jisr_protocol.reader.follow import Result
from jisr_protocol.refusal import Refusal
from jisr_protocol.session import Outcome

from .actors import (
    LOOP,
    Death,
    FeedPlace,
    HubActor,
    MortalCopy,
    NodeActor,
    Numbers,
    Person,
    ReaderActor,
    Site,
    Trouble,
    at_once,
)
from .check import Checker, Fold, hold, root_of
from .steps import arrive, happen

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
SHARED_MEMORY = Path("/dev/shm")
WHOLE_EVERY = 40
"""How many steps pass between two looks at everything."""
QUIET_ROUNDS = 6
"""News crosses three hubs in three rounds; whatever is not quiet after six never will be."""
ENOUGH = 10**9


async def _at_once(_: float) -> None: ...


class Quiet:
    """The hub's log of what it refused from peers, in a list instead of on the screen."""

    def __init__(self) -> None:
        self.refused: list[dict[str, Any]] = []

    def info(self, _: str, **what: Any) -> None:
        self.refused.append(what)


class Link:
    """One node's line to one hub: a jisr_node.ports.Hub without HTTP, with one kind of trouble at a time."""

    def __init__(self, world: "World", hub: HubActor, trouble: str) -> None:
        self.address = f"https://{hub.label}.example"
        self._world, self._hub, self._trouble = world, hub, trouble

    async def keys(self) -> bytes:
        return keys.write_file(self._hub.identity.ring)

    async def log_state(self, node: str, feed: str) -> bytes:
        if feed != "public":
            raise HubRefused("restricted", "with a token only")
        log = at_once(self._hub.hub.log_state(node, feed))
        epoch = "null" if log.epoch is None else f'"{log.epoch}"'
        root = log.frontier.root().hex()
        return f'{{"epoch":{epoch},"log_root":"{root}","next":{log.frontier.size}}}'.encode()

    async def shown_head(self) -> bytes:
        head = self._hub.publisher.head
        if head is None:
            raise HubUnreachable("no head yet")
        return head.raw

    async def push(self, node: str, feed: str, body: bytes, *, later: bool = False) -> bytes:
        if self._trouble != "lost":
            self._world.post(self._hub, node, feed, body)
        if self._trouble in ("lost", "delayed") or (self._trouble == "public lost" and feed == "public"):
            raise HubUnreachable("the push did not get through")
        answer = self._world.deliver(self._hub, node, feed, body)
        if self._trouble == "twice":
            answer = self._world.deliver(self._hub, node, feed, body)
        if self._trouble == "answer lost":
            raise HubUnreachable("the answer did not get through")
        return answer


class World:
    """See the module. `seen` counts what happened, so that a test can say that it does happen."""

    def __init__(self, shape: int) -> None:
        self.shape = shape
        self.time = self.latest = START
        self.steps = 0
        self.seen: dict[str, int] = {}
        self.told: list[str] = []
        """What happened, for the person who reads a failing run."""
        self.trouble = Trouble()
        self.mended = False
        """Whether the author's own lines must have taken the place of all that were bent."""
        self.bent: set[tuple[str, int]] = set()
        """(node, position) of lines that a stranger brought with another signature than their author's."""
        self.synced: set[Path] = set()
        """Copies that were worked on since the checker last looked."""
        self.bag: list[tuple[HubActor, str, str, bytes]] = []
        """Pushes on their way or seen before: any may arrive at any time, again and in any order."""
        self.receipts: list[tuple[HubActor, str, str, int, str]] = []
        self._receipts_kept: dict[tuple[str, str, str], tuple[HubActor, str, str, int, str]] = {}
        self.quiet = Quiet()
        self._rims = ExitStack()

    def __enter__(self) -> Self:
        base = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="jisr-world-", dir=base))
        numbers = Numbers(self.shape)
        page = numbers.one_of((8, 4, 32))
        for place in (paths, page_walk, hub_pages, node_export):
            self._rims.enter_context(mock.patch.object(place, "PAGE_ENTRIES", page))
        valid_point = bindings.crypto_core_ed25519_is_valid_point
        replaced: list[tuple[Any, str, Any]] = [
            (follow, "_place", self._place),
            (follow, "alone", nullcontext),  # there is no other process to keep out
            (follow, "_remove_if_empty", lambda _: None),
            (follow, "Copy", MortalCopy.opened),
            (hub_peers, "Copy", MortalCopy.opened),
            (hub_taking, "_log", self.quiet),
            (hub_peers, "_log", self.quiet),
            (node_delivery, "pause", _at_once),  # whoever waits here waits for ever
            # pure functions, asked the same again and again: by every hub, by every reader, and by the checker
            (entry, "parse", lru_cache(4096)(entry.parse)),
            (bindings, "crypto_sign_open", lru_cache(4096)(bindings.crypto_sign_open)),
            (bindings, "crypto_core_ed25519_is_valid_point", lru_cache(64)(valid_point)),
        ]
        for place, name, instead in replaced:
            self._rims.enter_context(mock.patch.object(place, name, instead))
        self._people(numbers)
        self.checker = Checker(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.checker.close()
        for file in list(MortalCopy.kept):
            MortalCopy.let_go(file)
        MortalCopy.lives.clear()
        self._rims.close()
        for node in self.nodes:
            node.node.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Making it

    def _people(self, numbers: Numbers) -> None:
        hub_count = 2 + numbers.pick(2)
        with_liar = hub_count == 3 and numbers.pick(2) == 1
        node_count, reader_count = 2 + numbers.pick(3), 1 + numbers.pick(2)
        self.hubs = [
            HubActor(f"hub{i}", self._clock(numbers), self._chance(f"hub{i}"), self.folder, liar=with_liar and i == 2)
            for i in range(hub_count)
        ]
        self.honest = [hub for hub in self.hubs if not hub.liar]
        self.liars = [hub for hub in self.hubs if hub.liar]
        self._edges(numbers.one_of(("all", "ring", "line")))
        self.nodes = [NodeActor(f"node{i}", self._clock(numbers), self._chance(f"node{i}")) for i in range(node_count)]
        self._homes = {}
        for i, actor in enumerate(self.nodes):
            home = self.liars[0] if self.liars and i == node_count - 1 else self.honest[i % len(self.honest)]
            self._homes[actor.node.id] = home
            ring = actor.node.identity.ring
            at_once(home.hub.admit(actor.label, ring.statements, ring, per_hour=ENOUGH, per_day=ENOUGH))
        self.sites = [Site(numbers.one_of(self.nodes))]
        self.readers = [
            ReaderActor(f"reader{i}", self._clock(numbers), self._chance(f"reader{i}"), self.folder, place)
            for i, place in enumerate([*(numbers.one_of(self.hubs) for _ in range(reader_count)), *self.sites])
        ]

    def _clock(self, numbers: Numbers) -> Any:
        """The world's clock, up to two minutes wrong."""
        wrong = timedelta(seconds=numbers.pick(5) * 60 - 120)
        return lambda: self.time + wrong

    def _chance(self, label: str) -> random.Random:
        return random.Random(f"{self.shape} {label}")

    def _edges(self, form: str) -> None:
        """Who follows whom: (follower, followed). A liar is followed by all and follows nobody."""
        pairs = self._pairs(form)
        self.edges = [(self.honest[i], self.honest[j]) for i, j in pairs]
        self.edges += [(hub, liar) for hub in self.honest for liar in self.liars]
        for hub, peer in self.edges:
            at_once(hub.ledger.keep_peer(Peer(peer.id, peer.label, peer.address, 0, "")))
            MortalCopy.lives[hub.copy_of(peer)] = hub.life

    def _pairs(self, form: str) -> list[tuple[int, int]]:
        """The edges among the honest hubs, by their numbers."""
        count = len(self.honest)
        if form == "line":
            return [(i, j) for i in range(count) for j in range(count) if abs(i - j) == 1]
        if form == "ring":
            return [(i, (i + 1) % count) for i in range(count)]
        return [(i, j) for i in range(count) for j in range(count) if i != j]

    # What the checker asks

    def peers_of(self, hub: HubActor) -> list[HubActor]:
        return [peer for follower, peer in self.edges if follower is hub]

    def home_of(self, node: str | None) -> HubActor:
        return self._homes[node]

    def is_a_hub(self, identifier: str | None) -> bool:
        return any(hub.id == identifier for hub in self.hubs)

    def waits(self, node: str | None, record_id: str | None) -> bool:
        """Whether this record is of a type that no hub of today takes."""
        return any(record_id in actor.waiting for actor in self.nodes if actor.node.id == node)

    def copies(self) -> Iterator[tuple[Path, HubActor | Site]]:
        """Every file that holds a verified copy, and the hub or site it is of."""
        yield from ((hub.copy_of(peer), peer) for hub, peer in self.edges)
        yield from ((reader.file, reader.hub) for reader in self.readers)

    def receipts_to_check(self) -> Iterator[tuple[HubActor, str, str, int, str]]:
        """The largest receipt of each log, for it covers the smaller ones."""
        for one in self.receipts:
            place = (one[0].label, one[1], one[2])
            if one[3] >= self._receipts_kept.get(place, one)[3]:
                self._receipts_kept[place] = one
        self.receipts = []
        yield from self._receipts_kept.values()

    # The lines

    def post(self, hub: HubActor, node: str, feed: str, body: bytes) -> None:
        """Keep a push for later."""
        self.bag.append((hub, node, feed, body))
        del self.bag[:-12]

    def deliver(self, hub: HubActor, node: str, feed: str, body: bytes) -> bytes:
        """A push arrives at a hub; returns the answer as it goes over the line. Raises HubRefused, HubUnreachable."""
        before = len(hub.ledger._s.entries)
        try:
            answer = at_once(hub.hub.push(node, feed, body))
        except Death as death:
            self.dies(hub, death)
            raise HubUnreachable("the hub died") from None
        except QuotaExhausted:
            raise HubUnreachable("it asks to come back later") from None
        except Refusal as refusal:
            hold(len(hub.ledger._s.entries) == before, f"{hub.label} refused a push and stored of it: {refusal}")
            where = at_once(hub.ledger.node_log(node, feed)).frontier.size
            raise HubRefused(refusal.code, str(refusal), next=where if refusal.code == "seq_gap" else None) from None
        signed = receipt.parse(answer.receipt.raw).value
        self.receipts.append((hub, node, feed, signed["size"], signed["log_root"]))
        return answered(answer)

    @asynccontextmanager
    async def _place(self, feed: Any, *_: Any, **__: Any) -> Any:
        """The network of this world, instead of follow's own."""
        places = (*self.hubs, *self.sites)
        yield FeedPlace(next(place for place in places if place.address == feed), self.trouble)

    # What happens

    def note(self, words: str, kind: str) -> None:
        self.told.append(f"{self.steps}: {words}")
        self.seen[kind] = self.seen.get(kind, 0) + 1

    def step(self, choice: int) -> None:
        """Let one thing happen, then check. Raises AssertionError when something does not hold."""
        self.steps += 1
        happen(self, Numbers(choice))
        if self.steps % WHOLE_EVERY:
            self.checker.look()
        else:
            self.checker.look_at_all()

    def dies(self, person: Person, death: Death) -> None:
        """A process has ended; it starts anew."""
        self.note(f"{person.label} died: {death}", f"{person.label[:-1]} died")
        for file, life in MortalCopy.lives.items():
            if life is person.life:
                MortalCopy.let_go(file)
        if isinstance(person, NodeActor):
            person.restart()
        elif isinstance(person, HubActor):
            person.start()

    def move_clock(self, by: timedelta) -> None:
        """Forward as far as you like; back by at most four minutes altogether, as clocks that are set do."""
        self.time = max(self.time + by, self.latest - timedelta(minutes=4))
        self.latest = max(self.time, self.latest)

    def publish_hub(self, hub: HubActor | Site) -> None:
        """A hub signs its next head; a node's site gets what the node would export now."""
        try:
            if isinstance(hub, Site):
                hub.upload()
                return
            at_once(hub.hub.renew())
            at_once(hub.heads.state())
            at_once(hub.publisher.publish())
        except Death as death:
            self.dies(hub.actor if isinstance(hub, Site) else hub, death)
        except OSError:
            self.note(f"{hub.label}: the disk is full", "disk full")

    def push(self, actor: NodeActor, trouble: str) -> list[str]:
        """One node brings its feeds to its home; returns what the hub refused, by code."""
        link = Link(self, self.home_of(actor.node.id), trouble)
        try:
            sent = at_once(actor.node.attempt(link, now=actor.now()))
        except Death as death:
            self.dies(actor, death)
            return []
        codes = []
        for feed, error in sent.errors:
            if not isinstance(error, HubUnreachable):
                hold(isinstance(error, HubRefused), f"{actor.label} ({feed}) stops: {error}")
                codes.append(error.code)
        return codes

    def follow(self, hub: HubActor, peer: HubActor, trouble: Trouble) -> str:
        """One hub asks one peer; returns how that ended, "died" when it died."""
        self.trouble = trouble
        self.synced.add(hub.copy_of(peer))
        known = next(p for p in at_once(hub.ledger.peers()) if p.hub == peer.id)
        try:
            LOOP.run_until_complete(hub.followers.once(known))
        except Death as death:
            self.dies(hub, death)
            return "died"
        outcome = next(p for p in at_once(hub.ledger.peers()) if p.hub == peer.id).last_outcome
        self._ended_well(hub, peer, trouble, outcome, hub.copy_of(peer))
        return outcome

    def read(self, reader: ReaderActor, trouble: Trouble) -> Result | None:
        """A reader syncs; returns how that ended, None when it died."""
        self.trouble = trouble
        self.synced.add(reader.file)
        hub = reader.hub
        work = follow.follow(hub.address, reader.file, expected_id=hub.id, now=reader.now)
        try:
            result = LOOP.run_until_complete(work)
        except Death as death:
            self.dies(reader, death)
            return None
        self._ended_well(reader, hub, trouble, result.outcome.name.lower(), reader.file)
        return result

    def read_rollback(self, reader: ReaderActor, trouble: Trouble) -> None:
        """A reader is shown a head its hub signed to go back: it says so, and nothing of what it holds moves."""
        self.trouble = trouble
        self.synced.add(reader.file)
        before = reader.file.read_bytes()
        work = follow.follow(reader.hub.address, reader.file, expected_id=reader.hub.id, now=reader.now)
        try:
            result = LOOP.run_until_complete(work)
        except Death as death:
            self.dies(reader, death)
            return
        self.note(f"{reader.label} is shown a rollback: {result.outcome.name}", "rollback shown")
        hold(result.outcome is Outcome.CONTRADICTED, f"{reader.label} takes a rollback for {result.outcome.name}")
        hold(result.evidence is not None and result.evidence.is_file(), f"{reader.label} keeps no proof of a rollback")
        hold(reader.file.read_bytes() == before, f"a rollback changed what {reader.label} holds")

    def _ended_well(self, who: Person, hub: HubActor | Site, trouble: Trouble, outcome: str, file: Path) -> None:
        """An outcome other than verified has its cause in this world."""
        self.note(f"{who.label} reads {hub.label} ({trouble.kind}): {outcome}", f"read {trouble.kind}: {outcome}")
        if outcome == "verified":
            return
        allowed = {"cut": {"temporary"}, "stuck": {"stale"}}.get(trouble.kind, set())
        shown = hub.pages.read(paths.HEAD)
        if trouble.kind == "stuck" and not self._promises_kept(hub, heads.parse(trouble.old_head)):
            allowed = allowed | {"broken"}  # its partial page went when a wider one had come
        if isinstance(hub, Site) and trouble.kind == "stuck" and len(hub.actor.identities) > 1:
            allowed = allowed | {"broken"}  # an old head under a key that was retired since (HEAD-4)
        if isinstance(hub, Site) and hub.actor.clock_was_wrong:
            allowed = allowed | {"broken", "stale", "contradicted"}
        if shown is None or (isinstance(hub, Site) and hub.half):
            allowed = allowed | {"broken"}
        elif heads.expired(heads.parse(shown), who.now()):
            allowed = allowed | {"stale"}
        hold(outcome in allowed, f"{who.label} ends {outcome} at {hub.label} with trouble {trouble.kind!r}")

    def _promises_kept(self, hub: HubActor | Site, head: heads.Head) -> bool:
        return all(forms.read(hub.pages, path) for _, _, path in paths.pages(head.epoch, 0, head.size))

    # The end

    def heal(self) -> None:
        """Let everything that was delayed arrive, mend every line, go on until nothing changes; all must then agree."""
        for person in (*self.nodes, *self.hubs, *self.readers):
            person.life.left = None
        for hub in self.hubs:
            hub.pages.room = None
        for actor in self.nodes:
            actor.wrong = timedelta()
        self.move_clock(timedelta(hours=1))
        for number in range(len(self.bag)):
            arrive(self, number)
        for actor in self.nodes:
            actor.node.publish(now=actor.now())
            if refused := self.push(actor, "none"):
                # It was told to check its clock and publish again. A head from when the clock was ahead may have come
                # to its hub meanwhile: that one is at most ten minutes ahead of the hub.
                self.move_clock(timedelta(minutes=20))
                actor.node.publish(now=actor.now())
                refused = self.push(actor, "none")
            hold(not refused, f"{actor.label} is refused: {refused}")
        before, read = None, dict[tuple[str, str], bytes]()
        for _ in range(QUIET_ROUNDS):
            self.move_clock(timedelta(minutes=1))
            for hub in self.hubs:
                self.publish_hub(hub)
            sizes = [len(hub.ledger._s.entries) for hub in self.hubs]
            if sizes == before:
                break
            before = sizes
            for hub, peer in self.edges:
                head = peer.pages.shown[-1]
                if read.get((hub.label, peer.label)) != head:
                    outcome = self.follow(hub, peer, Trouble())
                    hold(outcome == "verified", f"{hub.label} ends {outcome} at {peer.label}")
                    read[hub.label, peer.label] = head
        else:
            hold(False, "the hubs are not quiet after", QUIET_ROUNDS, "rounds")
        for reader in self.readers:
            if isinstance(reader.hub, Site):
                self.publish_hub(reader.hub)
            result = self.read(reader, Trouble())
            hold(result is not None and result.outcome is Outcome.VERIFIED, f"{reader.label} ends {result}")
            hold(reader.hub.liar or not result.refused_live, f"{reader.label} refused {result.refused}")
        self.mended = True
        self.checker.look_at_all()
        self._all_agree()

    def _all_agree(self) -> None:
        union: Fold = {}
        for actor in self.nodes:
            store, node = actor.node.store, actor.node.id
            public = {id_: (rev, digest) for id_, rev, digest in store.live("public")}
            meant = {id_ for id_, audience in actor.wanted.items() if audience == "public"}
            hold(public.keys() == meant, f"{actor.label} shows {public.keys() ^ meant} against what was meant")
            if not self.home_of(node).liar:
                union |= {(node, id_): version for id_, version in public.items() if id_ not in actor.waiting}
        at_liars = {node for node, home in self._homes.items() if home.liar}
        for hub in self.honest:
            shown = self.checker.hubs[hub.label].log.held
            ours = {key: version for key, version in shown.items() if key[0] not in at_liars}
            hold(ours == union, f"{hub.label} differs from the nodes in {set(ours.items()) ^ set(union.items())}")
            if not at_liars:
                signed = heads.parse(hub.pages.read(paths.HEAD) or b"")
                hold((signed.live, signed.state_root) == (len(union), root_of(union)), f"{hub.label} signs another set")
        self._heads_say_so()
        roots = {heads.parse(hub.pages.read(paths.HEAD) or b"").state_root for hub in self.honest}
        # of a node whose home lies, who reads a snapshot late may never be shown what others were shown in time
        hold(len(roots) == 1 or bool(at_liars), "the honest hubs sign", len(roots), "different sets")
        strange = [r for r in self.quiet.refused if r["peer"] not in {liar.id for liar in self.liars}]
        hold(not strange, "a hub refused of an honest one:", strange[:3])

    def _heads_say_so(self) -> None:
        """Every honest hub that has a node's records says, by the node's newest head, how far it has all of them."""
        for hub in self.honest:
            view = self.checker.hubs[hub.label]
            for actor in self.nodes:
                if self.home_of(actor.node.id).liar or actor.node.id not in hub.ledger._s.members:
                    continue
                said, own = view.said.get(actor.node.id), self.checker.feeds.get((actor.node.id, "public"))
                came = 0 if said is None else said.head.size
                size = own.size if own is not None else 0
                hold(came == size, f"{hub.label} says the head of {actor.label} for {came} entries, it has {size}")
