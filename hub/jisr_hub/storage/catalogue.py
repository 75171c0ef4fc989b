"""The public directory read for feeds and formats (ports/catalogue.py), in steps, in no long transaction."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from jisr_protocol import identifiers

from ..curation.merging import address
from ..curation.words import TYPE as WORD
from ..ports import Clock, Key
from ..ports.catalogue import Line, Slice, State
from ..ports.directory import Listed
from . import tables as t
from .curation import SqlCuration
from .dialogue import Ask
from .directory import SqlDirectory
from .sql import SqlLedger

_AT_ONCE = 200
_FORM = "1"
"""Counted up when the same directory gives other bytes."""
_LINES = (
    "SELECT r.node, r.id, r.type, m.entry, e.line FROM {} LEFT JOIN merged AS m ON m.node = r.node AND m.id = r.id"
    " WHERE e.seq = r.seq AND r.live_path IS NOT NULL AND r.audience = 'public'"
    f" AND r.type <> '{WORD}' AND (m.entry IS NULL OR m.entry <> '')"
)
_ALL_LINES = _LINES.format("record AS r CROSS JOIN entry AS e")
_PREFIX = "jisr:"
r, m, e = t.record.c, t.merged.c, t.entry.c


class SqlCatalogue:
    """What the public feed holds now, for programs."""

    def __init__(self, ledger: SqlLedger, directory: SqlDirectory, curation: SqlCuration, clock: Clock) -> None:
        self._ledger, self._directory, self._curation, self._clock = ledger, directory, curation, clock
        self.stream, self.listed = directory.stream, directory.listed

    # Which state it is

    async def state(self) -> State:
        """The log, what was read of it for the merged directory, who is heard, and the day."""
        feeds, followed, heard = await self._ledger.answers(
            Ask("SELECT epoch, size FROM feed WHERE name = 'public'"),
            Ask("SELECT epoch, day, heard, cursor FROM curated WHERE feed = 'public'"),
            Ask("SELECT max(at) FROM voice"),
        )
        today = identifiers.to_instant(self._clock())[:10]
        parts = (_FORM, today, *feeds[0], *(followed[0] if followed else ()), heard[0][0])
        tag = hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]
        size = feeds[0][1]
        if not followed or followed[0][3] != size or followed[0][1] != today:
            return State(tag)  # about to be read on, and the time of that is nowhere
        last = await self._written_at(size - 1) if size else ""
        instant = max(last, heard[0][0] or "", f"{today}T00:00:00Z")
        return State(tag, identifiers.from_instant(instant))

    async def _written_at(self, seq: int) -> str:
        """When this entry of the log was written; "" where it is kept no more."""
        (rows,) = await self._ledger.answers(Ask("SELECT line FROM entry WHERE seq = ?", (seq,)))
        return str(orjson.loads(rows[0][0]).get("at", "")) if rows else ""

    # Lines

    async def lines(self, types: Collection[str] = ()) -> AsyncIterator[Line]:
        last: Key = ("", "")
        sql, values = f"{_ALL_LINES} AND (r.node, r.id) > (?, ?)", tuple[object, ...]()
        if types:
            sql += f" AND r.type IN (SELECT asked.value FROM {self._ledger.database.named})"
            values = (self._ledger.database.asked_texts(types),)
        ask = f"{sql} ORDER BY r.node, r.id LIMIT {_AT_ONCE}"
        while rows := (await self._ledger.answers(Ask(ask, (*last, *values))))[0]:
            for row in rows:
                yield _line(row)
            last = rows[-1][0], rows[-1][1]

    async def lines_of(self, keys: Iterable[Key]) -> list[Line]:
        database = self._ledger.database
        some = _LINES.format(f"{database.keys} CROSS JOIN record AS r CROSS JOIN entry AS e")
        asked = f"{some} AND r.node = asked.node AND r.id = asked.id ORDER BY r.node, r.id"
        (rows,) = await self._ledger.answers(Ask(asked, database.asked_keys(keys)))
        return [_line(row) for row in rows]

    # Entries

    async def resolved(self, keys: Collection[Key]) -> dict[Key, Listed]:
        if not keys:
            return {}
        spoken = await self._curation.spoken_of(keys)
        today = identifiers.to_instant(self._clock())[:10]
        entries = await self._curation.entries_of(sorted(spoken), today) if spoken else {}
        leads = {key: (one.records[0].node, one.records[0].id) for key, one in entries.items()}
        found = await self._directory.listed({leads.get(key, key) for key in keys})
        by_lead = {(one.node, one.id): one for one in found}
        return {key: by_lead[lead] for key in keys if (lead := leads.get(key, key)) in by_lead}

    async def part(self, asked: Slice) -> tuple[int, list[Listed]]:
        query = await self._slice(asked)
        count = sa.select(sa.func.count().label("entries")).select_from(query.subquery())
        total = (await self._ledger.rows(count))[0].entries
        rows: Sequence[sa.Row[Any]] = ()
        if asked.limit and asked.offset < total:
            page = query.order_by(r.node, r.id).limit(asked.limit).offset(asked.offset)
            rows = await self._ledger.rows(page)
        return total, await self._directory.listed([(row.node, row.id) for row in rows])

    async def _slice(self, asked: Slice) -> sa.Select[Any]:
        joined = t.record.outerjoin(t.merged, (m.node == r.node) & (m.id == r.id))
        if asked.containing:
            joined = joined.join(t.entry, e.seq == r.seq)
        query = sa.select(r.node, r.id).select_from(joined).where(
            r.audience == "public",
            r.live_path.is_not(None),
            r.type.in_(asked.types),
            m.leads.is_(None) | (m.leads == 1),
            *(self._ledger.database.contains(e.line, sought) for sought in asked.containing),
        )  # fmt: skip
        if asked.nodes:
            query = query.where(r.node.in_(asked.nodes))
        return query if asked.since is None else query.where(_changed(await self._first_at(asked.since)))

    async def _first_at(self, since: datetime) -> int:
        """Where in the log stands what was written at this time or later: it is in the order of time."""
        instant = identifiers.to_instant(since.astimezone(UTC))
        (rows,) = await self._ledger.answers(Ask("SELECT size FROM feed WHERE name = 'public'"))
        low, high = 0, rows[0][0]
        while low < high:
            middle = (low + high) // 2
            if await self._written_at(middle) < instant:
                low = middle + 1
            else:
                high = middle
        return int(low)

    async def named(self, start: str, types: Collection[str], fits: Callable[[str], bool]) -> Key | None:
        s = t.statement.c
        nodes = sa.select(s.node).distinct().where(s.node >= _PREFIX + start, s.node < f"{_PREFIX}{start}~")
        for row in await self._ledger.rows(nodes.order_by(s.node)):
            live = (r.node == row.node) & (r.audience == "public") & r.live_path.is_not(None) & r.type.in_(types)
            ids = (one.id for one in await self._ledger.rows(sa.select(r.id).where(live).order_by(r.id)))
            if (found := next((one for one in ids if fits(one)), None)) is not None:
                return row.node, found
        return None


def _changed(first: int) -> sa.ColumnElement[bool]:
    """Whether the record, another one of its entry, or a word about one of them came at this place of the log or
    later."""
    other, part, word, about = t.record.alias(), t.merged.alias(), t.record.alias(), t.word_about.alias()
    of_word = (word.c.node == about.c.signer) & (word.c.id == about.c.word)
    spoken = sa.select(about.c.node, about.c.id).join(word, of_word).where(word.c.seq >= first)
    of_part = (other.c.node == part.c.node) & (other.c.id == part.c.id)
    new = sa.select(part.c.entry).join(other, of_part).where(other.c.seq >= first, part.c.entry != "")
    said = spoken.subquery()
    of_said = (said.c.node == part.c.node) & (said.c.id == part.c.id)
    told = sa.select(part.c.entry).join(said, of_said).where(part.c.entry != "")
    alone = spoken.where(about.c.node == r.node, about.c.id == r.id).correlate(t.record).exists()
    return (r.seq >= first) | m.entry.in_(new) | m.entry.in_(told) | alone


def _line(row: Sequence[Any]) -> Line:
    node, record_id, type_, entry, content = row
    return Line(node, record_id, type_, entry or address((node, record_id)), bytes(content))
