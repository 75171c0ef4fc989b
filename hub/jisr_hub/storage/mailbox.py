"""Sealed messages in SQL: mailbox.carrying.Post.

What was taken leaves a row without content and without its node, so that the same bytes are known when they come again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from ..mailbox.carrying import Left, Waiting
from . import tables as t
from .database import Database

_UNSCRUBBED = -1
_EMPTY = {"content": None, "node": "", "at": _UNSCRUBBED}
"""Of a message that is gone: its digest alone, marked until the files hold nothing of it."""
_MARKED = 500


class SqlPost:
    """The Post port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def leave(self, node: str, message: Waiting, now: int, until: int, most: int) -> Left:
        c = t.sealed_message.c
        known = sa.select(c.digest).where(c.digest == message.digest, c.until > now)
        waits = sa.select(sa.func.count()).where(c.node == node, c.content.is_not(None))
        values = {"digest": message.digest, "node": node, "until": until, "at": now, "content": message.sealed}
        upsert = self._database.insert(t.sealed_message).values(values)
        async with self._database.writing() as connection:
            if (await connection.execute(known)).first() is not None:
                return Left.SEEN
            if (await connection.execute(waits)).scalar_one() >= most:
                return Left.FULL
            # what is over and not yet deleted gives way
            await connection.execute(upsert.on_conflict_do_update(index_elements=["digest"], set_=values))
        return Left.KEPT

    async def waiting(self, node: str, most: int, now: int) -> tuple[Sequence[Waiting], int]:
        c = t.sealed_message.c
        mine = (c.node == node, c.content.is_not(None), c.until > now)
        async with self._database.reading() as connection:
            query = sa.select(c.digest, c.content).where(*mine).order_by(c.at, c.digest).limit(most)
            rows = (await connection.execute(query)).all()
            count = (await connection.execute(sa.select(sa.func.count()).where(*mine))).scalar_one()
        return [Waiting(row.digest, row.content) for row in rows], int(count) - len(rows)

    async def taken(self, node: str, digests: Collection[str]) -> int:
        c = t.sealed_message.c
        emptied = sa.update(t.sealed_message).where(c.node == node, c.digest.in_(list(digests)))
        async with self._database.writing() as connection:
            return (await connection.execute(emptied.values(_EMPTY))).rowcount

    async def expire(self, now: int) -> int:
        c = t.sealed_message.c
        over = sa.update(t.sealed_message).where(c.until <= now, c.content.is_not(None)).values(_EMPTY)
        needless = sa.delete(t.sealed_message).where(c.until <= now, c.content.is_(None), c.at != _UNSCRUBBED)
        async with self._database.writing() as connection:
            gone = (await connection.execute(over)).rowcount
            await connection.execute(needless)
        return gone

    async def scrub(self) -> Sequence[str] | None:
        c = t.sealed_message.c
        async with self._database.askers.connect() as connection:
            left = [row.digest for row in await connection.execute(sa.select(c.digest).where(c.at == _UNSCRUBBED))]
        if not left:
            return None
        remains = await self._database.forget([t.sealed_message])
        async with self._database.writing() as connection:
            for start in range(0, len(left), _MARKED):
                done = sa.update(t.sealed_message).where(c.digest.in_(left[start : start + _MARKED]))
                await connection.execute(done.values(at=0))
        return remains
