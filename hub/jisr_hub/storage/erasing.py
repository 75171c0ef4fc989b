"""What an erasure does to the tables, within the transaction that stores its notice.

Lines become stubs of the same leaf: those of the hub's own log, found by where a record stands now and stood before,
and those kept of nodes' logs, in any audience, put aside or not, in whoever's log they came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import astuple
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import entry as entries
from jisr_protocol import state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.notice import ALL

from ..ports import Erased, Erasure, Kept, Number
from ..takedown.erasure import covered, erased_kept, erased_line, erased_slice
from . import journal, stating
from . import tables as t
from .database import Database
from .holding import Holding, append, drop_back
from .noticing import note
from .searched import unsearched

TABLES = (t.entry, t.node_entry, t.unjudged, t.node_entry_aside, t.held_back, t.mistake, t.search_entry)
"""The tables that hold content."""
_ROWS = 512
CHAIN = """
WITH RECURSIVE chain(seq) AS (
    SELECT seq FROM record WHERE node = :node AND (:id = '*' OR id = :id) AND audience = 'public' AND seq IS NOT NULL
    UNION SELECT e.prior FROM chain JOIN entry AS e ON e.seq = chain.seq WHERE e.prior IS NOT NULL
)"""
"""Every position of a node's records, or of one of them, in the hub's feed."""
_CHAIN = f"{CHAIN} SELECT seq FROM chain ORDER BY seq"


class Erasing:
    """One transaction that erases."""

    def __init__(self, database: Database, connection: AsyncConnection, feed: str) -> None:
        self._database, self._connection, self._feed = database, connection, feed

    async def act(self, erasures: Iterable[Erasure], at: str, number: Number) -> Erased:
        """Keep the notices, and take out what those that bind name."""
        emptied = lines = 0
        for erasure in erasures:
            await self._keep(erasure, at)
            if not erasure.binds:
                await note(self._database, self._connection, erasure, at, "advice")
                continue
            done = await self._erase(erasure, at, number) if erasure.notice.action == "erase" else Erased()
            if erasure.notice.action != "erase" and erasure.feed == "public":
                done = await self._hold(erasure, at, number)
            await note(self._database, self._connection, erasure, at, "done" if any(astuple(done)) else "guarded")
            await self._touch(erasure)
            emptied, lines = emptied + done.entries, lines + done.lines
        return Erased(emptied, lines)

    async def _touch(self, erasure: Erasure) -> None:
        node, target = erasure.notice.node, erasure.target
        about = None if target == ALL else {state_tree.path(node, target)}
        await stating.touch(self._database, self._connection, self._feed, {node: about})

    async def _erase(self, erasure: Erasure, at: str, number: Number) -> Erased:
        named = (erasure.notice.node, erasure.target, erasure.notice.max_rev)
        await journal.forget(self._connection, erasure.notice.node, erasure.target)
        await drop_uses(self._connection, erasure.notice.node, erasure.target)
        await unsearched(self._database, self._connection, erasure.notice.node, erasure.target)
        lines = await self._empty_node_logs(erasure)
        lines += await drop_back(self._connection, *named)
        if not await self._may_show(erasure):
            return Erased(0, lines)
        seqs = await self._empty_own(erasure)
        await take_out(self._connection, *named)
        if seqs:
            await self._append(erasure, at, number)
            await self._bump({seq // PAGE_ENTRIES for seq in seqs})
        return Erased(len(seqs), lines)

    async def _hold(self, erasure: Erasure, at: str, number: Number) -> Erased:
        """A hold, or its end. Its entry is appended where a record that it names ever stood: it may be a longer one."""
        holding = Holding(self._database, self._connection, self._feed)
        about = await self._about(erasure)
        if erasure.notice.action == "unhold":
            await holding.release(erasure)
            if about:
                await self._append(erasure, at, number)
            return Erased(await holding.bring_back(erasure.notice.node, erasure.target, at, number))
        if not await holding.note(erasure, at):
            return Erased()
        await holding.set_aside(erasure)
        hidden = await holding.hide(erasure, about)
        await take_out(self._connection, erasure.notice.node, erasure.target, erasure.notice.max_rev)
        await unsearched(self._database, self._connection, erasure.notice.node, erasure.target)
        if about:
            await self._append(erasure, at, number)
            await self._bump({seq // PAGE_ENTRIES for seq in hidden})
        return Erased(len(hidden))

    async def empty(self, erasures: Iterable[Erasure]) -> Erased:
        """Take the content out, and nothing more."""
        emptied = lines = 0
        for erasure in erasures:
            lines += await self._empty_node_logs(erasure)
            lines += await drop_back(self._connection, erasure.notice.node, erasure.target, erasure.notice.max_rev)
            await drop_uses(self._connection, erasure.notice.node, erasure.target)
            await unsearched(self._database, self._connection, erasure.notice.node, erasure.target)
            emptied += len(await self._empty_own(erasure)) if await self._may_show(erasure) else 0
            await self._touch(erasure)
        return Erased(emptied, lines)

    async def _keep(self, erasure: Erasure, at: str) -> None:
        said = erasure.notice
        thing = said.envelope
        row = {
            "digest": thing.digest, "feed": erasure.feed, "by": said.by, "node": said.node, "n": said.n,
            "action": said.action, "jws": thing.jws, "body": thing.body, "at": at,
        }  # fmt: skip
        insert = self._database.insert
        await self._connection.execute(insert(t.notice).values(row).on_conflict_do_nothing())
        if erasure.binds and said.action == "erase":
            kept_out = {"node": said.node, "id": erasure.target, "notice": thing.digest, "max_rev": said.max_rev}
            await self._connection.execute(insert(t.guard).values(kept_out).on_conflict_do_nothing())

    async def _may_show(self, erasure: Erasure) -> bool:
        """Whether the notice came in public, or all that it names stood there: passing it on tells nobody anything."""
        if erasure.feed == "public":
            return True
        for target in erasure.notice.targets:
            asked = {"node": erasure.notice.node, "id": target}
            if (await self._connection.execute(sa.text(_CHAIN), asked)).first() is None:
                return False
        return True

    async def _empty_own(self, erasure: Erasure) -> list[int]:
        """The positions of the hub's log that lost their content, now or, for an erasure said again, before."""
        about = await self._about(erasure)
        c, emptied = t.entry.c, []
        for start in range(0, len(about), _ROWS):
            query = sa.select(c.seq, c.line).where(c.seq.in_(about[start : start + _ROWS])).order_by(c.seq)
            for seq, line in (await self._connection.execute(query)).all():
                if (stub := erased_line(erasure, line)) is not None:
                    await self._connection.execute(sa.update(t.entry).where(c.seq == seq).values(line=stub))
                if stub is not None or (erasure.again and covered(erasure, line)):
                    emptied.append(seq)
        return emptied

    async def _about(self, erasure: Erasure) -> list[int]:
        """Where in the hub's log anything stands about what a notice names."""
        asked = {"node": erasure.notice.node, "id": erasure.target}
        return [row[0] for row in await self._connection.execute(sa.text(_CHAIN), asked)]

    async def _append(self, erasure: Erasure, at: str, number: Number) -> None:
        await append(self._database, self._connection, self._feed, erasure.draft, at, number)

    async def _bump(self, pages: set[int]) -> None:
        for page in pages:
            first = self._database.insert(t.generation).values(page=page, generation=2)
            later = {"generation": t.generation.c.generation + 1}
            await self._connection.execute(first.on_conflict_do_update(index_elements=["page"], set_=later))

    async def _empty_node_logs(self, erasure: Erasure) -> int:
        tables = (t.node_entry, t.node_entry_aside)
        return sum([await self._empty_kept(table, erasure) for table in tables]) + await self._empty_unjudged(erasure)

    async def _empty_unjudged(self, erasure: Erasure) -> int:
        """What waits keeps its place as a stub, which is put aside as erased when its turn comes."""
        changed = 0
        async for row in self._mentioning(t.unjudged, erasure, t.unjudged.c.lines):
            lines, emptied = erased_slice(erasure, row.lines)
            if emptied:
                own = [column == row._mapping[column.name] for column in t.unjudged.primary_key.columns]
                await self._connection.execute(sa.update(t.unjudged).where(*own).values(lines=lines))
            changed += emptied
        return changed

    async def _empty_kept(self, table: sa.Table, erasure: Erasure) -> int:
        changed = 0
        async for row in self._mentioning(table, erasure, table.c.line):
            kept = Kept(row.seq, row.leaf, row.line, row.code, row.pointer or "", row.detail or "", row.line_hash)
            now = erased_kept(erasure, kept)
            if now is None:
                continue
            values = {"line": now.line, "line_hash": now.line_hash, "code": now.code, "pointer": None, "detail": None}
            own = [column == row._mapping[column.name] for column in table.primary_key.columns]
            await self._connection.execute(sa.update(table).where(*own).values(values))
            changed += 1
            if now.code is None and kept.code is not None and now.line is not None and table is t.node_entry:
                await self._remember_stub(row.name, entries.parse(now.line))
        return changed

    async def _mentioning(self, table: sa.Table, erasure: Erasure, text: sa.Column[Any]) -> AsyncIterator[sa.Row[Any]]:
        """The rows in which this text names the target; in order of their keys, so that they may be changed."""
        sought = erasure.notice.node if erasure.target == ALL else erasure.target
        key = sa.tuple_(*table.primary_key.columns)
        query = sa.select(table).where(text.is_not(None), self._database.contains(text, sought.encode()))
        query = query.order_by(*table.primary_key.columns).limit(_ROWS)
        after: Sequence[Any] | None = None
        while rows := (await self._connection.execute(query if after is None else query.where(key > after))).all():
            for row in rows:
                yield row
            after = tuple(rows[-1]._mapping[column.name] for column in table.primary_key.columns)

    async def _remember_stub(self, audience: str, stub: Entry) -> None:
        """Its rev is held from now on, in an audience in which a higher one is not."""
        row = {
            "node": stub.node, "id": stub.id, "audience": audience, "rev": stub.rev, "digest": stub.digest,
            "type": stub.type, "live_path": None, "seq": None,
        }  # fmt: skip
        insert = self._database.insert(t.record).values(row)
        newer = {name: insert.excluded[name] for name in ("rev", "digest", "type", "live_path")}
        higher = insert.excluded.rev > t.record.c.rev
        key = ["node", "id", "audience"]
        await self._connection.execute(insert.on_conflict_do_update(index_elements=key, set_=newer, where=higher))


async def drop_uses(connection: AsyncConnection, node: str, target: str) -> None:
    """USE-5: of a record that is erased nothing stays that was counted of it, or that people said is wrong in it."""
    for table in (t.usage_day, t.mistake):
        where = [table.c.node == node, *([table.c.id == target] if target != ALL else [])]
        await connection.execute(sa.delete(table).where(*where))


async def take_out(connection: AsyncConnection, node: str, target: str, max_rev: int | None) -> None:
    """What an erasure names is not live any more: a record, or with `*` all of a node, up to a rev."""
    c = t.record.c
    where = [c.node == node, c.live_path.is_not(None)]
    where += [c.id == target] if target != ALL else []
    where += [c.rev <= max_rev] if max_rev is not None else []
    await connection.execute(sa.update(t.record).where(*where).values(live_path=None))
