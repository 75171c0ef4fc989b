"""The operator's decisions in SQL: policies, feeds beside the public one, brakes (the Store of policies.py)."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from jisr_protocol import policy as policies
from jisr_protocol.policy import Policy

from ..ports import Key
from ..views.policies import Brake, Derived, Placed, of_view
from . import tables as t
from .sql import SqlLedger


class SqlPolicies:
    """The Store port on the tables of a ledger."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    async def placed(self) -> dict[str, Placed]:
        rows = await self._ledger.rows(sa.select(t.policy))
        return {r.scope: Placed(r.scope, policies.parse(r.body) if r.body else None, r.applied) for r in rows}

    async def place(self, scope: str, policy: Policy | None, at: str) -> None:
        body = policy.raw if policy is not None else None
        database = self._ledger.database
        insert = database.insert(t.policy).values(scope=scope, body=body, applied="", at=at)
        async with database.writing() as connection:
            changed = {"body": body, "at": at}
            await connection.execute(insert.on_conflict_do_update(index_elements=["scope"], set_=changed))

    async def carried_out(self, scope: str, sha256: str) -> None:
        async with self._ledger.database.writing() as connection:
            update = sa.update(t.policy).where(t.policy.c.scope == scope)
            await connection.execute(update.values(applied=sha256))

    # Views

    async def derived(self) -> list[Derived]:
        rows = await self._ledger.rows(sa.select(t.derived).order_by(t.derived.c.name))
        return [Derived(row.name, row.audience) for row in rows]

    async def add_derived(self, feed: Derived, at: str) -> None:
        database = self._ledger.database
        insert = database.insert(t.derived).values(name=feed.name, audience=feed.audience, at=at)
        async with database.writing() as connection:
            await connection.execute(insert.on_conflict_do_nothing())

    async def remove_derived(self, name: str) -> None:
        async with self._ledger.database.writing() as connection:
            await connection.execute(sa.delete(t.derived).where(t.derived.c.name == name))
            await connection.execute(sa.delete(t.policy).where(t.policy.c.scope == of_view(name)))

    # Peers

    async def brakes(self) -> dict[str, Brake]:
        rows = await self._ledger.rows(sa.select(t.brake))
        return {row.peer: Brake(row.peer, row.leaving, row.live, bool(row.released)) for row in rows}

    async def keep_brake(self, peer: str, brake: Brake | None, at: str) -> None:
        async with self._ledger.database.writing() as connection:
            await connection.execute(sa.delete(t.brake).where(t.brake.c.peer == peer))
            if brake is None:
                await connection.execute(sa.delete(t.braked).where(t.braked.c.peer == peer))
            else:
                row = {"leaving": brake.leaving, "live": brake.live, "released": int(brake.released), "at": at}
                await connection.execute(sa.insert(t.brake).values(peer=peer, **row))

    async def keep_braked(self, peer: str, keys: Sequence[Key], back: Sequence[Key] = ()) -> int:
        b, r, database = t.braked.c, t.record.c, self._ledger.database
        stays = sa.select(r.id).where(r.node == b.node, r.id == b.id, r.audience == "public", r.live_path.is_not(None))
        async with database.writing() as connection:
            for key in back:
                await connection.execute(sa.delete(t.braked).where(b.peer == peer, b.node == key[0], b.id == key[1]))
            rows = [{"peer": peer, "node": node, "id": id} for node, id in keys]
            if rows:
                await connection.execute(database.insert(t.braked).on_conflict_do_nothing(), rows)
            await connection.execute(sa.delete(t.braked).where(b.peer == peer, ~stays.exists()))
            counted = sa.select(sa.func.count().label("held")).where(b.peer == peer)
            return int((await connection.execute(counted)).one().held)

    async def kept(self, peer: str) -> int:
        c = t.source_order.c
        rows = await self._ledger.rows(sa.select(c.kept).where(c.source == peer, c.way == "peer"))
        return int(rows[0].kept) if rows else 0

    async def begin_again(self, peer: str) -> None:
        async with self._ledger.database.writing() as connection:
            await connection.execute(sa.update(t.peer).where(t.peer.c.hub == peer).values(cursor=0))

    async def live_from(self, upstream: str) -> int:
        """How many live records are taken from this peer."""
        r, n = t.record.c, t.node.c
        query = sa.select(sa.func.count().label("live")).select_from(t.record).join(t.node, n.node == r.node)
        rows = await self._ledger.rows(query.where(n.upstream == upstream, r.live_path.is_not(None)))
        return int(rows[0].live)
