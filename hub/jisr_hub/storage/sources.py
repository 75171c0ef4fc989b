"""What the desk asks of sources in SQL: the port desk.sources.Sources over a ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from ..desk.sources import Cause, Problem
from ..ports import Member, Peer, Pull
from ..views.policies import Brake
from . import tables as t
from .named import Moved, moved
from .policies import SqlPolicies
from .rounds import SqlHistory, taken_since
from .sql import SqlLedger

_ORGANIZATION = "org.jisr.organization/1"
_AT_ONCE = 500


class SqlSources(SqlHistory):
    """The Sources port over a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        super().__init__(ledger)
        self._policies = SqlPolicies(ledger)

    async def members(self) -> Sequence[Member]:
        return await self._ledger.members()

    async def peers(self) -> Sequence[Peer]:
        return await self._ledger.peers()

    async def pulls(self) -> Sequence[Pull]:
        return await self._ledger.pulls()

    async def brakes(self) -> Mapping[str, Brake]:
        return await self._policies.brakes()

    async def keep_brake(self, peer: str, brake: Brake | None, at: str) -> None:
        await self._policies.keep_brake(peer, brake, at)

    async def kept(self, peer: str) -> int:
        return await self._policies.kept(peer)

    async def begin_again(self, peer: str) -> None:
        await self._policies.begin_again(peer)

    async def voices(self) -> Mapping[str, str]:
        rows = await self._ledger.rows(sa.select(t.voice.c.signer, t.voice.c.decision))
        return {row.signer: row.decision for row in rows}

    def moved(self, source: str, way: str, first: int, next: int, did: str = "") -> AsyncIterator[Moved]:
        return moved(self._ledger, source, way, first, next, did)

    async def causes(self, source: str) -> Sequence[Cause]:
        found = [*await self._put_aside(source), *await self._left_out(source)]
        shown = await self._shown([(one.id, source_of) for one, source_of in found])
        by_code: dict[str, list[Problem]] = defaultdict(list)
        for one, node in found:
            rev, since, record = shown.get((node, one.id), (0, "", None))
            by_code[one.code].append(
                Problem(one.code, one.pointer, one.detail, one.id, one.rev, one.record, rev, since, record)
            )
        causes = [Cause(code, problems) for code, problems in by_code.items()]
        return sorted(causes, key=lambda cause: (-len(cause.problems), cause.code))

    async def _put_aside(self, node: str) -> list[tuple[Problem, str]]:
        """What a node has signed and this hub did not take, in each of its feeds."""
        c = t.node_entry.c
        query = sa.select(c.code, c.pointer, c.detail, c.line).where(c.node == node, c.code.is_not(None))
        found = []
        for row in await self._ledger.rows(query.order_by(c.name, c.seq)):
            line = orjson.loads(row.line) if row.line else {}
            record = line.get("record") or line.get("tombstone") or {}
            id, rev = str(record.get("id") or line.get("id") or ""), int(record.get("rev") or 0)
            found.append((Problem(row.code, row.pointer or "", row.detail or "", id, rev, record or None), node))
        return found

    async def _left_out(self, peer: str) -> list[tuple[Problem, str]]:
        c = t.left_out.c
        query = sa.select(t.left_out).where(c.peer == peer, ~taken_since().exists())
        rows = await self._ledger.rows(query.order_by(c.at, c.node, c.id))
        return [(Problem(row.code, row.pointer, "", row.id, row.rev, None), row.node) for row in rows]

    async def _shown(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, str, Any]]:
        """The versions of these records, as (id, node), that are shown now: rev, since when, and what they say."""
        r, e = t.record.c, t.entry.c
        found: dict[tuple[str, str], tuple[int, str, Any]] = {}
        for start in range(0, len(keys), _AT_ONCE):
            pairs = {(node, id) for id, node in keys[start : start + _AT_ONCE]}
            query = sa.select(r.node, r.id, r.rev, e.line).join(t.entry, e.seq == r.seq)
            here = sa.tuple_(r.node, r.id).in_(sorted(pairs))
            for row in await self._ledger.rows(query.where(here, r.audience == "public", r.live_path.is_not(None))):
                line = orjson.loads(row.line)
                found[row.node, row.id] = (row.rev, str(line["at"]), line.get("record"))
        return found

    async def braked(self, peer: str) -> Sequence[Mapping[str, Any]]:
        b, r, e = t.braked.c, t.record.c, t.entry.c
        query = (
            sa.select(e.line)
            .select_from(t.braked)
            .join(t.record, sa.and_(r.node == b.node, r.id == b.id, r.audience == "public"))
            .join(t.entry, e.seq == r.seq)
            .where(b.peer == peer, r.live_path.is_not(None))
            .order_by(b.node, b.id)
        )
        return [orjson.loads(row.line).get("record") or {} for row in await self._ledger.rows(query)]

    async def contact(self, node: str) -> Mapping[str, Any] | None:
        r, e = t.record.c, t.entry.c
        here = sa.and_(r.node == node, r.type == _ORGANIZATION, r.audience == "public", r.live_path.is_not(None))
        query = sa.select(e.line).select_from(t.record).join(t.entry, e.seq == r.seq).where(here)
        rows = await self._ledger.rows(query.order_by(r.seq).limit(1))
        return orjson.loads(rows[0].line).get("record") if rows else None
