"""The public directory read from the ledger: the Directory port of the pages (web/directory.py)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import orjson
import sqlalchemy as sa

from jisr_protocol import identifiers

from ..web.directory import Listed, Summary
from . import tables as t
from .dialogue import Ask
from .sql import SqlLedger

_SHOWN = (
    "SELECT r.node, r.id, r.type, r.digest, e.line FROM {}"
    " WHERE e.seq = r.seq AND r.live_path IS NOT NULL AND r.audience = 'public'"
)
_OF_THE_LOG = _SHOWN.format("entry AS e CROSS JOIN record AS r")
_OF_RECORDS = _SHOWN.format("record AS r CROSS JOIN entry AS e")
COUNTING_SHARE = 20.0
"""Counting everything takes a twentieth of the time at most."""
Lapsed = Callable[[Iterable[str]], Awaitable[set[str]]]
"""Of these nodes those whose attestation has lapsed."""


class SqlDirectory:
    """What the public feed holds now, for people."""

    def __init__(self, ledger: SqlLedger, hub_name: str, feed: str, lapsed: Lapsed) -> None:
        self._ledger, self._hub_name, self._feed, self._lapsed = ledger, hub_name, feed, lapsed
        self._counted: tuple[dict[str, int], int] = ({}, 0)
        self._counted_at, self._count_again = -1, 0.0
        self._counting = asyncio.Lock()

    async def summary(self) -> Summary:
        async with self._counting:
            types, nodes = await self._counts()
        published = await self._ledger.published()
        time_ = published.head.time if published else None
        return Summary(self._hub_name, sum(types.values()), nodes, self._feed, time_, types)

    async def _counts(self) -> tuple[dict[str, int], int]:
        """(live records by type, nodes that have any): as of now, or of a moment ago where counting takes long."""
        size = (await self._ledger.rows(sa.select(t.feed.c.size).where(t.feed.c.name == "public")))[0].size
        began = time.monotonic()
        if size == self._counted_at or began < self._count_again:
            return self._counted
        r, n = t.record.c, t.node.c
        by_type = sa.select(r.type, sa.func.count().label("records")).where(r.live_path.is_not(None)).group_by(r.type)
        any_live = sa.select(r.id).where(r.node == n.node, r.live_path.is_not(None)).exists()
        nodes = sa.select(sa.func.count().label("nodes")).select_from(t.node).where(any_live)
        types = {row.type: row.records for row in await self._ledger.rows(by_type)}
        self._counted, self._counted_at = (types, (await self._ledger.rows(nodes))[0].nodes), size
        ended = time.monotonic()
        self._count_again = ended + COUNTING_SHARE * (ended - began)
        return self._counted

    async def page(self, type: str | None, offset: int, limit: int) -> list[Listed]:
        if type is None:  # from the end of the log, so that nothing is sorted
            order = "AND r.live_path = e.path18 ORDER BY e.seq DESC LIMIT ? OFFSET ?"
            return await self._list(
                Ask(f"{_SHOWN.format('entry AS e CROSS JOIN record AS r')} {order}", (limit, offset))
            )
        order = "AND r.type = ? ORDER BY r.seq DESC LIMIT ? OFFSET ?"
        return await self._list(Ask(f"{_OF_RECORDS} {order}", (type, limit, offset)))

    async def record(self, node: str, id: str) -> Listed | None:
        found = await self._list(Ask(f"{_OF_RECORDS} AND r.node = ? AND r.id = ?", (node, id)))
        return found[0] if found else None

    async def _list(self, asked: Ask) -> list[Listed]:
        (rows,) = await self._ledger.answers(asked)
        nodes = {row[0] for row in rows}
        names, lapsed = await self._names(nodes), await self._lapsed(nodes)
        return [_read(row, names.get(row[0]), row[0] in lapsed) for row in rows]

    async def _names(self, nodes: set[str]) -> dict[str, Mapping[str, Any]]:
        """What each node's first organization calls itself."""
        first = f"{_OF_RECORDS} AND r.node = ? AND r.type = '{t.ORGANIZATION}' ORDER BY r.seq LIMIT 1"
        answers = await self._ledger.answers(*(Ask(first, (node,)) for node in sorted(nodes)))
        found = {row[0]: orjson.loads(row[4])["record"].get("name") for rows in answers for row in rows}
        return {node: name for node, name in found.items() if isinstance(name, dict)}


def _read(row: tuple[Any, ...], author_name: Mapping[str, Any] | None, lapsed: bool) -> Listed:
    node, record_id, type_, digest, raw = row
    line = orjson.loads(raw)
    via = tuple(hop["by"] for hop in line.get("via", ()))
    received = identifiers.from_instant(line["at"])
    return Listed(node, record_id, type_, line["record"], author_name, received, via, digest, lapsed)
