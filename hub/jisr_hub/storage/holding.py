"""What a hold does to the tables, and its end, within the transaction that stores its notice.

Lines of the hub's own log become stubs of the same leaf; the newest content of each record goes aside, and comes back
as a put of the same bytes when nothing holds it any more. Revs that a later one had overtaken do not come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import live, state_tree
from jisr_protocol.notice import ALL

from ..ports import Draft, Erasure, Number
from ..ports.notices import HeldBack
from ..takedown.erasure import held_line
from ..takedown.holding import put_again, until
from . import stating
from . import tables as t
from .database import Database

_ROWS = 512


class Holding:
    """One transaction that holds back or brings back."""

    def __init__(self, database: Database, connection: AsyncConnection, feed: str) -> None:
        self._database, self._connection, self._feed = database, connection, feed

    async def note(self, erasure: Erasure, at: str) -> bool:
        """Keep a hold in the place of its signer's last one about this target; False when its time is over already."""
        said, c = erasure.notice, t.hold.c
        end = until(said)
        if end is not None and end <= at:
            return False
        earlier = sa.delete(t.hold).where(c.node == said.node, c.id == erasure.target, c.by == said.by)
        await self._connection.execute(earlier)
        row = {
            "node": said.node, "id": erasure.target, "notice": said.envelope.digest, "by": said.by,
            "max_rev": said.max_rev, "until": end,
        }  # fmt: skip
        await self._connection.execute(self._database.insert(t.hold).values(row).on_conflict_do_nothing())
        return True

    async def set_aside(self, erasure: Erasure) -> None:
        """Keep the content of what is live and held."""
        r, e, said = t.record.c, t.entry.c, erasure.notice
        query = sa.select(r.node, r.id, r.rev, r.digest, r.type, e.line).select_from(t.record)
        query = query.join(t.entry, e.seq == r.seq).where(r.node == said.node, r.live_path.is_not(None))
        query = query if erasure.target == ALL else query.where(r.id == erasure.target)
        query = query if said.max_rev is None else query.where(r.rev <= said.max_rev)
        for row in (await self._connection.execute(query)).all():
            await keep_back(self._database, self._connection, [HeldBack(*tuple(row))])

    async def hide(self, erasure: Erasure, about: Sequence[int]) -> list[int]:
        """Make stubs of the lines at these positions that a hold names; return which."""
        c, hidden = t.entry.c, []
        for start in range(0, len(about), _ROWS):
            query = sa.select(c.seq, c.line).where(c.seq.in_(about[start : start + _ROWS])).order_by(c.seq)
            for seq, line in (await self._connection.execute(query)).all():
                if (stub := held_line(erasure, line)) is not None:
                    await self._connection.execute(sa.update(t.entry).where(c.seq == seq).values(line=stub))
                    hidden.append(seq)
        return hidden

    async def release(self, erasure: Erasure) -> None:
        """An unhold ends what its signer holds of this target, or of all."""
        said, c = erasure.notice, t.hold.c
        ended = sa.delete(t.hold).where(c.node == said.node, c.by == said.by)
        ended = ended if erasure.target == ALL else ended.where(c.id == erasure.target)
        await self._connection.execute(ended)

    async def lift(self, at: str, number: Number) -> int:
        """End what is over at this time, and bring back what nothing else holds."""
        c = t.hold.c
        over = (await self._connection.execute(sa.select(c.node, c.id).where(c.until <= at))).all()
        await self._connection.execute(sa.delete(t.hold).where(c.until <= at))
        for node, target in dict.fromkeys(map(tuple, over)):
            await self.bring_back(node, target, at, number)
            about = None if target == ALL else {state_tree.path(node, target)}
            await stating.touch(self._database, self._connection, self._feed, {node: about})
        return len(over)

    async def bring_back(self, node: str, target: str, at: str, number: Number) -> int:
        """Put again what nothing holds any more, if it is still the newest of its record and nothing keeps it out."""
        c = t.held_back.c
        query = sa.select(t.held_back).where(c.node == node).order_by(c.id)
        query = query if target == ALL else query.where(c.id == target)
        came = 0
        for back in [HeldBack(*tuple(row)) for row in (await self._connection.execute(query)).all()]:
            if await self._covered(t.hold, back):
                continue
            await self._connection.execute(sa.delete(t.held_back).where(c.node == back.node, c.id == back.id))
            came += await self._put(back, at, number)
        return came

    async def _put(self, back: HeldBack, at: str, number: Number) -> int:
        r = t.record.c
        query = sa.select(r.audience, r.rev, r.digest, r.live_path, r.seq).where(r.node == back.node, r.id == back.id)
        rows = {row.audience: row for row in (await self._connection.execute(query)).all()}
        here = rows.get("public")
        narrowed = any(row.rev > back.rev for audience, row in rows.items() if audience != "public")
        newest = here is not None and (here.rev, here.digest, here.live_path) == (back.rev, back.digest, None)
        if here is None or not newest or narrowed or await self._covered(t.guard, back):
            return 0
        draft = put_again(back)
        seq = await append(self._database, self._connection, self._feed, draft, at, number, prior=here.seq)
        shown = sa.update(t.record).where(r.node == back.node, r.id == back.id, r.audience == "public")
        await self._connection.execute(shown.values(live_path=draft.path, seq=seq))
        return 1

    async def _covered(self, table: sa.Table, back: HeldBack) -> bool:
        query = sa.select(table.c.max_rev).where(table.c.node == back.node, table.c.id.in_([back.id, ALL]))
        rows = (await self._connection.execute(query)).all()
        return any(live.reaches(row.max_rev, back.rev) for row in rows)


async def append(
    database: Database,
    connection: AsyncConnection,
    feed: str,
    draft: Draft,
    at: str,
    number: Number,
    *,
    prior: int | None = None,
) -> int:
    """Give an entry the next position; return it."""
    counter = sa.update(t.feed).where(t.feed.c.name == feed).values(size=t.feed.c.size + 1)
    size = (await connection.execute(counter.returning(t.feed.c.size))).scalar_one()
    said = number(draft, size - 1, at)
    row = (said.seq, said.draft.op, said.draft.path, said.leaf, said.line, prior)
    await database.put(connection, t.entry, [row], replace=False)
    return said.seq


async def keep_back(database: Database, connection: AsyncConnection, rows: Iterable[HeldBack]) -> None:
    """Keep the content of what a hold covers, the highest rev of each record."""
    for back in rows:
        row = {name: getattr(back, name) for name in HeldBack.__struct_fields__}
        insert = database.insert(t.held_back).values(row)
        newer = {name: insert.excluded[name] for name in ("rev", "digest", "type", "line")}
        higher = insert.excluded.rev >= t.held_back.c.rev
        await connection.execute(insert.on_conflict_do_update(index_elements=["node", "id"], set_=newer, where=higher))


async def drop_back(connection: AsyncConnection, node: str, target: str, max_rev: int | None) -> int:
    """An erasure takes what is held back too; how many."""
    c = t.held_back.c
    gone = sa.delete(t.held_back).where(c.node == node)
    gone = gone if target == ALL else gone.where(c.id == target)
    gone = gone if max_rev is None else gone.where(c.rev <= max_rev)
    return int((await connection.execute(gone)).rowcount)
