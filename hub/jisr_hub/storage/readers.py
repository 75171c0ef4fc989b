"""Readers and tokens in SQL (the Readers port of readers.py)."""

from __future__ import annotations

import sqlalchemy as sa

from jisr_protocol import keys
from jisr_protocol.keys import KeyRing
from jisr_protocol.token import Assertion

from ..views.readers import OWN, Granted, Reader, hashed
from . import tables as t
from .sql import SqlLedger


class SqlReaders:
    """The Readers port on the tables of a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    async def add(self, ring: KeyRing, audience: str, at: str) -> None:
        """Let an identifier read an audience; again with newer keys, those count."""
        database = self._ledger.database
        row = {"id": ring.id, "audience": audience, "statements": keys.write_file(ring), "at": at}
        insert = database.insert(t.reader).values(row)
        async with database.writing() as connection:
            changed = {"statements": row["statements"]}
            await connection.execute(insert.on_conflict_do_update(index_elements=["id", "audience"], set_=changed))

    async def remove(self, id: str, audience: str) -> bool:
        """Take the right back, and every token of it."""
        r, a = t.reader.c, t.access_token.c
        async with self._ledger.database.writing() as connection:
            gone = await connection.execute(sa.delete(t.reader).where(r.id == id, r.audience == audience))
            await connection.execute(sa.delete(t.access_token).where(a.by == id, a.audience == audience))
            return gone.rowcount > 0

    async def all(self) -> list[tuple[str, str, str]]:
        """(identifier, audience, since when) of every reader that was added."""
        c = t.reader.c
        rows = await self._ledger.rows(sa.select(c.id, c.audience, c.at).order_by(c.id, c.audience))
        return [(row.id, row.audience, row.at) for row in rows]

    async def reader(self, id: str) -> Reader | None:
        c = t.reader.c
        rows = await self._ledger.rows(sa.select(c.audience, c.statements).where(c.id == id))
        member = await self._ledger.member(id)
        own = member is not None and not member.upstream
        if not rows and not own:
            return None
        held = (await self._ledger.rings([id])).get(id)  # what the feeds tell is newer than what the operator gave
        ring = held
        for row in rows:
            given = keys.fold(keys.parse_file(row.statements), expected_id=id)
            ring = given if ring is None else keys.longer(ring, given)
        if ring is None:
            return None
        return Reader(id, ring, frozenset(row.audience for row in rows) | (OWN if own else frozenset()))

    async def use(self, said: Assertion, now: int) -> bool:
        database, c = self._ledger.database, t.used_assertion.c
        insert = database.insert(t.used_assertion).values(by=said.by, jti=said.jti, expires=said.expires)
        async with database.writing() as connection:
            await connection.execute(sa.delete(t.used_assertion).where(c.expires < now))
            await connection.execute(sa.delete(t.access_token).where(t.access_token.c.expires < now))
            first = insert.on_conflict_do_nothing().returning(c.jti)
            return (await connection.execute(first)).first() is not None

    async def grant(self, token: str, granted: Granted, expires: int) -> None:
        row = {"sha256": hashed(token), "by": granted.by, "audience": granted.audience, "expires": expires}
        async with self._ledger.database.writing() as connection:
            await connection.execute(sa.insert(t.access_token).values(row))

    async def granted(self, token: str, now: int) -> Granted | None:
        c = t.access_token.c
        query = sa.select(c.by, c.audience).where(c.sha256 == hashed(token), c.expires > now)
        rows = await self._ledger.rows(query)
        return Granted(rows[0].by, rows[0].audience) if rows else None
