"""The thinnest rim there can be: a session over the files of a folder, with what it holds in two dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from jisr_protocol import live, paths, state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.inflate import inflate
from jisr_protocol.refusal import Refusal, refuse
from jisr_protocol.session import (
    Apply,
    Commit,
    Continue,
    Continued,
    Discard,
    Done,
    Event,
    Fetch,
    Fetched,
    Garbled,
    GoBack,
    Known,
    Missing,
    Remove,
    Replace,
    Session,
    Settle,
    Settled,
    Survey,
    Surveyed,
)
from jisr_protocol.state_tree import StateTree

Place = tuple[str, str]
Row = tuple[str, str, int, str]


@dataclass
class Holding:
    """What a reader holds: the session's part, the live rows, the accepted (rev, digest), what was refused by seq, and
    the guards of erasures and holds, op by target and max_rev."""

    known: Known = field(default_factory=Known)
    rows: dict[Place, tuple[int, str]] = field(default_factory=dict)
    accepted: dict[Place, tuple[int, str]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    guards: set[tuple[str, str, str, int | None]] = field(default_factory=set)

    def copy(self) -> Holding:
        return Holding(self.known, dict(self.rows), dict(self.accepted), dict(self.refused), set(self.guards))

    def tree(self, depth: int | None = None) -> tuple[StateTree, dict[int, list[Row]]]:
        """The state tree, and the lines of its buckets."""
        depth = depth or state_tree.depth_for(len(self.rows))
        buckets: dict[int, list[Row]] = {}
        for place, version in self.rows.items():
            buckets.setdefault(state_tree.bucket_of(state_tree.path(*place), depth), []).append((*place, *version))
        hashes = {
            number: state_tree.bucket_hash(state_tree.bucket_bytes(state_tree.line(*row) for row in rows))
            for number, rows in buckets.items()
        }
        tree = StateTree(depth, hashes)
        tree.root()
        return tree, buckets


def follow(folder: Path, holding: Holding, now: datetime) -> tuple[Done, Holding]:
    """Read a feed once. Returns how it ended and what is held then."""
    session = Session(holding.known, now=now)
    working = holding.copy()
    queue = list(session.begin())
    events: list[Event] = []
    while queue or events:
        if not queue:
            queue += session.receive(events.pop(0))
            continue
        request = queue.pop(0)
        if isinstance(request, Fetch):
            events.append(_fetched(folder, request))
        elif isinstance(request, Replace):
            working = Holding(accepted=dict(holding.accepted), guards=set(holding.guards))
        elif isinstance(request, GoBack):
            working.refused = {seq: code for seq, code in working.refused.items() if seq < request.size}
        elif isinstance(request, Continue):
            queue += session.receive(Continued())
        elif isinstance(request, Remove):
            for place in request.records:
                working.rows.pop(place, None)
        elif isinstance(request, Survey):
            queue += session.receive(Surveyed(*working.tree(request.depth)))
        elif isinstance(request, Apply):
            for judged in request.judged:
                _apply(working, judged.entry, judged.refusal)
        elif isinstance(request, Settle):
            queue += session.receive(Settled(working.tree()[0].root(), len(working.rows)))
        elif isinstance(request, Commit):
            working.known = request.known
            holding = working
        elif isinstance(request, Discard):
            working, events = holding.copy(), []
        elif isinstance(request, Done):
            return request, holding
    raise AssertionError("the session stopped without Done")


def _apply(working: Holding, entry: Entry, refusal: Refusal | None) -> None:
    _fold(working.rows, entry)
    if refusal is not None:
        pass  # it changes nothing of what is accepted
    elif entry.op in ("erase", "hold"):
        working.guards.add((entry.op, entry.node or "", entry.id or "", entry.rev))
    elif entry.op == "unhold":
        working.guards = {g for g in working.guards if g[0] != "hold" or not live.matches(entry, g[1], g[2], 0)}
    if entry.op in ("put", "del") and refusal is None and entry.gone is None:
        try:
            _accept(working, entry)
        except Refusal as found:
            refusal = found
    if refusal is not None:
        working.refused[entry.seq] = refusal.code


def _fold(rows: dict[Place, tuple[int, str]], entry: Entry) -> None:
    done = live.effect(entry)
    place = (entry.node or "", entry.id or "")
    if done is live.Effect.SET:
        rows[place] = (entry.rev or 0, entry.digest or "")
    elif done is live.Effect.REMOVE:
        rows.pop(place, None)
    elif done is live.Effect.REMOVE_MATCHING:
        for node, id_ in [k for k, v in rows.items() if live.matches(entry, *k, v[0])]:
            del rows[node, id_]


def _accept(working: Holding, entry: Entry) -> None:
    place, rev, digest = (entry.node or "", entry.id or ""), entry.rev or 0, entry.digest or ""
    for _, node, target, max_rev in working.guards:
        if entry.op == "put" and node == place[0] and target in (place[1], "*") and live.reaches(max_rev, rev):
            refuse("READ-13", "/record/rev", expected="nothing that was erased", came=rev)
    order = live.order(rev, digest, *working.accepted.get(place, (None, None)))
    if order is live.Order.FALLS:
        refuse("READ-7", "/record/rev", expected="a rev that rises", came=rev)
    if order is live.Order.CONTRADICTS:
        refuse("READ-8", "/record/rev", expected="one content for a rev", came=digest)
    working.accepted[place] = (rev, digest)


def _fetched(folder: Path, wanted: Fetch) -> Event:
    """PATH-3: a page as it is, else compressed."""
    for name, coding in zip(paths.forms(wanted.path), ("", "zstd", "gzip"), strict=False):
        if (folder / name).is_file():
            try:
                return Fetched(wanted.path, inflate((folder / name).read_bytes(), coding, wanted.limit_bytes))
            except Refusal as refusal:
                return Garbled(wanted.path, refusal)
    return Missing(wanted.path)
