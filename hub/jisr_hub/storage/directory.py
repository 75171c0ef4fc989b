"""The public directory read from the ledger: the Directory port of the pages (ports/directory.py)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import orjson
import sqlalchemy as sa

from jisr_protocol import identifiers

from ..curation.merging import Entry, whole
from ..curation.words import TYPE as WORD
from ..curation.words import reference
from ..failures import Unwritable
from ..ports import Clock, Key
from ..ports.directory import Listed, Summary
from . import tables as t
from .curation import SqlCuration
from .dialogue import Ask
from .sql import SqlLedger

_LIVE = "e.seq = r.seq AND r.live_path IS NOT NULL AND r.audience = 'public'"
_SHOWN = (
    "SELECT r.node, r.id, r.type, r.digest, e.line FROM {} LEFT JOIN merged AS m ON m.node = r.node AND m.id = r.id"
    f" WHERE {_LIVE} AND r.type <> '{WORD}' AND (m.leads IS NULL OR {{}})"
)
_LEADING, _NOT_HIDDEN = "m.leads = 1", "m.entry <> ''"
_OF_THE_LOG = _SHOWN.format("entry AS e CROSS JOIN record AS r", _LEADING)
_OF_RECORDS = _SHOWN.format("record AS r CROSS JOIN entry AS e", _LEADING)
_ANY_RECORD = _SHOWN.format("record AS r CROSS JOIN entry AS e", _NOT_HIDDEN)
_LEADING_KEYS = _SHOWN.format("{}", _LEADING) + " AND r.node = asked.node AND r.id = asked.id"
_STEP = 1000
"""Keys that are read at once."""
_MEMBERSHIP, _LOCATION = "org.jisr.membership/1", "org.jisr.location/1"
_NO_ENTRIES = (
    "SELECT r.type, count(*) FROM merged AS m JOIN record AS r ON r.node = m.node AND r.id = m.id"
    " WHERE m.leads = 0 AND r.live_path IS NOT NULL AND r.audience = 'public' GROUP BY r.type"
)
"""Live records that are no entry of their own, by type."""
_IN_KEY_ORDER = f"{_OF_RECORDS} AND (r.node, r.id) > (?, ?)"
_STREAMED_AT_ONCE = 200
COUNTING_SHARE = 20.0
"""Counting everything takes a twentieth of the time at most."""


class _Taken(msgspec.Struct):
    """Of a line of the log when it was taken in: the rest of it is read over."""

    at: str


Lapsed = Callable[[Iterable[str]], Awaitable[set[str]]]
"""Of these nodes those whose attestation has lapsed."""


class SqlDirectory:
    """What the public feed holds now, for people."""

    def __init__(
        self, ledger: SqlLedger, hub_name: str, feed: str, lapsed: Lapsed, curation: SqlCuration, clock: Clock
    ) -> None:
        self._ledger, self._hub_name, self._feed, self._lapsed = ledger, hub_name, feed, lapsed
        self._curation, self._clock = curation, clock
        self._counted: tuple[dict[str, int], int] = ({}, 0)
        self._counted_at, self._count_again = (-1, -1), 0.0
        self._counting = asyncio.Lock()

    async def summary(self) -> Summary:
        async with self._counting:
            types, nodes = await self._counts()
        published = await self._ledger.published()
        time_ = published.head.time if published else None
        return Summary(self._hub_name, sum(types.values()), nodes, self._feed, time_, types)

    async def _counts(self) -> tuple[dict[str, int], int]:
        """(live records by type, nodes that have any): as of now, or of a moment ago where counting takes long."""
        size = "SELECT size FROM feed WHERE name = 'public'"
        sizes, cursors = await self._ledger.answers(Ask(size), Ask("SELECT max(cursor) FROM curated"))
        here = (sizes[0][0], cursors[0][0] or 0)
        began = time.monotonic()
        if here == self._counted_at or began < self._count_again:
            return self._counted
        r, n = t.record.c, t.node.c
        by_type = sa.select(r.type, sa.func.count().label("records")).where(r.live_path.is_not(None)).group_by(r.type)
        any_live = sa.select(r.id).where(r.node == n.node, r.live_path.is_not(None)).exists()
        nodes = sa.select(sa.func.count().label("nodes")).select_from(t.node).where(any_live)
        types = {row.type: row.records for row in await self._ledger.rows(by_type)}
        for type_, less in (await self._ledger.answers(Ask(_NO_ENTRIES)))[0]:
            types[type_] -= less
        types = {type_: count for type_, count in types.items() if count > 0 and type_ != WORD}
        self._counted, self._counted_at = (types, (await self._ledger.rows(nodes))[0].nodes), here
        ended = time.monotonic()
        self._count_again = ended + COUNTING_SHARE * (ended - began)
        return self._counted

    async def page(self, type: str | None, offset: int, limit: int) -> list[Listed]:
        if type is None:  # from the end of the log, so that nothing is sorted
            order = "AND r.live_path = e.path18 ORDER BY e.seq DESC LIMIT ? OFFSET ?"
            return await self._entries(await self._list(Ask(f"{_OF_THE_LOG} {order}", (limit, offset))))
        order = "AND r.type = ? ORDER BY r.seq DESC LIMIT ? OFFSET ?"
        return await self._entries(await self._list(Ask(f"{_OF_RECORDS} {order}", (type, limit, offset))))

    async def record(self, node: str, id: str) -> Listed | None:
        found = await self._list(Ask(f"{_ANY_RECORD} AND r.node = ? AND r.id = ?", (node, id)))
        if not found:
            return None
        joined = "SELECT entry FROM merged WHERE node = ? AND id = ?"
        (rows,) = await self._ledger.answers(Ask(joined, (node, id)))
        return replace(found[0], entry=rows[0][0]) if rows else found[0]

    async def listed(self, keys: Iterable[Key]) -> list[Listed]:
        wanted = list(dict.fromkeys(keys))
        database = self._ledger.database
        asked = _LEADING_KEYS.format(f"{database.keys} CROSS JOIN record AS r CROSS JOIN entry AS e")
        found = await self._entries(await self._list(Ask(asked, database.asked_keys(wanted)))) if wanted else []
        by_key = {(one.node, one.id): one for one in found}
        return [by_key[key] for key in wanted if key in by_key]

    async def beside(self, node: str, limit: int) -> list[Listed]:
        order = f"AND r.node = ? AND r.type <> '{_LOCATION}' ORDER BY r.seq DESC LIMIT ?"
        return await self._entries(await self._list(Ask(f"{_OF_RECORDS} {order}", (node, limit))))

    async def dated_keys(self, offset: int, limit: int) -> AsyncIterator[tuple[str, str, str]]:
        last, left = ("", ""), limit
        while left > 0:
            after = "AND (r.node, r.id) > (?, ?) ORDER BY r.node, r.id LIMIT ? OFFSET ?"
            step = (*last, min(left, _STEP), offset)
            (rows,) = await self._ledger.answers(Ask(f"{_OF_RECORDS} {after}", step))
            for node, record_id, _, _, raw in rows:
                yield node, record_id, msgspec.json.decode(raw, type=_Taken).at
            if not rows:
                return
            last, left, offset = (rows[-1][0], rows[-1][1]), left - len(rows), 0

    async def entry(self, address: str) -> Listed | None:
        key = await self._curation.find(address)
        found = await self._curation.entry(key, self._today) if key is not None else None
        lead = await self.record(found.records[0].node, found.records[0].id) if found is not None else None
        return composed(found, lead) if found is not None and lead is not None else None

    async def stream(self, types: Collection[str] = ()) -> AsyncIterator[Listed]:
        last: Key = ("", "")
        sql, values = _IN_KEY_ORDER, tuple[object, ...]()
        if types:
            sql += f" AND r.type IN (SELECT asked.value FROM {self._ledger.database.named})"
            values = (self._ledger.database.asked_texts(types),)
        ask = f"{sql} ORDER BY r.node, r.id LIMIT {_STREAMED_AT_ONCE}"
        while listed := await self._list(Ask(ask, (*last, *values))):
            for one in await self._entries(listed):
                yield one
            last = listed[-1].node, listed[-1].id

    @property
    def _today(self) -> str:
        return identifiers.to_instant(self._clock())[:10]

    async def _entries(self, listed: list[Listed]) -> list[Listed]:
        """Those of which something was said, with what was said: joined, corrected."""
        spoken = await self._curation.spoken_of((one.node, one.id) for one in listed)
        try:
            found = await self._curation.entries_of(sorted(spoken), self._today) if spoken else {}
        except Unwritable:  # the primary is away, and the standby goes on: the oldest record stands for its entry
            found = {}
        return [composed(found[key], one) if (key := (one.node, one.id)) in found else one for one in listed]

    async def _list(self, asked: Ask) -> list[Listed]:
        (rows,) = await self._ledger.answers(asked)
        nodes = {row[0] for row in rows}
        names, lapsed = await self._names(nodes), await self._lapsed(nodes)
        listed = [_read(row, names.get(row[0]), row[0] in lapsed) for row in rows]
        sides = {side for one in listed if one.type == _MEMBERSHIP for side in _sides(one)}
        if not sides:
            return listed
        called = await self._called(sides)
        return [
            replace(one, between=(called.get(_sides(one)[0]), called.get(_sides(one)[1])))
            if one.type == _MEMBERSHIP
            else one
            for one in listed
        ]

    async def _called(self, keys: Iterable[Key]) -> dict[Key, object]:
        """What these records call themselves."""
        database = self._ledger.database
        sql = (
            f"SELECT r.node, r.id, e.line FROM {database.keys} CROSS JOIN record AS r CROSS JOIN entry AS e"
            f" WHERE r.node = asked.node AND r.id = asked.id AND {_LIVE}"
        )
        (rows,) = await self._ledger.answers(Ask(sql, database.asked_keys(keys)))
        return {(node, record_id): named(orjson.loads(line)["record"]) for node, record_id, line in rows}

    async def _names(self, nodes: set[str]) -> dict[str, Mapping[str, Any]]:
        """What each node's first organization calls itself."""
        first = f"{_OF_RECORDS} AND r.node = ? AND r.type = '{t.ORGANIZATION}' ORDER BY r.seq LIMIT 1"
        answers = await self._ledger.answers(*(Ask(first, (node,)) for node in sorted(nodes)))
        found = {row[0]: orjson.loads(row[4])["record"].get("name") for rows in answers for row in rows}
        return {node: name for node, name in found.items() if isinstance(name, dict)}


def composed(entry: Entry, lead: Listed) -> Listed:
    """An entry for people: what its records show together, and what they say besides."""
    others = tuple(
        (name.partition("/")[0], name.partition("/")[2], other.value)
        for name, field in entry.fields.items()
        for other in field.others
    )
    several = len(entry.records) > 1
    return replace(
        lead,
        record=whole(entry, lead.record),
        entry=entry.address,
        sources=tuple((one.node, one.id, one.confirmed) for one in entry.records) if several else (),
        others=others,
    )


def named(record: Mapping[str, Any]) -> object:
    """What a record calls itself."""
    return record.get("name") or record.get("title")


def _sides(one: Listed) -> list[Key]:
    """The two records that a membership is between."""
    return [reference(str(one.record.get(side)), one.node) for side in ("subject", "alliance")]


def _read(row: tuple[Any, ...], author_name: Mapping[str, Any] | None, lapsed: bool) -> Listed:
    node, record_id, type_, digest, raw = row
    line = orjson.loads(raw)
    via = tuple(hop["by"] for hop in line.get("via", ()))
    received = identifiers.from_instant(line["at"])
    return Listed(node, record_id, type_, line["record"], author_name, received, via, digest, lapsed)
