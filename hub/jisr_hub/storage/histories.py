"""The history of records in SQL: desk.histories.Histories."""

from __future__ import annotations

import sqlalchemy as sa

from jisr_protocol import entry as entries
from jisr_protocol.refusal import Refusal

from ..desk.histories import Aside, Version
from ..ports import Key
from . import tables as t
from .erasing import CHAIN
from .sql import SqlLedger

_VERSIONS = 100
_ASIDE = 2000
"""Entries of a node in quarantine that are looked through."""
_OF_RECORD = sa.text(
    f"{CHAIN} SELECT e.seq, e.line FROM entry AS e JOIN chain ON chain.seq = e.seq"
    f" ORDER BY e.seq DESC LIMIT {_VERSIONS}"
)


class SqlHistories:
    """The Histories port over a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    async def versions(self, key: Key) -> list[Version]:
        async with self._ledger.database.askers.connect() as connection:
            rows = (await connection.execute(_OF_RECORD, {"node": key[0], "id": key[1]})).all()
        return [_version(row.seq, bytes(row.line)) for row in rows]

    async def aside(self, key: Key) -> list[Aside]:
        c = t.node_entry.c
        query = sa.select(c.line, c.code, c.detail).where(c.node == key[0], c.code.is_not(None), c.line.is_not(None))
        found = []
        for row in await self._ledger.rows(query.order_by(c.seq.desc()).limit(_ASIDE)):
            try:
                said = entries.parse(bytes(row.line))
            except Refusal:
                continue
            if said.id == key[1]:
                found.append(Aside(said.at, said.rev or 0, row.code, row.detail or ""))
        return found


def _version(seq: int, line: bytes) -> Version:
    said = entries.parse(line)
    value = said.thing.value if said.op == "put" and said.thing is not None else None
    via = tuple(str(hop["by"]) for hop in said.via)
    return Version(seq, said.at, said.op, said.rev or 0, value, via, said.gone or "")
