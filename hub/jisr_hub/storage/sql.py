"""The ledger in SQL, through SQLAlchemy Core: SQLite here (docs/decisions), one writer at a time.

A connection for writing behind one lock, each transaction opened by BEGIN IMMEDIATE, so that two can never deadlock
half-way; readers beside it see one consistent moment each (write-ahead log). `synchronous=FULL`: what is answered
after a commit survives the power going.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from jisr_protocol import head as heads
from jisr_protocol import keys, state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing
from jisr_protocol.merkle import Frontier
from jisr_protocol.push import NodeLog

from ..ports import Change, Conflict, Held, Kept, Member, Number, Numbered, Peer, Published, View
from . import tables as t

_WRITE = "BEGIN IMMEDIATE"
CACHE_KIB = 64 * 1024
LOG_PAGES = 16_384
_READ_ROWS = 512
# One statement however many ranges or ids: they travel as one JSON value, so nothing is compiled anew.
_ROWS_IN_RANGES = sa.text(
    "SELECT r.live_path, r.node, r.id, r.rev, r.digest FROM json_each(:ranges) AS asked CROSS JOIN record AS r"
    " WHERE r.live_path BETWEEN json_extract(asked.value, '$[0]') AND json_extract(asked.value, '$[1]')"
)
_HELD = sa.text(
    "SELECT r.id, r.rev, r.digest, r.type, r.live_path FROM json_each(:ids) AS asked CROSS JOIN record AS r"
    " WHERE r.node = :node AND r.id = asked.value AND r.audience = :audience"
)


def _engine(path: Path, begin: str) -> AsyncEngine:
    """Connections whose transactions open with `begin`; with "" each statement stands for itself."""
    url = f"sqlite+aiosqlite:///{path}"
    if begin:
        engine = create_async_engine(url, pool_size=1 if begin == _WRITE else 4, max_overflow=0)
    else:
        alone = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True, "pool_reset_on_return": None}
        engine = create_async_engine(url, pool_size=2, max_overflow=2, **alone)

    @sa.event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver opens no transaction; `opening` below does
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        if begin == _WRITE:
            # A batch touches as many pages of the record index as it has records: in a log of 1,000 pages each batch
            # would be copied back at once, in a larger one the pages of many batches are copied once.
            cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            cursor.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def opening(connection: sa.Connection) -> None:
        if begin:
            connection.exec_driver_sql(begin)

    return engine


class SqlLedger:
    """The Ledger port on SQL. Open it with `open`; close it when done."""

    def __init__(self, path: Path, feed_name: str = "public") -> None:
        self._writer, self._readers, self._askers = _engine(path, _WRITE), _engine(path, "BEGIN"), _engine(path, "")
        self._lock = asyncio.Lock()
        self._feed = feed_name
        self._folded: dict[str, KeyRing] = {}

    @classmethod
    async def open(cls, path: Path, *, new_epoch: str | None = None) -> SqlLedger:
        """Open the ledger in the file `path`; with `new_epoch`, make it first when it is not there."""
        ledger = cls(path)
        async with ledger._writing() as connection:
            await connection.run_sync(t.metadata.create_all)
            if new_epoch is not None:
                row = {"name": ledger._feed, "epoch": new_epoch, "size": 0, "published_size": 0}
                await connection.execute(insert(t.feed).values(row).on_conflict_do_nothing())
        return ledger

    async def close(self) -> None:
        await self._writer.dispose()
        await self._readers.dispose()
        await self._askers.dispose()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._lock, self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._readers.connect() as connection:
            yield connection

    async def rows(self, query: sa.Executable) -> Sequence[sa.Row[Any]]:
        """The rows of one query, which needs no transaction of its own."""
        async with self._askers.connect() as connection:
            return (await connection.execute(query)).all()

    # Nodes

    async def member(self, node: str) -> Member | None:
        rows = await self.rows(sa.select(t.node).where(t.node.c.node == node))
        return _member(rows[0]) if rows else None

    async def members(self) -> list[Member]:
        return [_member(row) for row in await self.rows(sa.select(t.node).order_by(t.node.c.node))]

    async def admit(self, member: Member, statements: Sequence[Envelope]) -> None:
        values = _member_row(member)
        async with self._writing() as connection:
            upsert = insert(t.node).values(values)
            await connection.execute(upsert.on_conflict_do_update(index_elements=["node"], set_=values))
            if (await connection.execute(sa.select(t.statement.c.n).where(t.statement.c.node == member.node))).first():
                return  # an older key file must not take a revocation back
            await _keep_ring(connection, keys.fold(statements, expected_id=member.node))

    async def node_log(self, node: str, name: str) -> NodeLog:
        query = sa.select(t.node_feed).where(t.node_feed.c.node == node, t.node_feed.c.name == name)
        rows = await self.rows(query)
        ring = (await self.rings([node])).get(node)
        if not rows:
            return NodeLog(None, Frontier(), None, ring)
        row = rows[0]
        return NodeLog(row.epoch, Frontier.from_bytes(row.size, row.frontier), heads.parse(row.head), ring)

    async def node_leaves(self, node: str, name: str, start: int, end: int) -> dict[int, bytes]:
        if start >= end:
            return {}
        columns = sa.select(t.node_entry.c.seq, t.node_entry.c.leaf)
        rows = await self.rows(_of_feed(columns, node, name).where(t.node_entry.c.seq.between(start, end - 1)))
        return {row.seq: row.leaf for row in rows}

    async def node_line_hashes(self, node: str, name: str, start: int, end: int) -> dict[int, bytes]:
        if start >= end:
            return {}
        columns = sa.select(t.node_entry.c.seq, t.node_entry.c.line_hash)
        rows = await self.rows(_of_feed(columns, node, name).where(t.node_entry.c.seq.between(start, end - 1)))
        return {row.seq: row.line_hash for row in rows if row.line_hash is not None}

    async def judged(self, node: str, name: str, start: int = 0, end: int | None = None) -> list[Kept]:
        c = t.node_entry.c
        query = _of_feed(sa.select(c.seq, c.leaf, c.line, c.code, c.pointer, c.detail, c.line_hash), node, name)
        query = query.where(c.seq >= start) if end is None else query.where(c.seq.between(start, end - 1))
        rows = await self.rows(query.where(c.code.is_not(None)).order_by(c.seq))
        return [
            Kept(row.seq, row.leaf, row.line, row.code, row.pointer or "", row.detail or "", row.line_hash)
            for row in rows
        ]

    async def rings(self, nodes: Iterable[str]) -> dict[str, KeyRing]:
        """Each chain is folded once and kept as long as its statements are the same."""
        c = t.statement.c
        query = sa.select(c.node, c.kind, c.jws, c.body).where(c.node.in_(list(nodes))).order_by(c.node, c.n)
        chains: dict[str, list[Envelope]] = defaultdict(list)
        for row in await self.rows(query):
            chains[row.node].append(Envelope(row.kind, row.jws, row.body, {}))
        return {node: self._ring(node, chain) for node, chain in chains.items()}

    def _ring(self, node: str, chain: list[Envelope]) -> KeyRing:
        held = self._folded.get(node)
        if held is not None and [s.jws for s in held.statements] == [s.jws for s in chain]:
            return held
        statements = [keys.parse_statement(s.kind, s.jws, s.body) for s in chain]
        self._folded[node] = keys.fold(statements, expected_id=node)
        return self._folded[node]

    async def statements_logged(self, node: str) -> set[str]:
        c = t.logged_statement.c
        return {row.digest for row in await self.rows(sa.select(c.digest).where(c.node == node))}

    async def held(self, audience: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Held]:
        by_node: dict[str, list[str]] = defaultdict(list)
        for node, record_id in keys:
            by_node[node].append(record_id)
        found: dict[tuple[str, str], Held] = {}
        async with self._askers.connect() as connection:
            for node, ids in by_node.items():
                asked = {"ids": orjson.dumps(ids).decode(), "node": node, "audience": audience}
                for row in await connection.execute(_HELD, asked):
                    found[node, row[0]] = Held(row[1], row[2], row[3], row[4] is not None)
        return found

    # The log

    async def store(self, change: Change, number: Number) -> int:
        async with self._writing() as connection:
            if change.log is not None:
                await self._extend_node_log(connection, change)
            counter = sa.update(t.feed).where(t.feed.c.name == self._feed)
            grown = counter.values(size=t.feed.c.size + len(change.drafts)).returning(t.feed.c.size)
            size: int = (await connection.execute(grown)).scalar_one()
            first = size - len(change.drafts)
            numbered = [number(draft, first + i, change.at) for i, draft in enumerate(change.drafts)]
            await _append(connection, numbered)
            await _remember(connection, change, numbered)
            logged = [{"node": d.node, "digest": d.digest} for d in change.drafts if d.op in ("key", "recovery")]
            if logged:
                await connection.execute(insert(t.logged_statement).on_conflict_do_nothing(), logged)
            for ring in change.rings.values():
                await _keep_ring(connection, ring)
            if change.members:
                rows = [_member_row(m) for m in change.members]
                await connection.execute(insert(t.node).on_conflict_do_nothing(), rows)
            if change.peer:
                moved = sa.update(t.peer).where(t.peer.c.hub == change.peer)
                await connection.execute(moved.values(cursor=change.cursor, epoch=change.peer_epoch))
            return size

    async def _extend_node_log(self, connection: AsyncConnection, change: Change) -> None:
        log = change.log
        if log is None or log.head is None or log.epoch is None:
            raise ValueError("a node's log grows together with its head")
        c = t.node_feed.c
        query = sa.select(c.size).where(c.node == change.node, c.name == change.name)
        size = (await connection.execute(query)).scalar() or 0
        if size != change.expected_size:
            raise Conflict(f"{change.node} moved on")
        values = {
            "node": change.node,
            "name": change.name,
            "epoch": log.epoch,
            "size": log.frontier.size,
            "frontier": log.frontier.to_bytes(),
            "head": log.head.raw,
        }
        upsert = insert(t.node_feed).values(values)
        await connection.execute(upsert.on_conflict_do_update(index_elements=["node", "name"], set_=values))
        if change.kept:
            feed = (change.node, change.name)
            rows = [
                (*feed, k.seq, k.leaf, k.line_hash, k.line, k.code, k.pointer or None, k.detail or None)
                for k in change.kept
            ]
            await connection.exec_driver_sql("INSERT OR REPLACE INTO node_entry VALUES (?,?,?,?,?,?,?,?,?)", rows)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[View]:
        async with self._reading() as connection:
            query = sa.select(t.feed.c.size).where(t.feed.c.name == self._feed)
            size = (await connection.execute(query)).scalar_one()
            yield _SqlView(connection, size)

    async def rebuild_records(self, parse: Callable[[bytes], Entry]) -> None:
        """Compute the table of records again from the logs, in one transaction."""
        c, n = t.entry.c, t.node_entry.c
        async with self._writing() as connection:
            await connection.execute(sa.delete(t.record))
            kept = sa.select(n.name, n.line).where(n.name != "public", n.line.is_not(None), n.code.is_(None))
            result = await connection.stream(kept.order_by(n.node, n.name, n.seq))
            async for part in result.partitions(_READ_ROWS):
                await _rebuild_rows(connection, [(row.name, parse(row.line)) for row in part])
            result = await connection.stream(sa.select(c.line).order_by(c.seq))
            async for part in result.partitions(_READ_ROWS):
                await _rebuild_rows(connection, [("public", parse(row.line)) for row in part])

    # Publishing

    async def published(self) -> Published | None:
        rows = await self.rows(sa.select(t.feed).where(t.feed.c.name == self._feed))
        row = rows[0]
        if row.published_head is None:
            return None
        frontier = Frontier.from_bytes(row.published_size, row.published_frontier)
        return Published(heads.parse(row.published_head), frontier)

    async def epoch(self) -> str:
        rows = await self.rows(sa.select(t.feed.c.epoch).where(t.feed.c.name == self._feed))
        return str(rows[0].epoch)

    async def publish(self, published: Published) -> None:
        values = {
            "published_size": published.frontier.size,
            "published_frontier": published.frontier.to_bytes(),
            "published_head": published.head.raw,
        }
        async with self._writing() as connection:
            await connection.execute(sa.update(t.feed).where(t.feed.c.name == self._feed).values(values))

    # Peers

    async def peers(self) -> list[Peer]:
        rows = await self.rows(sa.select(t.peer).order_by(t.peer.c.hub))
        return [Peer(**row._mapping) for row in rows]

    async def keep_peer(self, peer: Peer) -> None:
        values = asdict(peer)
        told = {name: values[name] for name in ("name", "feed", "last_outcome", "last_detail", "last_at")}
        async with self._writing() as connection:
            upsert = insert(t.peer).values(values)
            await connection.execute(upsert.on_conflict_do_update(index_elements=["hub"], set_=told))


class _SqlView:
    """One read transaction: SQLite shows it the moment of its first read until it ends."""

    def __init__(self, connection: AsyncConnection, size: int) -> None:
        self._connection, self.size = connection, size

    async def entries(self, start: int) -> AsyncIterator[Sequence[tuple[int, bytes, bytes]]]:
        c = t.entry.c
        while start < self.size:
            end = min(start + _READ_ROWS, self.size)
            query = sa.select(c.seq, c.line, c.leaf).where(c.seq >= start, c.seq < end).order_by(c.seq)
            rows = (await self._connection.execute(query)).all()
            yield [(row[0], row[1], row[2]) for row in rows]
            start = end

    async def touched(self, start: int) -> set[int]:
        c = t.entry.c
        query = sa.select(c.path18).where(c.seq >= start, c.seq < self.size, c.path18.is_not(None)).distinct()
        return {row[0] for row in await self._connection.execute(query)}

    async def live(self) -> int:
        c = t.record.c
        query = sa.select(sa.func.count()).where(c.live_path.is_not(None))
        return int((await self._connection.execute(query)).scalar_one())

    async def rows(
        self, ranges: Sequence[tuple[int, int]] | None
    ) -> AsyncIterator[Sequence[tuple[int, str, str, int, str]]]:
        c = t.record.c
        query = sa.select(c.live_path, c.node, c.id, c.rev, c.digest)
        if ranges is None:
            result = await self._connection.stream(query.where(c.live_path.is_not(None)))
            async for part in result.partitions(4096):
                yield [(row[0], row[1], row[2], row[3], row[4]) for row in part]
            return
        asked = orjson.dumps(ranges).decode()
        found = await self._connection.execute(_ROWS_IN_RANGES, {"ranges": asked})
        for part in found.partitions(4096):
            yield [(row[0], row[1], row[2], row[3], row[4]) for row in part]


def _of_feed(query: Any, node: str, name: str) -> Any:
    return query.where(t.node_entry.c.node == node, t.node_entry.c.name == name)


def _member(row: sa.Row[Any]) -> Member:
    return Member(**row._mapping)


def _member_row(member: Member) -> dict[str, Any]:
    return asdict(member)


async def _append(connection: AsyncConnection, numbered: Sequence[Numbered]) -> None:
    if not numbered:
        return
    rows = []
    for item in numbered:
        rows.append((item.seq, item.draft.op, item.draft.path, item.leaf, item.line))
    await connection.exec_driver_sql("INSERT INTO entry VALUES (?,?,?,?,?)", rows)


async def _remember(connection: AsyncConnection, change: Change, numbered: Sequence[Numbered]) -> None:
    if not change.remembered:
        return
    places = {(n.draft.node, n.draft.id): (n.seq, n.draft.path) for n in numbered}
    rows = []
    for r in change.remembered:
        h = r.held
        seq, path = places.get((r.node, r.id), (None, None)) if r.audience == "public" else (None, None)
        rows.append((r.node, r.id, r.audience, h.rev, h.digest, h.type, path if h.live else None, seq))
    await _insert_records(connection, rows)


async def _rebuild_rows(connection: AsyncConnection, rows: Sequence[tuple[str, Entry]]) -> None:
    upserts: list[tuple[Any, ...]] = []
    for audience, e in rows:
        node, record_id = e.node or "", e.id or ""
        if e.op in ("put", "del"):
            path = state_tree.path(node, record_id) if audience == "public" and e.op == "put" else None
            seq = e.seq if audience == "public" else None
            upserts.append((node, record_id, audience, e.rev, e.digest, e.type, path, seq))
        elif e.op == "out":
            # in order: what was put before this entry must be there for it to be taken out
            await _insert_records(connection, upserts)
            upserts = []
            await connection.exec_driver_sql(
                "UPDATE record SET live_path = NULL WHERE node = ? AND id = ? AND audience = 'public'",
                (node, record_id),
            )
    await _insert_records(connection, upserts)


async def _insert_records(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        await connection.exec_driver_sql("INSERT OR REPLACE INTO record VALUES (?,?,?,?,?,?,?,?)", list(rows))


async def _keep_ring(connection: AsyncConnection, ring: KeyRing) -> None:
    """Keep the chain; a recovery statement may replace its end."""
    c = t.statement.c
    rows = (await connection.execute(sa.select(c.n, c.digest).where(c.node == ring.id).order_by(c.n))).all()
    held, chain = [row.digest for row in rows], [s.digest for s in ring.statements]
    if held == chain:
        return
    same = next((n for n, (a, b) in enumerate(zip(held, chain, strict=False)) if a != b), min(len(held), len(chain)))
    await connection.execute(sa.delete(t.statement).where(c.node == ring.id, c.n >= same))
    fresh = [
        {"node": ring.id, "n": n, "kind": s.kind, "jws": s.jws, "body": s.body, "digest": chain[n]}
        for n, s in enumerate(ring.statements)
        if n >= same
    ]
    if fresh:
        await connection.execute(sa.insert(t.statement), fresh)
