"""The merged directory over a ledger: an index of what was said, kept up to date from the log (curation/).

    curation = SqlCuration(ledger, own)
    await curation.follow(today)              read the log on; how many entries were worked out anew
    await curation.entry(key, today)          one entry, out of the records as they stand
    await curation.entries(today)             all of them, in batches
    await curation.rebuild(today)             the index anew, from what is live

The index says which words are about which records, and which records are one. It holds no content: an entry is composed
when it is read, so a record that changed or was erased shows at once. Index and cursor change in one transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import entry as entries

from ..curation.clusters import Reach, begins, reach
from ..curation.directory import settle
from ..curation.merging import Entry, Record, address
from ..curation.terms import Concept, Mapped, mappings
from ..curation.touched import Touched
from ..curation.words import NOT_SAME, SAME, TYPE, Voices, Word, counting, word_of
from ..ports import Conflict, Key
from . import tables as t
from .database import Database, streamed
from .dialogue import Ask, Dialogue, Put
from .sql import SqlLedger

ACCEPT, IGNORE = "accept", "ignore"
_FEED = "public"
_TRIES = 5
_ENTRIES_AT_ONCE = 200
_LINES_AT_ONCE = 512
_PREFIX = "jisr:"


@dataclass(frozen=True)
class Stand:
    """How far the log was read, on which day, and who was heard."""

    epoch: str
    day: str
    heard: frozenset[str]
    cursor: int


class SqlCuration:
    """The words and the merged directory of the hub `own`."""

    def __init__(self, ledger: SqlLedger, own: str) -> None:
        self._ledger, self.own = ledger, own
        self._database: Database = ledger.database

    # Whose word counts

    async def decisions(self) -> dict[str, str]:
        """Signer → ACCEPT or IGNORE, as the operator said last."""
        rows = await self._ledger.rows(sa.select(t.voice).order_by(t.voice.c.signer))
        return {row.signer: row.decision for row in rows}

    async def decide(self, signer: str, decision: str, at: str) -> None:
        """Accept or ignore a signer from now on; `follow` carries it out."""
        insert = self._database.insert(t.voice).values(signer=signer, decision=decision, at=at)
        async with self._database.writing() as connection:
            changed = {"decision": decision, "at": at}
            await connection.execute(insert.on_conflict_do_update(index_elements=["signer"], set_=changed))

    async def voices(self) -> Voices:
        """Who is heard now. Whoever nothing was decided about is not."""
        found = await self.decisions()
        return Voices(self.own, frozenset(signer for signer, decision in found.items() if decision == ACCEPT))

    # Reading

    async def find(self, name: str) -> Key | None:
        """The record that has this address, or is named `<node>/<id>`; None when no node here is called so."""
        if "/" in name:
            node, _, record_id = name.partition("/")
            return node, record_id
        start, _, record_id = name.partition(".")
        c = t.statement.c
        query = sa.select(c.node).distinct().where(c.node >= _PREFIX + start, c.node < f"{_PREFIX}{start}~")
        rows = await self._ledger.rows(query.order_by(c.node)) if start and record_id else []
        return next(((row.node, record_id) for row in rows if address((row.node, record_id)) == name), None)

    async def entry(self, key: Key, today: str) -> Entry | None:
        """The entry that this record is in; None when there is none, or nothing of it is shown."""
        return (await self.entries_of([key], today)).get(key)

    async def entries_of(self, keys: Sequence[Key], today: str) -> dict[Key, Entry]:
        """The entries that these records are in, looked up together; without those of which nothing is shown."""
        found = {name: one for one in await self._settled(keys, today) for name in (one.address, *one.also)}
        return {key: found[name] for key in keys if (name := address(key)) in found}

    async def records(self, keys: Collection[Key]) -> dict[Key, Record]:
        """Those of these records that are live, as their authors wrote them."""
        async with self._database.reading() as connection:
            return await self._live(connection, keys)

    async def spoken_of(self, keys: Iterable[Key]) -> set[Key]:
        """Those of these records about which anything is said."""
        sql = (
            f"SELECT DISTINCT a.node, a.id FROM {self._database.keys} CROSS JOIN word_about AS a"
            " WHERE a.node = asked.node AND a.id = asked.id"
        )
        (rows,) = await self._ledger.answers(Ask(sql, self._database.asked_keys(keys)))
        return {(node, record_id) for node, record_id in rows}

    async def joined(self, keys: Sequence[Key], at: str) -> tuple[list[Entry], list[Entry]]:
        """(the entries of these records as they are, as they would be if this hub said now that they are one)."""
        voices, today = await self.voices(), at[:10]
        async with self._database.reading() as connection:
            found = await self._walk(connection, keys, voices)
            live = await self._live(connection, found.keys)
        own = [word.modified for word in found.words if word.by == self.own]
        word = Word((self.own, "-"), 1, "", max([at, *own]), SAME, tuple(sorted(keys)))
        said = Reach(found.keys | frozenset(keys), (*_without(found.words, word), word))
        wanted = {address(key) for key in keys}
        both = settle(found, live, voices, today), settle(said, live, voices, today)
        before, after = ([e for e in entries if wanted & {e.address, *e.also}] for entries in both)
        return before, after

    async def entries(self, today: str) -> AsyncIterator[list[Entry]]:
        """Every entry, by the names of the records they are called after, in batches. Call `follow` before."""
        last: Key = ("", "")
        query = (
            "SELECT r.node, r.id FROM record AS r LEFT JOIN merged AS m ON m.node = r.node AND m.id = r.id"
            " WHERE (r.node, r.id) > (?, ?) AND r.audience = 'public' AND r.live_path IS NOT NULL AND r.type <> ?"
            " AND (m.leads IS NULL OR m.leads = 1) ORDER BY r.node, r.id LIMIT ?"
        )
        while True:
            keys = await self._database.ask(_keys(query, (*last, TYPE, _ENTRIES_AT_ONCE)))
            if not keys:
                return
            wanted = {address(key) for key in keys}
            yield [one for one in await self._settled(keys, today) if one.address in wanted]
            last = keys[-1]

    async def words(self, keys: Iterable[Key]) -> list[Word]:
        """What is said about these records, or bears one of these names, whoever says it."""
        async with self._database.reading() as connection:
            return await self._words(connection, list(keys))

    async def said(self, signer: str = "") -> list[Word]:
        """Every word that is held, or those of one signer, by their names."""
        c = t.word.c
        query = sa.select(c.node, c.id).order_by(c.node, c.id)
        rows = await self._ledger.rows(query.where(c.node == signer) if signer else query)
        return [word for word in await self.words((row.node, row.id) for row in rows) if signer in ("", word.by)]

    async def mappings(self, today: str) -> dict[Concept, Mapped]:
        """What terms of nodes' own mean, by the words that count."""
        voices = await self.voices()
        return mappings(counting(await self.said(), voices, today), voices)

    async def _settled(self, keys: Sequence[Key], today: str) -> list[Entry]:
        voices = await self.voices()
        async with self._database.reading() as connection:
            found = await self._walk(connection, keys, voices)
            return settle(found, await self._live(connection, found.keys), voices, today)

    # Following the log

    async def follow(self, today: str) -> int:
        """Bring the index up to the log, to who is heard, and to the day; how many entries were worked out anew."""
        for _ in range(_TRIES):
            stand, voices = await self._stand(), await self.voices()
            async with self._ledger.reading() as view:
                size, touched = view.size, Touched()
                if stand is not None:
                    async for rows in view.entries(stand.cursor):
                        touched.take(line for _, line, _ in rows)
            epoch = await self._ledger.epoch()
            if stand is None or stand.epoch != epoch or stand.cursor > size:
                return await self.rebuild(today)
            now = Stand(epoch, today, voices.accepted, size)
            if now == stand:
                return 0
            try:
                return await self._move(stand, now, touched)
            except Conflict:
                continue  # another process was faster
        raise Conflict("the log kept growing while what is said in it was read")

    async def rebuild(self, today: str) -> int:
        """Make the index anew; how many entries it took."""
        voices = await self.voices()
        async with self._database.writing(long=True) as connection:
            for table in (t.word, t.word_about, t.merged, t.curated):
                await connection.execute(sa.delete(table))
            feed = (await connection.execute(sa.select(t.feed).where(t.feed.c.name == _FEED))).one()
            query = "SELECT node, id FROM record WHERE audience = 'public' AND live_path IS NOT NULL AND type = ?"
            said = await self._database.converse(connection, _keys(query, (TYPE,)))
            starts = await self._reword(connection, set(said))
            done = await self._settle(connection, starts, voices, today)
            await self._put_stand(connection, Stand(feed.epoch, today, voices.accepted, feed.size))
            return done

    async def rebuild_begun(self, today: str) -> None:
        """Make the index anew if there is one; else the first look makes it."""
        if await self._stand() is not None:
            await self.rebuild(today)

    async def _move(self, before: Stand, now: Stand, touched: Touched) -> int:
        async with self._database.writing(long=True) as connection:
            if await self._read_stand(connection) != before:
                raise Conflict("the index was brought up to date meanwhile")
            keys = touched.keys | await self._of_nodes(connection, touched.nodes)
            starts = await self._concerned(connection, keys)
            changed = before.heard ^ now.heard
            starts |= await self._said_by(connection, changed)
            starts |= await self._turning(connection, *sorted((before.day, now.day)))
            done = await self._settle(connection, starts, Voices(self.own, now.heard), now.day)
            await self._put_stand(connection, now)
            return done

    async def _concerned(self, connection: AsyncConnection, keys: set[Key]) -> set[Key]:
        """Where a walk begins after these records changed: most were never spoken of, and nothing begins there."""
        database = self._database
        by_key = f"FROM {database.keys} CROSS JOIN"
        asked = database.asked_keys(keys)
        about = await self._pairs(
            connection,
            f"SELECT DISTINCT a.node, a.id {by_key} word_about AS a WHERE a.node = asked.node AND a.id = asked.id",
            asked,
        )
        said = await self._pairs(
            connection,
            f"SELECT w.node, w.id {by_key} word AS w WHERE w.node = asked.node AND w.id = asked.id",
            asked,
        )
        fresh = await self._pairs(
            connection,
            f"SELECT r.node, r.id {by_key} record AS r WHERE r.node = asked.node AND r.id = asked.id"
            " AND r.audience = 'public' AND r.type = ?",
            (*asked, TYPE),
        )
        return about | await self._reword(connection, said | fresh)

    async def _reword(self, connection: AsyncConnection, keys: set[Key]) -> set[Key]:
        """Write down anew what these words are about; what they were about and are about now."""
        database = self._database
        before = await self._pairs(
            connection,
            f"SELECT DISTINCT a.node, a.id FROM {database.keys} CROSS JOIN word_about AS a"
            " WHERE a.signer = asked.node AND a.word = asked.id",
            database.asked_keys(keys),
        )
        live = await self._live(connection, keys)
        words = [word for record in live.values() if (word := word_of(record.value, record.digest)) is not None]

        def dialogue() -> Dialogue[None]:
            gone = [
                Ask(sql, key)
                for key in keys
                for sql in (
                    "DELETE FROM word WHERE node = ? AND id = ?",
                    "DELETE FROM word_about WHERE signer = ? AND word = ?",
                )
            ]
            about = [(*subject, *word.key) for word in words for subject in word.subjects]
            rows = [(*word.key, word.predicate, word.since, word.until) for word in words]
            yield [*gone, Put(t.word, rows), Put(t.word_about, about)]

        await database.converse(connection, dialogue())
        return before | keys | begins(words)

    async def _settle(self, connection: AsyncConnection, starts: Collection[Key], voices: Voices, today: str) -> int:
        """Work the entries out that these records may concern, and write down which records are one."""
        if not starts:
            return 0
        found = await self._walk(connection, starts, voices)
        live = await self._live(connection, found.keys)
        settled = settle(found, live, voices, today)
        rows = _merged_rows(found.keys, live, settled)

        def dialogue() -> Dialogue[None]:
            gone = [Ask("DELETE FROM merged WHERE node = ? AND id = ?", key) for key in sorted(found.keys)]
            due = Put(t.search_due, sorted(found.keys), replace=True)  # what is searched of them may be another now
            yield [*gone, Put(t.merged, rows), due]

        await self._database.converse(connection, dialogue())
        return len(settled)

    # Proving

    async def differences(self) -> list[str]:
        """Where the index is not what the log makes it, a sentence each; [] where it is, or was not begun. What changed
        since it was brought up to date, and all it may concern, is not judged."""
        async with self._database.reading() as connection:
            stand = await self._read_stand(connection)
            feed = (await connection.execute(sa.select(t.feed).where(t.feed.c.name == _FEED))).one()
            if stand is None or stand.epoch != feed.epoch:
                return []
            late = Touched()
            query = sa.select(t.entry.c.line).where(t.entry.c.seq >= stand.cursor, t.entry.c.seq < feed.size)
            async for part in streamed(connection, query, _LINES_AT_ONCE):
                late.take(row.line for row in part)
            sql = "SELECT node, id FROM record WHERE audience = 'public' AND live_path IS NOT NULL AND type = ?"
            said = await self._pairs(connection, sql, (TYPE,))
            held = (await self._live(connection, said)).values()
            words = [word for one in held if (word := word_of(one.value, one.digest)) is not None]
            keys = frozenset(key for word in words for key in word.subjects) - {word.key for word in words}
            live = await self._live(connection, keys)
            made = settle(Reach(keys, tuple(words)), live, Voices(self.own, stand.heard), stand.day)
            expected: dict[sa.Table, set[tuple[Any, ...]]] = {
                t.word: {(*word.key, word.predicate, word.since, word.until) for word in words},
                t.word_about: {(*subject, *word.key) for word in words for subject in word.subjects},
                t.merged: set(_merged_rows(keys, live, made)),
            }
            open_ = _reached(late, words)
            found = []
            for table, rows in expected.items():
                stands = {tuple(row) for row in (await connection.execute(sa.select(table))).all()}
                # what an erased word was about cannot be read any more, only that the word is what came late
                names = 2 if table is t.word_about else 1
                wrong = {
                    row[:2]
                    for row in stands ^ rows
                    for keys in [{row[2 * n : 2 * n + 2] for n in range(names)}]
                    if keys.isdisjoint(open_) and not any(node in late.nodes for node, _ in keys)
                }
                found += [
                    f"{table.name}, {node}/{record_id}: the index of the merged directory is not what the log makes it"
                    for node, record_id in sorted(wrong)
                ]
            return found

    # What stands in the index

    async def _walk(self, connection: AsyncConnection, starts: Iterable[Key], voices: Voices) -> Reach:
        walk = reach(starts, voices)
        try:
            wanted = next(walk)
            while True:
                wanted = walk.send(await self._words(connection, wanted))
        except StopIteration as ended:
            found: Reach = ended.value
            return found

    async def _words(self, connection: AsyncConnection, keys: Collection[Key]) -> list[Word]:
        database = self._database
        named = await self._pairs(
            connection,
            f"SELECT DISTINCT a.signer, a.word FROM {database.keys} CROSS JOIN word_about AS a"
            " WHERE a.node = asked.node AND a.id = asked.id",
            database.asked_keys(keys),
        )
        named |= await self._pairs(
            connection,
            f"SELECT w.node, w.id FROM {database.keys} CROSS JOIN word AS w"
            " WHERE w.node = asked.node AND w.id = asked.id",
            database.asked_keys(keys),
        )
        live = await self._live(connection, named)
        words = (word_of(record.value, record.digest) for _, record in sorted(live.items()))
        return [word for word in words if word is not None]

    async def _live(self, connection: AsyncConnection, keys: Collection[Key]) -> dict[Key, Record]:
        """The live records of these, as their authors wrote them."""

        def dialogue() -> Dialogue[list[Record]]:
            (rows,) = yield [
                Ask(
                    f"SELECT r.node, r.id, r.rev, r.digest, r.type, e.line FROM {self._database.keys}"
                    " CROSS JOIN record AS r CROSS JOIN entry AS e WHERE r.node = asked.node AND r.id = asked.id"
                    " AND r.audience = 'public' AND r.live_path IS NOT NULL AND e.seq = r.seq",
                    self._database.asked_keys(keys),
                )
            ]
            parsed = ((row, entries.parse(bytes(row[5]))) for row in rows)
            return [Record((r[0], r[1]), r[2], r[3], r[4], e.thing.value) for r, e in parsed if e.thing is not None]

        if not keys:
            return {}
        return {record.key: record for record in await self._database.converse(connection, dialogue())}

    async def _of_nodes(self, connection: AsyncConnection, nodes: Collection[str]) -> set[Key]:
        """Of these nodes the records that are spoken of, and their words."""
        if not nodes:
            return set()
        found = set()
        for table in (t.word, t.word_about):
            query = sa.select(table.c.node, table.c.id).where(table.c.node.in_(list(nodes)))
            found |= {(row.node, row.id) for row in await connection.execute(query)}
        return found

    async def _said_by(self, connection: AsyncConnection, signers: Collection[str]) -> set[Key]:
        """The words of these signers, and what they are about."""
        if not signers:
            return set()
        a, w = t.word_about.c, t.word.c
        about = await connection.execute(sa.select(a.node, a.id).where(a.signer.in_(list(signers))))
        said = await connection.execute(sa.select(w.node, w.id).where(w.node.in_(list(signers))))
        return {(row.node, row.id) for row in (*about.all(), *said.all())}

    async def _turning(self, connection: AsyncConnection, before: str, after: str) -> set[Key]:
        """The words that hold on only one of two days, and what they are about."""
        w, a = t.word.c, t.word_about.c
        begin = (w.since > before) & (w.since <= after)
        end = (w.until >= before) & (w.until < after) & (w.until != "")
        turning = sa.select(w.node, w.id).where(begin | end)
        said = {(row.node, row.id) for row in await connection.execute(turning)}
        named = turning.subquery()
        about = sa.select(a.node, a.id).join(named, (named.c.node == a.signer) & (named.c.id == a.word))
        return said | {(row.node, row.id) for row in await connection.execute(about)}

    async def _pairs(self, connection: AsyncConnection, sql: str, values: tuple[object, ...]) -> set[Key]:
        return set(await self._database.converse(connection, _keys(sql, values)))

    async def _stand(self) -> Stand | None:
        async with self._database.reading() as connection:
            return await self._read_stand(connection)

    async def _read_stand(self, connection: AsyncConnection) -> Stand | None:
        row = (await connection.execute(sa.select(t.curated).where(t.curated.c.feed == _FEED))).one_or_none()
        return Stand(row.epoch, row.day, frozenset(orjson.loads(row.heard)), row.cursor) if row is not None else None

    async def _put_stand(self, connection: AsyncConnection, stand: Stand) -> None:
        heard = orjson.dumps(sorted(stand.heard)).decode()
        row = (_FEED, stand.epoch, stand.day, heard, stand.cursor)
        await self._database.put(connection, t.curated, [row], replace=True)


def _merged_rows(keys: Collection[Key], live: Collection[Key], settled: Iterable[Entry]) -> list[tuple[Any, ...]]:
    """What the index says of these records: the entry each is in with others, and whether that is called after it."""
    entry_of = {name: one for one in settled for name in (one.address, *one.also)}
    rows: list[tuple[Any, ...]] = []
    for key in sorted(keys):
        one = entry_of.get(address(key))
        if one is not None and one.also:
            rows.append((*key, one.address, int(one.address == address(key))))
        elif one is None and key in live:
            rows.append((*key, "", 0))
    return rows


def _reached(late: Touched, words: Iterable[Word]) -> set[Key]:
    """The records that what came late may concern, however far the words about them lead."""
    about = [{word.key, *word.subjects} for word in words]
    reached = set(late.keys)
    fresh = True
    while fresh:
        fresh = False
        for named in about:
            meets = not named.isdisjoint(reached) or any(node in late.nodes for node, _ in named)
            if meets and not named <= reached:
                reached |= named
                fresh = True
    return reached


def _without(words: Iterable[Word], new: Word) -> list[Word]:
    """These words without this hub's own "not the same" of the same records: a later word takes its place."""
    return [w for w in words if not (w.by == new.by and w.predicate == NOT_SAME and w.subjects == new.subjects)]


def _keys(sql: str, values: tuple[object, ...]) -> Dialogue[list[Key]]:
    (rows,) = yield [Ask(sql, values)]
    return [(node, record_id) for node, record_id in rows]
