"""What the feed has said of each node's head, in the table `stated`, within the transactions that change it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import state_tree

from ..ports import Change, Conflict, Numbered, Stated
from . import node_trees
from . import tables as t
from .asking import texts
from .database import Database
from .dialogue import Ask, Dialogue, Rows

_TOUCHING = ("put", "del", "out")
_STATED = "SELECT node, touched, head, missing, seq, at, word FROM stated"


def touched(change: Change) -> dict[str, set[int]]:
    """The nodes of which a change says something, in the public feed, and the paths of the records that it is about;
    those that come new by a peer too, whose heads a crash may leave unsaid."""
    nodes: dict[str, set[int]] = defaultdict(set)
    for member in change.members:
        nodes[member.node] = set()
    if change.log is not None and change.name == "public" and change.unjudged is None:
        nodes[change.node] = set()
    for draft in change.drafts:
        if draft.op in _TOUCHING and draft.path is not None:
            nodes[draft.node or ""].add(draft.path)
    for one in change.remembered:
        if not one.held.live and one.audience == "public":  # what is live has its draft
            nodes[one.node].add(state_tree.path(one.node, one.id))
    return nodes


def touching(database: Database, paths: Mapping[str, Collection[int] | None], size: int) -> list[Ask]:
    """What is said of these nodes has to be judged anew; a feed of `size` entries told of records with these paths of
    theirs, None for any."""
    if not paths:
        return []
    sql = (
        "INSERT INTO stated (node, touched, judged, seq, head, missing, at, word)"
        f" SELECT asked.node, 1, 0, -1, {database.no_bytes}, '{{}}', '', CAST(asked.id AS bigint)"
        f" FROM {database.keys} WHERE true ON CONFLICT (node) DO UPDATE SET touched = stated.touched + 1,"
        " word = CASE WHEN excluded.word > stated.word THEN excluded.word ELSE stated.word END"
    )
    words = [(node, str(size - 1 if of is None or of else -1)) for node, of in sorted(paths.items())]
    return [Ask(sql, database.asked_keys(words)), *node_trees.noting(database, paths)]


async def touch(
    database: Database, connection: AsyncConnection, feed: str, paths: Mapping[str, Collection[int] | None]
) -> None:
    """The same within a transaction that is open, once all of it is done but this."""

    def dialogue() -> Dialogue[None]:
        (rows,) = yield [Ask("SELECT size FROM feed WHERE name = ?", (feed,))]
        yield touching(database, paths, rows[0][0])

    await database.converse(connection, dialogue())


async def settle(database: Database, connection: AsyncConnection, change: Change, numbered: Iterable[Numbered]) -> None:
    """Note what was judged, and what was said with it. Raises Conflict when a node was touched since."""
    said = {item.draft.node: item.seq for item in numbered if item.draft.op == "nodehead"}
    c = t.stated.c
    for one in change.stated:
        if not one.touched:  # nothing of the node was ever stored here
            first = {"node": one.node, "touched": 0, "judged": 0, "seq": -1, "head": b"", "missing": "{}", "at": ""}
            first["word"] = -1
            await connection.execute(database.insert(t.stated).values(first).on_conflict_do_nothing())
        values: dict[str, Any] = {"judged": one.touched}
        if one.node in said:
            missing = msgspec.json.encode(dict(one.missing)).decode()
            values |= {"seq": said[one.node], "head": one.head, "missing": missing, "at": change.at}
        same = (c.node == one.node, c.touched == one.touched)
        if (await connection.execute(sa.update(t.stated).where(*same).values(values))).rowcount != 1:
            raise Conflict(f"{one.node} was touched since it was judged")


def asked(database: Database, nodes: Iterable[str] | None) -> Ask:
    """What was said of these nodes, or of all that were touched since they were judged."""
    if nodes is None:
        return Ask(f"{_STATED} WHERE touched <> judged ORDER BY node")
    return Ask(
        f"{_STATED} WHERE node IN (SELECT asked.value FROM {database.named}) ORDER BY node", texts(database, nodes)
    )


def read(rows: Rows) -> list[Stated]:
    return [Stated(node, touched, head, orjson.loads(missing), *more) for node, touched, head, missing, *more in rows]
