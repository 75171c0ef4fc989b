"""Invitations and requests in SQL: admissions.Store."""

from __future__ import annotations

import sqlalchemy as sa

from ..authority.admissions import Invitation, Request
from . import tables as t
from .database import Database


class SqlAdmissions:
    """The Store port over the ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def invite(self, invitation: Invitation) -> None:
        values = {name: getattr(invitation, name) for name in invitation.__struct_fields__}
        async with self._database.writing() as connection:
            await connection.execute(sa.insert(t.invitation).values(values))

    async def use(self, code: str, node: str, now: str) -> Invitation | None:
        c = t.invitation.c
        given = sa.update(t.invitation).where(c.code == code, c.node.in_(("", node)), c.expires > now)
        async with self._database.writing() as connection:
            row = (await connection.execute(given.values(node=node).returning(*c))).first()
        return Invitation(**row._mapping) if row is not None else None

    async def invitations(self) -> list[Invitation]:
        c = t.invitation.c
        async with self._database.askers.connect() as connection:
            rows = (await connection.execute(sa.select(t.invitation).order_by(c.made, c.code))).all()
        return [Invitation(**row._mapping) for row in rows]

    async def put(self, request: Request, *, most: int, of_one_source: int) -> bool:
        c = t.request.c
        same = sa.select(sa.func.count()).where(c.source == request.source, c.node != request.node)
        oldest = sa.select(c.node).order_by(c.at.desc(), c.node.desc()).offset(most)
        values = {name: getattr(request, name) for name in request.__struct_fields__}
        async with self._database.writing() as connection:
            if (await connection.execute(same)).scalar_one() >= of_one_source:
                return False
            upsert = self._database.insert(t.request).values(values)
            await connection.execute(upsert.on_conflict_do_update(index_elements=["node"], set_=values))
            gone = [row.node for row in (await connection.execute(oldest.limit(1000))).all()]
            if gone:
                await connection.execute(sa.delete(t.request).where(c.node.in_(gone)))
        return True

    async def requests(self) -> list[Request]:
        c = t.request.c
        async with self._database.askers.connect() as connection:
            rows = (await connection.execute(sa.select(t.request).order_by(c.at, c.node))).all()
        return [Request(**row._mapping) for row in rows]

    async def drop(self, node: str) -> bool:
        async with self._database.writing() as connection:
            gone = sa.delete(t.request).where(t.request.c.node == node)
            return bool((await connection.execute(gone)).rowcount)
