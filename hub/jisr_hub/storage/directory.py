"""The public directory read from the ledger: the Directory port of the pages (web/directory.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import orjson
import sqlalchemy as sa

from jisr_protocol import identifiers

from ..web.directory import Listed, Summary
from . import tables as t
from .sql import SqlLedger

_ORGANIZATION = "org.jisr.organization/1"


Lapsed = Callable[[Iterable[str]], Awaitable[set[str]]]
"""Of these nodes those whose attestation has lapsed."""


class SqlDirectory:
    """What the public feed holds now, for people."""

    def __init__(self, ledger: SqlLedger, hub_name: str, feed: str, lapsed: Lapsed) -> None:
        self._ledger, self._hub_name, self._feed, self._lapsed = ledger, hub_name, feed, lapsed

    async def summary(self) -> Summary:
        c = t.record.c
        live = c.live_path.is_not(None)
        types = await self._ledger.rows(
            sa.select(c.type, sa.func.count().label("records")).where(live).group_by(c.type)
        )
        nodes = await self._ledger.rows(sa.select(sa.func.count(sa.distinct(c.node)).label("nodes")).where(live))
        published = await self._ledger.published()
        return Summary(
            self._hub_name,
            sum(row.records for row in types),
            nodes[0].nodes,
            self._feed,
            published.head.time if published else None,
            {row.type: row.records for row in types},
        )

    async def page(self, type: str | None, offset: int, limit: int) -> list[Listed]:
        c = t.record.c
        query = _listed().order_by(c.seq.desc(), c.node, c.id).offset(offset).limit(limit)
        return await self._list(query if type is None else query.where(c.type == type))

    async def record(self, node: str, id: str) -> Listed | None:
        c = t.record.c
        found = await self._list(_listed().where(c.node == node, c.id == id))
        return found[0] if found else None

    async def _list(self, query: sa.Select[Any]) -> list[Listed]:
        rows = await self._ledger.rows(query)
        nodes = {row.node for row in rows}
        names, lapsed = await self._names(nodes), await self._lapsed(nodes)
        return [_read(row, names.get(row.node), row.node in lapsed) for row in rows]

    async def _names(self, nodes: set[str]) -> dict[str, Mapping[str, Any]]:
        """What each node's first organization calls itself."""
        c = t.record.c
        query = _listed().where(c.node.in_(nodes), c.type == _ORGANIZATION).order_by(c.seq.desc())
        found = {row.node: orjson.loads(row.line)["record"].get("name") for row in await self._ledger.rows(query)}
        return {node: name for node, name in found.items() if isinstance(name, dict)}


def _listed() -> sa.Select[Any]:
    c = t.record.c
    columns = sa.select(c.node, c.id, c.type, c.digest, t.entry.c.line)
    return columns.join(t.entry, t.entry.c.seq == c.seq).where(c.live_path.is_not(None), c.audience == "public")


def _read(row: sa.Row[Any], author_name: Mapping[str, Any] | None, lapsed: bool) -> Listed:
    line = orjson.loads(row.line)
    via = tuple(hop["by"] for hop in line.get("via", ()))
    received = identifiers.from_instant(line["at"])
    return Listed(row.node, row.id, row.type, line["record"], author_name, received, via, row.digest, lapsed)
