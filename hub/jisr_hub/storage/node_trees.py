"""The trees that are kept of nodes' live records (../node_trees.py): `node_tree`, `node_branch`, `node_touch`.

A touch is noted in the transaction that changes the records, and only of nodes whose tree is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ..ports import BranchPlace, KeptTree
from . import tables as t
from .database import Database
from .dialogue import Ask

ANY = "*"
"""In the place of paths: anything of the node may have changed."""
_PLACES_AT_ONCE = 300


def noting(database: Database, paths: Mapping[str, Collection[int] | None]) -> list[Ask]:
    """Note what was touched of nodes; None for anything. After the count of touches has risen, which numbers them."""
    told = [(node, ANY if of is None else orjson.dumps(sorted(of)).decode()) for node, of in sorted(paths.items())]
    told = [one for one in told if one[1] != "[]"]
    if not told:
        return []
    sql = (
        f"INSERT INTO node_touch (node, n, paths) SELECT s.node, s.touched, asked.id FROM {database.keys}"
        " CROSS JOIN node_tree AS k CROSS JOIN stated AS s WHERE k.node = asked.node AND s.node = asked.node"
    )
    return [Ask(sql, database.asked_keys(told))]


async def kept(connection: AsyncConnection, node: str) -> KeptTree | None:
    """What is kept of a node's tree at this moment."""
    query = sa.select(t.node_tree).where(t.node_tree.c.node == node)
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    c = t.node_touch.c
    touches = (await connection.execute(sa.select(c.n, c.paths).where(c.node == node))).all()
    upto = max((touch.n for touch in touches), default=-1)
    if any(touch.paths == ANY for touch in touches):
        return KeptTree(row.depth, row.round, upto, None)
    paths = frozenset(path for touch in touches for path in orjson.loads(touch.paths))
    return KeptTree(row.depth, row.round, upto, paths)


async def branches(
    connection: AsyncConnection, node: str, places: Iterable[BranchPlace] | None
) -> dict[BranchPlace, bytes]:
    """The branches at these places, or all; only those that stand."""
    c = t.node_branch.c
    query = sa.select(c.level, c.number, c.children).where(c.node == node)
    if places is None:
        return {(row[0], row[1]): row[2] for row in await connection.execute(query)}
    found: dict[BranchPlace, bytes] = {}
    asked = sorted(places)
    for start in range(0, len(asked), _PLACES_AT_ONCE):
        part = asked[start : start + _PLACES_AT_ONCE]
        for level in {level for level, _ in part}:
            numbers = [number for at, number in part if at == level]
            rows = await connection.execute(query.where(c.level == level, c.number.in_(numbers)))
            found |= {(row[0], row[1]): row[2] for row in rows}
    return found


async def begin(database: Database, connection: AsyncConnection, node: str) -> None:
    """Forget the branches, and note touches from now on."""
    c = t.node_tree.c
    insert = database.insert(t.node_tree).values(node=node, depth=0, round=0)
    await connection.execute(
        insert.on_conflict_do_update(index_elements=["node"], set_={"depth": 0, "round": c.round + 1})
    )
    for table in (t.node_branch, t.node_touch):
        await connection.execute(sa.delete(table).where(table.c.node == node))


async def keep(
    database: Database,
    connection: AsyncConnection,
    node: str,
    before: KeptTree,
    depth: int,
    made: Mapping[BranchPlace, bytes],
    *,
    whole: bool,
) -> bool:
    """Keep what was folded from `before`; False when another process has kept something meanwhile."""
    c = t.node_tree.c
    here = sa.update(t.node_tree).where(c.node == node, c.round == before.round, c.depth == before.depth)
    if (await connection.execute(here.values(depth=depth, round=before.round + 1))).rowcount != 1:
        return False
    if whole:
        await connection.execute(sa.delete(t.node_branch).where(t.node_branch.c.node == node))
    rows = [(node, level, number, children) for (level, number), children in made.items()]
    await database.put(connection, t.node_branch, rows, replace=True)
    told = t.node_touch.c
    await connection.execute(sa.delete(t.node_touch).where(told.node == node, told.n <= before.upto))
    return True


async def drop(connection: AsyncConnection, node: str | None = None) -> None:
    """Keep nothing of a node's tree, or of any: it is made again when it is needed."""
    for table in (t.node_tree, t.node_branch, t.node_touch):
        gone = sa.delete(table)
        await connection.execute(gone if node is None else gone.where(table.c.node == node))
