"""What must hold in the world after every step, whoever died and whatever was lost.

`Checker.look()` reads only what is new since it last looked; `Checker.look_at_all()` forgets what it knows and reads
everything again. Nothing here asks the code under test whether it is right: logs are folded anew, roots are built from
the fold, and the authors' bytes come from the authors' own stores.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jisr_hub.ingest import UNHASHED
from jisr_hub.publish import forms
from jisr_protocol import completeness, live, paths, state_tree, statement
from jisr_protocol import entry as entries
from jisr_protocol import head as heads
from jisr_protocol.completeness import NodeHead
from jisr_protocol.entry import Entry
from jisr_protocol.head import Relation
from jisr_protocol.limits import HOPS
from jisr_protocol.merkle import EMPTY_ROOT, Frontier
from jisr_protocol.reader.store import Copy

from .actors import HubActor, NodeActor, Site

Key = tuple[str, str]
Fold = dict[Key, tuple[int, str]]


def hold(truth: object, *words: object) -> None:
    """Fail with these words unless it is true."""
    if not truth:
        raise AssertionError(" ".join(str(word) for word in words))


def fold_one(held: Fold, entry: Entry) -> None:
    """One step of live.fold, for the ops that occur here."""
    if live.effect(entry) is live.Effect.SET:
        held[entry.node or "", entry.id or ""] = (entry.rev or 0, entry.digest or "")
    elif live.effect(entry) is live.Effect.REMOVE:
        held.pop((entry.node or "", entry.id or ""), None)


def root_of(held: Fold) -> str:
    """The state root of a live set, built from nothing."""
    tree, _ = state_tree.build((node, id_, rev, digest) for (node, id_), (rev, digest) in held.items())
    return tree.root().hex()


@dataclass
class Log:
    """A log as the checker has read it so far."""

    frontier: Frontier = field(default_factory=Frontier)
    roots: list[bytes] = field(default_factory=lambda: [EMPTY_ROOT])
    lines: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    digests: list[str | None] = field(default_factory=list)
    held: Fold = field(default_factory=dict)
    newest: Fold = field(default_factory=dict)
    """The newest rev of every record, deleted ones too."""

    @property
    def size(self) -> int:
        return len(self.lines)

    def take(self, where: str, line: bytes, leaf: bytes) -> Entry:
        """Read the next line: its position, its leaf, the rule that revs rise."""
        entry = entries.parse(line)
        hold(entry.seq == self.size, where, "has a gap: after", self.size, "entries came number", entry.seq)
        hold(entry.leaf == leaf, where, "keeps another leaf than its line has at", entry.seq)
        if entry.op in ("put", "del"):
            key, version = (entry.node or "", entry.id or ""), (entry.rev or 0, entry.digest or "")
            before = self.newest.get(key, (0, ""))
            hold(version[0] >= before[0], where, f"lets the rev of {key} fall from {before[0]} to {version[0]}")
            hold(version[0] > before[0] or version == before, where, f"has two contents for rev {before[0]} of {key}")
            hold(entry.op == "del" or self.held.get(key) != version, where, f"says rev {before[0]} of {key} twice")
            self.newest[key] = version
        self.frontier.append(leaf)
        self.roots.append(self.frontier.root())
        self.lines.append(line)
        self.leaves.append(leaf)
        self.digests.append(entry.digest)
        return entry


@dataclass
class HubView:
    """What the checker knows of a hub."""

    log: Log = field(default_factory=Log)
    states: dict[int, tuple[Fold, str]] = field(default_factory=dict)
    """The live set and its root at every size that a head was shown for."""
    shown: int = 0
    pages_of: int = 0
    last: heads.Head | None = None
    taken: set[str] = field(default_factory=set)
    """The digests that ever entered its feed."""
    kept: dict[Key, int] = field(default_factory=dict)
    said: dict[str, NodeHead] = field(default_factory=dict)
    """The newest head of each node that stands in its feed."""


@dataclass
class CopyView:
    """What the checker knows of a verified copy."""

    size: int = 0
    head: bytes = b""


class Checker:
    """Looks at a world; see the module."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._open: dict[Path, Copy] = {}
        self._forget()

    def close(self) -> None:
        """Let go of the files."""
        for copy in self._open.values():
            copy.close()

    def _forget(self) -> None:
        self.feeds: dict[tuple[str, str], Log] = {}
        self.hubs: dict[str, HubView] = {}
        self.copies: dict[Path, CopyView] = {}
        self.signed: dict[str, tuple[str, str, str, bytes]] = {}
        """digest → (node, feed, jws, body) of everything an author signed in its own feeds."""
        self.statements: set[str] = set()
        self.node_heads: dict[tuple[str, str], datetime] = {}
        """When the newest head of each node's feed is dated."""
        self.versions: dict[str, Any] = {}
        """Of each node and hub, what tells whether anything has changed there since the last look."""
        self.revs: dict[tuple[str, str, int], str] = {}

    def look(self) -> None:
        """Check what is new."""
        for node in self._world.nodes:
            self._node(node)
        for hub in self._world.hubs:
            self._hub(hub)
        for hub in self._world.hubs:
            for peer in self._world.peers_of(hub):
                self._taken_from(hub, peer)
        for file, hub in self._world.copies():
            if file in self._world.synced:
                self._copy(file, hub, whole=False)
        self._world.synced.clear()
        self._receipts()

    def look_at_all(self) -> None:
        """Check everything from the start, and that what was read before reads the same now."""
        feeds, hubs = self.feeds, self.hubs
        self._forget()
        self.look()
        for place, before in feeds.items():
            hold(self.feeds[place].lines[: before.size] == before.lines, place, "says other lines than it said before")
        for name, view in hubs.items():
            now = self.hubs[name]
            hold(now.log.lines[: view.log.size] == view.log.lines, name, "says other entries than it said before")
        for file, hub in self._world.copies():
            self._copy(file, hub, whole=True)
        for hub in self._world.hubs:
            self._pages(hub, self.hubs[hub.label], 0)
            self._kept_is_shown(hub)

    # Nodes

    def _node(self, actor: NodeActor) -> None:
        node = actor.node
        version = node.store._db.total_changes
        if self.versions.get(actor.label) == version:
            return
        self.versions[actor.label] = version
        for feed in node.store.feeds():
            log = self.feeds.setdefault((node.id, feed.name), Log())
            where = f"{actor.label}'s feed {feed.name}"
            if feed.size != log.size:
                for line in node.store.lines(feed.name, log.size, feed.size + 1):
                    self._authored(actor, feed.name, log, log.take(where, line.raw, line.leaf))
                hold(log.size == feed.size, where, f"says {feed.size} entries and has {log.size}")
                signed = heads.parse(feed.head)
                node.identity.ring.verify(signed.envelope, active_only=True)
                promised = (signed.size, signed.log_root, signed.live, signed.state_root)
                came = (log.size, log.roots[-1].hex(), len(log.held), root_of(log.held))
                hold(promised == came, where, f"signs {promised} and is {came}")
                last = self.node_heads.get((node.id, feed.name))
                later = last is None or signed.time > last or actor.clock_was_wrong
                hold(later, where, "signs a head dated like an earlier one, or before it")
                self.node_heads[node.id, feed.name] = signed.time

    def _authored(self, actor: NodeActor, name: str, log: Log, entry: Entry) -> None:
        fold_one(log.held, entry)
        if entry.op == "key":
            self.statements.add(entry.digest or "")
        if entry.op not in ("put", "del") or entry.thing is None:
            return
        where = f"{actor.label}'s feed {name} at {entry.seq}"
        hold(entry.node == actor.node.id, where, "is about another node")
        hold(entry.thing.value["audience"] == name, where, "is for", entry.thing.value["audience"])
        actor.node.identity.ring.verify(entry.thing)
        version = (entry.node or "", entry.id or "", entry.rev or 0)
        hold(version not in self.revs, where, "gives a rev that was given before, to", self.revs.get(version))
        self.revs[version] = entry.digest or ""
        self.signed[entry.digest or ""] = (entry.node or "", name, entry.thing.jws, entry.thing.body)

    def _is_authors(self, where: str, hub: HubActor | Site, entry: Any) -> None:
        """The bytes are those an author signed, in its public feed. `entry`: digest, node, jws and raw bytes."""
        digest, node, jws, body = entry
        author = self.signed.get(digest)
        if author is None and digest in hub.forged:
            return
        hold(author is not None, where, f"holds {digest[:12]} of {node[:12]}, which its author never signed: {body!r}")
        hold(author == (node, "public", jws, body), where, "holds other bytes or another audience than its author's")

    # Hubs

    def _hub(self, hub: HubActor) -> None:
        view = self.hubs.setdefault(hub.label, HubView())
        state = hub.ledger._s
        kept = sum(log.frontier.size for log in state.logs.values())
        version = (len(state.entries), len(hub.pages.shown), kept)
        if self.versions.get(hub.label) == version:
            return
        self.versions[hub.label] = version
        fresh = [heads.parse(raw) for raw in hub.pages.shown[view.shown :]]
        sizes = {head.size for head in fresh}
        hold(len(state.entries) >= view.log.size, hub.label, "has lost entries")
        if view.log.size in sizes:
            self._remember(view)
        for number in state.entries[view.log.size :]:
            entry = view.log.take(f"{hub.label}'s log", number.line, number.leaf)
            self._hub_entry(hub, view, entry)
            if view.log.size in sizes:
                self._remember(view)
        for head in fresh:
            self._head(hub, view, head)
        if fresh:  # pages that only older heads promise may be gone
            self._pages(hub, view, view.pages_of)
            view.pages_of = fresh[-1].size
        view.shown += len(fresh)
        if not hub.liar:
            self._narrowed(hub, view)
        self._node_logs(hub, view)

    def _remember(self, view: HubView) -> None:
        if view.log.size not in view.states:
            view.states[view.log.size] = (dict(view.log.held), root_of(view.log.held))

    def _hub_entry(self, hub: HubActor, view: HubView, entry: Entry) -> None:
        where = f"{hub.label}'s log at {entry.seq}"
        key = (entry.node or "", entry.id or "")
        if entry.op in ("put", "del") and entry.thing is not None:
            hold(entry.thing.value["audience"] == "public", where, "shows a record for", entry.thing.value["audience"])
            self._is_authors(where, hub, (entry.digest or "", entry.node or "", entry.thing.jws, entry.thing.body))
            if entry.digest not in hub.forged:
                self._from(where, entry)
            self._via(where, hub, entry)
            view.taken.add(entry.digest or "")
        elif entry.op == "out":
            hold(view.log.held.get(key) == (entry.rev, entry.digest), where, f"takes out {key}, which is not in")
        elif entry.op == "key":
            ours = any(s.digest == entry.digest for s in hub.identity.ring.statements)
            known = ours or entry.digest in self.statements or self._world.is_a_hub(entry.node)
            hold(known, where, "has a key statement nobody made")
            hold(entry.digest not in view.taken, where, "says a key statement twice")
            view.taken.add(entry.digest or "")
        elif entry.op == "nodehead":
            self._node_head(where, hub, view, completeness.of(entry))
        elif entry.op == "statement":
            self._statement(where, hub, view, entry)
        else:
            self._carried(where, view, entry)
        fold_one(view.log.held, entry)

    def _statement(self, where: str, hub: HubActor, view: HubView, entry: Entry) -> None:
        """A hub speaks of its own nodes, under its own key; others pass that on, once and unchanged."""
        said = statement.of(entry.thing)
        home = self._world.home_of(said.subject)
        hold((said.type, said.by) == (statement.NODE, home.id), where, "has a statement by", said.by)
        home.identity.ring.verify(entry.thing)
        hold(entry.digest not in view.taken, where, "says a statement twice")
        view.taken.add(entry.digest or "")
        if home is not hub:
            self._via(where, hub, entry)

    def _carried(self, where: str, view: HubView, entry: Entry) -> None:
        """What nobody here knows comes from its author's feed, as it stands there."""
        self._from(where, entry)
        hold(entry.digest not in view.taken, where, "carries an entry twice")
        view.taken.add(entry.digest or "")

    def _node_head(self, where: str, hub: HubActor, view: HubView, said: NodeHead) -> None:
        """A node's head is the node's own, and what it says is missing is what differs from the node's own set."""
        log, head = self.feeds[said.node, "public"], said.head
        hold(head.size <= log.size and head.log_root == log.roots[head.size].hex(), where, "is of no log of its node")
        own = live.fold([entries.parse(line) for line in log.lines[: head.size]])
        hold((head.live, head.state_root) == (len(own), root_of(own)), where, "is not what its node holds")
        here = {key: version for key, version in view.log.held.items() if key[0] == said.node}
        absent = sum(here.get(key) != version for key, version in own.items())
        older = sum(own.get(key) != version for key, version in here.items())
        told = (said.absent, said.older)
        if self._world.home_of(said.node).liar:  # what it bent goes on through honest hubs too
            told, absent, older = (said.absent - said.older, 0), absent - older, 0  # which are which, only it knows
        hold(told == (absent, older), where, f"says {dict(said.missing)}, and it is {absent, older}")
        before = view.said.get(said.node)
        hold(before is None or before.head.size <= head.size, where, "falls back behind the head before it")
        view.said[said.node] = said

    def _from(self, where: str, entry: Entry) -> None:
        """`src` is where the author's own feed has it."""
        hold(entry.src is not None, where, "does not say where it comes from")
        name, _, seq = entry.src or ("", "", 0)
        log = self.feeds.get((entry.node or "", name))
        hold(log is not None and name == "public", where, "comes from a feed", name)
        hold(log is not None and log.digests[seq] == entry.digest, where, "is not what its author has at", seq)

    def _via(self, where: str, hub: HubActor, entry: Entry) -> None:
        way = [hop["by"] for hop in entry.via]
        hold(len(way) <= HOPS, where, "came over", len(way), "hops")
        hold(len({*way, hub.id}) == len(way) + 1, where, "came in a circle")
        home = self._world.home_of(entry.node)
        hold((way or [hub.id])[0] == home.id, where, "did not set out from the author's home")

    def _head(self, hub: HubActor, view: HubView, head: heads.Head) -> None:
        where = f"a head of {hub.label} for {head.size} entries"
        hub.identity.ring.verify(head.envelope, active_only=True)
        if view.last is not None:
            relation = heads.compare(view.last, head)
            hold(relation in (Relation.SAME, Relation.LARGER), where, "is to the one before it:", relation.value)
            # a reader who meets the older one of two with one date would take it for a rollback
            hold(relation is Relation.SAME or head.time > view.last.time, where, "has the date of the one before it")
        hold(head.size <= view.log.size, where, "promises more than is stored")
        hold(head.log_root == view.log.roots[head.size].hex(), where, "has another log root than its entries")
        held, root = view.states.get(head.size) or self._replayed(view, head.size)
        hold((head.live, head.state_root) == (len(held), root), where, "has another state root than its live set")
        view.last = head

    def _replayed(self, view: HubView, size: int) -> tuple[Fold, str]:
        held = live.fold([entries.parse(line) for line in view.log.lines[:size]])
        view.states[size] = (held, root_of(held))
        return view.states[size]

    def _pages(self, hub: HubActor, view: HubView, start: int) -> None:
        """The pages that hold entries from `start` to the newest head are there and hold them."""
        if view.last is None:
            return
        first = start - start % paths.PAGE_ENTRIES
        for number, width, path in paths.pages(view.last.epoch, first, view.last.size):
            begin = number * paths.PAGE_ENTRIES
            expected = b"".join(line + b"\n" for line in view.log.lines[begin : begin + width])
            hold(forms.read(hub.pages, path) == expected, f"{hub.label}'s page {path} is not what its log holds")

    def _narrowed(self, hub: HubActor, view: HubView) -> None:
        """What a hub holds of a record for fewer readers takes any lower rev out of its public feed."""
        for (node, id_, audience), held in hub.ledger._s.records.items():
            if audience != "public" and (node, id_) in view.log.held:
                shown = view.log.held[node, id_][0]
                hold(
                    shown > held.rev, f"{hub.label} shows rev {shown} of {id_}, whose rev {held.rev} is for {audience}"
                )

    def _node_logs(self, hub: HubActor, view: HubView) -> None:
        """A node's log at its hub is the node's own; what was admitted is in the feed, what was not had a reason."""
        for (node, name), log in hub.ledger._s.logs.items():
            own, size = self.feeds[node, name], log.frontier.size
            start = view.kept.get((node, name), 0)
            if size == start:
                continue
            where = f"{hub.label}'s log of {node[:12]} ({name})"
            hold(size >= start, where, "has shrunk")
            hold(log.frontier.root() == own.roots[size], where, "is another log than the node's own")
            kept = hub.ledger._s.kept[node, name]
            for seq in range(start, size):
                hold(seq in kept and kept[seq].leaf == own.leaves[seq], where, "lacks the entry", seq)
                self._judged(hub, view, kept[seq], entries.parse(own.lines[seq]), where)
            view.kept[node, name] = size

    def _judged(self, hub: HubActor, view: HubView, kept: Any, entry: Entry, where: str) -> None:
        waiting = self._world.waits(entry.node, entry.id)
        if (entry.node, entry.seq) in self._world.bent:
            # put aside until the author's line comes; by then a later rev may be held, and then it stays aside
            aside = kept.code in UNHASHED and not self._world.mended
            if aside or kept.code == "rev_not_increasing":
                return
        if kept.code == "attestation_lapsed" and not self._world.mended:
            return  # it had no occasion to renew; then what waited is judged again
        if kept.code is not None:
            hold(waiting or hub.liar, where, f"keeps back {entry.seq}: {kept.code} {kept.detail}")
        elif entry.op in ("put", "del") and entry.thing is not None and entry.thing.value["audience"] == "public":
            hold(not waiting, where, f"took {entry.seq}, of a type nobody knows yet")
            records = hub.ledger._s.records
            later = [records.get((entry.node, entry.id, name)) for name in ("partners", "hub")]
            narrowed = entry.op == "put" and any(held and held.rev > entry.rev for held in later)
            hold(narrowed or entry.digest in view.taken, where, f"took {entry.seq}, and its feed does not have it")

    def _kept_is_shown(self, hub: HubActor) -> None:
        """The records table agrees with the log."""
        rows = hub.ledger._s.records.items()
        table = {key[:2]: (h.rev, h.digest) for key, h in rows if key[2] == "public" and h.live}
        hold(table == self.hubs[hub.label].log.held, hub.label, "has a table of records that differs from its log")

    def _receipts(self) -> None:
        """Nothing for which a hub signed a receipt is missing there, whatever became of its process."""
        for hub, node, name, size, root in self._world.receipts_to_check():
            held = hub.ledger._s.logs.get((node, name))
            came = held.frontier.size if held else 0
            hold(came >= size, f"{hub.label} signed for {size} entries of {node[:12]} ({name}) and holds {came}")
            hold(
                self.feeds[node, name].roots[size].hex() == root, f"{hub.label} signed for a log that is not the node's"
            )

    def _taken_from(self, hub: HubActor, peer: HubActor) -> None:
        """Below its cursor, everything of the nodes that come from this peer is here as the peer had it there."""
        state = hub.ledger._s
        cursor = state.peers[peer.id].cursor
        view = self.hubs.get(peer.label)
        if peer.liar or view is None or cursor == 0:
            return
        hold(cursor in view.states, f"{hub.label} stands at {cursor} of {peer.label}, for which there was no head")
        ours = {node for node, member in state.members.items() if member.upstream == peer.id}
        there = {key: version for key, version in view.states[cursor][0].items() if key[0] in ours}
        here = {key: version for key, version in self.hubs[hub.label].log.held.items() if key[0] in ours}
        hold(
            here == there,
            f"{hub.label} took {peer.label} up to {cursor}, and differs in",
            set(here.items()) ^ set(there.items()),
        )

    # Copies

    def _copy(self, file: Path, hub: HubActor | Site, *, whole: bool) -> None:
        """A verified copy holds what its head says, and nothing but authors' bytes."""
        if not file.exists():
            return
        known = self.copies.setdefault(file, CopyView())
        where = f"the copy {file.name} of {hub.label}"
        if file not in self._open:
            self._open[file] = Copy(file)
        copy = self._open[file]
        if not copy.stands:
            hold(known.size == 0, where, "has lost what it held")
            return
        head = copy.head
        hold(head.raw in hub.pages.shown, where, "has a head that was never shown")
        hold(head.size >= known.size, where, f"went back from {known.size} to {head.size}")
        hold(copy.state_root.hex() == head.state_root, where, "has another state root than its head")
        for change in copy.changes(-1 if whole else known.size - 1):
            if change.op in ("put", "del"):
                thing = (change.digest, change.node, change.jws, change.raw)
                hold(change.digest not in hub.forged, where, "shows what the hub invented")
                self._is_authors(where, hub, thing)
        if whole:
            self._whole_copy(where, copy, head, hub)
        known.size = head.size

    def _whole_copy(self, where: str, copy: Copy, head: heads.Head, hub: HubActor | Site) -> None:
        root, count = copy.recomputed_root()
        hold((root.hex(), count) == (head.state_root, head.live), where, "does not add up to its head")
        hold(copy.line_without_record() is None, where, "has a line without its record")
        if hub.liar:
            return
        log = self.feeds[hub.id, "public"] if isinstance(hub, Site) else self.hubs[hub.label].log
        expected = live.fold([entries.parse(line) for line in log.lines[: head.size]])
        shown: Fold = {(record.node, record.id): (record.rev, record.digest) for record in copy.records()}
        hold(shown == expected, where, "shows other records than the feed it verified")
