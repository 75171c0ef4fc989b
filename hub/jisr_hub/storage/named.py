"""What entries of the hub's log did to the records of a source, by name: read from the log, where every version stands,
so that nothing of what records say is kept a second time. Erasures are not among them: they are no round's doing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from ..ports.history import Way
from . import tables as t
from .sql import SqlLedger

ADDED, CHANGED, GONE = "added", "changed", "gone"
_OPS = ("put", "del", "out")
_AT_ONCE = 500


@dataclass(frozen=True)
class Moved:
    """A record that a round has added, changed or ended: what it said before and after, None where it was not there, or
    was erased since. `seq` is where the entry stands."""

    did: str
    node: str
    id: str
    seq: int
    at: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def has_another_name(self) -> bool:
        return self.did == CHANGED and name_of(self.before) != name_of(self.after)


def name_of(record: Mapping[str, Any] | None) -> Any:
    """The localised text by which people know a record; None without one."""
    return (record or {}).get("name") or (record or {}).get("title")


async def moved(ledger: SqlLedger, source: str, way: str, first: int, next: int, did: str = "") -> AsyncIterator[Moved]:
    """What the entries in [first, next) that came from this source did, in order; `did` asks for one kind only."""
    upstreams = {m.node: m.upstream for m in await ledger.members()} if way == Way.PEER else {}
    c = t.entry.c
    start = max(first, 0)
    while start < next:
        place = sa.and_(c.seq >= start, c.seq < next, c.op.in_(_OPS))
        rows = await ledger.rows(sa.select(c.seq, c.line, c.prior).where(place).order_by(c.seq).limit(_AT_ONCE))
        lines = [(row.seq, orjson.loads(row.line), row.prior) for row in rows]
        ours = [one for one in lines if _node_of(one[1]) == source or _came_by(one[1], source, upstreams)]
        before = await _lines(ledger, {prior for _, _, prior in ours if prior is not None})
        for seq, line, prior in ours:
            found = _moved(seq, line, before.get(prior) if prior is not None else None)
            if found is not None and did in ("", found.did):
                yield found
        start = rows[-1].seq + 1 if len(rows) == _AT_ONCE else next


async def _lines(ledger: SqlLedger, seqs: set[int]) -> dict[int, Mapping[str, Any]]:
    c = t.entry.c
    rows = await ledger.rows(sa.select(c.seq, c.line).where(c.seq.in_(sorted(seqs)))) if seqs else []
    return {row.seq: orjson.loads(row.line) for row in rows}


def _node_of(line: Mapping[str, Any]) -> str:
    return str(_signed(line).get("node") or line.get("node") or "")


def _signed(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the author has signed of an entry; empty for stubs and what left without a word of theirs."""
    return line.get("record") or line.get("tombstone") or {}


def _came_by(line: Mapping[str, Any], peer: str, upstreams: Mapping[str, str]) -> bool:
    via = line.get("via") or ()
    return via[-1]["by"] == peer if via else upstreams.get(_node_of(line)) == peer


def _moved(seq: int, line: Mapping[str, Any], before: Mapping[str, Any] | None) -> Moved | None:
    was = before is not None and before["op"] == "put"
    record = _signed(line)
    said = (before or {}).get("record") if was else None
    id = str(record.get("id") or line.get("id") or "")
    if line["op"] == "put":
        return Moved(CHANGED if was else ADDED, _node_of(line), id, seq, line["at"], said, record)
    return Moved(GONE, _node_of(line), id, seq, line["at"], said, None) if was else None
