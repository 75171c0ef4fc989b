"""What is searched, made from the ledger: a document for each entry of the merged directory, kept up to the log.

    making = SqlDocuments(ledger, curation)
    await making.follow(today)               read the log on: what one process of a ledger does
    await making.stand()                     (generation, turn): what every process compares with what it has read
    await making.after(turn, doc, limit)     the documents that changed after this one did
    making.differences()                     documents that are not what the log makes them

A document is made of the records of its entry and of those it refers to: its places, its organization. `search_source`
has them all, so a change of any finds the documents that it is in. Records are read before the transaction that writes
documents; one that changed in between is left for the next look.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ..curation.merging import Entry, Record, whole
from ..curation.touched import Touched
from ..curation.words import TYPE as WORD
from ..curation.words import reference
from ..directory.document import RULES, Document, Kept, document, referred
from ..ports import Key
from . import tables as t
from .curation import SqlCuration
from .dialogue import Ask, Dialogue
from .sql import SqlLedger

AT_ONCE = 200
"""Entries whose documents are made between two answers of anything else, and written in one transaction."""
LINES_AT_ONCE = 2000
"""Entries of the log that are followed in one go."""
LOOKS = 3
"""How often a document is compared before it is said to be wrong: a serving hub may change it meanwhile."""
_FEED = "public"
_LIVE = (
    "SELECT r.node, r.id FROM record AS r LEFT JOIN merged AS m ON m.node = r.node AND m.id = r.id"
    " WHERE (r.node, r.id) > (?, ?) AND r.audience = 'public' AND r.live_path IS NOT NULL AND r.type <> ?"
    " AND (m.leads IS NULL OR m.leads = 1)"
)
_FILLED = f"{_LIVE} ORDER BY r.node, r.id LIMIT ?"
_UNDOCUMENTED = (
    f"{_LIVE} AND NOT EXISTS (SELECT 1 FROM search_entry AS s WHERE s.node = r.node AND s.id = r.id)"
    " ORDER BY r.node, r.id LIMIT ?"
)
_DOCUMENTED = (
    "SELECT DISTINCT node, id FROM search_entry WHERE (node, id) > (?, ?) AND node <> '' ORDER BY node, id LIMIT ?"
)
_LEFTOVER = (
    "SELECT doc FROM search_entry WHERE node = '' AND (content <> '' OR id <> '') UNION"
    " SELECT s.doc FROM search_source AS s LEFT JOIN search_entry AS e ON e.doc = s.doc"
    " WHERE e.doc IS NULL OR e.node = '' ORDER BY 1 LIMIT 100"
)


class Stand(msgspec.Struct, frozen=True):
    """How far the log was read. `generation` rises when all documents are made anew, `turn` with every change;
    `after` is how far making them anew has come, `filled` that it has ended."""

    epoch: str
    cursor: int
    rules: int
    generation: int
    turn: int
    filled: bool
    after: Key


class _Made(msgspec.Struct):
    """A document that is to be written, by the record it is called after, and all records it is made of."""

    key: Key
    document: Document
    sources: frozenset[Key]


class SqlDocuments:
    """The documents of one ledger."""

    def __init__(self, ledger: SqlLedger, curation: SqlCuration, rules: int = RULES) -> None:
        self._ledger, self._curation, self._rules = ledger, curation, rules
        self._database = ledger.database

    # Reading

    async def stand(self) -> tuple[int, int]:
        """(generation, turn) of the newest change; (0, 0) before the first."""
        c = t.search_stand.c
        rows = await self._ledger.rows(sa.select(c.generation, c.turn).where(c.feed == _FEED))
        return (rows[0].generation, rows[0].turn) if rows else (0, 0)

    async def after(self, turn: int, doc: int, limit: int) -> list[Kept]:
        """The documents that changed after (turn, doc), in that order."""
        sql = (
            "SELECT doc, turn, node, id, content FROM search_entry WHERE (turn, doc) > (?, ?)"
            " ORDER BY turn, doc LIMIT ?"
        )
        (rows,) = await self._ledger.answers(Ask(sql, (turn, doc, limit)))
        return [Kept(row[0], row[1], (row[2], row[3]), row[4]) for row in rows]

    # Following

    async def follow(self, today: str) -> int:
        """Bring some of the documents up to the log; how many were looked at, 0 when nothing is left."""
        epoch, stand = await self._ledger.epoch(), await self._stand()
        async with self._ledger.reading() as view:
            size = end = view.size
            if stand is None or (stand.epoch, stand.rules) != (epoch, self._rules) or stand.cursor > size:
                new = True
            else:
                new, touched, end = False, Touched(), min(size, stand.cursor + LINES_AT_ONCE)
                async for rows in view.entries(stand.cursor, end):
                    touched.take(line for _, line, _ in rows)
        if new or stand is None:
            await self._begin(epoch, size)
            return 1
        if not stand.filled:
            return await self._fill(stand, today)
        return await self._move(stand, end, size, touched, today)

    async def forget(self) -> None:
        """Forget all documents; the next look makes them anew."""
        async with self._database.writing(long=True) as connection:
            stand = await self._read(connection)
            if stand is not None:
                await self._put(connection, msgspec.structs.replace(stand, rules=0))

    async def _begin(self, epoch: str, size: int) -> None:
        async with self._database.writing(long=True) as connection:
            before = await self._read(connection)
            for table in t.SEARCH:
                await connection.execute(sa.delete(table))
            generation = before.generation + 1 if before is not None else 1
            turn = before.turn + 1 if before is not None else 1
            await self._put(connection, Stand(epoch, size, self._rules, generation, turn, False, ("", "")))

    async def _fill(self, stand: Stand, today: str) -> int:
        rows = await self._answer(Ask(_FILLED, (*stand.after, WORD, AT_ONCE)))
        keys = [(row[0], row[1]) for row in rows]
        size = await self._size()
        made = await self._made(keys, today)
        now = msgspec.structs.replace(stand, after=keys[-1] if keys else stand.after, filled=not keys)
        await self._write(stand, now, keys, made, size, due=())
        return max(1, len(keys))

    async def _move(self, stand: Stand, end: int, size: int, touched: Touched, today: str) -> int:
        """Carry out what the log says up to `end`; `size` is how long it was when this was read."""
        curated = await self._curated()
        due = await self._due()
        keys = {*touched.keys, *due, *await self._of_nodes(touched.nodes)}
        keys |= await self._made_of(keys)
        if not keys:
            if end > stand.cursor:
                await self._write(stand, msgspec.structs.replace(stand, cursor=end), (), [], size, due=())
            return int(end < size)
        ordered = sorted(keys)
        for start in range(0, len(ordered), AT_ONCE):
            part = ordered[start : start + AT_ONCE]
            made = await self._made(part, today)
            last = start + AT_ONCE >= len(ordered)
            now = msgspec.structs.replace(stand, cursor=end) if last else stand
            settled = due if await self._curated() == curated else ()
            if not await self._write(stand, now, part, made, size, due=set(part) & set(settled)):
                break
        return len(ordered)

    async def _made(self, keys: Sequence[Key], today: str) -> list[_Made]:
        """The documents of the entries that these records are in."""
        spoken = await self._curation.spoken_of(keys)
        entries = await self._curation.entries_of(sorted(spoken), today) if spoken else {}
        by_lead = {_lead(entry): entry for entry in entries.values()}
        alone = [key for key in keys if key not in spoken]
        live = await self._curation.records([*alone, *by_lead])
        shown: dict[Key, tuple[Record, Entry | None]] = {
            key: (live[key], None) for key in alone if key in live and live[key].type != WORD
        }
        shown |= {key: (live[key], entry) for key, entry in by_lead.items() if key in live}
        values = {key: _value(record, entry) for key, (record, entry) in shown.items()}
        refers = {
            key: {kind: [reference(one, key[0]) for one in ones] for kind, ones in referred(value).items()}
            for key, value in values.items()
        }
        named = await self._referred(
            {one for kinds in refers.values() for ones in kinds.values() for one in ones}, today
        )
        made = []
        for key, (_, entry) in shown.items():
            places, parties = ([named[one] for one in refers[key][kind] if one in named] for kind in ("place", "party"))
            own = [(one.node, one.id) for one in entry.records] if entry is not None else [key]
            last = max(one.confirmed for one in entry.records) if entry is not None else ""
            hidden = entry is not None and _hides(entry)
            document_ = document(values[key], places, parties, hidden=hidden, last=last)
            made.append(
                _Made(key, document_, frozenset((*own, *(one for ones in refers[key].values() for one in ones))))
            )
        return made

    async def _referred(self, keys: Collection[Key], today: str) -> dict[Key, dict[str, Any]]:
        """What these records show; without those that are not shown, and without the place of those that hide it."""
        live = await self._curation.records(keys)
        spoken = await self._curation.spoken_of(live)
        entries = await self._curation.entries_of(sorted(spoken), today) if spoken else {}
        found = {}
        for key, record in live.items():
            if key in spoken and key not in entries:
                continue
            entry = entries.get(key)
            value = _value(record, entry)
            if entry is not None and _hides(entry):
                value = {name: one for name, one in value.items() if name not in ("coordinates", "addresses")}
            found[key] = value
        return found

    # Writing

    async def _write(
        self,
        before: Stand,
        now: Stand,
        keys: Sequence[Key],
        made: Sequence[_Made],
        size: int,
        due: Collection[Key],
    ) -> bool:
        """Write the documents of these records, and that others of them have none; False when the stand has moved."""
        async with self._database.writing() as connection:
            here = await self._read(connection)
            if here is None or (here.generation, here.cursor, here.after) != (
                before.generation,
                before.cursor,
                before.after,
            ):
                return False
            late = await self._late(connection, size)
            fresh = [one for one in made if not _touches(late, one.sources)]
            left = {one.key for one in made} - {one.key for one in fresh}
            gone = set(keys) - {one.key for one in made}
            docs = await self._docs(connection, [*gone, *(one.key for one in fresh)])
            turn = here.turn + 1
            new = [one for one in fresh if one.key not in docs]
            docs |= dict(zip((one.key for one in new), await self._places(connection, len(new)), strict=True))
            rows = [(docs[one.key], turn, *one.key, one.document.packed()) for one in fresh]
            rows += [(docs[key], turn, "", "", "") for key in sorted(gone) if key in docs]
            c = t.search_source.c
            await connection.execute(sa.delete(t.search_source).where(c.doc.in_([row[0] for row in rows])))
            await self._database.put(connection, t.search_entry, rows, replace=True)
            sources = [(*source, docs[one.key]) for one in fresh for source in sorted(one.sources)]
            await self._database.put(connection, t.search_source, sources, replace=True)
            await self._database.put(connection, t.search_due, sorted(left), replace=True)
            await self._database.converse(connection, _done([key for key in due if key not in left]))
            await self._put(connection, msgspec.structs.replace(now, turn=turn if rows else here.turn))
        return True

    async def _late(self, connection: AsyncConnection, size: int) -> Touched:
        """What came after the records were read."""
        c = t.entry.c
        lines = await connection.execute(sa.select(c.line).where(c.seq >= size))
        return Touched().take(row.line for row in lines)

    async def _docs(self, connection: AsyncConnection, keys: Collection[Key]) -> dict[Key, int]:
        database = self._database
        sql = (
            f"SELECT s.node, s.id, s.doc FROM {database.keys} CROSS JOIN search_entry AS s"
            " WHERE s.node = asked.node AND s.id = asked.id"
        )
        rows = await database.converse(connection, _rows(Ask(sql, database.asked_keys(keys)))) if keys else ()
        return {(row[0], row[1]): row[2] for row in rows}

    async def _places(self, connection: AsyncConnection, count: int) -> list[int]:
        """Numbers for new documents: those that are free, then higher ones."""
        c = t.search_entry.c
        free = sa.select(c.doc).where(c.node == "").order_by(c.doc).limit(count)
        found = [row.doc for row in await connection.execute(free)] if count else []
        top = (await connection.execute(sa.select(sa.func.max(c.doc)))).scalar()
        first = 0 if top is None else top + 1
        return [*found, *range(first, first + count - len(found))]

    # Proving

    async def differences(self) -> AsyncIterator[str]:
        """Where what is searched is not what the log makes it, a sentence each; a step of documents is in memory at a
        time. Nothing where no documents were made yet, or all are being made anew. What changed since they were brought
        up to date, and all it concerns, is not judged."""
        stand = await self._stand()
        if stand is None or not stand.filled or (stand.epoch, stand.rules) != (await self._ledger.epoch(), self._rules):
            return
        for walk, more in ((_DOCUMENTED, (AT_ONCE,)), (_UNDOCUMENTED, (WORD, AT_ONCE))):
            after: Key = ("", "")
            while keys := [(row[0], row[1]) for row in await self._answer(Ask(walk, (*after, *more)))]:
                for node, id_ in sorted(await self._wrong(keys)):
                    yield f"search_entry, {node}/{id_}: what is searched of it is not what the log makes it"
                after = keys[-1]
        for doc, *_ in await self._answer(Ask(_LEFTOVER)):
            yield f"search_entry, place {doc}: words or sources are left of what is not there any more"

    async def _wrong(self, keys: Sequence[Key]) -> set[Key]:
        """Those of these records that have another document than they should, whenever it is looked."""
        wrong: set[Key] = set(keys)
        concerned: dict[Key, set[Key]] = {}
        for _ in range(LOOKS):
            asked = sorted(wrong)
            held, day = await self._held(asked), await self._day()
            made = {one.key: one for one in await self._made(asked, day)}
            due = {key: [(one.document.packed(), one.sources)] for key, one in made.items()}
            wrong = {key for key in asked if held.get(key, []) != due.get(key, [])}
            if not wrong:
                return wrong
            for key in wrong:
                sources = [one for _, one in (*held.get(key, ()), *due.get(key, ()))]
                concerned[key] = {key}.union(*sources)
        open_ = await self._open({one for key in wrong for one in concerned[key]})
        return {key for key in wrong if concerned[key].isdisjoint(open_)}

    async def _held(self, keys: Sequence[Key]) -> dict[Key, list[tuple[str, frozenset[Key]]]]:
        """The documents that stand under these keys, each with the records it is said to be made of."""
        sql = (
            f"SELECT s.node, s.id, s.doc, s.content FROM {self._database.keys} CROSS JOIN search_entry AS s"
            " WHERE s.node = asked.node AND s.id = asked.id"
        )
        rows = await self._answer(Ask(sql, self._database.asked_keys(keys)))
        c = t.search_source.c
        of: dict[int, set[Key]] = {row[2]: set() for row in rows}
        for row in await self._ledger.rows(sa.select(c.doc, c.node, c.id).where(c.doc.in_(list(of)))):
            of[row.doc].add((row.node, row.id))
        found: dict[Key, list[tuple[str, frozenset[Key]]]] = {}
        for node, id_, doc, content in rows:
            found.setdefault((node, id_), []).append((content, frozenset(of[doc])))
        return found

    async def _open(self, keys: Collection[Key]) -> set[Key]:
        """Those of these records whose documents are still to follow a change."""
        stand, size = await self._stand(), await self._size()
        behind = [row for row in await self._ledger.rows(sa.select(t.curated)) if row.cursor < size]
        late = Touched()
        if stand is not None:
            async with self._ledger.reading() as view:
                async for rows in view.entries(stand.cursor, view.size):
                    late.take(line for _, line, _ in rows)
        sql = (
            f"SELECT d.node, d.id FROM {self._database.keys} CROSS JOIN search_due AS d"
            " WHERE d.node = asked.node AND d.id = asked.id"
        )
        due = {(row[0], row[1]) for row in await self._answer(Ask(sql, self._database.asked_keys(keys)))}
        spoken = await self._curation.spoken_of(keys) if behind else ()
        return due | {key for key in keys if key in spoken or _touches(late, [key])}

    async def _day(self) -> str:
        """The day of which the merged directory is; "" where nothing was ever merged."""
        return next((str(row.day) for row in await self._ledger.rows(sa.select(t.curated.c.day))), "")

    async def _answer(self, asked: Ask) -> Sequence[tuple[Any, ...]]:
        (rows,) = await self._ledger.answers(asked)
        return rows

    # What a change concerns

    async def _made_of(self, keys: Collection[Key]) -> set[Key]:
        """The entries whose documents are made of any of these records."""
        sql = (
            f"SELECT DISTINCT e.node, e.id FROM {self._database.keys} CROSS JOIN search_source AS s"
            " CROSS JOIN search_entry AS e WHERE s.node = asked.node AND s.id = asked.id AND e.doc = s.doc"
            " AND e.node <> ''"
        )
        if not keys:
            return set()
        (rows,) = await self._ledger.answers(Ask(sql, self._database.asked_keys(keys)))
        return {(row[0], row[1]) for row in rows}

    async def _of_nodes(self, nodes: Iterable[str]) -> set[Key]:
        live = "SELECT node, id FROM record WHERE node = ? AND audience = 'public'"
        kept = "SELECT node, id FROM search_entry WHERE node = ?"
        asked = [Ask(sql, (node,)) for node in nodes for sql in (live, kept)]
        return {(row[0], row[1]) for rows in await self._ledger.answers(*asked) for row in rows} if asked else set()

    async def _due(self) -> list[Key]:
        c = t.search_due.c
        rows = await self._ledger.rows(sa.select(c.node, c.id).order_by(c.node, c.id).limit(10 * AT_ONCE))
        return [(row.node, row.id) for row in rows]

    async def _curated(self) -> object:
        """How far curation is: what is due may be noted again when it moves."""
        rows = await self._ledger.rows(sa.select(t.curated))
        return [tuple(row) for row in rows]

    # The stand

    async def _size(self) -> int:
        rows = await self._ledger.rows(sa.select(t.feed.c.size).where(t.feed.c.name == _FEED))
        return int(rows[0].size)

    async def _stand(self) -> Stand | None:
        async with self._database.reading() as connection:
            return await self._read(connection)

    async def _read(self, connection: AsyncConnection) -> Stand | None:
        c = t.search_stand.c
        row = (await connection.execute(sa.select(t.search_stand).where(c.feed == _FEED))).one_or_none()
        if row is None:
            return None
        return Stand(row.epoch, row.cursor, row.rules, row.generation, row.turn, bool(row.filled), (row.node, row.id))

    async def _put(self, connection: AsyncConnection, s: Stand) -> None:
        row = (_FEED, s.epoch, s.cursor, s.rules, s.generation, s.turn, int(s.filled), *s.after)
        await self._database.put(connection, t.search_stand, [row], replace=True)


def _lead(entry: Entry) -> Key:
    return entry.records[0].node, entry.records[0].id


def _value(record: Record, entry: Entry | None) -> dict[str, Any]:
    return dict(record.value) if entry is None else whole(entry, record.value)


def _hides(entry: Entry) -> bool:
    """Whether any record of the entry says that its place is hidden."""
    field = entry.fields.get("privacy")
    return field is not None and "hidden" in (field.shown.value, *(other.value for other in field.others))


def _touches(late: Touched, keys: Iterable[Key]) -> bool:
    return any(key in late.keys or key[0] in late.nodes for key in keys)


def _rows(asked: Ask) -> Dialogue[Sequence[tuple[Any, ...]]]:
    (rows,) = yield [asked]
    return rows


def _done(keys: Iterable[Key]) -> Dialogue[None]:
    asked = [Ask("DELETE FROM search_due WHERE node = ? AND id = ?", key) for key in keys]
    if asked:
        yield asked
