"""The ledger in SQL, through SQLAlchemy Core, on SQLite or PostgreSQL (engines.py).

One change is one transaction under the writer's lock. The lock is taken first and positions are given from a counter
row: no gap is ever made, and who sees an entry sees all before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import entry as entries
from jisr_protocol import head as heads
from jisr_protocol import keys, notice
from jisr_protocol.envelope import Envelope
from jisr_protocol.head import Head
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import INTEGER_MAX
from jisr_protocol.merkle import Frontier
from jisr_protocol.notice import ALL
from jisr_protocol.push import NodeLog

from ..ports import (
    NOTICE,
    Around,
    Before,
    BranchPlace,
    Change,
    Conflict,
    Erased,
    Erasure,
    Held,
    Kept,
    KeptTree,
    Key,
    Lead,
    Member,
    Nullified,
    Number,
    Peer,
    Place,
    Position,
    Published,
    Pull,
    Said,
    Snapshot,
    Stated,
    Told,
    Unjudged,
    View,
)
from . import asking, engines, erasing, migrations, node_trees, stating, told
from . import tables as t
from .asking import About, Pushed
from .database import Database
from .dialogue import Ask, Rows, several
from .erasing import Erasing
from .holding import keep_back
from .noticing import SqlNotices
from .storing import GROUP_CHANGES, Stored, joining, keeping_rings, plain, storing
from .together import Together
from .view import SqlView


class SqlLedger(SqlNotices):
    """The Ledger port on SQL. Open it with `open`; close it when done."""

    def __init__(self, database: Database, feed_name: str = "public") -> None:
        self.database = database
        self._feed = feed_name
        self._folded: dict[str, KeyRing] = {}
        self._heads: dict[tuple[str, str], Head] = {}
        self._before = Together(self._ask_before, lambda waiting: min(len(waiting), GROUP_CHANGES))
        self._around = Together(self._ask_around, lambda waiting: min(len(waiting), GROUP_CHANGES))
        self._plain = Together(self._store_plain, lambda waiting: joining([change for change, _ in waiting]))

    @classmethod
    async def open(
        cls, place: Path | str, *, new_epoch: str | None = None, schema: str = "", direct: str = ""
    ) -> SqlLedger:
        """Open the ledger in a file (SQLite) or at an address (`postgresql://…`), and bring its tables up to date.

        With `new_epoch`, make the feed first when it is not there; `schema` is PostgreSQL's, for a ledger beside the
        hub's own; `direct` leads to the database itself where the address is a pooler's. Raises
        migrations.NewerDatabase, database.PooledAddress.
        """
        ledger = cls(engines.of(place, schema, direct))
        try:
            await ledger.database.check()
            if schema or new_epoch is not None:
                await ledger.database.prepare()
            async with ledger.database.writing(long=True) as connection:
                await connection.run_sync(migrations.upgrade)
                if new_epoch is not None:
                    row = {"name": ledger._feed, "epoch": new_epoch, "size": 0, "published_size": 0, "floor": 0}
                    insert = ledger.database.insert(t.feed).values(bases="[]", **row)
                    await connection.execute(insert.on_conflict_do_nothing())
        # a Ctrl-C too leaves no connection open
        except BaseException:
            await ledger.close()
            raise
        return ledger

    async def close(self) -> None:
        for working in (self._before, self._around, self._plain):
            await working.settled()
        await self.database.close()

    def leading(self, role: str) -> AbstractAsyncContextManager[Lead | None]:
        """Be the one process of this ledger that does this work; None while another one is."""
        return self.database.leading(role)

    async def rows(self, query: sa.Executable) -> Sequence[sa.Row[Any]]:
        """The rows of one query, which needs no transaction of its own."""
        async with self.database.askers.connect() as connection:
            return (await connection.execute(query)).all()

    async def answers(self, *asked: Ask) -> Sequence[Rows]:
        """The rows of each of these queries, asked in one trip."""
        return await self.database.ask(several(*asked))

    # Nodes

    async def member(self, node: str) -> Member | None:
        (rows,) = await self.answers(Ask(f"SELECT {_MEMBER} FROM node WHERE node = ?", (node,)))
        return Member(*rows[0]) if rows else None

    async def members(self, nodes: Collection[str] | None = None) -> list[Member]:
        which, values = "", tuple[object, ...]()
        if nodes is not None:
            which = f"WHERE node IN (SELECT asked.value FROM {self.database.named})"
            values = asking.texts(self.database, nodes)
        (rows,) = await self.answers(Ask(f"SELECT {_MEMBER} FROM node {which} ORDER BY node", values))
        return [Member(*row) for row in rows]

    async def admit(self, member: Member, statements: Sequence[Envelope]) -> None:
        values = _member_row(member)
        async with self.database.writing() as connection:
            upsert = self.database.insert(t.node).values(values)
            await connection.execute(upsert.on_conflict_do_update(index_elements=["node"], set_=values))
            if (await connection.execute(sa.select(t.statement.c.n).where(t.statement.c.node == member.node))).first():
                return  # an older key file must not take a revocation back
            await self._keep_signer(connection, keys.fold(statements, expected_id=member.node))

    async def node_log(self, node: str, name: str) -> NodeLog:
        return (await self.before(node, name, 0, 0)).log

    async def before(self, node: str, name: str, start: int, end: int) -> Before:
        asked = Pushed(node, name, start, end)
        found = await self._before(asked)
        ring = self._folded.get(node)
        if found.chain and (ring is None or [s.jws for s in ring.statements] != found.chain):
            ring = (await self.rings([node]))[node]
        places = {name: (epoch, size) for name, epoch, size, _, _, _ in found.feeds}
        unjudged = {row[0]: row[5] for row in found.feeds if row[5] is not None}
        here = next((row for row in found.feeds if row[0] == name), None)
        held = NodeLog(None, Frontier(), None, ring if found.chain else None)
        if here is not None:
            frontier = Frontier.from_bytes(here[2], here[3])
            held = NodeLog(here[1], frontier, self._head(node, name, here[4]), held.ring)
        quarantined = [_kept(row) for row in found.quarantined]
        return Before(found.member, places, held, dict(found.line_hashes), quarantined, unjudged)

    async def _ask_before(self, asked: Sequence[Pushed]) -> list[asking.Found]:
        return await self.database.ask(asking.before(self.database, asked))

    def _head(self, node: str, name: str, raw: bytes) -> Head:
        """The newest head of a node's feed; what was stored last is not read again."""
        known = self._heads.get((node, name))
        if known is None or known.raw != raw:
            known = self._heads[node, name] = heads.parse(raw)
        return known

    async def around(self, node: str, keys: Collection[Key]) -> Around:
        return await self._around(About(node, keys))

    async def _ask_around(self, asked: Sequence[About]) -> list[Around]:
        return await self.database.ask(asking.around(self.database, asked))

    async def node_places(self, node: str) -> dict[str, Place]:
        return {row.name: (row.epoch, row.size) for row in await self.rows(_places(node))}

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
        if (start, end) == (0, None):
            (rows,) = await self.answers(Ask(asking.ALL_QUARANTINED, (node, name)))
            return sorted(map(_kept, rows), key=lambda kept: kept.seq)
        place = (node, name, start, INTEGER_MAX if end is None else end - 1)
        (rows,) = await self.answers(Ask(asking.QUARANTINED, place))
        return [_kept(row) for row in rows]

    async def unjudged(self, node: str, name: str, start: int, end: int, most: int = 1_000_000) -> list[Unjudged]:
        (rows,) = await self.answers(Ask(_UNJUDGED, (node, name, start, end, most)))
        return [Unjudged(*row) for row in rows]

    async def unjudged_feeds(self) -> list[tuple[str, str]]:
        (rows,) = await self.answers(Ask("SELECT DISTINCT node, name FROM unjudged ORDER BY node, name"))
        return [(node, name) for node, name in rows]

    async def put_aside(self, node: str, name: str) -> list[tuple[str, Kept]]:
        c = t.node_entry_aside.c
        query = sa.select(t.node_entry_aside).where(c.node == node, c.name == name).order_by(c.epoch, c.seq)
        return [
            (r.epoch, Kept(r.seq, r.leaf, r.line, r.code, r.pointer or "", r.detail or "", r.line_hash))
            for r in await self.rows(query)
        ]

    async def sources(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Position]:
        r, e = t.record.c, t.entry.c
        found: dict[tuple[str, str], Position] = {}
        for node, record_id in keys:
            query = sa.select(e.line).join(t.record, r.seq == e.seq)
            for row in await self.rows(query.where(r.node == node, r.id == record_id, r.audience == "public")):
                if src := entries.parse(row.line).src:
                    found[node, record_id] = src
        return found

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

    async def versions(self, node: str) -> list[bytes]:
        query = sa.text(
            f"{erasing.CHAIN} SELECT e.line FROM chain AS c JOIN entry AS e ON e.seq = c.seq ORDER BY e.seq"
        )
        rows = await self.rows(query.bindparams(node=node, id=ALL))
        parsed = (entries.parse(row.line) for row in rows)
        return [one.raw for one in parsed if one.op in ("put", "del")]

    async def kept(self, node: str, name: str) -> list[Kept]:
        c = t.node_entry.c
        query = _of_feed(sa.select(c.seq, c.leaf, c.line, c.code, c.pointer, c.detail, c.line_hash), node, name)
        return [_kept(tuple(row)) for row in await self.rows(query.order_by(c.seq))]

    async def nullified(self, node: str) -> frozenset[Nullified]:
        rows = await self.rows(sa.select(t.nullified).where(t.nullified.c.node == node))
        return frozenset(Nullified(row.node, row.id, row.audience, row.digest) for row in rows)

    async def statements_logged(self, node: str) -> set[str]:
        c = t.logged_statement.c
        return {row.digest for row in await self.rows(sa.select(c.digest).where(c.node == node))}

    async def held(self, audience: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Held]:
        return await self.database.ask(asking.held(self.database, audience, keys))

    async def stated(self, nodes: Iterable[str] | None = None) -> list[Stated]:
        (rows,) = await self.answers(stating.asked(self.database, nodes))
        return stating.read(rows)

    async def told(self, subjects: Iterable[str]) -> list[Told]:
        return [told.of(row) for row in await self.rows(told.about(subjects))]

    async def waiting(self, codes: Iterable[str]) -> list[tuple[str, str]]:
        c = t.node_entry.c
        query = sa.select(c.node, c.name).where(c.code.in_(list(codes))).distinct().order_by(c.node, c.name)
        return [(row.node, row.name) for row in await self.rows(query)]

    # Nodes' trees

    async def begin_tree(self, node: str) -> None:
        async with self.database.writing() as connection:
            await node_trees.begin(self.database, connection, node)

    async def keep_tree(
        self, node: str, before: KeptTree, depth: int, made: Mapping[BranchPlace, bytes], *, whole: bool
    ) -> bool:
        async with self.database.writing() as connection:
            return await node_trees.keep(self.database, connection, node, before, depth, made, whole=whole)

    async def drop_tree(self, node: str) -> None:
        async with self.database.writing() as connection:
            await node_trees.drop(connection, node)

    # Erasure

    async def erase(self, at: str, erasures: Sequence[Erasure], number: Number) -> Erased:
        async with self.database.writing(long=True) as connection:
            return await Erasing(self.database, connection, self._feed).act(erasures, at, number)

    async def empty(self, erasures: Sequence[Erasure]) -> Erased:
        async with self.database.writing(long=True) as connection:
            return await Erasing(self.database, connection, self._feed).empty(erasures)

    async def forget(self) -> list[str]:
        return await self.database.forget(erasing.TABLES)

    async def guards(self, keys: Iterable[Key]) -> dict[Key, int | None]:
        return await self.database.ask(asking.guards(self.database, list(keys)))

    async def notices(self, node: str | None = None) -> list[Said]:
        about, named = ("WHERE node = ?", (node,)) if node is not None else ("", ())
        guards, rows = await self.answers(
            Ask(f"SELECT notice, id FROM guard {about} ORDER BY notice, id", named),
            Ask(f'SELECT jws, body, feed, at, digest FROM notice {about} ORDER BY "by", node, n, feed', named),
        )
        targets: dict[str, list[str]] = defaultdict(list)
        for digest, target in guards:
            targets[digest].append(target)
        return [
            Said(notice.of(Envelope("notice", jws, body, orjson.loads(body))), feed, at, tuple(targets[digest]))
            for jws, body, feed, at, digest in rows
        ]

    async def last_notice(self, by: str, node: str, feed: str) -> tuple[int, str] | None:
        c = t.notice.c
        query = sa.select(c.n, c.digest).where(c.by == by, c.node == node, c.feed == feed)
        rows = await self.rows(query.order_by(c.n.desc(), c.digest.desc()).limit(1))
        return (rows[0].n, rows[0].digest) if rows else None

    async def newest_rev(self, node: str, target: str) -> int:
        c = t.record.c
        query = sa.select(sa.func.max(c.rev).label("rev")).where(c.node == node)
        rows = await self.rows(query if target == ALL else query.where(c.id == target))
        return int(rows[0].rev or 0)

    # The log

    async def store(self, change: Change, number: Number) -> int:
        """Changes that only let a node's log grow are stored together, as many as wait: one transaction, one fsync."""
        if plain(change):
            return (await self._plain((change, number))).size
        async with self.database.writing(long=bool(change.erasures)) as connection:
            if change.stays is not None:
                await _put_aside(connection, change.node, change.name, change.stays)
            done = (await self.database.converse(connection, storing(self.database, self._feed, [(change, number)])))[0]
            if isinstance(done, Conflict):
                raise done
            await self._nullify(connection, change)
            await stating.settle(self.database, connection, change, done.numbered)
            if change.members:
                rows = [_member_row(m) for m in change.members]
                await connection.execute(self.database.insert(t.node).on_conflict_do_nothing(), rows)
            await told.keep(self.database, connection, change)
            if change.peer:
                moved = sa.update(t.peer).where(t.peer.c.hub == change.peer)
                await connection.execute(moved.values(cursor=change.cursor, epoch=change.peer_epoch))
            await keep_back(self.database, connection, change.back)
            if not change.erasures:
                return done.size
            await Erasing(self.database, connection, self._feed).act(change.erasures, change.at, number)
            standing = sa.select(t.feed.c.size).where(t.feed.c.name == self._feed)
            return int((await connection.execute(standing)).scalar_one())

    async def _store_plain(self, changes: Sequence[tuple[Change, Number]]) -> list[Stored | Conflict]:
        done = await self.database.write(storing(self.database, self._feed, changes))
        for (change, _), result in zip(changes, done, strict=True):
            if isinstance(result, Stored) and change.log is not None and change.log.head is not None:
                self._heads[change.node, change.name] = change.log.head
        return done

    async def _nullify(self, connection: AsyncConnection, change: Change) -> None:
        for node, nullified in change.nullified.items():
            await connection.execute(sa.delete(t.nullified).where(t.nullified.c.node == node))
            rows = [(one.node, one.id, one.audience, one.digest) for one in sorted(nullified, key=lambda one: one.id)]
            await self.database.put(connection, t.nullified, rows, replace=False)
            for digest in {one.digest for one in nullified if one.audience == NOTICE}:
                await connection.execute(sa.delete(t.guard).where(t.guard.c.notice == digest))
                # its hold is over: the next look at the clock brings back what it held
                await connection.execute(sa.update(t.hold).where(t.hold.c.notice == digest).values(until=""))
                await connection.execute(sa.delete(t.notice).where(t.notice.c.digest == digest))
        c = t.record.c
        for r in change.remembered:
            if not r.held.rev and r.audience != "public":
                gone = sa.delete(t.record).where(c.node == r.node, c.id == r.id, c.audience == r.audience)
                await connection.execute(gone)

    async def _keep_signer(self, connection: AsyncConnection, ring: KeyRing) -> None:
        await self.database.converse(connection, keeping_rings(self.database, [ring]))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[View]:
        async with self.database.reading() as connection:
            query = sa.select(t.feed.c.size).where(t.feed.c.name == self._feed)
            size = (await connection.execute(query)).scalar_one()
            yield SqlView(self.database, connection, size)

    # Publishing

    async def published(self) -> Published | None:
        (rows,) = await self.answers(Ask(_PUBLISHED, (self._feed,)))
        raw, size, frontier, snap = rows[0]
        if raw is None:
            return None
        snapshots = msgspec.json.decode(snap, type=tuple[Snapshot, ...]) if snap else ()
        return Published(heads.parse(raw), Frontier.from_bytes(size, frontier), snapshots)

    async def epoch(self) -> str:
        (rows,) = await self.answers(Ask("SELECT epoch FROM feed WHERE name = ?", (self._feed,)))
        return str(rows[0][0])

    async def bases(self) -> tuple[dict[str, Any], ...]:
        (rows,) = await self.answers(Ask("SELECT bases FROM feed WHERE name = ?", (self._feed,)))
        return tuple(orjson.loads(rows[0][0]))

    async def rebase(self, epoch: str, bases: Sequence[dict[str, Any]], before: str) -> None:
        c = t.feed.c
        change = sa.update(t.feed).where(c.name == self._feed, c.epoch == before)
        named = orjson.dumps(list(bases), option=orjson.OPT_SORT_KEYS).decode()
        async with self.database.writing() as connection:
            if (await connection.execute(change.values(epoch=epoch, bases=named))).rowcount != 1:
                raise Conflict(f"this feed is not in the epoch {before} any more")

    async def publish(self, published: Published, before: Published | None) -> None:
        head, frontier = published.head, published.frontier
        values = (
            frontier.size, frontier.to_bytes(), head.raw, head.floor,
            msgspec.json.encode(published.snapshots).decode(), self._feed,
        )  # fmt: skip
        same, shown = ("IS NULL", ()) if before is None else ("= ?", (before.head.raw,))
        asked = Ask(f"{_PUBLISH} AND published_head {same} RETURNING size", (*values, *shown))
        (moved,) = await self.database.write(several(asked))
        if not moved:
            raise Conflict("another process has published meanwhile")

    # Peers

    async def peers(self) -> list[Peer]:
        rows = await self.rows(sa.select(t.peer).order_by(t.peer.c.hub))
        return [Peer(**row._mapping) for row in rows]

    async def keep_peer(self, peer: Peer) -> None:
        values = asdict(peer)
        told = {name: values[name] for name in ("name", "feed", "last_outcome", "last_detail", "last_at")}
        async with self.database.writing() as connection:
            upsert = self.database.insert(t.peer).values(values)
            await connection.execute(upsert.on_conflict_do_update(index_elements=["hub"], set_=told))

    # Pulls

    async def pulls(self) -> list[Pull]:
        rows = await self.rows(sa.select(t.pull).order_by(t.pull.c.node))
        return [Pull(**row._mapping) for row in rows]

    async def keep_pull(self, pull: Pull, *, add: bool = False) -> None:
        values, c = asdict(pull), t.pull.c
        told = {name: value for name, value in values.items() if name != "node"}
        async with self.database.writing() as connection:
            if add:
                upsert = self.database.insert(t.pull).values(values)
                await connection.execute(upsert.on_conflict_do_update(index_elements=["node"], set_=told))
            else:
                here = sa.update(t.pull).where(c.node == pull.node, c.address == pull.address)
                await connection.execute(here.values(told))

    async def remove_pull(self, node: str) -> None:
        async with self.database.writing() as connection:
            await connection.execute(sa.delete(t.pull).where(t.pull.c.node == node))


def _places(node: str) -> sa.Select[Any]:
    c = t.node_feed.c
    return sa.select(c.name, c.epoch, c.size).where(c.node == node)


async def _put_aside(connection: AsyncConnection, node: str, name: str, stays: int) -> None:
    """Move what the node's new epoch does not go on from, and the head it was signed with, out of its log."""
    f, e = t.node_feed.c, t.node_entry.c
    columns = (f.node, f.name, f.epoch, f.size, f.head)
    signed = sa.select(*columns).where(f.node == node, f.name == name)
    await connection.execute(sa.insert(t.node_feed_aside).from_select([c.name for c in columns], signed))
    gone = (e.node == node, e.name == name, e.seq >= stays)
    epoch = sa.select(f.epoch).where(f.node == node, f.name == name).scalar_subquery().label("epoch")
    moved = sa.select(*t.node_entry.columns, epoch).where(*gone)
    names = [*(column.name for column in t.node_entry.columns), "epoch"]
    await connection.execute(sa.insert(t.node_entry_aside).from_select(names, moved))
    await connection.execute(sa.delete(t.node_entry).where(*gone))


def _of_feed(query: Any, node: str, name: str) -> Any:
    return query.where(t.node_entry.c.node == node, t.node_entry.c.name == name)


def _kept(row: tuple[Any, ...]) -> Kept:
    seq, leaf, line, code, pointer, detail, line_hash = row
    return Kept(seq, leaf, line, code, pointer or "", detail or "", line_hash)


_UNJUDGED = (
    "SELECT start, upto, lines FROM unjudged WHERE node = ? AND name = ? AND upto > ? AND start < ?"
    " ORDER BY start LIMIT ?"
)
_PUBLISHED = "SELECT published_head, published_size, published_frontier, snap FROM feed WHERE name = ?"
_PUBLISH = (
    "UPDATE feed SET published_size = ?, published_frontier = ?, published_head = ?, floor = ?, snap = ? WHERE name = ?"
)
_MEMBER = "node, name, upstream, per_hour, per_day, admitted_at, home"


def _member_row(member: Member) -> dict[str, Any]:
    return asdict(member)
