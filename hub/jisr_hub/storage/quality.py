"""Records as quality, terms and campaigns look at them, read from the ledger: desk.quality.Records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from jisr_protocol.pages.text import choose

from ..curation.words import TYPE
from ..desk.quality import Live
from ..mail.campaigns import Old, old
from ..ports import Kept
from . import tables as t
from .sql import SqlLedger

_FEED = "public"


class SqlRecords:
    """The live public records of a hub. What hubs say of records is not among them."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    async def live(self, node: str) -> Sequence[Live]:
        rows = await self._ledger.rows(_live().where(t.record.c.node == node).order_by(t.record.c.id))
        return [_read(row) for row in rows]

    async def one(self, node: str, record_id: str) -> Live | None:
        """One record; None when it is not shown."""
        rows = await self._ledger.rows(_live().where(t.record.c.node == node, t.record.c.id == record_id))
        return _read(rows[0]) if rows else None

    async def refused(self, node: str) -> Sequence[Kept]:
        return await self._ledger.judged(node, _FEED)

    async def nodes(self) -> Mapping[str, tuple[str, int]]:
        c, n = t.record.c, t.node.c
        query = (
            sa.select(c.node, sa.func.max(n.name).label("name"), sa.func.count().label("records"))
            .join_from(t.record, t.node, n.node == c.node, isouter=True)
            .where(c.live_path.is_not(None), c.audience == _FEED, c.type != TYPE)
            .group_by(c.node)
            .order_by(c.node)
        )
        return {row.node: (row.name or "", row.records) for row in await self._ledger.rows(query)}

    async def values(self) -> AsyncIterator[Mapping[str, Any]]:
        """Every live public record, one after the other."""
        async with self._ledger.reading() as view:
            async for lines in view.puts():
                for line in lines:
                    value = orjson.loads(line)["record"]
                    if value.get("type") != TYPE:
                        yield value

    async def old(self, node: str, lang: str) -> list[Old]:
        """The records of a node, or of all nodes for "", as a campaign may ask about them."""
        if node:
            return [_old(one.value, lang) for one in await self.live(node)]
        return [_old(value, lang) async for value in self.values()]

    async def title(self, node: str, record_id: str, lang: str) -> str:
        """What a record is called; "" when it is not shown."""
        one = await self.one(node, record_id)
        return title_of(one.value, lang) if one is not None else ""

    async def stand(self) -> tuple[str, int]:
        """Changes whenever the log has grown."""
        async with self._ledger.reading() as view:
            return await self._ledger.epoch(), view.size


def title_of(value: Mapping[str, Any], lang: str) -> str:
    """A record's name or title in a language, else as its author wrote it, else its id."""
    for member in ("name", "title"):
        text = choose(value.get(member), lang, value.get("lang", ""))
        if text is not None and text.value:
            return text.value
    return str(value.get("id", ""))


def _old(value: Mapping[str, Any], lang: str) -> Old:
    return old(value, (str(value["node"]), str(value["id"])), title_of(value, lang))


def _live() -> sa.Select[Any]:
    c = t.record.c
    columns = sa.select(c.node, c.id, c.rev, t.entry.c.line).join(t.entry, t.entry.c.seq == c.seq)
    return columns.where(c.live_path.is_not(None), c.audience == _FEED, c.type != TYPE)


def _read(row: sa.Row[Any]) -> Live:
    line = orjson.loads(row.line)
    return Live(row.id, row.rev, str(line["at"]), line["record"])
