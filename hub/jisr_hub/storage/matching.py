"""The coarse facts of profiles that are live in a feed: of each record its node and those, nothing else leaves here."""

from __future__ import annotations

import orjson
import sqlalchemy as sa

from jisr_protocol import entry, matching
from jisr_protocol.matching import Facts

from . import tables as t
from .sql import SqlLedger


async def held_facts(ledger: SqlLedger, now: str) -> list[tuple[str, Facts]]:
    """(node, facts) of each volunteer's profile in this ledger's feed that has not expired (MAT-3)."""
    r, e = t.record.c, t.entry.c
    kind = sa.and_(r.type >= f"{matching.VOLUNTEER}/", r.type < f"{matching.VOLUNTEER}0")
    query = sa.select(r.node, e.line).join(t.entry, e.seq == r.seq).where(kind, r.live_path.is_not(None))
    found = []
    for row in await ledger.rows(query):
        thing = entry.parse(row.line).thing
        record = orjson.loads(thing.body) if thing is not None else {}
        if str(record.get("expires", "")) > now:
            found.append((row.node, matching.facts_of(record)))
    return found
