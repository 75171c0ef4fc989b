"""The thinnest rim there can be: a session over the files of a folder, with what it holds in two dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from jisr_protocol import live, state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.refusal import Refusal, refuse
from jisr_protocol.session import (
    Apply,
    Commit,
    Discard,
    Done,
    Fetch,
    Fetched,
    Known,
    Missing,
    Replace,
    Session,
    Settle,
    Settled,
)

Place = tuple[str, str]


@dataclass
class Holding:
    """What a reader holds: the session's part, the live rows, the accepted (rev, digest), what was refused by seq."""

    known: Known = field(default_factory=Known)
    rows: dict[Place, tuple[int, str]] = field(default_factory=dict)
    accepted: dict[Place, tuple[int, str]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)

    def copy(self) -> Holding:
        return Holding(self.known, dict(self.rows), dict(self.accepted), dict(self.refused))


def follow(folder: Path, holding: Holding, now: datetime) -> tuple[Done, Holding]:
    """Read a feed once. Returns how it ended and what is held then."""
    session = Session(holding.known, now=now)
    working = holding.copy()
    queue = list(session.begin())
    while queue:
        request = queue.pop(0)
        if isinstance(request, Fetch):
            file = folder / request.path
            event = Fetched(request.path, file.read_bytes()) if file.is_file() else Missing(request.path)
            queue += session.receive(event)
        elif isinstance(request, Replace):
            working = Holding(refused={}, accepted=dict(holding.accepted))
        elif isinstance(request, Apply):
            for judged in request.judged:
                _apply(working, judged.entry, judged.refusal)
        elif isinstance(request, Settle):
            rows = [(node, id_, rev, digest) for (node, id_), (rev, digest) in working.rows.items()]
            queue += session.receive(Settled(state_tree.build(rows)[0].root(), len(rows)))
        elif isinstance(request, Commit):
            working.known = request.known
            holding = working
        elif isinstance(request, Discard):
            working = holding.copy()
        elif isinstance(request, Done):
            return request, holding
    raise AssertionError("the session stopped without Done")


def _apply(working: Holding, entry: Entry, refusal: Refusal | None) -> None:
    _fold(working.rows, entry)
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
    order = live.order(rev, digest, *working.accepted.get(place, (None, None)))
    if order is live.Order.FALLS:
        refuse("READ-7", "/record/rev", expected="a rev that rises", came=rev)
    if order is live.Order.CONTRADICTS:
        refuse("READ-8", "/record/rev", expected="one content for a rev", came=digest)
    working.accepted[place] = (rev, digest)
